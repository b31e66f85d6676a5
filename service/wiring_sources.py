"""Builds what visits sources, receives mentions and says how sources are; a part of `service.wiring`.

Imports lie inside the functions: a command pays only for the packages it needs.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from config.settings import Settings, SourceSettings
from domain.clock import Clock
from domain.moment import moment_text
from domain.source import SourceHealth
from service.errors import ServiceError

if TYPE_CHECKING:
    from crawlers.browser import BrowserRoad
    from crawlers.errand import ErrandBook
    from crawlers.job import Job
    from crawlers.pages import Road
    from crawlers.schedule import Crawler
    from crawlers.single import SinglePage
    from service.ingest import Reception
    from service.wiring import Stores

__all__ = [
    "browser_problem",
    "credential_reader",
    "health_reader",
    "make_browser",
    "make_crawler",
    "make_reception",
    "make_single_page",
    "make_trial",
    "owner_name",
]

_PAGES = 4
"""Most visits with a browser at the same time: each holds a page of some 100 MB."""


def owner_name(role: str) -> str:
    """Return a name for leases that no other caller has: role, host, process, and chance for containers."""
    return f"{role}@{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(3)}"


def make_crawler(settings: Settings, stores: Stores, clock: Clock) -> Crawler:
    """Return the crawl role's scheduler; sources that need a browser are those of the browse role."""
    from crawlers.chromium import BROWSER

    return _make_scheduler(settings, stores, clock, only=lambda source: source.transport != BROWSER)


def make_browser(settings: Settings, stores: Stores, clock: Clock) -> tuple[Crawler, BrowserRoad]:
    """Return the browse role's scheduler, and its road, which is to be closed at the end."""
    from crawlers.browser import BrowserRoad
    from crawlers.chromium import BROWSER

    road = BrowserRoad(settings.crawl)
    few = replace(settings, crawl=replace(settings.crawl, visits=min(settings.crawl.visits, _PAGES)))
    return _make_scheduler(few, stores, clock, only=lambda source: source.transport == BROWSER, road=road), road


def browser_problem(settings: Settings) -> str:
    """Return what sources with transport `browser` lack, and what to do; empty = nothing."""
    from crawlers.chromium import browser_problem

    return browser_problem(settings)


def _make_scheduler(
    settings: Settings,
    stores: Stores,
    clock: Clock,
    *,
    only: Callable[[SourceSettings], bool],
    road: BrowserRoad | None = None,
) -> Crawler:
    from crawlers.schedule import Crawler

    # A SQLite file serves one machine, whose lock lets one process of a role run: no source is shared. The turns at
    # sites always are: with a browse role, and with `tingfeng sources test`.
    shared = stores.state.dialect == "postgresql"
    return Crawler(
        settings,
        stores.inbox,
        stores.state.visits,
        clock,
        road=road,
        sites=stores.state.sites,
        owner=owner_name("crawl") if shared else None,
        trends=stores.state.trends,
        credentials=stores.state.credentials,
        hours=stores.state.hours,
        errands=_errands(settings, stores, clock, only) if road is None else (),
        pinned=stores.state.desk.active_brands,
        only=only,
    )


def make_trial(settings: Settings, stores: Stores, clock: Clock, name: str) -> tuple[Job, Road]:
    """Return one visit to a source, which takes turns at its site with a service that runs, and how it is done.

    Raises:
        UsageError: no such source, or it is none that is visited.
        ServiceError: its site asked to be left alone for a while.
    """
    from crawlers.address import address_of, site_of
    from crawlers.browser import BrowserRoad
    from crawlers.chromium import BROWSER
    from crawlers.credentials import CredentialBook
    from crawlers.extract import Extractor
    from crawlers.job import Job, Shared
    from crawlers.pace import PaceBook
    from crawlers.plan import expand_sources
    from crawlers.platforms import build_platform
    from crawlers.road import ScrapyRoad
    from crawlers.robots import RobotsBook
    from service.trying import pick_source

    source = pick_source(expand_sources(settings), name)
    platform, sites = build_platform(source.platform, source.options), stores.state.sites
    address = address_of(source, platform.hosts, settings.network)
    asked = {site_of(address.real(fetch.url)[0]) for fetch in platform.start(source, clock.now())}
    held = max((until for site in asked if (until := sites.held_until(site, now=clock.now()))), default=None)
    if held is not None:
        raise ServiceError(
            f"the site of {source.name} asked to be left alone until {moment_text(held)} +0800; try then"
        )
    shared = Shared(
        clock=clock,
        network=settings.network,
        pace=PaceBook(clock, sites),
        robots=RobotsBook(clock),
        extractor=Extractor(workers=0),
        credentials=CredentialBook(clock, stores.state.credentials),
    )
    job = Job(
        source=source,
        platform=platform,
        address=address,
        shared=shared,
        known=lambda posts: frozenset(),
        deadline_s=settings.crawl.visit_deadline.total_seconds(),
    )
    return job, BrowserRoad(settings.crawl) if source.transport == BROWSER else ScrapyRoad()


def _errands(
    settings: Settings, stores: Stores, clock: Clock, only: Callable[[SourceSettings], bool]
) -> tuple[ErrandBook, ...]:
    """Return what a crawl process visits besides its sources: accounts first, history last."""
    from crawlers.accounts import AccountBook
    from crawlers.backfill import BackfillBook
    from crawlers.plan import expand_sources
    from crawlers.refresh import RefreshBook

    settings = replace(settings, sources=tuple(each for each in settings.sources if only(each)))
    state, sources = stores.state, expand_sources(settings)
    if not sources:
        return ()
    refresh = RefreshBook(
        sources,
        desk=state.desk,
        search=stores.mentions,
        inbox=stores.inbox,
        refreshes=state.refreshes,
        clock=clock,
        owner=owner_name("refresh"),
    )
    accounts = AccountBook(settings, stores.mentions, state.accounts, state.marks, sources=sources)
    return accounts, refresh, BackfillBook(sources, state.backfills)


def make_reception(settings: Settings, stores: Stores, clock: Clock) -> Reception:
    """Return what takes the mentions that partners send."""
    from crawlers.account_table import AccountTable
    from crawlers.brake import disk_free
    from crawlers.outlets import OutletTiers
    from service.ingest import Reception

    return Reception(
        settings.ingest,
        inbox=stores.inbox,
        visits=stores.state.visits,
        nonces=stores.state.nonces,
        clock=clock,
        limits=settings.crawl,
        free=lambda: disk_free(str(settings.data_dir)),
        outlets=OutletTiers(settings.outlets),
        accounts=AccountTable(settings.accounts, [brand.id for brand in settings.brands]),
    )


def make_single_page(settings: Settings, stores: Stores, clock: Clock) -> SinglePage:
    """Return what reads one page at a person's request."""
    from crawlers.single import SinglePage

    shared = stores.state.dialect == "postgresql"
    return SinglePage(
        settings,
        clock,
        stores.state.visits,
        sites=stores.state.sites if shared else None,
        credentials=stores.state.credentials,
    )


def health_reader(settings: Settings, stores: Stores, clock: Clock) -> Callable[[], Sequence[SourceHealth]]:
    """Return a function that tells how every source is now."""
    from crawlers.health import health_of
    from crawlers.plan import expand_sources

    sources = expand_sources(settings)
    return lambda: health_of(sources, stores.state.visits.load(), clock.now(), settings.locale)


def credential_reader(settings: Settings, stores: Stores, clock: Clock) -> Callable[[], Sequence[str]]:
    """Return a function that tells which cookies are dead or rest, one line each."""
    from crawlers.cookie import configured_states, credential_lines
    from crawlers.plan import expand_sources

    sources, store = expand_sources(settings), stores.state.credentials
    return lambda: credential_lines(
        configured_states(sources, store.load(), store.salt(), clock.now()), settings.locale
    )
