"""How visits are shared out: bounds and bursts; a whole day of them is simulated in tests/eval."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crawlers.agenda import Agenda
from crawlers.cadence import Bounds, Cadence, after_posts, bounds_of
from crawlers.platforms import build_platform
from domain.source import Rates, VisitState
from tests.crawlers.pages import source

T = datetime(2026, 6, 20, 8, tzinfo=UTC)
FIVE = timedelta(minutes=5)


def bounds(least: float = 30, usual: float = 300, most: float = 600) -> Bounds:
    return Bounds(
        usual=timedelta(seconds=usual), least=timedelta(seconds=least), most=timedelta(seconds=most)
    )  # fmt: skip


def rate(per_hour: float) -> Rates:
    return Rates(slow=per_hour / 3600, usual=per_hour / 3600)


def test_sources_alike_are_visited_at_their_interval() -> None:
    cadence = Cadence({name: bounds() for name in "abc"})
    for name in "abc":
        cadence.note(name, rate(4), hot=False)
    assert [round(cadence.wait(name, T).total_seconds()) for name in "abc"] == [300, 300, 300]


def test_a_source_that_nothing_is_known_of_keeps_its_interval() -> None:
    assert Cadence({"a": bounds()}).wait("a", T) == FIVE


def test_visits_go_with_the_square_root_of_the_rate_and_keep_the_budget() -> None:
    names = [f"s{number}" for number in range(30)]
    cadence = Cadence({name: bounds(least=1, most=100_000) for name in names})
    for number, name in enumerate(names):
        cadence.note(name, rate(1 + number), hot=False)
    waits = [cadence.wait(name, T).total_seconds() for name in names]
    assert sum(1 / wait for wait in waits) == pytest.approx(len(names) / 300, rel=0.001)
    assert waits[0] / waits[24] == pytest.approx(5.0, rel=0.02)


def test_no_source_leaves_its_bounds() -> None:
    cadence = Cadence({"busy": bounds(least=250), "quiet": bounds(most=330), "fixed": bounds(least=300, most=300)})
    cadence.note("busy", rate(10_000), hot=False)
    cadence.note("quiet", rate(0), hot=False)
    cadence.note("fixed", rate(10_000), hot=True)
    assert [cadence.wait(name, T).total_seconds() for name in ("busy", "quiet", "fixed")] == [275, 330, 300]


@pytest.mark.parametrize(
    ("platform", "more", "least", "most"),
    [
        ("hackernews", {}, 30, 600),
        ("feed", {"url": "https://a.cn/feed"}, 120, 600),
        ("rsshub", {"url": "https://hub.cn/36kr/x"}, 300, 600),
        ("websearch", {"query": ("云杉咖啡",)}, 300, 600),
        ("feed", {"url": "https://a.cn/feed", "interval_min": timedelta(seconds=45)}, 45, 600),
        ("feed", {"url": "https://a.cn/feed", "interval_max": timedelta(hours=1)}, 120, 3_600),
        ("feed", {"url": "https://a.cn/feed", "interval": timedelta(seconds=30)}, 30, 60),
    ],
)
def test_bounds_follow_platform_and_settings(platform: str, more: dict[str, object], least: int, most: int) -> None:
    one = source(**{"interval": FIVE, **more, "platform": platform})
    found = bounds_of(one, build_platform(platform, one.options), adaptive=True)
    assert (found.least.total_seconds(), found.most.total_seconds()) == (least, most)
    assert bounds_of(one, build_platform(platform, one.options), adaptive=False) == Bounds(
        usual=one.interval, least=one.interval, most=one.interval
    )


def test_a_burst_begins_with_posts_that_chance_does_not_explain_and_outlasts_a_gap() -> None:
    quiet = rate(0.5)
    assert not after_posts(quiet, 1, FIVE).burst
    burst = after_posts(quiet, 3, FIVE)
    assert burst.burst
    assert after_posts(burst, 0, timedelta(minutes=3)).burst
    assert not after_posts(burst, 0, timedelta(hours=1)).burst
    busy = replace(rate(60), recent=10.0)
    assert not after_posts(busy, 5, FIVE).burst


def test_an_open_incident_pins_the_sources_of_its_brand_and_pulls_them_nearer() -> None:
    often = {"interval": FIVE, "interval_min": timedelta(seconds=30), "interval_max": 2 * FIVE}
    sources = {
        "mine": source(name="mine", brands=("yunshan",), **often),
        "other": source(name="other", brands=("xinglan",), **often),
        "all": source(name="all", **often),
    }
    agenda = Agenda(sources, adaptive=True)
    for name in sources:
        agenda.learn(VisitState(source=name, platform="feed", due_at=T, first_visit_at=T, rates=rate(1)))
        agenda.put(name, T + FIVE)
    agenda.pin(frozenset({"yunshan"}), T)
    due = T + timedelta(seconds=30)
    assert [agenda.take(due), agenda.take(due), agenda.take(due)] == [("all", due), ("mine", due), None]
    assert [agenda.interval(name, T).total_seconds() for name in ("mine", "all")] == [30, 30]
    assert agenda.interval("other", T).total_seconds() > 300
    agenda.pin(frozenset(), T)
    assert agenda.interval("mine", T).total_seconds() == pytest.approx(300, abs=1)


def test_a_source_that_was_moved_is_given_out_once() -> None:
    agenda = Agenda({"a": source(name="a")}, adaptive=True)
    agenda.put("a", T + FIVE)
    agenda.put("a", T)
    assert (agenda.take(T), agenda.take(T + 2 * FIVE), agenda.next_at) == (("a", T), None, None)
