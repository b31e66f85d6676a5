"""Links into Kibana: absolute, readable by old and new versions, safe for any value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.errors import DashboardError
from dashboards.kibana import dashboard_id
from dashboards.links import MAX_URL_CHARS, dashboard_url, discover_url, kql_value, rison
from domain.moment import Window
from domain.query import Term, parse
from tests.dashboards.rison import read

START = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)
WINDOW = Window(start=START, end=START + timedelta(hours=2))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def state_of(url: str, key: str) -> Any:
    fragment = urlsplit(url).fragment
    (found,) = [part for part in fragment.partition("?")[2].split("&") if part.startswith(f"{key}=")]
    return read(unquote(found.partition("=")[2]))


@given(VALUES)
def test_rison_reads_back_as_what_was_written(value: object) -> None:
    assert read(rison(value)) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("云杉", "'云杉'"),
        ("event_at", "event_at"),
        ("a&b", "'a&b'"),
        ("it's", "'it!'s'"),
        ("wow!", "'wow!!'"),
        ("", "''"),
        ("2026", "'2026'"),
        ("-x", "'-x'"),
        ("a b", "'a b'"),
        ({"from": "now-7d", "n": None}, "(from:now-7d,n:!n)"),
        ([True, 1.5, "a:b"], "!(!t,1.5,'a:b')"),
        (1e30, "1e30"),
    ],
)
def test_rison_is_written_as_kibana_writes_it(value: object, written: str) -> None:
    assert rison(value) == written


def test_what_rison_cannot_hold_is_refused() -> None:
    with pytest.raises(DashboardError, match="set"):
        rison({1, 2})


def test_discover_shows_the_window_and_the_query() -> None:
    url = discover_url("https://kibana.example/base/", window=WINDOW, kql='story_id: "weibo:1" and sentiment: negative')
    assert url.startswith(
        "https://kibana.example/base/app/discover#/?_g=(time:(from:'2026-06-20T07%3A30"
    ) or url.startswith("https://kibana.example/base/app/discover#/?_g=(time:(from:'2026-06-20T07:30")
    assert state_of(url, "_g") == {"time": {"from": "2026-06-20T07:30:00.000Z", "to": "2026-06-20T09:30:00.000Z"}}
    state = state_of(url, "_a")
    assert state["query"] == {"language": "kuery", "query": 'story_id: "weibo:1" and sentiment: negative'}
    assert state["dataSource"] == {"dataViewId": "mentions", "type": "dataView"}
    assert state["index"] == "mentions"
    assert state["sort"] == [["event_at", "desc"]]
    assert "now" not in url


def test_a_dashboard_in_a_space_is_named_by_its_id() -> None:
    url = dashboard_url("https://kibana.example", board="crisis-room", window=WINDOW, kql="x", space="公关 部")
    assert f"/s/%E5%85%AC%E5%85%B3%20%E9%83%A8/app/dashboards#/view/{dashboard_id('crisis-room')}?_g=" in url
    assert state_of(url, "_a")["query"]["query"] == "x"


@given(st.text(max_size=60))
def test_any_value_survives_the_link_as_one_term(value: str) -> None:
    url = discover_url("https://k.example", window=WINDOW, kql=f"author.name: {kql_value(value)}")
    assert not set(url) & set(' "<>\\^`{|}\n\t') and url.isascii()
    node = parse(state_of(url, "_a")["query"]["query"], near=False)
    assert isinstance(node, Term)
    assert node.value == "".join(char if char.isprintable() else " " for char in value)


def test_a_link_too_long_for_a_channel_is_refused() -> None:
    with pytest.raises(DashboardError, match="over 2000"):
        discover_url("https://k.example", window=WINDOW, kql="负" * 300)
    assert len(discover_url("https://k.example", window=WINDOW, kql="负" * 100)) < MAX_URL_CHARS
