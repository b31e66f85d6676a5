"""What is wrong with a running service, in words, and what to do about it: pure functions.

The page is red for what its own roles answer for, and for what they all share (stores, disk,
clock). A machine that runs `crawl` alone is not red because a Slack token expired on the one
that runs `watch`: who looks after it would restart a machine that is well.

A blind source is a warning, not a problem: sites block and come back by themselves, the operator
is told by a message of its own, and a page that is red every other day is not looked at. It is a
problem when every source is blind: then nobody listens, whatever the processes say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from config.settings import Settings
from domain.source import SourceHealth, SourceState
from storage.state.figures import StateFigures

__all__ = ["CLOCK_LIMIT_S", "CODES", "STALE_LIMIT_S", "Problem", "Scene", "detail_of", "problems_of", "warnings_of"]

STALE_LIMIT_S = 30.0
"""Figures of the stores that are older say nothing any more, real seconds."""
CLOCK_LIMIT_S = 30.0
"""The system's clock may differ so much from that of other servers, seconds."""
_CRITICAL_S = 300.0
_WATCH_S = 60.0
_RETENTION = timedelta(hours=26)

CODES: Mapping[str, tuple[str, str, str, str]] = {
    "role_down": (
        "角色 {what} 没有心跳",
        "看日志里这个角色最后的错误；它会自动重启",
        "role {what} does not beat",
        "look for its last error in the log; it is started again by itself",
    ),
    "role_waits": (
        "角色 {what}",
        "让它等待的存储恢复后会自动继续",
        "role {what}",
        "it goes on by itself once the store answers",
    ),
    "store_silent": (
        "存储没有回答：{what}",
        "检查数据库和磁盘；以下数字是旧的",
        "a store does not answer: {what}",
        "check the database and its disk; the figures below are old",
    ),
    "channel_broken": (
        "通道坏了：{what}",
        "修好后运行 tingfeng notify test {name}",
        "channel broken: {what}",
        "repair it, then run tingfeng notify test {name}",
    ),
    "all_blind": (
        "所有来源都看不到数据：{what}",
        "先检查网络和代理，再看 tingfeng sources",
        "every source is blind: {what}",
        "check network and proxy first, then tingfeng sources",
    ),
    "inbox_full": (
        "收件箱积压 {what}",
        "增加 analyse.workers，或检查 analyse 角色的日志",
        "the inbox holds {what}",
        "raise analyse.workers, or look at the log of the analyse role",
    ),
    "disk_low": (
        "磁盘只剩 {what}",
        "清理磁盘，或把 data_dir 移到更大的盘",
        "the disk has {what} left",
        "free some space, or move data_dir to a larger disk",
    ),
    "evaluation_old": (
        "规则很久没有评估：{what}",
        "看 watch 角色的日志",
        "the rules were not evaluated: {what}",
        "look at the log of the watch role",
    ),
    "nobody_watches": (
        "没有机器在运行 watch：{what}",
        "在一台机器上启动 tingfeng run --role watch",
        "no machine runs watch: {what}",
        "start tingfeng run --role watch on one of them",
    ),
    "retention_late": (
        "过期数据没有清理：{what}",
        "看 watch 角色的日志",
        "old data was not deleted: {what}",
        "look at the log of the watch role",
    ),
    "critical_undelivered": (
        "有红色消息没有送达：{what}",
        "看下面各通道的状态，或打开 tingfeng incidents 人工通知",
        "a critical message is not delivered: {what}",
        "look at the channels below, and at tingfeng incidents to tell people yourself",
    ),
    "audit": (
        "自查发现：{what}",
        "打开 tingfeng incidents 人工处理，并报告这个问题",
        "the audit found: {what}",
        "see to it with tingfeng incidents, and report it",
    ),
    "clock_off": (
        "本机时钟与服务器相差 {what}",
        "开启时间同步：timedatectl set-ntp true",
        "the clock differs from that of servers by {what}",
        "switch time synchronisation on: timedatectl set-ntp true",
    ),
    "source_blind": ("来源 {name} 看不到数据：{what}", "{fix}", "source {name} is blind: {what}", "{fix}"),
    "no_receiver": (
        "没有接收人，事件只会记录",
        "在 receivers 里加 slack 或 wecom_robot",
        "no receiver: incidents are only recorded",
        "add slack or wecom_robot under receivers",
    ),
    "dead_letters": (
        "{what} 条提及因出错被搁置",
        "tingfeng inbox list 会列出原因；修好后运行 tingfeng inbox requeue --all",
        "{what} mentions were set aside",
        "tingfeng inbox list says why; once the cause is gone: tingfeng inbox requeue --all",
    ),
}
"""Words of every code: what and fix in Chinese, what and fix in English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong."""

    code: str
    """One of `CODES`."""
    what: str
    """What is wrong, for people."""
    since: datetime | None
    """Since when, UTC; None = unknown."""
    fix: str
    """What to do."""

    def view(self) -> dict[str, object]:
        """Return it JSON-ready."""
        since = self.since.isoformat() if self.since else None
        return {"code": self.code, "what": self.what, "since": since, "fix": self.fix}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that is looked at."""

    now: datetime
    """Present moment of the domain, UTC."""
    roles: Sequence[Mapping[str, object]]
    """Views of the supervisor, see `RoleStatus.view`."""
    disk_free_bytes: int | None
    """Free space beside the data; None = unknown."""
    figures: StateFigures | None = None
    """Figures of the state; None = none could be read yet."""
    cleaned_at: datetime | None = None
    """When old data was last deleted, UTC; None = never, or unknown."""
    sources: Sequence[SourceHealth] = ()
    """Health of every source."""
    channels: Sequence[Mapping[str, object]] = ()
    """Lines of `service.channels`."""
    stale_s: float = 0.0
    """Age of the figures, real seconds."""
    trouble: str = ""
    """Why they are not newer; empty = nothing is known."""
    span: timedelta = field(default=timedelta(seconds=1))
    """Domain time that passes in a real second."""


def problems_of(scene: Scene, settings: Settings) -> tuple[Problem, ...]:
    """Return what is wrong, worst first: what stops listening and telling, then what will."""
    say = _Words(settings)
    names = {str(role["role"]).partition("-")[0] for role in scene.roles}
    checks = (
        _roles(scene, say),
        _stores(scene, say),
        _watch(scene, settings, say) if "watch" in names else (),
        _sources(scene, say) if "crawl" in names else (),
        _inbox(scene, settings, say) if "analyse" in names else (),
        _machine(scene, settings, say),
    )
    return tuple(problem for found in checks for problem in found)


def warnings_of(scene: Scene, settings: Settings) -> tuple[Problem, ...]:
    """Return what a person may care about and nobody need get up for."""
    say = _Words(settings)
    blind = [source for source in scene.sources if source.state is SourceState.BLIND]
    found = [say("source_blind", one.why, since=one.since, name=one.source, fix=one.fix) for one in blind]
    if not settings.receivers:
        found.append(say("no_receiver"))
    if scene.figures is not None and scene.figures.dead_letters:
        found.append(say("dead_letters", str(scene.figures.dead_letters)))
    return tuple(found)


class _Words:
    def __init__(self, settings: Settings) -> None:
        self._first = 0 if settings.locale == "zh" else 2

    def __call__(
        self, code: str, what: str = "", *, since: datetime | None = None, name: str = "", fix: str = ""
    ) -> Problem:
        words, remedy = CODES[code][self._first : self._first + 2]
        return Problem(
            code=code,
            what=words.format(what=what, name=name),
            since=since,
            fix=fix if fix and remedy != "{fix}" else remedy.format(name=name, fix=fix),
        )


def _roles(scene: Scene, say: _Words) -> Iterator[Problem]:
    for role in scene.roles:
        if role["ok"]:
            continue
        waits = detail_of(role).get("waits")
        if isinstance(waits, Mapping) and waits and role["pid"] is not None:
            yield say("role_waits", f"{role['role']}: " + "; ".join(str(why) for why in waits.values()))
        else:
            yield say("role_down", f"{role['role']} (restarts {role['restarts']}, last exit {role['last_exit']})")


def _stores(scene: Scene, say: _Words) -> Iterator[Problem]:
    if scene.figures is None or scene.stale_s > STALE_LIMIT_S:
        yield say("store_silent", f"{scene.trouble or 'no answer'}, {scene.stale_s:.0f} s")


def _watch(scene: Scene, settings: Settings, say: _Words) -> Iterator[Problem]:
    yield from _evaluation(scene, settings, say)
    for line in scene.channels:
        if line["state"] == "broken":
            name, fix = str(line["receiver"]), str(line["fix"])
            what = f"{name}/{line['channel']}: {line['why']}"
            yield say("channel_broken", what, since=_at(line["since"]), name=name, fix=fix)
    figures = scene.figures
    late = figures.critical_since if figures else None
    if late is not None and scene.now - late > scene.span * _CRITICAL_S:
        yield say("critical_undelivered", f"{_ago(scene.now - late)}", since=late)


def _evaluation(scene: Scene, settings: Settings, say: _Words) -> Iterator[Problem]:
    """Look at the watch role here while it works, and at the lease while it stands by."""
    detail = next((detail_of(role) for role in scene.roles if role["role"] == "watch"), {})
    if detail.get("standby"):
        until = scene.figures.watched_until if scene.figures else None
        if until is not None and scene.now - until > scene.span * _WATCH_S:
            yield say("nobody_watches", _ago(scene.now - until), since=until)
        return
    began, last = _at(detail.get("watching_since")), _at(detail.get("evaluated_at"))
    looked = max((at for at in (began, last) if at), default=None)
    if looked is not None and scene.now - looked > 3 * settings.watch.tick + scene.span * _WATCH_S:
        yield say("evaluation_old", _ago(scene.now - looked), since=looked)
    pruned = max((at for at in (began, scene.cleaned_at) if at), default=None)
    if pruned is not None and scene.now - pruned > _RETENTION:
        yield say("retention_late", _ago(scene.now - pruned), since=pruned)
    found = detail.get("audit")
    for each in found if isinstance(found, list) else ():
        yield say("audit", str(each))


def _sources(scene: Scene, say: _Words) -> Iterator[Problem]:
    blind = [source for source in scene.sources if source.state is SourceState.BLIND]
    if blind and len(blind) == len(scene.sources):
        since = max((source.since for source in blind if source.since), default=None)
        yield say("all_blind", "; ".join(dict.fromkeys(source.why for source in blind[:5])), since=since)
    clock = next((detail_of(role).get("clock_offset_s") for role in scene.roles if role["role"] == "crawl"), None)
    if isinstance(clock, int | float) and abs(clock) > CLOCK_LIMIT_S:
        yield say("clock_off", f"{clock:+.0f} s")


def _inbox(scene: Scene, settings: Settings, say: _Words) -> Iterator[Problem]:
    figures = scene.figures
    if figures is not None and figures.inbox_rows > settings.crawl.inbox_limit:
        yield say("inbox_full", f"{figures.inbox_rows} > {settings.crawl.inbox_limit}", since=figures.inbox_oldest_at)


def _machine(scene: Scene, settings: Settings, say: _Words) -> Iterator[Problem]:
    free = scene.disk_free_bytes
    if free is not None and free < settings.crawl.disk_free_bytes:
        yield say("disk_low", f"{free / 1e6:.0f} MB < {settings.crawl.disk_free_bytes / 1e6:.0f} MB")


def detail_of(role: Mapping[str, object]) -> Mapping[str, object]:
    """Return what a role's process said with its last heartbeat; empty = nothing yet."""
    detail = role.get("detail")
    return detail if isinstance(detail, Mapping) else {}


def _at(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _ago(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:.0f} min" if minutes < 180 else f"{minutes / 60:.1f} h"
