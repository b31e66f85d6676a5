"""`tingfeng sources test`: one visit to one source with its real credential, told to a person, stored nowhere."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from config.settings import Settings, SourceSettings
from config.values import nearest
from crawlers.job import Job, VisitResult
from crawlers.pages import Road
from crawlers.plain import COUNTERS, plain_post
from crawlers.record import Answer, Recorded, write_fixture
from crawlers.redact import Redactor
from crawlers.remedy import remedy
from domain.mention import Post
from domain.moment import SHANGHAI
from domain.outcome import FetchOutcome
from domain.source import VisitState
from service.errors import ServiceError, UsageError
from service.logs import secrets_of

__all__ = ["Trial", "check_folder", "field_counts", "pick_source", "record", "trial_lines", "trial_view", "try_source"]

_SAMPLES = 3
_SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one visit came to."""

    source: SourceSettings
    """The source."""
    result: VisitResult
    """What the visit read."""
    answers: tuple[Answer, ...]
    """Every answer as it came."""
    took_s: float
    """Real seconds that it took."""
    robots: str
    """allowed, forbidden, unreadable, overridden, or unknown where nothing was reached."""
    why: str = ""
    """Why it failed, in the language of the settings; empty = it did not."""
    fix: str = ""
    """The next step, in the same language; empty = none is needed."""
    fields: Mapping[str, int] = field(default_factory=dict)
    """How many posts have each field, in order of `field_counts`."""

    @property
    def outcome(self) -> FetchOutcome:
        """What it came to; error where nothing was read."""
        return self.result.outcome or FetchOutcome.ERROR


def pick_source(sources: Iterable[SourceSettings], name: str) -> SourceSettings:
    """Return the source of a name, as `tingfeng sources` prints it; of `x` also the only `x:<brand>`.

    Raises:
        UsageError: there is none, or nothing of it is visited; names the nearest.
    """
    known = {source.name: source for source in sources}
    found = known.get(name)
    parts = [each for each in known if each.startswith(f"{name}:")]
    if found is None and len(parts) == 1:
        found = known[parts[0]]
    if found is None:
        near = nearest(name, list(known))
        words = (
            f"name one of {', '.join(parts)}"
            if parts
            else f"did you mean {near!r}?"
            if near
            else "see tingfeng sources"
        )
        raise UsageError(f"no source {name[:60]!r}: {words}")
    if found.platform == "import":
        raise UsageError(f"source {found.name!r} reads files and visits nothing: try `tingfeng import FILE`")
    return found


def check_folder(folder: Path) -> None:
    """See that a recording can be written, before anything is asked.

    Raises:
        UsageError: the folder is there and holds something, or is none.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"--record {folder}: is there already and not empty; name a new folder")
    except OSError as err:
        raise UsageError(f"--record {folder}: {err.strerror}") from err


async def _visit(job: Job, road: Road) -> None:
    try:
        await road.visit(job)
    finally:
        job.shared.extractor.close()
        close = getattr(road, "close", None)
        if close is not None:
            await close()


def try_source(job: Job, road: Road, settings: Settings) -> Trial:
    """Visit a source once, within the deadline of a visit, and return what it came to.

    Args:
        job: The visit; its recorder is replaced.
        road: How it is done.
        settings: Language of the texts.
    """
    answers: list[Answer] = []
    job.recorder = lambda fetch, response, parsed: answers.append(Answer(fetch=fetch, response=response, parsed=parsed))
    begun = time.monotonic()
    asyncio.run(_visit(job, road))
    result, source = job.result, job.source
    outcome = result.outcome or FetchOutcome.ERROR
    why = fix = ""
    if not outcome.proves_life:
        state = VisitState(
            source=source.name, platform=source.platform, due_at=job.now(), last_outcome=outcome,
            last_detail=result.detail, fails=1,
        )  # fmt: skip
        why, fix = remedy(source, state, settings.locale)
    return Trial(
        source=source,
        result=result,
        answers=tuple(answers),
        took_s=time.monotonic() - begun,
        robots=_robots(source, result),
        why=why,
        fix=fix,
        fields=field_counts(result.posts),
    )


def _robots(source: SourceSettings, result: VisitResult) -> str:
    if source.robots != "obey":
        return "overridden"
    if result.detail.startswith("robots.txt"):
        return "unreadable" if result.detail.endswith("could not be read") else "forbidden"
    return "allowed" if result.pages else "unknown"


def field_counts(posts: Iterable[Post]) -> dict[str, int]:
    """Return how many posts have each field: identity, texts, author, time by precision, each counter."""
    names = ("id", "url", "title", "text", "author", "author_id", "time")
    counts: Counter[str] = Counter(dict.fromkeys((*names, *COUNTERS), 0))
    for post in posts:
        said = (post.native_id, post.url, post.title, post.text, post.author.name, post.author.id, post.published_at)
        counts.update(name for name, value in zip(names, said, strict=True) if value)
        if post.published_at is not None and post.published_precision is not None:
            counts[f"time_{post.published_precision.value}"] += 1
        counts.update(name for name, kept in COUNTERS.items() if getattr(post.engagement, kept) is not None)
        counts.update(name for name, number in post.extra_counters if number is not None)
    return dict(counts)


def record(trial: Trial, folder: Path, settings: Settings, hosts: Iterable[str]) -> Recorded:
    """Write the answers of a trial, redacted, as a folder of fixtures.

    Raises:
        ServiceError: the folder cannot be written.
    """
    keep = (*trial.source.query, *(word for brand in settings.brands for word in (brand.name, *brand.aliases)))
    redactor = Redactor(_to_hide(settings, trial.source), seed=secrets.token_hex(16), keep=keep, hosts=hosts)
    try:
        return write_fixture(folder, trial.source.platform, trial.answers, redactor)
    except OSError as err:
        raise ServiceError(f"--record {folder} cannot be written: {err.strerror}") from err


def _to_hide(settings: Settings, source: SourceSettings) -> Iterator[str]:
    """Give every credential of the installation, and the names of its own machines."""
    yield from secrets_of(settings)
    yield from secrets_of(source)
    for link in (source.url, source.base_url, source.proxy, settings.network.proxy):
        parts = urlsplit(link or "")
        yield from (part for part in (parts.username, parts.password) if part)
    yield from (pair.rpartition(":")[0] for pair in settings.network.allow_internal)


_ROBOTS = {
    "allowed": ("允许", "allows it"),
    "forbidden": ("不允许", "forbids it"),
    "unreadable": ("读不到", "could not be read"),
    "overridden": ("按设置不遵守（robots: override）", "not obeyed (robots: override)"),
    "unknown": ("未知", "not known"),
}
_FIELDS = {
    "id": "编号", "url": "链接", "title": "标题", "text": "正文", "author": "作者", "author_id": "作者编号",
    "time": "时间", "time_second": "时间精确到秒", "time_minute": "到分", "time_hour": "到小时", "time_day": "到天",
    "reposts": "转发", "comments": "评论", "likes": "赞", "views": "阅读", "favorites": "收藏",
}  # fmt: skip


def trial_lines(trial: Trial, locale: str, recorded: Recorded | None = None, folder: Path | None = None) -> list[str]:
    """Tell a person what a trial came to, in lines; text from outside is cut and on one line."""
    say: Callable[[str, str], str] = (lambda zh, en: en) if locale == "en" else (lambda zh, en: zh)
    result, posts = trial.result, trial.result.posts
    lines = [f"{trial.source.name}: {_verdict(trial, say)}"]
    lines.append(
        say(
            f"用时 {trial.took_s:.1f} 秒，{result.pages} 页，{len(posts)} 条；robots.txt：{_ROBOTS[trial.robots][0]}",
            f"{trial.took_s:.1f} s, {result.pages} pages, {len(posts)} posts; robots.txt {_ROBOTS[trial.robots][1]}",
        )
    )
    if posts:
        counted = (f"{say(_FIELDS.get(name, name), name)} {number}" for name, number in trial.fields.items())
        lines.append(say("有此字段的条数：", "posts that have it: ") + say("，", ", ").join(counted))
    if result.drops:
        dropped = ", ".join(f"{reason.value} {number}" for reason, number in sorted(result.drops.items()))
        lines.append(say("未采用：", "let go: ") + dropped)
    if result.followed:
        behind = ", ".join(f"{outcome.value} {number}" for outcome, number in sorted(result.followed.items()))
        lines.append(say("条目背后的页面：", "pages behind entries: ") + behind)
    lines += [f"  · {_sample(post)}" for post in posts[:_SAMPLES]]
    if trial.fix:
        lines.append(say("下一步：", "next step: ") + trial.fix)
    else:
        lines.append(say("下一步：无需处理，运行 tingfeng run 即可监听", "next step: none, tingfeng run listens to it"))
    if recorded is not None:
        lines.append(
            say(f"已脱敏存入 {folder}：{len(recorded.files)} 个文件，提交前请再看一遍",
                f"redacted into {folder}: {len(recorded.files)} files; look them over before you share them")
        )  # fmt: skip
        lines += [say("未存：", "not kept: ") + each for each in recorded.left_out]
    return lines


def _verdict(trial: Trial, say: Callable[[str, str], str]) -> str:
    if trial.outcome is FetchOutcome.OK:
        return say("正常（ok）", "it works (ok)")
    if trial.outcome.proves_life:
        return say(f"通了，但没有内容（{trial.outcome.value}）", f"it answers, and has nothing ({trial.outcome.value})")
    return say(f"不行（{trial.outcome.value}）：{trial.why}", f"it does not work ({trial.outcome.value}): {trial.why}")


def _sample(post: Post) -> str:
    when = f"{post.published_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M} +0800" if post.published_at else "-"
    words = " ".join(f"{post.title or ''} {post.text}".split())
    cut = words if len(words) <= _SHOWN else words[: _SHOWN - 1] + "…"
    return f"{when}  {post.author.name or post.outlet or '-'}  {cut}"


def trial_view(trial: Trial, recorded: Recorded | None = None, folder: Path | None = None) -> dict[str, object]:
    """Return a JSON-ready view of a trial."""
    result = trial.result
    view: dict[str, object] = {
        "source": trial.source.name,
        "platform": trial.source.platform,
        "transport": trial.source.transport,
        "outcome": trial.outcome.value,
        "alive": trial.outcome.proves_life,
        "detail": result.detail,
        "took_s": round(trial.took_s, 2),
        "pages": result.pages,
        "posts": len(result.posts),
        "fields": dict(trial.fields),
        "drops": {reason.value: number for reason, number in result.drops.items()},
        "followed": {outcome.value: number for outcome, number in result.followed.items()},
        "robots": trial.robots,
        "why": trial.why,
        "fix": trial.fix,
        "samples": [plain_post(post) for post in result.posts[:_SAMPLES]],
    }
    if recorded is not None:
        view["recorded"] = {
            "folder": str(folder), "files": list(recorded.files), "left_out": list(recorded.left_out),
        }  # fmt: skip
    return view
