"""Builds every object; nobody else constructs across packages.

Imports lie inside the functions: a command pays only for the packages it needs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Settings
from domain.clock import Clock
from domain.incident import Delivery
from domain.moment import Window
from domain.ports import Fence, Inbox, MentionWriter
from service.errors import ServiceError, UsageError
from service.logs import hide_secrets
from service.pipeline import Pipeline
from service.privacy import PrivateInbox
from service.unfinished import refuse_unfinished
from service.wiring_sources import (
    browser_problem,
    credential_reader,
    health_reader,
    make_browser,
    make_crawler,
    make_reception,
    make_single_page,
    make_trial,
    owner_name,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from alerts.audit import Auditor
    from alerts.daily import Daily
    from alerts.outbox import Outbox
    from alerts.watch import Watch
    from analysis.tagger import Tagger
    from config.specs import Specs
    from service.heartbeat import Heartbeat
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
    from storage.state.engine import parse_url

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


def make_watch(settings: Settings, stores: Stores, clock: Clock, *, owner: str, fence: Fence | None = None) -> Watch:
    """Return the watch step over real stores; with a fence it writes while its holder has the role."""
    from alerts.watch import Watch
    from service.trends import BrandTrends

    hold = max((each.options.hold for each in settings.rules if each.kind == "trend"), default=timedelta(0))
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
        trends=BrandTrends(settings.brands, stores.state.trends, stores.mentions, hold=hold),
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
