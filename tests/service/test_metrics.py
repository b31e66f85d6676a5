"""The page `/metrics`: what it says can be scraped, is bounded, and gives nothing away."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from prometheus_client.core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text

from alerts.delivery import queue
from alerts.report import AlertReport
from config.settings import ReceiverSettings, Settings
from domain.clock import ManualClock
from domain.incident import Delivery, DeliveryKind, DeliveryState, Severity
from domain.mention import Flag, Mention
from domain.ports import PutResult
from domain.source import SourceState, VisitState
from service.metrics.catalogue import CATALOGUE
from service.metrics.collector import MAX_SERIES, OTHER, exposition, wire_samples
from service.metrics.figures import Figures
from service.observe import Observed, on_saved
from service.problems import CODES
from service.status import Reading, Status
from storage.state.figures import ChannelFigures
from tests.docs import DOCS
from tests.service.scene import NOW, SETTINGS, figures, role, source, watching
from tests.storage.desk_sample import delivery, with_state
from tests.storage.sample import mention

MINUTE = timedelta(minutes=1)
HOSTILE = 'a"b\\c\n# HELP x y\nx{z="1"} 1\u202e\x1b[31m' + "很" * 300


def families(raw: bytes) -> dict[str, Family]:
    return {family.name: family for family in parse_text(raw.decode())}


def value(raw: bytes, sample: str, **labels: str) -> float:
    (found,) = [
        each.value
        for family in families(raw).values()
        for each in family.samples
        if each.name == sample and labels.items() <= each.labels.items()
    ]
    return found


def status(reading: Reading | None = None, settings: Settings = SETTINGS, roles: Sequence[object] = ()) -> Status:
    def read() -> Reading:
        if reading is None:
            raise OSError("password=geheim: no route")
        return reading

    shown = list(roles) or [role("crawl"), role("analyse"), watching()]
    return Status(settings, ManualClock(NOW), lambda: shown, read)  # type: ignore[arg-type,return-value]  # views


def reading(**changes: object) -> Reading:
    visits = VisitState(
        source="a",
        platform="feed",
        due_at=NOW,
        pages_seen=9,
        posts_seen=8,
        posts_new=7,
        posts_matched=6,
        outcomes=(("captcha", 2), ("ok", 5)),
        drops=(("no_text", 4),),
    )
    base: dict[str, object] = {"figures": figures(), "sources": (source("a"),), "visits": {"a": visits}}
    return Reading(**(base | changes))  # type: ignore[arg-type]  # fields by name


def test_the_stores_are_told_by_source_channel_and_incident() -> None:
    channels = {
        ("pr", "slack"): ChannelFigures(
            states={"held": 2, "delivered": 3}, oldest_waiting_at=NOW - timedelta(minutes=2)
        )
    }
    told = figures(
        channels=channels, incidents={("critical", "open"): 2}, inbox_rows=4, inbox_oldest_at=NOW - timedelta(minutes=1)
    )
    settings = replace(SETTINGS, receivers=(ReceiverSettings(name="pr", channels=(("slack", object()),)),))
    raw, content_type = status(reading(figures=told), settings).metrics()
    assert content_type.startswith("text/plain; version=0.0.4")
    assert value(raw, "tingfeng_visits_total", source="a", outcome="captcha") == 2
    assert value(raw, "tingfeng_mentions_matched_total", source="a") == 6
    assert value(raw, "tingfeng_posts_dropped_total", source="a", reason="no_text") == 4
    assert value(raw, "tingfeng_source_state", source="a", state="live") == 1
    assert value(raw, "tingfeng_deliveries", receiver="pr", channel="slack", state="held") == 2
    assert value(raw, "tingfeng_deliveries_oldest_age_seconds", receiver="pr") == 120
    assert value(raw, "tingfeng_channel_state", receiver="pr", state="ok") == 1
    assert value(raw, "tingfeng_incidents_open", severity="critical", state="open") == 2
    assert value(raw, "tingfeng_inbox_rows") == 4 and value(raw, "tingfeng_inbox_oldest_age_seconds") == 60
    assert value(raw, "tingfeng_healthy") == 1
    open_raw, open_type = status(reading()).metrics("application/openmetrics-text; version=1.0.0")
    assert "openmetrics" in open_type
    assert {family.name for family in parse_open(open_raw.decode())} >= {"tingfeng_visits", "tingfeng_healthy"}


def test_a_page_without_a_store_still_tells_of_the_roles() -> None:
    raw, _ = status(None, roles=[role("crawl", ok=False, pid=None, restarts=4)]).metrics()
    assert value(raw, "tingfeng_role_restarts_total", role="crawl") == 4
    assert value(raw, "tingfeng_healthy") == 0
    assert value(raw, "tingfeng_problems", code="store_silent") == 1
    assert b"geheim" not in raw


def test_what_a_role_counted_travels_in_its_heartbeat() -> None:
    counted = Figures()
    counted.count("tingfeng_mentions_dropped_total", 3, reason="dead_letter")
    counted.observe("tingfeng_analyse_batch_seconds", 0.3)
    counted.observe("tingfeng_analyse_batch_seconds", -1.0)
    counted.set("tingfeng_clock_offset_seconds", 0.0)
    beat = json.loads(json.dumps({"figures": counted.snapshot()}))
    raw, _ = status(reading(), roles=[role("analyse-2", detail=beat)]).metrics()
    assert value(raw, "tingfeng_mentions_dropped_total", reason="dead_letter", role="analyse-2") == 3
    assert value(raw, "tingfeng_analyse_batch_seconds_count", role="analyse-2") == 2
    assert value(raw, "tingfeng_analyse_batch_seconds_sum") == pytest.approx(0.3)
    assert value(raw, "tingfeng_analyse_batch_seconds_bucket", le="0.25") == 1
    assert value(raw, "tingfeng_clock_offset_seconds") == 0.0
    assert "tingfeng_evaluation_seconds" not in families(raw)
    assert all("figures" not in role["detail"] for role in status(roles=[role("x", detail=beat)]).health()["roles"])  # type: ignore[attr-defined]


def test_a_heartbeat_with_rubbish_in_it_harms_nothing() -> None:
    rubbish = [["tingfeng_nothing_total", {}, 1], ["x"], 7, ["tingfeng_pages_total", {"source": "s"}, "9"], None]
    assert wire_samples(rubbish) == [("tingfeng_nothing_total", {}, 1.0)]
    assert wire_samples("rubbish") == []
    raw, _ = exposition([], {"crawl": wire_samples(rubbish)})
    assert families(raw) == {}


def test_hostile_names_are_escaped_and_bounded() -> None:
    hostile = reading(sources=(source(HOSTILE, SourceState.BLIND, HOSTILE),))
    raw, _ = status(hostile, roles=[role(HOSTILE)]).metrics()
    assert all(name.startswith("tingfeng_") for name in families(raw))
    (labels,) = {each.labels["source"] for each in families(raw)["tingfeng_source_state"].samples}
    assert labels.startswith('a"b\\c\\n# HELP x y\\nx{z="1"} 1[31m很') and len(labels) == 100
    assert "\u202e" not in raw.decode() and "\x1b" not in raw.decode()


def test_names_that_look_the_same_share_one_series() -> None:
    raw, _ = exposition(
        [("tingfeng_pages_total", {"source": name}, 1) for name in ("a\u200b", "a", "a\u202e", "b")], {}
    )
    assert value(raw, "tingfeng_pages_total", source="a") == 3


def test_thousands_of_sources_are_added_up_beyond_a_limit() -> None:
    raw, _ = exposition([("tingfeng_pages_total", {"source": f"s{n}"}, 1) for n in range(MAX_SERIES + 250)], {})
    assert len(families(raw)["tingfeng_pages"].samples) == MAX_SERIES + 1
    assert value(raw, "tingfeng_pages_total", source=OTHER) == 250


def test_names_follow_the_conventions() -> None:
    for metric in CATALOGUE.values():
        assert metric.name.startswith("tingfeng_") and metric.doc.endswith((".", ")"))
        assert (metric.kind == "counter") == metric.name.endswith("_total")
        assert (metric.kind == "histogram") == bool(metric.buckets)
        assert not any(word in metric.name for word in ("_ms", "_minutes", "_kb", "_mb"))


class _Writer:
    def put(self, mentions: Sequence[Mention], *, now: object) -> PutResult:
        created = frozenset(each.id for each in mentions if "new" in each.id)
        return PutResult(created=created, updated=frozenset(), unchanged=frozenset())

    def delete_before(self, moment: object, *, candidates: bool) -> int:
        return 3

    def erase_author(self, **which: object) -> int:
        return 4


def counted(of: Figures) -> dict[str, float]:
    whole = [sample for sample in of.snapshot() if "le" not in sample[1]]
    return {name + "".join(sorted(labels.values())): value for name, labels, value in whole}


def test_new_mentions_tell_how_late_they_were_and_history_does_not() -> None:
    seen = Figures()
    writer = Observed(_Writer(), seen)
    at = NOW + timedelta(minutes=10)
    collected = [replace(mention(id), first_collected_at=NOW) for id in ("new1", "known", "new2")]
    collected[2] = replace(collected[2], flags=frozenset({Flag.BACKFILL}))
    assert writer.put(collected, now=at).created == {collected[0].id, collected[2].id}
    assert counted(seen)["tingfeng_lag_seconds_countcollected_to_stored"] == 1
    assert counted(seen)["tingfeng_lag_seconds_sumcollected_to_stored"] == 600
    assert (writer.delete_before(NOW, candidates=True), writer.erase_author(platform="web", name="x")) == (3, 4)


def firing(sent_after: timedelta) -> Delivery:
    report = AlertReport(
        kind=DeliveryKind.FIRING,
        incident="AB2CD",
        seq=1,
        severity=Severity.CRITICAL,
        brand="b",
        rule="r",
        started_at=NOW - timedelta(minutes=5),
    )
    receiver = ReceiverSettings(name="pr", channels=(("slack", _Options()),))
    (row,) = queue(report, incident_id="AB2CD", receivers=[receiver], severity=Severity.CRITICAL, now=NOW)
    return replace(row, state=DeliveryState.DELIVERED, sent_at=NOW + sent_after)


class _Options:
    target = "C1"


def test_a_delivery_tells_its_outcomes_and_how_long_it_took() -> None:
    seen = Figures()
    saved = on_saved(seen)
    saved(with_state(delivery(1), DeliveryState.SENDING))
    saved(with_state(delivery(1), DeliveryState.DELIVERED, sent_at=delivery(1).created_at + timedelta(seconds=4)))
    assert counted(seen)["tingfeng_delivery_outcomes_totaldeliveredslack"] == 1
    assert counted(seen)["tingfeng_delivery_outcomes_totalsendingslack"] == 1
    assert counted(seen)["tingfeng_lag_seconds_sumqueued_to_accepted"] == 4
    assert "tingfeng_lag_seconds_sumevent_to_accepted" not in counted(seen)
    saved(firing(timedelta(seconds=10)))
    assert counted(seen)["tingfeng_lag_seconds_sumevent_to_accepted"] == 310


def test_every_metric_is_documented() -> None:
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert [name for name in CATALOGUE if f"| `{name}` |" not in page] == []
    assert [code for code in CODES if f"`{code}`" not in page] == ["no_receiver", "dead_letters"]


def test_the_example_rules_ask_for_metrics_that_exist() -> None:
    blocks = (DOCS / "metrics.md").read_text(encoding="utf-8").split("```yaml\n")[1:]
    rules = yaml.safe_load(blocks[1].partition("```")[0])["groups"][0]["rules"]
    asked = {name for rule in rules for name in re.findall(r"tingfeng_\w+", rule["expr"])}
    assert len(rules) == 3 and asked
    assert {name.removesuffix("_bucket") for name in asked} <= set(CATALOGUE)
