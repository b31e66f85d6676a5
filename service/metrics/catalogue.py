"""Every metric of `/metrics`: name, kind, labels, meaning and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["CATALOGUE", "ROLE_METRICS", "Metric"]

_MINUTES = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0)
_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SIZES = (1.0, 5.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric."""

    name: str
    """Name as it is scraped, unit and `_total` included."""
    kind: Literal["counter", "gauge", "histogram"]
    """What it is to Prometheus."""
    origin: Literal["store", "service", "role"]
    """store: survives a restart, same on every machine; service: this machine now; role: since that process began."""
    doc: str
    """What it says."""
    labels: tuple[str, ...] = ()
    """Names of its labels; a role's metrics carry `role` as well."""
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, in its unit."""


_ALL = (
    Metric(
        name="tingfeng_build_info",
        kind="gauge",
        origin="service",
        labels=("version", "python"),
        doc="Always 1; its labels name the version that runs.",
    ),
    Metric(
        name="tingfeng_start_time_seconds",
        kind="gauge",
        origin="service",
        doc="When the service began, Unix time of the system's clock.",
    ),
    Metric(name="tingfeng_healthy", kind="gauge", origin="service", doc="1 while `/healthz` answers 200, else 0."),
    Metric(
        name="tingfeng_problems",
        kind="gauge",
        origin="service",
        labels=("code",),
        doc="Problems that `/healthz` names, by code; the series of a code ends with it.",
    ),
    Metric(
        name="tingfeng_figures_age_seconds",
        kind="gauge",
        origin="service",
        doc="How old the figures read from the stores are; grows while a store does not answer.",
    ),
    Metric(
        name="tingfeng_role_up",
        kind="gauge",
        origin="service",
        labels=("role",),
        doc="1 while the role's process beats and waits for nothing, else 0.",
    ),
    Metric(
        name="tingfeng_role_restarts_total",
        kind="counter",
        origin="service",
        labels=("role",),
        doc="How often the role's process was started again.",
    ),
    Metric(
        name="tingfeng_role_heartbeat_age_seconds",
        kind="gauge",
        origin="service",
        labels=("role",),
        doc="Time since the role's process last said that it lives.",
    ),
    Metric(
        name="tingfeng_role_memory_bytes",
        kind="gauge",
        origin="service",
        labels=("role",),
        doc="Memory of the role's process, without children and, on Linux, without pages of mapped files.",
    ),
    Metric(
        name="tingfeng_disk_free_bytes",
        kind="gauge",
        origin="service",
        doc="Free space on the disk that holds data_dir.",
    ),
    Metric(
        name="tingfeng_visits_total",
        kind="counter",
        origin="store",
        labels=("source", "outcome"),
        doc="Visits by outcome, docs/sources.md lists the outcomes.",
    ),
    Metric(name="tingfeng_pages_total", kind="counter", origin="store", labels=("source",), doc="Pages read."),
    Metric(
        name="tingfeng_mentions_parsed_total",
        kind="counter",
        origin="store",
        labels=("source",),
        doc="Posts read from pages, known ones included.",
    ),
    Metric(
        name="tingfeng_mentions_new_total",
        kind="counter",
        origin="store",
        labels=("source",),
        doc="Posts seen for the first time.",
    ),
    Metric(
        name="tingfeng_mentions_matched_total",
        kind="counter",
        origin="store",
        labels=("source",),
        doc="New posts that named a brand.",
    ),
    Metric(
        name="tingfeng_posts_dropped_total",
        kind="counter",
        origin="store",
        labels=("source", "reason"),
        doc="Posts that the crawl role let go, by reason.",
    ),
    Metric(
        name="tingfeng_source_state",
        kind="gauge",
        origin="store",
        labels=("source", "state"),
        doc="1 for the state the source is in (new, live, blind, paused), 0 for the others.",
    ),
    Metric(
        name="tingfeng_source_last_success_timestamp_seconds",
        kind="gauge",
        origin="store",
        labels=("source",),
        doc="Last visit that proved life, Unix time; absent = none did yet.",
    ),
    Metric(name="tingfeng_inbox_rows", kind="gauge", origin="store", doc="Rows of the inbox not yet tagged."),
    Metric(
        name="tingfeng_inbox_oldest_age_seconds",
        kind="gauge",
        origin="store",
        doc="Age of the oldest row of the inbox; 0 = it is empty.",
    ),
    Metric(name="tingfeng_dead_letters", kind="gauge", origin="store", doc="Mentions set aside with a reason."),
    Metric(
        name="tingfeng_deliveries",
        kind="gauge",
        origin="store",
        labels=("receiver", "channel", "state"),
        doc="Deliveries in the state database by state.",
    ),
    Metric(
        name="tingfeng_deliveries_oldest_age_seconds",
        kind="gauge",
        origin="store",
        labels=("receiver", "channel"),
        doc="Age of the oldest message that is not delivered yet; 0 = none waits.",
    ),
    Metric(
        name="tingfeng_channel_state",
        kind="gauge",
        origin="store",
        labels=("receiver", "channel", "state"),
        doc="1 for the state the channel is in (ok, held, broken, standby), 0 for the others.",
    ),
    Metric(
        name="tingfeng_incidents_open",
        kind="gauge",
        origin="store",
        labels=("severity", "state"),
        doc="Incidents that are not resolved.",
    ),
    Metric(
        name="tingfeng_mentions_dropped_total",
        kind="counter",
        origin="role",
        labels=("reason",),
        doc="Mentions that the analyse role let go, by reason.",
    ),
    Metric(
        name="tingfeng_lag_seconds",
        kind="histogram",
        origin="role",
        labels=("stage",),
        buckets=_MINUTES,
        doc="Time from one step to a later one: event_to_collected, collected_to_stored, queued_to_accepted, "
        "event_to_accepted (begin of an incident to the channel's ok of its first message). "
        "History of a new source is left out.",
    ),
    Metric(
        name="tingfeng_analyse_batch_mentions",
        kind="histogram",
        origin="role",
        buckets=_SIZES,
        doc="Mentions in one batch.",
    ),
    Metric(
        name="tingfeng_analyse_batch_seconds",
        kind="histogram",
        origin="role",
        buckets=_SECONDS,
        doc="Real time from the lease of a batch to its acknowledgement.",
    ),
    Metric(
        name="tingfeng_evaluation_seconds",
        kind="histogram",
        origin="role",
        buckets=_SECONDS,
        doc="Real time of one evaluation of the rules.",
    ),
    Metric(name="tingfeng_evaluated_total", kind="counter", origin="role", doc="Looks of a rule at a group."),
    Metric(
        name="tingfeng_delivery_outcomes_total",
        kind="counter",
        origin="role",
        labels=("channel", "outcome"),
        doc="What calls to a channel came to: the delivery's state after it, docs/channels.md lists them.",
    ),
    Metric(
        name="tingfeng_clock_offset_seconds",
        kind="gauge",
        origin="role",
        doc="The system's clock less that of the servers we read, median over hosts; absent = too few hosts.",
    ),
    Metric(
        name="tingfeng_log_lines_suppressed_total",
        kind="counter",
        origin="role",
        labels=("level",),
        doc="Log lines that were counted instead of written.",
    ),
)

CATALOGUE: Mapping[str, Metric] = {metric.name: metric for metric in _ALL}
"""Every metric by name."""
ROLE_METRICS: tuple[Metric, ...] = tuple(metric for metric in _ALL if metric.origin == "role")
"""Those that a role counts itself and sends with its heartbeat."""
