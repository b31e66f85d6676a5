"""Builds every object; nobody else constructs across packages.

Imports lie inside the functions: a command pays only for the packages it needs.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Settings, SourceSettings
from domain.clock import Clock
from domain.incident import Delivery
from domain.moment import Window
from domain.ports import Fence, Inbox, MentionWriter
from domain.source import SourceHealth
from service.errors import ServiceError, UsageError
from service.logs import hide_secrets
from service.pipeline import Pipeline
from service.privacy import PrivateInbox
from service.unfinished import refuse_unfinished

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from alerts.audit import Auditor
    from alerts.daily import Daily
    from alerts.outbox import Outbox
    from alerts.watch import Watch
    from analysis.tagger import Tagger
    from config.specs import Specs
    from crawlers.browser import BrowserRoad
    from crawlers.errand import ErrandBook
    from crawlers.job import Job
    from crawlers.schedule import Crawler, Road
    from crawlers.single import SinglePage
    from service.heartbeat import Heartbeat
    from service.ingest import Reception
    from storage import MentionStore, State
    from storage.look import StoreLook
    from storage.mentions.elastic.store import ElasticMentions
    from storage.mentions.sqlite import SqliteMentions

__all__ = [
    "Stores",
    "browser_problem",
    "credential_reader",
    "find_config",
    "health_reader",
    "kibana_link",
    "load_settings",
    "look_at_cluster",
    "make_auditor",
    "make_browser",
    "make_crawler",
    "make_daily",
    "make_heartbeat",
    "make_outbox",
    "make_pipeline",
    "make_reception",
    "make_single_page",
    "make_tagger",
    "make_trial",
    "make_watch",
    "open_elastic",
    "open_sqlite",
    "open_stores",
    "opened",
    "owner_name",
    "prepare_data_dir",
    "specs",
    "state_url",
]


_PAGES = 4
"""Most visits with a browser at the same time: each holds a page of some 100 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The two stores of one installation."""

    state: State
    """State database."""
    mentions: MentionStore
    """Mention store."""
    inbox: Inbox
    """The state's inbox behind the privacy settings."""

    def close(self) -> None:
        """Close both."""
        self.mentions.close()
        self.state.close()


def specs() -> Specs:
    """Return what every platform, channel and rule module announces."""
    from alerts.detect import rule_specs
    from alerts.notifiers import notifier_specs
    from config.specs import Specs
    from crawlers.platforms import platform_specs

    return Specs(platforms=platform_specs(), channels=notifier_specs(), rules=rule_specs())


def load_settings(path: Path) -> Settings:
    """Read a settings file over the packaged defaults.

    Raises:
        config.errors.ConfigError: the file cannot be used; all mistakes at once.
    """
    from config.loader import load

    settings = load(path, specs())
    hide_secrets(settings)
    return settings


def open_stores(settings: Settings) -> Stores:
    """Open both stores, making the data folder (mode 0700) where it is missing.

    Raises:
        ServiceError: the folder cannot be made or written, or a restore in it broke off.
        storage.errors.StoreError: a store cannot be opened.
    """
    from storage import open_mentions, open_state

    prepare_data_dir(settings.data_dir)
    refuse_unfinished(settings.data_dir)
    url = settings.storage.state.reveal() if settings.storage.state else None
    state = open_state(url, settings.data_dir)
    mentions = open_mentions(settings.storage.mentions, settings.data_dir, settings.storage)
    return Stores(state=state, mentions=mentions, inbox=PrivateInbox(state.inbox, settings.privacy))


def state_url(settings: Settings) -> URL:
    """Return the address of the state database.

    Raises:
        storage.errors.StoreError: `storage.state` is no address of a database that we know.
    """
    from storage.state.database import parse_url

    return parse_url(settings.storage.state.reveal() if settings.storage.state else None, settings.data_dir)


def open_elastic(settings: Settings) -> ElasticMentions:
    """Open the mention store on Elasticsearch, with all that only it can do.

    Raises:
        UsageError: the settings name another mention store.
        storage.errors.StoreError: it cannot be opened.
    """
    from storage.mentions.elastic.client import settings_of
    from storage.mentions.elastic.store import ElasticMentions

    if settings.storage.mentions != "elasticsearch":
        raise UsageError("these settings have no Elasticsearch: set storage.mentions to elasticsearch and its address")
    return ElasticMentions(settings_of(settings.storage))


def look_at_cluster(settings: Settings) -> StoreLook:
    """Look at Elasticsearch without changing anything.

    Raises:
        storage.errors.StoreError: it does not answer, is no Elasticsearch, or refuses the login.
    """
    from storage.mentions.elastic.look import look_at_cluster as look

    return look(settings.storage)


def open_sqlite(data_dir: Path) -> SqliteMentions:
    """Open the mention store that lies in a data folder.

    Raises:
        UsageError: there is none.
        storage.errors.StoreError: it cannot be opened.
    """
    from storage.mentions.sqlite import SqliteMentions

    path = data_dir / "mentions.db"
    if not path.is_file():
        raise UsageError(f"{path}: no such file; name the data_dir that the mentions are in")
    return SqliteMentions(path)


def prepare_data_dir(data_dir: Path) -> None:
    """Make the data folder with mode 0700; an existing one of ours is tightened.

    Raises:
        ServiceError: it cannot be made or written.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if data_dir.stat().st_mode & 0o077:
            data_dir.chmod(0o700)
    except OSError as err:
        raise ServiceError(f"data_dir {data_dir}: {err.strerror}; name a folder that you may write") from err
    if not os.access(data_dir, os.W_OK):
        raise ServiceError(f"data_dir {data_dir} is not writable; name another folder or change its owner")


def make_tagger(settings: Settings) -> Tagger:
    """Return the tagger of the settings' brands, topics and risk categories."""
    from analysis.tagger import Tagger, TaggerSettings

    return Tagger(TaggerSettings(brands=settings.brands, topics=settings.topics, risks=settings.risks))


def make_pipeline(
    settings: Settings, stores: Stores, clock: Clock, *, owner: str, mentions: MentionWriter | None = None
) -> Pipeline:
    """Return the analyse step over real stores; `mentions` stands before the mention store, such as one that counts."""
    tagger = make_tagger(settings)
    return Pipeline(
        inbox=stores.inbox,
        visits=stores.state.visits,
        stories=stores.state.stories,
        mentions=mentions or stores.mentions,
        tag=tagger.tag,
        clock=clock,
        owner=owner,
        batch=settings.analyse.batch,
        lease_s=settings.analyse.lease.total_seconds(),
        attempts=settings.analyse.attempts,
    )


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
        pinned=lambda: frozenset(each.brand for each in stores.state.desk.incidents(active_only=True)),
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
        raise ServiceError(f"the site of {source.name} asked to be left alone until {held:%m-%d %H:%M} UTC; try then")
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


def make_watch(settings: Settings, stores: Stores, clock: Clock, *, owner: str, fence: Fence | None = None) -> Watch:
    """Return the watch step over real stores; with a fence it writes while its holder has the role."""
    from alerts.watch import Watch
    from service.trends import BrandTrends

    return Watch(
        settings,
        desk=stores.state.desk.fenced(fence) if fence else stores.state.desk,
        inbox=stores.inbox,
        search=stores.mentions,
        counts=stores.mentions,
        health=health_reader(settings, stores, clock),
        clock=clock,
        owner=owner,
        kibana=kibana_link(settings),
        trends=BrandTrends(settings.brands, stores.state.trends, stores.mentions),
    )


def kibana_link(settings: Settings) -> Callable[[str, Window], str | None] | None:
    """Return what makes links to Kibana's crisis room; None = `kibana.url` is not set.

    The maker takes a query and an absolute window, and gives None for a link that is too long.
    """
    from dashboards.errors import DashboardError
    from dashboards.links import dashboard_url

    base, space = settings.kibana.url, settings.kibana.space
    if base is None:
        return None

    def link(kql: str, window: Window) -> str | None:
        try:
            return dashboard_url(base, board="crisis-room", window=window, kql=kql, space=space)
        except DashboardError:
            return None

    return link


def make_outbox(
    settings: Settings,
    stores: Stores,
    clock: Clock,
    *,
    owner: str,
    fence: Fence | None = None,
    saved: Callable[[Delivery], None] = lambda delivery: None,
) -> Outbox:
    """Return the outbox over the real channels; with a fence it sends while its holder has the role.

    `saved` is called with every state that a delivery reaches.
    """
    from alerts.notifiers import notifier_specs
    from alerts.outbox import Outbox, OutboxSettings

    return Outbox(
        stores.state.desk.fenced(fence) if fence else stores.state.desk,
        settings.receivers,
        specs=notifier_specs(),
        clock=clock,
        settings=OutboxSettings(
            owner=owner,
            locale=settings.locale,
            operator=settings.operator,
            messages_per_hour=settings.watch.messages_per_hour,
        ),
        network=settings.network,
        saved=saved,
    )


def make_auditor(settings: Settings, stores: Stores, clock: Clock, *, fence: Fence | None = None) -> Auditor:
    """Return what audits incidents and deliveries; with a fence it tells while its holder has the role."""
    from alerts.audit import Auditor

    desk = stores.state.desk.fenced(fence) if fence else stores.state.desk
    return Auditor(settings, desk, stores.state.figures.ownerless, clock)


def make_daily(settings: Settings, stores: Stores, clock: Clock, *, fence: Fence | None = None) -> Daily:
    """Return what tells the operator every day that the service listens; with a fence as `make_auditor`."""
    from alerts.daily import Daily

    return Daily(
        settings,
        desk=stores.state.desk.fenced(fence) if fence else stores.state.desk,
        counts=stores.mentions,
        health=health_reader(settings, stores, clock),
        marks=stores.state.marks,
        clock=clock,
    )


def make_heartbeat(settings: Settings, health: Callable[[], Mapping[str, object]]) -> Heartbeat:
    """Return what tells an outside watchdog how the service is, through the product's own proxy."""
    from alerts.notifiers.road import Road
    from service.heartbeat import Heartbeat

    network = settings.network
    timeout_s = min(network.timeout.total_seconds(), 10.0)
    road = Road(proxy=network.proxy, no_proxy=network.no_proxy, ca=network.ca, timeout_s=timeout_s)
    return Heartbeat(settings.heartbeat, health, road)


def owner_name(role: str) -> str:
    """Return a name for leases that no other caller has: role, host, process, and chance for containers."""
    return f"{role}@{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(3)}"


def find_config(path: Path | None) -> Path:
    """Return the settings file to use: the given one, or `tingfeng.yaml` here.

    Raises:
        UsageError: none is given and there is none here.
    """
    if path is not None:
        return path
    here = Path("tingfeng.yaml")
    if here.exists():
        return here
    raise UsageError("no settings: give --config FILE, or make tingfeng.yaml here with `tingfeng init --brand NAME`")


@contextmanager
def opened(path: Path | None) -> Iterator[tuple[Settings, Stores]]:
    """Give the settings and their open stores, and close the stores behind."""
    settings = load_settings(find_config(path))
    stores = open_stores(settings)
    try:
        yield settings, stores
    finally:
        stores.close()
