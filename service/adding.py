"""`tingfeng add`: a link or a share text that somebody forwarded becomes a mention."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from config.settings import Settings, SourceSettings
from domain.account import BRAND
from domain.added import COLLECTED_BY, SCREENSHOT, with_facts
from domain.clock import Clock
from domain.mention import Flag, Mention, Post
from service import wiring
from service.clock import running_clock
from service.desk import act_on, read_incident
from service.errors import UsageError
from service.lock import is_taken
from service.pictures import keep_picture, picture_of

__all__ = ["Added", "Wanted", "add_mention", "added_lines", "added_view"]

_OLD = timedelta(hours=24)
_MOST_NAME = 60
_WORDS = {
    "stored": ("已收录 {id}", "stored {id}"),
    "known": ("早已收录，没有重复：{id}", "known already, not stored twice: {id}"),
    "updated": ("早已收录，已补充：{id}", "known already, added to it: {id}"),
    "failed": ("没有收录", "not stored"),
    "read": ("原文已读取：{title}", "the page was read: {title}"),
    "unread": ("没能打开原文：{why}；按转发的文字收录", "the page could not be read: {why}; stored as forwarded"),
    "gone": ("原文已被删除；按转发的文字收录", "the post is gone; stored as forwarded"),
    "nothing": (
        "没能打开原文：{why}；请把链接连同文字一起粘贴，再试一次",
        "the page could not be read: {why}; paste the link together with its words and try again",
    ),
    "waits": (
        "还没有完成标注，暂时不能补充；几秒后再运行一次同样的命令",
        "it is not tagged yet, so nothing could be added to it; run the same command again in some seconds",
    ),
    "soon": ("几秒内完成标注并计入", "it will be tagged and counted within seconds"),
    "later": ("下次运行 tingfeng run 时标注并计入", "it will be tagged and counted when tingfeng run is started"),
    "history": ("发布超过一天，作为历史收录，不会触发告警", "published more than a day ago: history, it pages nobody"),
    "brand": ("计入品牌 {brand}", "it counts for the brand {brand}"),
    "incident": ("已记入事件 {incident}", "noted with incident {incident}"),
    "screenshot": ("截图已保存 {screenshot}", "screenshot kept as {screenshot}"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asks for."""

    text: str
    """Link or share text."""
    by: str = ""
    """Who asks; empty = the system's user."""
    brand: str | None = None
    """Brand that it counts for whether it names it or not; None = as its text says."""
    incident: str | None = None
    """Incident whose record it goes into; None = none."""
    screenshot: Path | None = None
    """Picture of it; None = none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of it."""

    status: str
    """stored, known, updated or failed."""
    mention: Mention
    """The mention as it was handed over; of a failed one what was known of it."""
    was_read: bool = False
    """Its page was read."""
    gone: bool = False
    """Its platform says that it is gone."""
    why: str = ""
    """Why its page could not be read; empty = it was, or was not tried."""
    waits: bool = False
    """Nothing could be added to it because it is not tagged yet."""
    runs: bool = False
    """A service of this data folder tags at present."""
    brand: str | None = None
    """Brand that it counts for by hand."""
    incident: str | None = None
    """Incident that it is noted with."""
    screenshot: str | None = None
    """File name of its picture."""


def add_mention(settings: Settings, wanted: Wanted) -> Added:
    """Store what a person forwards, once; whether the service runs makes no difference.

    Raises:
        UsageError: there is no link in the text, no such brand, or no usable picture.
        ServiceError: there is no such incident, or the picture cannot be written.
        storage.errors.StoreError: a store did not answer.
    """
    from crawlers.paste import find_link, post_of, read_shared

    link = find_link(wanted.text)
    if link is None:
        raise UsageError("no link in it; paste the whole text that the app copied, with its https:// link")
    _check_brand(settings, wanted.brand)
    picture = picture_of(wanted.screenshot) if wanted.screenshot else None
    stores = wiring.open_stores(settings)
    try:
        if wanted.incident:
            read_incident(stores, wanted.incident)
        clock = running_clock(settings.data_dir)
        shared = read_shared(wanted.text)
        looked = asyncio.run(_look(settings, stores, clock, link, lambda url: post_of(url, shared, clock.now())))
        mention = _mention(settings, looked.post, clock.now())
        facts = _facts(wanted, picture[0] if picture else None)
        if picture and looked.usable:
            keep_picture(settings.data_dir, *picture)
        added = _hand_over(stores, looked, mention, facts, clock.now())
        if wanted.incident and added.status != "failed":
            _note(settings, stores, wanted, added.mention)
        kept = added.status in ("stored", "updated")
        return replace(
            added,
            runs=_is_running(settings),
            brand=wanted.brand if kept else None,
            incident=wanted.incident.strip().upper() if wanted.incident and added.status != "failed" else None,
            screenshot=picture[0] if picture and kept else None,
        )
    finally:
        stores.close()


def _note(settings: Settings, stores: wiring.Stores, wanted: Wanted, mention: Mention) -> None:
    """Note a mention with an incident, once; its words stay out of the record, from which nobody would erase them."""
    number = wanted.incident or ""
    text = " ".join(filter(None, (mention.post.url, mention.id)))
    incident, _ = read_incident(stores, number)
    if all(note.text != text for note in incident.notes):
        act_on(settings, stores, number, action="note", by=_name(wanted), text=text)


def _check_brand(settings: Settings, brand: str | None) -> None:
    known = [each.id for each in settings.brands]
    if brand is not None and brand not in known:
        raise UsageError(f"--brand {brand}: no such brand; there are {', '.join(known)}")


def _name(wanted: Wanted) -> str:
    name = " ".join(wanted.by.split())[:_MOST_NAME]
    try:
        return name or getpass.getuser()
    except (KeyError, OSError):
        return "operator"


def _facts(wanted: Wanted, picture: str | None) -> tuple[tuple[str, str], ...]:
    facts = ((COLLECTED_BY, _name(wanted)), (BRAND, wanted.brand), (SCREENSHOT, picture))
    return tuple((name, value) for name, value in facts if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """What looking at a link came to."""

    post: Post
    """The post as its page shows it, else as it was forwarded."""
    was_read: bool = False
    gone: bool = False
    why: str = ""
    known: bool = False
    """It is stored already: its page was not asked for."""

    @property
    def usable(self) -> bool:
        """There is something to store, or something is stored."""
        return self.known or self.was_read or bool(self.post.text or self.post.title)


async def _look(
    settings: Settings, stores: wiring.Stores, clock: Clock, link: str, post_at: Callable[[str], Post]
) -> _Looked:
    page = wiring.make_single_page(settings, stores, clock)
    try:
        lasting, why = await page.lead(link)
        post = post_at(lasting)
        if _known(settings, stores, post, clock.now()):
            return _Looked(post=post, known=True)
        if why:
            return _Looked(post=post, why=why)
        read = await page.read(post)
        if read.post is None:
            return _Looked(post=post, gone=read.gone, why=read.why)
        moved = post_at(read.post.url) if post.platform == "web" and read.post.url else None
        if moved is None or moved.platform == "web":
            return _Looked(post=read.post, was_read=True)
        # A link of nobody's led to a platform, whose page is no page of the open web.
        again = await page.read(moved)
        known = _known(settings, stores, again.post or moved, clock.now())
        return _Looked(
            post=again.post or moved, was_read=again.post is not None, gone=again.gone, why=again.why, known=known
        )
    finally:
        page.close()


def _known(settings: Settings, stores: wiring.Stores, post: Post, now: datetime) -> bool:
    return bool(stores.inbox.known([_mention(settings, post, now).id]))


def _mention(settings: Settings, post: Post, now: datetime) -> Mention:
    from crawlers.account_table import AccountTable
    from crawlers.intake import take_in
    from crawlers.outlets import OutletTiers
    from crawlers.single import MANUAL

    # A bare link has no words: it needs its id all the same.
    worded = post if post.text or post.title else replace(post, title=post.url)
    made = take_in(
        [worded],
        SourceSettings(name=MANUAL, platform=MANUAL),
        now,
        backfill=False,
        outlets=OutletTiers(settings.outlets),
        accounts=AccountTable(settings.accounts, [brand.id for brand in settings.brands]),
    )
    (mention,) = made.mentions
    old = post.published_at is not None and post.published_at < now - _OLD
    return replace(mention, flags=mention.flags | {Flag.BACKFILL}) if old else mention


def _hand_over(
    stores: wiring.Stores, looked: _Looked, mention: Mention, facts: tuple[tuple[str, str], ...], now: datetime
) -> Added:
    """Put the mention into the inbox, or what is new about it; the words of a stored one are left alone."""
    whole = replace(mention, post=with_facts(mention.post, facts))
    if not looked.usable:
        done = Added(status="failed", mention=mention)
    elif not looked.known and stores.inbox.append([whole], now=now).new:
        done = Added(status="stored", mention=whole)
    else:
        done = _add_to(stores, mention, facts, now)
    return replace(done, was_read=looked.was_read, gone=looked.gone, why=looked.why)


def _add_to(stores: wiring.Stores, mention: Mention, facts: tuple[tuple[str, str], ...], now: datetime) -> Added:
    """Add brand and picture to a stored mention, which is then tagged anew; who brought it again changes nothing."""
    stored = stores.mentions.get([mention.id]).get(mention.id)
    missing = [fact for fact in facts if stored is None or fact not in stored.post.extra]
    worth = [fact for fact in missing if fact[0] != COLLECTED_BY]
    if stored is None or not worth:
        return Added(status="known", mention=stored or mention, waits=stored is None and bool(worth))
    again = replace(
        stored,
        post=with_facts(stored.post, facts),
        tags=None,
        story_id=None,
        is_duplicate=False,
        indexed_at=None,
        last_collected_at=now,
    )
    stores.state.forget([stored.id])  # else the inbox takes it for what it has: neither words nor counters changed
    stores.inbox.append([again], now=now)
    return Added(status="updated", mention=again)


def _is_running(settings: Settings) -> bool:
    path = settings.data_dir / "run-analyse.lock"
    try:
        return is_taken(path)
    except OSError:
        return False


def added_view(added: Added) -> dict[str, object]:
    """Return the JSON object of what became of it; extra keys may come later, these stay."""
    post = added.mention.post
    failed = added.status == "failed"
    return {
        "status": added.status,
        "id": None if failed else added.mention.id,
        "platform": post.platform,
        "kind": post.kind.value,
        "url": post.url,
        "title": None if failed else post.title,
        "read": added.was_read,
        "gone": added.gone,
        "why": added.why or None,
        "backfill": Flag.BACKFILL in added.mention.flags,
        "waits": added.waits,
        "running": added.runs,
        "brand": added.brand,
        "incident": added.incident,
        "screenshot": added.screenshot,
    }


def added_lines(added: Added, locale: str) -> list[str]:
    """Say what became of it, a line each."""
    facts = {name: str(value or "-") for name, value in added_view(added).items()}

    def say(name: str) -> str:
        return _WORDS[name][locale == "en"].format(**facts)

    if added.status == "failed":
        return [f"{say('failed')}  {added.mention.post.url or ''}".rstrip(), say("nothing")]
    post = added.mention.post
    facts["title"] = (post.title or post.text.partition("\n")[0])[:60] or "-"
    lines = [f"{say(added.status)}  {post.url or ''}".rstrip()]
    if added.was_read:
        lines.append(say("read"))
    elif added.gone or added.why:
        lines.append(say("gone" if added.gone else "unread"))
    if Flag.BACKFILL in added.mention.flags and added.status == "stored":
        lines.append(say("history"))
    if added.waits:
        lines.append(say("waits"))
    lines += [say(name) for name in ("brand", "incident", "screenshot") if facts[name] != "-"]
    if added.status in ("stored", "updated"):
        lines.append(say("soon" if added.runs else "later"))
    return lines
