"""One reader in a process of its own: `python -m tests.benchmarks.readers WHO KIND FOLDER BASE…`.

Reads a first round so that everything is loaded, says `ready`, then reads one round for each line it is given and
answers with a line of JSON: pages, posts, seconds of processor time (its own and its workers') and of the wall.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from config.loader import default_settings
from config.settings import NetworkSettings, SourceSettings
from crawlers.base import Parsed, Response
from crawlers.extract import Extractor
from crawlers.platforms.feed import FeedSettings
from crawlers.schedule import Crawler
from domain.clock import ManualClock
from domain.mention import Kind, Mention, Post
from domain.outcome import FetchOutcome
from domain.ports import AppendResult
from domain.secret import Secret
from service.logs import configure_logging
from service.wiring import specs
from storage import open_state
from tests.benchmarks.site import T

__all__ = ["FEEDS", "PAGES", "Round"]

PAGES = 10
"""List pages of one visit to a search, and of one site in a round."""
FEEDS = 5
"""Feeds of one site."""
INTERVAL = timedelta(minutes=5)
Round = Callable[[], Awaitable[tuple[int, int]]]
"""Reads one round and says how many pages and posts it read."""


class DroppingInbox:
    """Forgets at once what it is given."""

    def append(self, mentions: Sequence[Mention], *, now: object) -> AppendResult:
        """Say that all is new."""
        return AppendResult(new=frozenset(each.id for each in mentions), changed=frozenset(), known=0)

    def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Know nothing."""
        return frozenset()

    def depth(self) -> int:
        """Hold nothing."""
        return 0


def _sources(kind: str, bases: Sequence[str]) -> tuple[SourceSettings, ...]:
    kept: dict[str, Any] = {"pace": timedelta(0), "interval": INTERVAL, "limit": 1_000}
    found = []
    for at, base in enumerate(bases):
        if kind == "lists":
            more = {"platform": "weibo", "transport": "cookie", "cookie": Secret("SUB=x"), "base_url": base}
            found.append(SourceSettings(name=f"s{at}", pages=PAGES, query=("云杉咖啡",), **more, **kept))
        elif kind == "feeds":
            for n in range(FEEDS):
                found.append(SourceSettings(name=f"s{at}-{n}", platform="feed", url=f"{base}/rss/{n}", **kept))
        else:
            options = FeedSettings(text_css="div.article-content") if kind == "articles-rule" else None
            url = f"{base}/links/0"
            found.append(SourceSettings(name=f"s{at}", platform="feed", url=url, follow=True, options=options, **kept))
    return tuple(found)


def crawl(kind: str, folder: Path, bases: Sequence[str], *, store: bool, bare: bool = False) -> Round:
    """Our crawl role; without `store` its inbox forgets what it is given, `bare` = pages are read by trafilatura."""
    settings = default_settings(specs(), folder=folder)
    network = NetworkSettings(allow_internal=tuple(base.removeprefix("http://") for base in bases))
    # A peer asks no canary: ours is asked in the first round, which nobody measures.
    limits = replace(settings.crawl, canary=timedelta(days=1))
    settings = replace(settings, data_dir=folder, network=network, sources=_sources(kind, bases), crawl=limits)
    state, clock = open_state(None, folder), ManualClock(T)
    inbox: Any = state.inbox if store else DroppingInbox()
    crawler = Crawler(settings, inbox, state.visits, clock)
    if bare:
        shared = replace(crawler._shared, extractor=BareExtractor(settings.crawl.extract_workers))
        crawler._shared = crawler._pages._shared = shared
    before = [0, 0]

    async def work() -> tuple[int, int]:
        clock.advance(INTERVAL * 2)
        await crawler.visit_due()
        states = state.visits.load().values()
        pages = sum(each.pages_seen + sum(dict(each.followed).values()) for each in states)
        posts = sum(each.posts_new for each in states)
        told = (pages - before[0], posts - before[1])
        before[:] = [pages, posts]
        return told

    return work


def _bare(response: Response) -> Parsed:
    import trafilatura

    found = trafilatura.bare_extraction(response.body.decode(), url=response.url, with_metadata=True)
    assert found is not None and not isinstance(found, dict)
    post = Post(platform="web", native_id=response.url, kind=Kind.ARTICLE, title=found.title, text=found.text or "")
    return Parsed(outcome=FetchOutcome.OK, posts=(post,))


class BareExtractor(Extractor):
    """Reads pages in a worker of the same kind with trafilatura alone: its text and what it finds beside it."""

    async def page(self, response: Response) -> Parsed:
        """Read one page."""
        return await asyncio.get_running_loop().run_in_executor(self._executor(), _bare, response)


def cpu_s() -> float:
    """Return seconds of processor time of this process, its threads and its workers, dead ones included."""
    spent = time.process_time()
    dead = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent += dead.ru_utime + dead.ru_stime
    for child in psutil.Process().children(recursive=True):
        times = child.cpu_times()
        spent += times.user + times.system
    return spent


async def serve(work: Round) -> None:
    """Read a round for each line of standard input."""
    await work()
    say("ready")
    while await asyncio.to_thread(sys.stdin.readline):
        busy, began = cpu_s(), time.perf_counter()
        pages, posts = await work()
        took = {"cpu_s": cpu_s() - busy, "wall_s": time.perf_counter() - began}
        say(json.dumps({"pages": pages, "posts": posts, **took}))


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(who: str, kind: str, folder: str, *bases: str) -> None:
    """Be the reader `who`: crawl, dropping, stock, stock-silent, trafilatura."""
    if who.startswith("stock"):
        from tests.benchmarks.stock import run

        run(kind, bases, Path(folder), silent=who == "stock-silent")
        return
    configure_logging("crawl")
    asyncio.run(serve(crawl(kind, Path(folder), bases, store=who == "crawl", bare=who == "trafilatura")))


if __name__ == "__main__":
    main(*sys.argv[1:])
