"""Tells the operator when a source turns blind or changes its layout, and once when it is back."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from alerts.delivery import report_of
from alerts.evidence import blind_sources
from alerts.outbox import queue
from alerts.report import notice
from config.settings import ReceiverSettings
from domain.errors import DomainError
from domain.incident import Delivery, DeliveryKind
from domain.ports import Desk
from domain.source import SourceHealth, SourceState

__all__ = ["Notices"]

logger = logging.getLogger(__name__)

_BLIND, _BACK, _CHANGED = "source_blind", "source_back", "source_changed"
_PATIENCE = timedelta(minutes=10)
"""A source must be blind for this long, or for two intervals of its own, before anyone is told."""
_WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        _BLIND: "{n} 个来源采集不到数据: {names}",
        _BACK: "{n} 个来源已恢复: {names}",
        _CHANGED: "{n} 个来源的内容与往常不同: {names}",
        "and": "、",
    },
    "en": {
        _BLIND: "{n} source(s) give no data: {names}",
        _BACK: "{n} source(s) are back: {names}",
        _CHANGED: "{n} source(s) give other data than before: {names}",
        "and": ", ",
    },
}


class Notices:
    """Remembers which sources the operator knows to be blind; a restart reads it from the desk."""

    def __init__(self, operator: ReceiverSettings | None, desk: Desk, *, locale: str) -> None:
        self._operator, self._words = operator, _WORDS[locale]
        self._told, self._odd = _known(desk)

    def due(self, health: Sequence[SourceHealth], now: datetime) -> tuple[Delivery, ...]:
        """Return the notices that are due; call `sent` once they are stored."""
        return (
            *self._notice(_BLIND, self._newly_blind(health, now), now),
            *self._notice(_BACK, self._back(health), now),
            *self._notice(_CHANGED, self._changed(health), now),
        )

    def sent(self, health: Sequence[SourceHealth], now: datetime) -> None:
        """Take note that what `due` gave is stored, and log it once."""
        for source in self._newly_blind(health, now):
            logger.warning("source is blind source=%s why=%s", source.source, source.why)
            self._told.add(source.source)
        for source in self._back(health):
            logger.info("source is back source=%s", source.source)
            self._told.discard(source.source)
        for source in self._changed(health):
            logger.warning("source has changed source=%s why=%s", source.source, source.why)
            self._odd.add(source.source)
        self._odd -= {each.source for each in health if each.state is SourceState.LIVE and not _is_odd(each)}

    def _newly_blind(self, health: Sequence[SourceHealth], now: datetime) -> list[SourceHealth]:
        return [
            source
            for source in health
            if source.state is SourceState.BLIND
            and source.source not in self._told
            and (source.since is None or now - source.since >= max(_PATIENCE, 2 * source.interval))
        ]

    def _back(self, health: Sequence[SourceHealth]) -> list[SourceHealth]:
        return [source for source in health if source.state is SourceState.LIVE and source.source in self._told]

    def _changed(self, health: Sequence[SourceHealth]) -> list[SourceHealth]:
        return [source for source in health if _is_odd(source) and source.source not in self._odd]

    def _notice(self, what: str, sources: Sequence[SourceHealth], now: datetime) -> tuple[Delivery, ...]:
        if not sources or self._operator is None:
            return ()
        names = tuple(source.source for source in sources)
        lines = [self._words[what].format(n=len(names), names=self._words["and"].join(names))]
        if what != _BACK:
            lines.extend(f"{source.source}: {source.why} {source.fix}".strip() for source in sources if source.why)
        report = notice(what, "\n".join(lines), at=now, blind=blind_sources(sources), notes=names)
        return queue(report, incident_id=None, receivers=[self._operator], severity=report.severity, now=now)


def _is_odd(source: SourceHealth) -> bool:
    return bool(source.lost_fields) or source.low_since is not None


def _known(desk: Desk) -> tuple[set[str], set[str]]:
    """Return which sources were told of as blind, and which as changed."""
    told: set[str] = set()
    odd: set[str] = set()
    for delivery in desk.deliveries(limit=500):
        if delivery.kind is not DeliveryKind.NOTICE:
            continue
        try:
            report = report_of(delivery)
        except DomainError:
            continue
        if report.rule == _BLIND:
            told.update(report.notes)
        elif report.rule == _BACK:
            told.difference_update(report.notes)
        elif report.rule == _CHANGED:
            odd.update(report.notes)
    return told, odd
