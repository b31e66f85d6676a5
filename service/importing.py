"""`tingfeng import`: posts from a file through the same road as crawled ones."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from config.settings import Settings
from domain.errors import DomainError
from domain.ids import mention_id
from domain.mention import Flag, Mention, Post, not_after
from service import wiring
from service.clock import running_clock
from service.errors import UsageError

if TYPE_CHECKING:
    from crawlers.outlets import OutletTiers
    from service.pipeline import Pipeline

__all__ = ["import_posts", "mention_of"]

BATCH = 500


def mention_of(post: Post, *, source: str, now: datetime, outlets: OutletTiers | None = None) -> Mention:
    """Return an untagged mention of history with the tier of its outlet, where that is known; it never pages.

    Raises:
        DomainError: the post has no id to be known by.
    """
    identity = mention_id(platform=post.platform, native_id=post.native_id, kind=post.kind, url=post.url)
    return Mention(
        id=identity,
        post=not_after(post, now),
        source=source,
        first_collected_at=now,
        last_collected_at=now,
        flags=frozenset({Flag.BACKFILL}),
        outlet_tier=outlets.tier(url=post.url, outlet=post.outlet) if outlets is not None else None,
    )


def import_posts(settings: Settings, file: Path, *, source: str, say: Callable[[str], None]) -> int:
    """Store the posts of a file; bad lines are reported by number and the rest is kept.

    Returns 0 if every line was good, else 1.

    Raises:
        UsageError: the file cannot be read.
    """
    from crawlers.account_table import AccountTable
    from crawlers.outlets import OutletTiers

    if not file.is_file():
        raise UsageError(f"{file}: no such file; give an NDJSON or CSV file")
    stores = wiring.open_stores(settings)
    clock = running_clock(settings.data_dir)
    try:
        pipeline = wiring.make_pipeline(settings, stores, clock, owner=wiring.owner_name("import"))
        accounts = AccountTable(settings.accounts, [brand.id for brand in settings.brands])
        totals = {"read": 0, "new": 0, "known": 0, "bad": 0}
        with _progress(file) as advance:
            for batch in _batches(file, source, clock.now(), totals, say, OutletTiers(settings.outlets)):
                result = stores.inbox.append([accounts.mark(each) for each in batch], now=clock.now())
                totals["new"] += len(result.new)
                totals["known"] += result.known + len(result.changed)
                advance(len(batch))
                _drain(pipeline)
            _drain(pipeline)
        say(
            f"{file.name}: read {totals['read']}, new {totals['new']}, "
            f"already known {totals['known']}, bad lines {totals['bad']}"
        )
        return 1 if totals["bad"] else 0
    finally:
        stores.close()


def _drain(pipeline: Pipeline) -> None:
    while pipeline.step().leased:
        continue


def _batches(
    file: Path,
    source: str,
    now: datetime,
    totals: dict[str, int],
    say: Callable[[str], None],
    outlets: OutletTiers,
) -> Iterator[list[Mention]]:
    from crawlers.importer import BadLine, read_posts

    batch: list[Mention] = []
    for line, entry in enumerate(read_posts(file, now=now), 1):
        if isinstance(entry, BadLine):
            totals["bad"] += 1
            say(f"{file.name}:{entry.number}: {entry.problem}")
            continue
        try:
            batch.append(mention_of(entry, source=source, now=now, outlets=outlets))
        except DomainError as err:
            totals["bad"] += 1
            say(f"{file.name}: post {line}: {err}")
            continue
        totals["read"] += 1
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@contextlib.contextmanager
def _progress(file: Path) -> Iterator[Callable[[int], None]]:
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"import {file.name}", total=None)
        yield lambda count: bar.advance(task, count)
