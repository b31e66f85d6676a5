"""The settings tree: what one `tingfeng.yaml` says, after defaults and secrets."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from config.marks import HostPort, Identifier, Query, Range, Url
from domain.incident import Severity
from domain.secret import Secret
from domain.tagging import BrandDefinition, RiskCategory, TopicDefinition

__all__ = [
    "AccountSettings",
    "AnalyseSettings",
    "CrawlSettings",
    "EscalationStep",
    "HealthSettings",
    "HeartbeatSettings",
    "IngestPartner",
    "IngestSettings",
    "KibanaSettings",
    "NetworkSettings",
    "OutletSettings",
    "PrivacySettings",
    "ReceiverSettings",
    "RetentionSettings",
    "RouteSettings",
    "RuleSettings",
    "Settings",
    "SourceSettings",
    "StorageSettings",
    "WatchSettings",
]

ProxySetting = str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One configured collection: platform, transport, and query or address."""

    name: Annotated[str, Identifier()]
    """Unique name; derived from platform and address or query when not given."""
    platform: str
    """Name of a platform module, such as feed, weibo or hackernews; docs/sources.md lists them."""
    transport: str = "open"
    """Lawful road: open, cookie, official, rsshub, browser, file."""
    url: Annotated[str, Url()] | None = None
    """Address of a feed or page; None where the platform knows its own addresses."""
    base_url: Annotated[str, Url()] | None = None
    """Where the source's own origin is really fetched from (a mirror, a test server)."""
    query: tuple[str, ...] = ()
    """Words to search for; empty = one visit for each brand's name."""
    brands: tuple[str, ...] = ()
    """Ids of the brands this source is for; empty = all."""
    interval: Annotated[timedelta, Range(timedelta(seconds=10), timedelta(days=30))] = timedelta(minutes=5)
    """Time between visits, at least 10 s, on the average: all sources together are visited as often as their intervals
    say, busy ones more often and quiet ones less."""
    interval_min: Annotated[timedelta, Range(timedelta(seconds=10), timedelta(days=30))] | None = None
    """Shortest time between visits, however much is new; None = as the platform bears, at most `interval`."""
    interval_max: Annotated[timedelta, Range(timedelta(seconds=10), timedelta(days=30))] | None = None
    """Longest time between visits, however quiet; None = twice `interval`."""
    canary: str | None = None
    """Word that always finds something, searched now and then to see that the source still answers; None = the
    platform's own, empty = none."""
    quota: Annotated[int, Range(1)] | None = None
    """Most requests in a day of Asia/Shanghai; None = the platform's own, or no limit."""
    pace: Annotated[timedelta, Range(timedelta(0), timedelta(hours=1))] = timedelta(seconds=2)
    """Least time between two requests to one site."""
    limit: Annotated[int, Range(1, 10_000)] = 200
    """Most posts taken from one visit, 1 to 10,000."""
    pages: Annotated[int, Range(1, 50)] = 3
    """Most list pages of one visit, 1 to 50."""
    follow: bool = False
    """Fetch the page behind each new entry and take its text."""
    robots: Literal["obey", "override"] = "obey"
    """Whether robots.txt is obeyed; `override` is the operator's own responsibility."""
    verify_tls: bool = True
    """Check the server's certificate."""
    proxy: ProxySetting = None
    """Proxy for this source: a URL, `env`, `none`; None = the global setting."""
    cookie: Secret | None = None
    """Operator's own cookie for the transports `cookie` and `browser`; sent to the platform's hosts only."""
    token: Secret | None = None
    """Key or token for transport `official`."""
    client_id: str | None = None
    """Id of your application where the platform gives tokens for id and secret (Reddit, Douyin)."""
    client_secret: Secret | None = None
    """Secret of that application; the token is then fetched and renewed by itself."""
    outlet: str | None = None
    """Name of the medium; None = as the page says."""
    tier: str | None = None
    """Outlet tier, such as 中央 or 门户; None = unknown."""
    options: Any = None
    """The platform's own settings: an instance of its SPEC's settings type; None = none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """An account whose posts are ours, a rival's, or worth reading each."""

    platform: str
    """Platform of the account, such as weibo."""
    id: str
    """Its native id there, such as the uid."""
    name: str | None = None
    """Shown name; None = as the platform prints it."""
    role: Literal["owned", "competitor", "watch"] = "owned"
    """owned = ours: its posts are flagged and not counted; competitor = a rival's; watch = every post is a mention."""
    brand: str | None = None
    """Id of the brand that it speaks for, or whose posts count for; None = all brands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletSettings:
    """The tier of a medium, by its host or by its name."""

    name: str
    """Name of the medium as people know it."""
    tier: str
    """Tier, such as 中央, 省级, 行业, 门户 or 自媒体."""
    hosts: tuple[str, ...] = ()
    """Hosts of its pages, without www; hosts below them count too."""
    aliases: tuple[str, ...] = ()
    """Other names under which pages print it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPartner:
    """Who may send mentions over HTTP."""

    name: Annotated[str, Identifier()]
    """Name of the partner; the mentions' source is `ingest:<name>`. A name may stand twice while its secret changes."""
    secret: Secret
    """Shared secret that signs each request, of 24 characters or more; `openssl rand -hex 32` makes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """The HTTP endpoint to which data partners send mentions; it runs only where `partners` are named."""

    host: str = "127.0.0.1"
    """Address it listens on; put a reverse proxy with TLS before it."""
    port: Annotated[int, Range(0, 65_535)] = 8651
    """Port; 0 = any free one."""
    partners: tuple[IngestPartner, ...] = ()
    """Who may send."""
    body_bytes: Annotated[int, Range(1_000, 100_000_000)] = 5_000_000
    """Largest request, bytes, packed and unpacked."""
    memory_bytes: Annotated[int, Range(0)] = 600_000_000
    """Resident memory at which the role ends in order and is started afresh; 0 = no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """One rule: a condition over a window that raises an incident."""

    name: Annotated[str, Identifier()]
    """Unique name."""
    kind: str
    """Kind of rule: match, threshold, burst, trend."""
    title: str = ""
    """Name for people; empty = the name."""
    brands: tuple[str, ...] = ()
    """Brand ids it watches; empty = all."""
    severity: Severity = Severity.HIGH
    """Level of its incidents."""
    pending: timedelta = timedelta(0)
    """How long the condition must hold before the incident opens."""
    cooling: timedelta = timedelta(hours=1)
    """How long the condition must be false, with data, before it is resolved."""
    enabled: bool = True
    """False = the rule is not evaluated."""
    options: Any = None
    """The kind's own settings: an instance of its SPEC's settings type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSettings:
    """A named set of channels."""

    name: Annotated[str, Identifier()]
    """Unique name."""
    channels: tuple[tuple[str, Any], ...] = ()
    """(channel name, its SPEC's settings), in the order of the file."""
    fallback: str | None = None
    """Receiver that takes over when a channel is broken; None = none."""
    locale: Literal["zh", "en"] | None = None
    """Language of its messages; None = the global one."""
    proxy: ProxySetting = None
    """Proxy for its channels: a URL, `env`, `none`; None = the global setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationStep:
    """Who is told next when nobody acknowledges."""

    after: timedelta
    """Time since the incident opened without acknowledgement."""
    to: str
    """Receiver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings:
    """Which incidents go to which receiver; the first that matches wins unless `proceed`."""

    match: Annotated[str, Query(labels=True)] = ""
    """Query over labels (rule, kind, brand, severity, topic, risk); empty = all."""
    to: str
    """Receiver."""
    proceed: bool = False
    """Go on to later routes after this one matched (key `continue`)."""
    escalate: tuple[EscalationStep, ...] = ()
    """Steps in order of `after`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """How we reach the outside."""

    proxy: ProxySetting = None
    """Global proxy: a URL, or `env` for the environment's; None = direct."""
    no_proxy: tuple[str, ...] = ()
    """Hosts reached directly: exact names, or .suffix."""
    ca: Path | None = None
    """PEM file of authorities that sources and channels may also be vouched for by, such as a company proxy's."""
    allow_internal: tuple[Annotated[str, HostPort()], ...] = ()
    """Exact host:port pairs of internal servers that a source's own base may name."""
    user_agent: str = "Tingfeng/0.1 (+brand monitoring; see robots policy)"
    """What we call ourselves."""
    timeout: Annotated[timedelta, Range(timedelta(seconds=1), timedelta(minutes=10))] = timedelta(seconds=30)
    """Hard limit of one request, real time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Where state and mentions live."""

    state: Secret | None = None
    """SQLAlchemy URL of the state database; None = SQLite in data_dir."""
    mentions: Literal["memory", "sqlite", "elasticsearch"] = "sqlite"
    """Kind of mention store."""
    elasticsearch_url: Annotated[str, Url()] | None = None
    """Address of Elasticsearch; None = not used."""
    elasticsearch_nodes: tuple[str, ...] = ()
    """Addresses of further nodes of the same cluster, asked when the first is away."""
    elasticsearch_api_key: Secret | None = None
    """Encoded API key; goes before user and password."""
    elasticsearch_user: str | None = None
    """User of Elasticsearch; None = no login."""
    elasticsearch_password: Secret | None = None
    """Password of that user."""
    elasticsearch_ca: Path | None = None
    """File with the certificate authority of Elasticsearch; None = those of the system."""
    elasticsearch_verify: bool = True
    """Check the certificate of Elasticsearch."""
    index_prefix: Annotated[str, Identifier(lower=True)] = "mentions"
    """Name of the read alias; indices are `<prefix>-YYYY.MM`."""
    index_shards: Annotated[int, Range(1, 100)] = 1
    """Primary shards of a new index, 1 to 100; about 30 GB each is a good size."""
    index_replicas: Annotated[int, Range(0, 5)] = 1
    """Most copies of each shard, 0 to 5; fewer nodes keep fewer."""
    index_refresh: Annotated[timedelta, Range(timedelta(milliseconds=1), timedelta(minutes=1))] = timedelta(seconds=1)
    """Time until what was written can be found; storing a batch waits so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlSettings:
    """Limits of the crawl role."""

    visits: Annotated[int, Range(1, 64)] = 8
    """Most visits at the same time, 1 to 64."""
    visit_deadline: timedelta = timedelta(minutes=2)
    """Hard limit of one visit, real time."""
    adaptive: bool = True
    """Visit busy sources more often and quiet ones less often; false = each exactly at its `interval`."""
    canary: Annotated[timedelta, Range(timedelta(minutes=5), timedelta(days=1))] = timedelta(minutes=30)
    """Time between two looks whether a search still finds what it must find."""
    inbox_limit: Annotated[int, Range(100)] = 50_000
    """Visits pause while the inbox holds more rows; they go on below 80 % of it."""
    disk_free_bytes: Annotated[int, Range(0)] = 500_000_000
    """Visits pause while the disk has less free space; they go on above 110 % of it. All else goes on."""
    extract_workers: Annotated[int, Range(0, 64)] = 1
    """Processes that extract article text, 0 = in a thread."""
    memory_bytes: Annotated[int, Range(0)] = 600_000_000
    """Resident memory at which the role ends in order and is started afresh; 0 = no limit."""
    recycle: Annotated[timedelta, Range(timedelta(minutes=10))] = timedelta(hours=24)
    """The role is started afresh so often, real time."""
    browser: Path | None = None
    """Program of Chromium or Chrome for sources with transport `browser`; None = the one that is installed."""
    browser_visits: Annotated[int, Range(1, 10_000)] = 100
    """The browser is started afresh after so many visits."""
    browser_memory_bytes: Annotated[int, Range(0)] = 1_500_000_000
    """Memory of all processes of the browser at which it is started afresh; at 1.5 times that its visits are ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyseSettings:
    """Limits of the analyse role."""

    workers: Annotated[int, Range(1, 64)] = 1
    """Processes that tag, 1 to 64."""
    batch: Annotated[int, Range(1, 2_000)] = 200
    """Most mentions of one batch, 1 to 2,000; while the store is slow, batches are smaller."""
    lease: timedelta = timedelta(minutes=5)
    """Time after which an unfinished batch is taken again, real time; longer while the store is slow."""
    attempts: Annotated[int, Range(1, 100)] = 5
    """Tries before a mention is set aside."""
    disk_free_bytes: Annotated[int, Range(0)] = 50_000_000
    """Tagging pauses while the disk has less free space; what is left is for incidents and messages."""
    memory_bytes: Annotated[int, Range(0)] = 1_500_000_000
    """Resident memory at which a process ends in order and is started afresh; 0 = no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """Pace of detection and people's deadlines."""

    tick: Annotated[timedelta, Range(timedelta(seconds=1), timedelta(hours=1))] = timedelta(minutes=1)
    """Time between evaluations without news."""
    ack_for: timedelta = timedelta(hours=4)
    """How long an acknowledgement holds."""
    history: Annotated[timedelta, Range(timedelta(days=1), timedelta(days=400))] = timedelta(days=14)
    """How far back expectations look."""
    messages_per_hour: Annotated[int, Range(1, 1_000)] = 30
    """Most messages per channel and hour, critical ones exempt; the rest waits."""
    memory_bytes: Annotated[int, Range(0)] = 1_000_000_000
    """Resident memory at which the role ends in order and is started afresh; 0 = no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """How long things are kept."""

    mentions: Annotated[timedelta, Range(timedelta(hours=1))] = timedelta(days=730)
    """Mentions of watched brands."""
    candidates: Annotated[timedelta, Range(timedelta(hours=1))] = timedelta(days=14)
    """Posts that named no brand."""
    evaluations: Annotated[timedelta, Range(timedelta(hours=1))] = timedelta(days=30)
    """Looks of the rules."""
    dead_letters: Annotated[timedelta, Range(timedelta(hours=1))] = timedelta(days=90)
    """Posts that were set aside because they could not be stored."""
    messages: Annotated[timedelta, Range(timedelta(hours=1))] = timedelta(days=90)
    """Texts of messages that are finished; that they were sent, when and to whom stays."""
    trends: Annotated[timedelta, Range(timedelta(hours=1))] = timedelta(days=30)
    """Stays of lines on hot lists, with their ranks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings:
    """The health page."""

    host: str = "127.0.0.1"
    """Address it listens on."""
    port: Annotated[int, Range(0, 65_535)] = 8650
    """Port; 0 = any free one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatSettings:
    """Signs of life to the outside: to a watchdog that notices our silence, and to the operator."""

    url: Secret | None = None
    """Address asked while all is well, with `/fail` behind it when not (healthchecks.io and the like); None = none."""
    interval: Annotated[timedelta, Range(timedelta(seconds=10), timedelta(days=1))] = timedelta(minutes=1)
    """Time between two signs to the watchdog, real time."""
    daily_hour: Annotated[int, Range(0, 23)] | None = None
    """Hour of Asia/Shanghai at which the operator hears every day that we still listen; None = not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KibanaSettings:
    """Kibana: links in messages, and installing its dashboards."""

    url: Annotated[str, Url()] | None = None
    """Address that people open, base path included; None = no links to Kibana."""
    space: str = ""
    """Space that holds the dashboards; empty = the default one."""
    api_key: Secret | None = None
    """Encoded API key for installing; goes before user and password."""
    user: str | None = None
    """User for installing; None = no login."""
    password: Secret | None = None
    """Password of that user."""
    ca: Path | None = None
    """File with the certificate authority of Kibana; None = those of the system."""
    verify_tls: bool = True
    """Check the certificate of Kibana."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacySettings:
    """What is kept of people."""

    pseudonymize_authors: bool = False
    """Store author ids hashed and names masked."""
    author_region: bool = False
    """Keep the region that a platform prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything one installation is told."""

    path: Path
    """File it was read from."""
    data_dir: Path
    """Folder of state, stores and evidence; absolute."""
    locale: Literal["zh", "en"] = "zh"
    """Language of messages."""
    public_url: Annotated[str, Url()] | None = None
    """Our own address for people; None = messages do not link to us."""
    brands: tuple[BrandDefinition, ...] = ()
    """Brands to watch."""
    sources: tuple[SourceSettings, ...] = ()
    """Collections."""
    accounts: tuple[AccountSettings, ...] = ()
    """Own accounts, rivals' accounts, and a watch list."""
    outlets: tuple[OutletSettings, ...] = ()
    """Media and their tiers, packaged ones included."""
    rules: tuple[RuleSettings, ...] = ()
    """Rules, packaged defaults included unless switched off."""
    receivers: tuple[ReceiverSettings, ...] = ()
    """Receivers."""
    routes: tuple[RouteSettings, ...] = ()
    """Routes in order; without any, everything goes to every receiver."""
    operator: str | None = None
    """Receiver of notices about the system itself; None = log and health page only."""
    topics: tuple[TopicDefinition, ...] = ()
    """Topics, packaged ones included."""
    risks: tuple[RiskCategory, ...] = ()
    """Risk categories, packaged ones included."""
    network: NetworkSettings = field(default_factory=NetworkSettings)
    """How we reach the outside."""
    storage: StorageSettings = field(default_factory=StorageSettings)
    """Where state and mentions live."""
    crawl: CrawlSettings = field(default_factory=CrawlSettings)
    """Limits of the crawl role."""
    analyse: AnalyseSettings = field(default_factory=AnalyseSettings)
    """Limits of the analyse role."""
    watch: WatchSettings = field(default_factory=WatchSettings)
    """Pace of detection."""
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    """How long things are kept."""
    health: HealthSettings = field(default_factory=HealthSettings)
    """The health page (key `healthz`)."""
    heartbeat: HeartbeatSettings = field(default_factory=HeartbeatSettings)
    """Signs of life to the outside."""
    kibana: KibanaSettings = field(default_factory=KibanaSettings)
    """Kibana, where the team searches there."""
    ingest: IngestSettings = field(default_factory=IngestSettings)
    """Mentions that partners send over HTTP."""
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    """What is kept of people."""
    warnings: tuple[str, ...] = ()
    """Things a person may care about, found while loading."""
