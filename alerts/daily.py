"""Once a day the operator hears that the service still listens: silence is then no good news."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from alerts.delivery import queue
from alerts.report import AlertReport, notice
from config.settings import Settings
from domain.clock import Clock
from domain.moment import SHANGHAI, Window
from domain.ports import CountSource, Desk, DeskChange
from domain.source import SourceHealth, SourceState

__all__ = ["MARK", "Daily"]

MARK = "daily"
"""Name of the mark that says when it was last told."""
_DAY = timedelta(days=1)
_INCIDENTS = 1_000
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "zh": (
        "听风仍在监听：{live}/{all} 个来源正常",
        "过去 24 小时：{mentions} 条提及，{opened} 个新事件，{active} 个仍未结束",
        "看不到数据的来源：{names}",
    ),
    "en": (
        "Tingfeng is listening: {live} of {all} sources are well",
        "last 24 hours: {mentions} mentions, {opened} new incidents, {active} still open",
        "sources that give no data: {names}",
    ),
}


class Marks(Protocol):
    """Remembers moments over a restart."""

    def at(self, name: str) -> datetime | None:
        """Return when something last happened, UTC; None = never."""
        ...

    def put(self, name: str, at: datetime) -> None:
        """Remember when something happened last."""
        ...


class Daily:
    """Queues the daily message at `heartbeat.daily_hour`, Asia/Shanghai; nothing without that hour or an operator."""

    def __init__(
        self,
        settings: Settings,
        *,
        desk: Desk,
        counts: CountSource,
        health: Callable[[], Sequence[SourceHealth]],
        marks: Marks,
        clock: Clock,
    ) -> None:
        self._settings, self._desk, self._counts = settings, desk, counts
        self._health, self._marks, self._clock = health, marks, clock
        self._operator = next((one for one in settings.receivers if one.name == settings.operator), None)
        self._due_at: datetime | None = None

    def step(self) -> bool:
        """Tell if it is time; say whether it was told. A service that was down at the hour tells when it is up again.

        Raises:
            TingfengError: a store does not answer; the next call tries again.
        """
        hour = self._settings.heartbeat.daily_hour
        if hour is None or self._operator is None:
            return False
        now = self._clock.now()
        if self._due_at is None:
            self._due_at = _after(self._marks.at(MARK) or now, hour)
        if now < self._due_at:
            return False
        report = self._report(now)
        rows = queue(report, incident_id=None, receivers=[self._operator], severity=report.severity, now=now)
        self._desk.commit(DeskChange(deliveries=rows), now=now)
        self._marks.put(MARK, now)
        self._due_at = _after(now, hour)
        return True

    def _report(self, now: datetime) -> AlertReport:
        health = self._health()
        blind = [each.source for each in health if each.state in (SourceState.BLIND, SourceState.PAUSED)]
        rows = self._counts.counts(Window(start=now - _DAY, end=now))
        recent = self._desk.incidents(limit=_INCIDENTS)
        head, day, dark = _WORDS[self._settings.locale]
        lines = [
            head.format(live=len(health) - len(blind), all=len(health)),
            day.format(
                mentions=sum(row.mentions for row in rows if not row.backfill),
                opened=sum(1 for each in recent if each.opened_at is not None and each.opened_at > now - _DAY),
                active=sum(1 for each in recent if each.active),
            ),
        ]
        if blind:
            lines.append(dark.format(names=", ".join(blind[:20])))
        return notice(MARK, "\n".join(lines), at=now)


def _after(moment: datetime, hour: int) -> datetime:
    """Return the next full `hour` of Asia/Shanghai after `moment`."""
    local = moment.astimezone(SHANGHAI)
    due = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return due if due > local else due + _DAY
