"""`tingfeng erase`: one author out of everything that we keep, with what is left said."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from config.settings import Settings
from domain.added import screenshots
from domain.mention import Mention
from domain.query import And, Node, Or, Term
from service import wiring
from service.clock import running_clock
from service.errors import ServiceError, UsageError
from service.pictures import FOLDER, remove_pictures
from service.privacy import MASK, pseudonym
from service.restore import ASIDE
from storage.scrub import PLAIN_CHARS, Erased, scrub_mention
from storage.state.erase import Author

__all__ = ["Asked", "erase"]

Say = Callable[[str], None]
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom a person wants erased."""

    platform: str
    """His platform."""
    author_id: str | None = None
    """Native id; None = not given."""
    name: str | None = None
    """Shown name; None = not given."""


@dataclass(slots=True)
class _Plan:
    """What is there of him."""

    authors: Sequence[Author]
    """He himself, and his pseudonym where the settings store that."""
    who: Erased
    """By what he is recognised elsewhere."""
    written: int = 0
    """Mentions that he wrote."""
    others: list[Mention] = field(default_factory=list)
    """Mentions of others that name or embed him."""
    pictures: frozenset[str] = frozenset()
    """Names of the screenshots of what he wrote."""
    records: dict[str, int] = field(default_factory=dict)
    """Rows of the state by table."""


def erase(settings: Settings, asked: Asked, say: Say, *, yes: bool = False, now: datetime | None = None) -> int:
    """Erase an author, or say what would be erased; returns 0, 1 if something of him is left in our files.

    Args:
        settings: where the stores are; the service may run meanwhile.
        asked: whom.
        say: prints a line for people.
        yes: do it; else only count.
        now: the present moment, UTC; None = the clock's.

    Raises:
        UsageError: neither id nor name is given.
        storage.errors.StoreError: a store did not answer; run the command again.
    """
    if not asked.author_id and not asked.name:
        raise UsageError("say whom: --author-id, --name, or both")
    moment = now or running_clock(settings.data_dir).now()
    stores = wiring.open_stores(settings)
    try:
        plan = _plan(stores, asked, moment)
        _say_plan(plan, say)
        if not yes:
            say("nothing was changed; add --yes to erase it")
            return 0
        remove_pictures(settings.data_dir, plan.pictures)
        _carry_out(stores, plan, moment)
    finally:
        stores.close()
    left = _look_at_files(settings, plan.who, say)
    say(
        "not reached from here: backups (delete the old ones; erase again after a restore), logs of the service, "
        "and what was sent to Slack, WeCom and Kibana's exports; of PostgreSQL dead rows until VACUUM, and its archives"
    )
    return 1 if left else 0


def _plan(stores: wiring.Stores, asked: Asked, now: datetime) -> _Plan:
    authors = [Author(platform=asked.platform, author_id=asked.author_id, name=asked.name)]
    if asked.author_id:
        authors.append(replace(authors[0], author_id=pseudonym(asked.platform, asked.author_id), name=None))
    written = {mention.id: mention for author in authors for mention in _written(stores, author, now)}
    queued = [mention for author in authors for mention in stores.state.find_queued(author)]
    his = [*written.values(), *queued]
    names = {mention.post.author.name for mention in his} | {asked.name}
    links = {link for mention in his for link in (mention.post.url, mention.post.raw_url)}
    who = Erased(
        platform=asked.platform,
        names=frozenset(name for name in names if name and MASK not in name),
        ids=frozenset(mention.id for mention in his),
        urls=frozenset(link for link in links if link),
    )
    pictures = frozenset(name for mention in his for name in screenshots(mention.post))
    plan = _Plan(authors=authors, who=who, written=len(written), pictures=pictures)
    for mention in stores.mentions.holding(asked.platform, who.words):
        if mention.id not in written and scrub_mention(mention, who) is not mention:
            plan.others.append(mention)
    for author in authors[:1]:
        plan.records = stores.state.erase(author, who, now=now, preview=True)
    return plan


def _written(stores: wiring.Stores, author: Author, now: datetime) -> Iterator[Mention]:
    given = (("author.id", author.author_id), ("author.name", author.name))
    named: list[Node] = [Term(field=field, value=value, quoted=True) for field, value in given if value]
    platform = Term(field="platform", value=author.platform, quoted=True)
    query = And(children=(platform, named[0] if len(named) == 1 else Or(children=tuple(named))))
    after: str | None = None
    while True:
        page = stores.mentions.search(query, now=now, limit=_PAGE, after=after)
        yield from (mention for mention in page.mentions if author.wrote(mention))
        after = page.next
        if after is None:
            return


def _say_plan(plan: _Plan, say: Say) -> None:
    say(f"mentions that he wrote: {plan.written}")
    say(f"mentions of others that name or embed him: {len(plan.others)}")
    if plan.pictures:
        say(f"screenshots of what he wrote: {len(plan.pictures)}")
    for mention in plan.others:
        for name in screenshots(mention.post):
            say(f"look at {FOLDER / name} yourself: it shows a post of somebody else that names or embeds him")
    for table, rows in sorted(plan.records.items()):
        say(f"rows of the state, {table}: {rows}")


def _carry_out(stores: wiring.Stores, plan: _Plan, now: datetime) -> None:
    """Take him out of everything; what he wrote goes last, since it tells how he is recognised."""
    for start in range(0, len(plan.others), _PAGE):
        fresh = stores.mentions.get([mention.id for mention in plan.others[start : start + _PAGE]])
        stores.mentions.put([scrub_mention(mention, plan.who) for mention in fresh.values()], now=now)
    for author in plan.authors:
        stores.state.erase(author, plan.who, now=now)
    for author in plan.authors:
        stores.mentions.erase_author(platform=author.platform, author_id=author.author_id, name=author.name)
    stores.mentions.compact()
    stores.state.compact()


def _look_at_files(settings: Settings, who: Erased, say: Say) -> bool:
    """Search our files for his names; a copy kept before an upgrade goes. True = some are left, each is named."""
    left = False
    for path in sorted(path for path in settings.data_dir.rglob("*") if path.is_file()):
        if not any(_holds(path, word.encode()) for word in who.words if len(word) >= PLAIN_CHARS):
            continue
        inside = path.relative_to(settings.data_dir)
        if ".before-" in path.name:
            path.unlink()
            say(f"deleted {inside}: a copy kept before an upgrade, it held him")
        elif inside.parts[0].startswith(ASIDE):
            left = True
            say(f"still in {inside}: what was there before a restore; delete the folder {inside.parts[0]}")
        else:
            left = True
            say(f"still in {inside}: stored again meanwhile, or the word is used by others too; run the command again")
    return left


def _holds(path: Path, word: bytes) -> bool:
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return content.find(word) >= 0
    except OSError as err:
        raise ServiceError(f"{path} cannot be read: {err.strerror}") from err
