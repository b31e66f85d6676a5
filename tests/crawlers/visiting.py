"""Jobs over the real road to a loopback farm."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from config.settings import NetworkSettings, SourceSettings
from crawlers.address import address_of
from crawlers.extract import Extractor
from crawlers.job import Job, Shared, VisitResult
from crawlers.pace import PaceBook
from crawlers.platforms import build_platform
from crawlers.road import ScrapyRoad
from crawlers.robots import RobotsBook
from domain.clock import ManualClock
from domain.mention import Post
from tests.crawlers.farm import Farm
from tests.crawlers.pages import network, source

T = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)


def feed(*items: str, title: str = "站") -> str:
    return f'<rss version="2.0"><channel><title>{title}</title>{"".join(items)}</channel></rss>'


def entry(link: str, title: str = "题", text: str = "短") -> str:
    return f"<item><title>{title}</title><link>{link}</link><description>{text}</description></item>"


def article(words: str = "云杉咖啡门店停业自查，结果将公布。") -> str:
    return f"<html><head><title>题</title></head><body><article>{f'<p>{words}</p>' * 9}</article></body></html>"


def shared(net: NetworkSettings) -> Shared:
    clock = ManualClock(T)
    return Shared(clock=clock, network=net, pace=PaceBook(clock), robots=RobotsBook(clock), extractor=Extractor(0))


def job(farm: Farm, own: SourceSettings | None = None, *, known: Iterable[str] = (), with_: Shared | None = None,
        net: NetworkSettings | None = None, **more: Any) -> Job:  # fmt: skip
    own = own or source(url=farm.base + "/feed")
    net = net or network(farm.pair)
    platform = build_platform(own.platform, own.options)
    seen = frozenset(known)

    def tell(posts: Sequence[Post]) -> frozenset[str]:
        return frozenset(post.native_id for post in posts) & seen

    return Job(
        source=own,
        platform=platform,
        address=address_of(own, platform.hosts, net),
        shared=with_ or shared(net),
        known=tell,
        **{"deadline_s": 8.0, **more},
    )


async def visit(work: Job) -> VisitResult:
    await ScrapyRoad().visit(work)
    return work.result


def look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a crawler look for errands whenever the domain's clock says so."""
    for name in ("_GLANCE_S", "_ERRANDS_S"):
        monkeypatch.setattr(f"crawlers.schedule.{name}", 0.0)
