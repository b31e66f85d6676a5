"""`tingfeng accounts`: how our accounts and those of rivals stand, and figures from a platform's own export."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from config.settings import AccountSettings, Settings
from domain.account import (
    UNDER_OWN,
    AccountReading,
    Waiting,
    day_of,
    is_ours,
    told,
    waiting,
)
from domain.mention import Kind, Mention
from domain.moment import SHANGHAI, Window, moment_text, to_rfc3339
from domain.query import And, Node, Not, Or, Term
from domain.tagging import Polarity
from service import wiring
from service.clock import running_clock
from service.errors import UsageError
from service.privacy import pseudonym

__all__ = ["AccountView", "Figure", "account_texts", "account_view", "account_views", "import_figures"]

_PAGE = 500
_MOST_COMMENTS = 20_000
_COMMENTS_FOR = timedelta(days=30)
_WEEK = timedelta(days=7)
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of an account as last read."""

    value: int
    """The figure."""
    day: str
    """The day it is of, YYYY-MM-DD."""
    change: int | None
    """How much more it is than a week before; None = nothing of then is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """How one account stands."""

    account: AccountSettings
    """The account."""
    source: str | None
    """Name of the source over which it is read; None = no configured source shows it."""
    last_post: Mention | None
    """Its newest post; None = none is stored."""
    comments_today: int
    """Comments under its posts since midnight in Asia/Shanghai, without our own; 0 for accounts that are not ours."""
    negative_today: int
    """Those of them that are negative."""
    waiting: tuple[Waiting, ...]
    """Threads of the last 30 days in which nobody of ours had the last word, longest first."""
    oldest_negative: Mention | None
    """The negative comment that waits longest for an answer; None = none does."""
    followers: Figure | None
    """Followers; None = not known."""
    views: Figure | None
    """Views of a day; None = not known."""
    interactions: Figure | None
    """Likes, comments and shares of a day; None = not known."""


def account_views(settings: Settings, stores: wiring.Stores, now: datetime) -> list[AccountView]:
    """Return how each account of the settings stands, in their order.

    Raises:
        SourceError: a source lacks what its platform needs.
        storage.errors.StoreError: a store did not answer.
    """
    from crawlers.account_roads import roads

    comments: dict[str, list[Mention]] = {}
    views = []
    for account, source in roads(settings):
        if account.role == "owned" and account.platform not in comments:
            comments[account.platform] = list(_comments(stores, account.platform, now))
        under = [each for each in comments.get(account.platform, ()) if told(each.post, UNDER_OWN) == account.id]
        views.append(_view(account, source.name if source else None, under, stores, now))
    return views


def _view(
    account: AccountSettings, source: str | None, comments: Sequence[Mention], stores: wiring.Stores, now: datetime
) -> AccountView:
    threads = waiting(comments, now) if account.role == "owned" else ()
    open_ones = sorted((each for thread in threads for each in thread.comments), key=lambda each: each.event_at)
    today = [each for each in comments if day_of(each.event_at) == day_of(now) and not is_ours(each)]
    first = (now.astimezone(SHANGHAI).date() - timedelta(days=45)).isoformat()
    readings = stores.state.accounts.between(account.platform, account.id, first, day_of(now))
    return AccountView(
        account=account,
        source=source,
        last_post=_last_post(account, stores, now),
        comments_today=len(today),
        negative_today=sum(_is_negative(each, account) for each in today),
        waiting=threads,
        oldest_negative=next((each for each in open_ones if _is_negative(each, account)), None),
        followers=_figure(readings, lambda each: each.followers),
        views=_figure(readings, lambda each: each.views),
        interactions=_figure(readings, lambda each: each.interactions),
    )


def _comments(stores: wiring.Stores, platform: str, now: datetime) -> Iterator[Mention]:
    query = And(children=(_is("platform", platform), _is("kind", Kind.COMMENT.value)))
    window = Window(start=now - _COMMENTS_FOR, end=now + timedelta(seconds=1))
    after: str | None = None
    for _ in range(_MOST_COMMENTS // _PAGE):
        page = stores.mentions.search(query, now=now, window=window, limit=_PAGE, after=after)
        yield from page.mentions
        after = page.next
        if after is None:
            return


def _last_post(account: AccountSettings, stores: wiring.Stores, now: datetime) -> Mention | None:
    ids = {account.id, pseudonym(account.platform, account.id)}
    names = {account.id}
    if account.name:
        names.add(account.name)
        ids.add(pseudonym(account.platform, account.name))
    by_whom: list[Node] = [_is("author.id", each) for each in sorted(ids)]
    by_whom += [_is("author.name", each) for each in sorted(names)]
    comment = Not(child=_is("kind", Kind.COMMENT.value))
    query = And(children=(_is("platform", account.platform), Or(children=tuple(by_whom)), comment))
    found = stores.mentions.search(query, now=now, limit=50).mentions
    return next((each for each in found if each.post.author.id in ids or _is_named(each, account)), None)


def _is_named(mention: Mention, account: AccountSettings) -> bool:
    """Say whether a mention is an account's by the name of its author, as `crawlers.account_table` has it."""
    from crawlers.account_table import AccountTable

    return AccountTable((account,)).of(mention.post) is not None


def _is(field: str, value: str) -> Term:
    return Term(field=field, value=value, quoted=True)


def _is_negative(mention: Mention, account: AccountSettings) -> bool:
    tags = mention.tags
    if tags is None:
        return False
    about = next((tag.sentiment for tag in tags.brands if tag.brand == account.brand), tags.sentiment)
    return about.polarity is Polarity.NEGATIVE


def _figure(readings: Sequence[AccountReading], of: Callable[[AccountReading], int | None]) -> Figure | None:
    """Return the newest figure and how it changed against a week before, or up to a week earlier still."""
    known = [(each.day, value) for each in readings if (value := of(each)) is not None]
    if not known:
        return None
    day, value = known[-1]
    last = (date.fromisoformat(day) - _WEEK).isoformat()
    first = (date.fromisoformat(day) - 2 * _WEEK).isoformat()
    before = [old for each, old in known if first < each <= last]
    return Figure(value=value, day=day, change=value - before[-1] if before else None)


def account_view(view: AccountView) -> dict[str, object]:
    """Return a JSON-ready view of one account."""
    account, post, negative = view.account, view.last_post, view.oldest_negative
    return {
        "platform": account.platform,
        "id": account.id,
        "name": account.name,
        "role": account.role,
        "brand": account.brand,
        "source": view.source,
        "last_post": {"id": post.id, "at": to_rfc3339(post.event_at), "url": post.post.url} if post else None,
        "comments_today": view.comments_today,
        "negative_today": view.negative_today,
        "waiting": len(view.waiting),
        "waiting_since": to_rfc3339(view.waiting[0].since) if view.waiting else None,
        "oldest_negative": {
            "id": negative.id,
            "at": to_rfc3339(negative.event_at),
            "url": negative.post.url,
            "text": negative.post.text,
        }
        if negative
        else None,
        "followers": _figure_view(view.followers),
        "views": _figure_view(view.views),
        "interactions": _figure_view(view.interactions),
    }


def _figure_view(figure: Figure | None) -> Mapping[str, object] | None:
    return {"value": figure.value, "day": figure.day, "change_7d": figure.change} if figure else None


_WORDS = {
    "owned": ("自有", "ours"),
    "competitor": ("竞品", "rival"),
    "watch": ("关注", "watch list"),
    "blind": ("没有来源能读到它（tingfeng check 会说明怎么办）", "no source shows it; tingfeng check says what would"),
    "last": ("最近发帖", "last post"),
    "none": ("还没有", "none yet"),
    "today": ("今日评论 {}（负面 {}）", "comments today: {} ({} negative)"),
    "waiting": ("{} 个评论串未回复，最早自 {}", "{} threads wait for an answer, the first since {}"),
    "answered": ("评论都已回复", "every comment is answered"),
    "negative": ("最早未回复的负面评论", "oldest unanswered negative comment"),
    "followers": ("粉丝", "followers"),
    "views": ("阅读/播放", "views"),
    "interactions": ("互动", "interactions"),
    "week": ("7 天", "7 days"),
}


def account_texts(view: AccountView, locale: str) -> list[str]:
    """Return the lines about one account for people; what others wrote is cut and of one line."""
    column = 1 if locale == "en" else 0
    word = {key: words[column] for key, words in _WORDS.items()}
    account = view.account
    head = f"{account.platform}  {account.name or account.id}  {word[account.role]}"
    lines = [f"{head}  {account.brand}" if account.brand else head]
    if view.source is None:
        lines.append(f"  {word['blind']}")
    lines.append(f"  {word['last']}: {_told_post(view.last_post) if view.last_post else word['none']}")
    if account.role == "owned":
        lines.append("  " + word["today"].format(view.comments_today, view.negative_today))
        since = moment_text(view.waiting[0].since) if view.waiting else ""
        lines.append("  " + (word["waiting"].format(len(view.waiting), since) if since else word["answered"]))
        if view.oldest_negative:
            lines.append(f"  {word['negative']}: {_told_post(view.oldest_negative)}")
    figures = ((key, getattr(view, key)) for key in ("followers", "views", "interactions"))
    shown = [f"{word[key]} {_told_figure(figure, word['week'])}" for key, figure in figures if figure is not None]
    return [*lines, "  " + "  ".join(shown)] if shown else lines


def _told_post(mention: Mention) -> str:
    text = " ".join(f"{mention.post.title or ''} {mention.post.text}".split())
    cut = text[:_SHOWN] + "…" if len(text) > _SHOWN else text
    return f"{moment_text(mention.event_at)} {cut} {mention.post.url or ''}".rstrip()


def _told_figure(figure: Figure, week: str) -> str:
    change = f", {week} {figure.change:+,}" if figure.change is not None else ""
    return f"{figure.value:,} ({figure.day}{change})"


def import_figures(settings: Settings, file: Path, *, platform: str, account: str, say: Callable[[str], None]) -> int:
    """Store the figures of an export; bad rows are told by line and the rest is kept.

    Returns 0 if every row was good, else 1.

    Raises:
        UsageError: the file cannot be read, or the settings have no such account.
        storage.errors.StoreError: the state did not answer.
    """
    from crawlers.account_file import read_account_file
    from crawlers.importer import BadLine

    known = _account(settings, platform, account)
    if not file.is_file():
        raise UsageError(f"{file}: no such file; give the CSV that the platform's back office exports")
    stores = wiring.open_stores(settings)
    try:
        now = running_clock(settings.data_dir).now()
        readings, bad = [], 0
        for line, entry in read_account_file(file, platform=known.platform, account=known.id, now=now):
            if isinstance(entry, BadLine):
                bad += 1
                say(f"{file.name}:{line}: {entry.problem}")
            else:
                readings.append(entry)
        changed = stores.state.accounts.put(readings)
        say(f"{file.name}: read {len(readings)} days, changed {changed}, bad lines {bad}")
        return 1 if bad else 0
    finally:
        stores.close()


def _account(settings: Settings, platform: str, asked: str) -> AccountSettings:
    for account in settings.accounts:
        if account.platform == platform and asked in (account.id, account.name):
            return account
    known = ", ".join(f"{each.platform} {each.id}" for each in settings.accounts) or "none"
    raise UsageError(f"the settings have no account {asked!r} of {platform}; known: {known}; add it under `accounts`")
