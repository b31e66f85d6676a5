"""Where the processor time goes: `python -m tests.benchmarks.profile FOLDER` writes `profile_*.txt`, one for each path.

Each path runs in one thread, without network, so that the table holds all of it; profiling itself makes small Python
functions look about twice as dear as they are.
"""

import cProfile
import io
import json
import pstats
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from analysis.tagger import Tagger, TaggerSettings
from config.loader import default_settings
from config.settings import SourceSettings
from crawlers.base import Response
from crawlers.intake import take_in
from crawlers.platforms import build_platform
from domain.moment import Window
from domain.query import parse
from service.wiring import specs
from storage import open_mentions, open_state
from tests.analysis.builders import BAILU, YUNSHAN
from tests.benchmarks.site import T, article, list_page
from tests.benchmarks.test_sqlite import _invent
from tests.benchmarks.texts import some_mentions
from tests.conftest import REPOSITORY
from tests.measure import commit, machine
from tests.storage.sample import NOW

TOP = 25


def _lists(folder: Path) -> Callable[[], object]:
    state, page = open_state(None, folder), build_platform("weibo")
    source = SourceSettings(name="s", platform="weibo")
    answers = [
        Response(url="https://m.weibo.cn/api/container/getIndex", status=200, headers={}, body=list_page(1), now=T)
        for _ in range(100)
    ]

    def work() -> None:
        for answer in answers:
            posts = page.parse("weibo.m_search", answer).posts
            intake = take_in(posts, source, T, backfill=False)
            state.inbox.known([each.id for each in intake.mentions])
            assert len(state.inbox.append(intake.mentions, now=T).new) == len(posts) > 0

    return work


def _articles(folder: Path) -> Callable[[], object]:
    page = build_platform("article")
    kind = {"content-type": "text/html; charset=utf-8"}
    answers = [
        Response(url=f"https://x.example.cn/a/{n}.html", status=200, headers=kind, body=article(str(n)), now=T)
        for n in range(60)
    ]
    return lambda: [page.parse("article.page", answer) for answer in answers]


def _tagging(folder: Path) -> Callable[[], object]:
    settings = default_settings(specs(), folder=folder)
    tagger = Tagger(TaggerSettings(brands=(YUNSHAN, BAILU), topics=settings.topics, risks=settings.risks))
    mentions = some_mentions()
    tagger.tag(mentions[:200])
    return lambda: [tagger.tag(mentions[start : start + 200]) for start in range(200, 4_000, 200)]


def _asking(folder: Path, question: str) -> Callable[[], object]:
    store, rows = open_mentions("sqlite", folder), list(_invent(20_000))
    for start in range(0, len(rows), 1_000):
        store.put(rows[start : start + 1_000], now=NOW)
    day = Window(start=NOW - timedelta(days=1), end=NOW + timedelta(hours=1))
    if question == "counts":
        return lambda: [store.counts(day, brand="b7") for _ in range(300)]
    query = parse("投诉 and negative_for: b7")
    return lambda: [store.search(query, now=NOW, window=day) for _ in range(300)]


PATHS: dict[str, tuple[str, Callable[[Path], Callable[[], object]]]] = {
    "lists": ("100 search pages of 20 posts: parse, take in, look up, queue", _lists),
    "articles": ("60 article pages of 50 kB: text and facts", _articles),
    "tagging": ("3,800 texts of about 55 characters, jieba", _tagging),
    "counts": (
        "300 times the 5-minute counts of a day for one brand, of 20,000 mentions",
        lambda at: _asking(at, "counts"),
    ),
    "search": ("300 times term, 24 hours, brand and negative, of 20,000 mentions", lambda at: _asking(at, "search")),
}


def main(folder: Path) -> None:
    """Profile every path and write its dearest functions, by their own time."""
    folder.mkdir(parents=True, exist_ok=True)
    origin = json.dumps({**commit(REPOSITORY), "machine": machine()}, ensure_ascii=False)
    for name, (what, make) in PATHS.items():
        with tempfile.TemporaryDirectory() as place:
            work, profile = make(Path(place)), cProfile.Profile()
            profile.runcall(work)
        table = io.StringIO()
        pstats.Stats(profile, stream=table).strip_dirs().sort_stats("tottime").print_stats(TOP)
        rows = "\n".join(line.rstrip() for line in table.getvalue().splitlines() if line.strip())
        (folder / f"profile_{name}.txt").write_text(f"{what}\n{origin}\n{rows}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
