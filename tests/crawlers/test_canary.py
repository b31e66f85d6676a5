from dataclasses import replace
from datetime import timedelta

import pytest

from crawlers.ban import Bans, ban_key
from crawlers.canary import canaries, canary_name, canary_outcome, is_canary
from crawlers.ledger import first_state
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import source
from tests.crawlers.test_schedule import T

SEARCH = source(name="hn:yunshan", platform="hackernews", query=("云杉咖啡",), brands=("yunshan",))


def test_searches_over_one_road_share_a_canary_that_belongs_to_no_brand() -> None:
    other = replace(SEARCH, name="hn:xinglan", query=("星澜汽车",), brands=("xinglan",))
    mirror = replace(SEARCH, name="mirror", base_url="https://mirror.cn")
    (first, second) = canaries([SEARCH, other, mirror], timedelta(minutes=30))
    assert canary_name(SEARCH) == canary_name(other) == first.name != second.name
    assert is_canary(first) and not is_canary(SEARCH)
    assert (first.brands, first.pages, first.interval) == ((), 1, timedelta(minutes=30)) and first.query != SEARCH.query


@pytest.mark.parametrize(
    "silent",
    [
        replace(SEARCH, canary=""),
        source(name="f", platform="feed", url="https://a.cn/feed"),
        source(name="r", platform="rsshub", transport="rsshub", url="https://hub.cn/bilibili/vsearch/a"),
        source(name="w", platform="websearch", transport="official", query=("云杉咖啡",)),
    ],
    ids=lambda one: one.name,
)
def test_what_lists_or_costs_has_none(silent: object) -> None:
    assert canaries([silent], timedelta(minutes=30)) == ()  # type: ignore[list-item]


def test_the_operator_may_name_the_word() -> None:
    (own,) = canaries([replace(SEARCH, canary="咖啡")], timedelta(minutes=30))
    assert own.query == ("咖啡",)


@pytest.mark.parametrize(
    ("outcome", "seen", "means"),
    [
        (F.OK, 3, F.OK),
        (F.OK, 0, F.EMPTY_OR_UPSTREAM_BLOCKED),
        (F.EMPTY, 0, F.EMPTY_OR_UPSTREAM_BLOCKED),
        (F.CAPTCHA, 0, F.CAPTCHA),
    ],
)
def test_nothing_found_is_no_proof_of_life(outcome: F, seen: int, means: F) -> None:
    assert canary_outcome(outcome, seen) is means


def test_a_ban_is_that_of_the_site_and_the_road() -> None:
    bans = Bans()
    blocked = replace(first_state(SEARCH, T), last_outcome=F.CAPTCHA, paused_until=T + timedelta(hours=6))
    bans.note(SEARCH, blocked)
    assert bans.until(replace(SEARCH, name="x"), T) == T + timedelta(hours=6)
    assert bans.until(replace(SEARCH, transport="official"), T) is None
    assert bans.until(SEARCH, T + timedelta(hours=7)) is None
    bans = Bans()
    bans.note(SEARCH, replace(blocked, last_outcome=F.SCHEMA_ERROR))
    assert bans.until(SEARCH, T) is None
    feeds = [source(name=name, url=f"https://a.cn/{name}") for name in ("one", "two")]
    assert ban_key(feeds[0]) == ban_key(feeds[1]) is not None


def test_what_a_route_of_a_bridge_meets_is_its_own() -> None:
    for transport in ("open", "rsshub"):
        assert ban_key(source(name="r", platform="rsshub", transport=transport, url="https://hub.cn/zhihu/hot")) is None
