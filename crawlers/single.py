"""One page at a person's request, over the same roads as all others: guard, robots, pace and credentials."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from config.settings import Settings, SourceSettings
from crawlers.address import Address, address_of
from crawlers.base import Fetch, Platform
from crawlers.credentials import CredentialBook
from crawlers.extract import Extractor
from crawlers.hop import HopRoad, Trail
from crawlers.job import Job, Shared
from crawlers.pace import PaceBook
from crawlers.permit import Permit
from crawlers.plan import expand_sources
from crawlers.platforms import build_platform, platform_specs
from crawlers.platforms._native import native_of, short_of
from crawlers.remedy import remedy
from crawlers.reread import look_of
from crawlers.robots import RobotsBook
from domain.clock import Clock
from domain.errors import DomainError
from domain.ids import mention_id
from domain.mention import Mention, Post
from domain.outcome import FetchOutcome
from domain.ports import CredentialStore, SitePace, VisitStore
from domain.source import VisitState

__all__ = ["MANUAL", "Read", "SinglePage"]

MANUAL = "manual"
"""Source of what a person brought."""
_DEADLINE_S = 60.0
_MOST_ROADS = 3
_PAUSED = {"zh": "来源 {name} 正在暂停，没有打扰它", "en": "source {name} is paused and was left alone"}
_NO_ROAD = {
    "zh": "没有能打开 {platform} 单条内容的来源",
    "en": "no source of ours can open single posts of {platform}",
}
_OTHER = {"zh": "页面给出的不是这一条", "en": "the page showed another post"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What came of looking at one page."""

    post: Post | None = None
    """The post as its page shows it; None = it could not be read."""
    gone: bool = False
    """Its platform says that it is gone."""
    why: str = ""
    """Why it could not be read, for people; empty = it was."""


class SinglePage:
    """Follows short links and reads single pages.

    Args:
        settings: The installation.
        clock: Domain time.
        visits: State of the sources: one that is paused is left alone.
        sites: Turns of all crawl processes; None = this process keeps its own.
        credentials: What is known of cookies and keys; None = nothing.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        visits: VisitStore,
        *,
        sites: SitePace | None = None,
        credentials: CredentialStore | None = None,
    ) -> None:
        self._settings, self._clock, self._visits = settings, clock, visits
        self._shared = Shared(
            clock=clock,
            network=settings.network,
            pace=PaceBook(clock, sites),
            robots=RobotsBook(clock),
            extractor=Extractor(0),
            credentials=CredentialBook(clock, credentials) if credentials is not None else None,
        )
        self._road = HopRoad()

    async def lead(self, link: str) -> tuple[str, str]:
        """Return where a link leads and, if it is still a short one, why that is not known.

        A link that is not short is not asked.
        """
        short = short_of(link)
        if short is None:
            return link, ""
        trail = Trail(link=link)
        source = self._asker(short.platform)
        await self._road.follow(self._open_job(source, ()), trail)
        return trail.link, self._told(source, trail.outcome, trail.detail)

    def _asker(self, platform: str | None) -> SourceSettings:
        """Return the source by whose robots setting a short link of a platform is asked."""
        own = (each for each in self._settings.sources if each.platform == platform and each.robots == "override")
        return SourceSettings(name=MANUAL, platform="article", robots="override" if next(own, None) else "obey")

    async def read(self, post: Post) -> Read:
        """Return what the page of a post shows, over the first road that can show it."""
        if post.platform == "web":
            return await self._read_page(post)
        found = Read(why=_NO_ROAD[self._settings.locale].format(platform=_title(post.platform)))
        states = await asyncio.to_thread(self._visits.load)
        for source, platform, fetch in list(self._roads(post))[:_MOST_ROADS]:
            if _is_paused(states.get(source.name), self._clock.now()):
                found = Read(why=_PAUSED[self._settings.locale].format(name=source.name))
                continue
            found = await self._read_over(source, platform, fetch, post)
            if found.post is not None or found.gone:
                return found
        return found

    def _roads(self, post: Post) -> Iterator[tuple[SourceSettings, Platform, Fetch]]:
        """Yield the configured sources that can show a post, and the platform's open door where none can."""
        if post.platform not in platform_specs():
            return
        configured = [each for each in expand_sources(self._settings) if each.platform == post.platform]
        found = list(_able(configured, post))
        yield from found or _able([SourceSettings(name=MANUAL, platform=post.platform)], post)

    async def _read_over(self, source: SourceSettings, platform: Platform, fetch: Fetch, post: Post) -> Read:
        job = Job(
            source=source,
            platform=platform,
            address=address_of(source, platform.hosts, self._settings.network),
            shared=self._shared,
            known=_none_known,
            fetches=(fetch,),
            deadline_s=_DEADLINE_S,
        )
        await self._road.visit(job)
        result = job.result
        outcome = result.outcome or FetchOutcome.ERROR
        if outcome is not FetchOutcome.OK:
            gone = outcome is FetchOutcome.GONE
            return Read(gone=gone, why=self._told(source, outcome, result.detail))
        shown = look_of(_stub(post, self._clock.now()), source, result).seen
        alone = [each for each in result.posts if each.platform == post.platform]
        if shown is None and not _has_own_id(post) and len(alone) == 1:
            shown = alone[0]
        return Read(post=shown, why="" if shown is not None else _OTHER[self._settings.locale])

    async def _read_page(self, post: Post) -> Read:
        link = post.url or ""
        source = SourceSettings(name=MANUAL, platform="article", url=link, follow=False)
        job = self._open_job(source, (Fetch(endpoint="article.page", url=link),))
        await self._road.visit(job)
        outcome = job.result.outcome or FetchOutcome.ERROR
        if outcome is FetchOutcome.OK and job.result.posts:
            return Read(post=job.result.posts[0])
        return Read(gone=outcome is FetchOutcome.GONE, why=self._told(source, outcome, job.result.detail))

    def _open_job(self, source: SourceSettings, fetches: tuple[Fetch, ...]) -> Job:
        """Return a job that reaches the internet only: a pasted link is nobody's configured base."""
        return Job(
            source=source,
            platform=build_platform("article"),
            address=Address(hosts=frozenset(), own=frozenset(), base_url=None, permit=Permit()),
            shared=self._shared,
            known=_none_known,
            fetches=fetches,
            deadline_s=_DEADLINE_S,
        )

    def _told(self, source: SourceSettings, outcome: FetchOutcome, detail: str) -> str:
        """Return in words why something could not be read; empty for ok."""
        if outcome is FetchOutcome.OK:
            return ""
        state = VisitState(
            source=source.name,
            platform=source.platform,
            due_at=self._clock.now(),
            last_outcome=outcome,
            last_detail=detail,
            fails=1,
        )
        return remedy(source, state, self._settings.locale)[0]

    def close(self) -> None:
        """End what extracts text."""
        self._shared.extractor.close()


def _able(sources: Sequence[SourceSettings], post: Post) -> Iterator[tuple[SourceSettings, Platform, Fetch]]:
    seen: set[tuple[object, ...]] = set()
    for source in sources:
        road = (source.transport, source.base_url, source.url, source.cookie, source.token)
        platform = build_platform(source.platform, source.options)
        fetch = None if source.transport == "browser" or road in seen else platform.reread(source, post)
        if fetch is not None:
            seen.add(road)
            yield source, platform, fetch


def _is_paused(state: VisitState | None, now: datetime) -> bool:
    return state is not None and state.paused_until is not None and state.paused_until > now


def _has_own_id(post: Post) -> bool:
    native = native_of(post.url or "")
    return native is not None and native.native_id is not None


def _stub(post: Post, now: datetime) -> Mention:
    try:
        identity = mention_id(platform=post.platform, native_id=post.native_id, kind=post.kind, url=post.url)
    except DomainError:
        identity = ""
    return Mention(id=identity, post=post, source=MANUAL, first_collected_at=now, last_collected_at=now)


def _title(platform: str) -> str:
    return platform_specs()[platform].title if platform in platform_specs() else platform


def _none_known(posts: Sequence[Post]) -> frozenset[str]:
    return frozenset()
