"""Reading back on request: how far, in which steps, and what becomes of a road that is closed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from config.settings import SourceSettings
from crawlers.backfill import BackfillBook, ask_back, can_read_back
from crawlers.base import Fetch
from crawlers.errand import Errand
from crawlers.job import VisitResult
from crawlers.span import spans
from domain.backfill import Backfill, BackfillState
from domain.mention import Kind, Post
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import source

T = datetime(2026, 6, 20, 8, tzinfo=UTC)
DAY = timedelta(days=1)
SEARCH = source(name="hn:yunshan", platform="hackernews", query=("云杉咖啡",), brands=("yunshan",))


class Memory:
    """Requests in memory."""

    def __init__(self, *asked: Backfill) -> None:
        self.kept = {each.id: each for each in asked}

    def all(self, *, open_only: bool = False) -> list[Backfill]:
        return [each for each in self.kept.values() if not (open_only and each.state.final)]

    def save(self, backfill: Backfill) -> None:
        self.kept[backfill.id] = backfill

    @property
    def only(self) -> Backfill:
        (one,) = self.kept.values()
        return one


def result(*ages: timedelta, outcome: F = F.OK, resume: Fetch | None = None, pages: int = 1) -> VisitResult:
    posts = [
        Post(platform="hackernews", native_id=str(number), kind=Kind.POST, text="文", published_at=T - age)
        for number, age in enumerate(ages)
    ]
    return VisitResult(outcome=outcome, posts=posts, seen=len(posts), pages=pages, resume=resume)


def book(days: int, of: SourceSettings = SEARCH) -> tuple[Memory, BackfillBook]:
    memory = Memory(ask_back(of, "yunshan", T - days * DAY, T))
    return memory, BackfillBook([of], memory)


def only(errands: object) -> Errand:
    (errand,) = errands  # type: ignore[misc]
    return errand  # type: ignore[no-any-return]


def test_it_asks_week_by_week_and_says_how_far_it_is() -> None:
    memory, books = book(10)
    first = only(books.due(T, 5))
    assert first.backfill and first.deep and "created_at_i" in first.fetches[0].url
    assert not books.due(T, 5)
    books.done(first, result(DAY, 5 * DAY), T)
    assert (memory.only.state, memory.only.posts, memory.only.pages) == (BackfillState.GOING, 2, 1)
    assert memory.only.share == pytest.approx(0.5)
    second = only(books.due(T, 5))
    assert second.fetches != first.fetches
    books.done(second, result(outcome=F.EMPTY), T)
    assert memory.only.state is BackfillState.DONE and memory.only.share == 1.0 and not books.due(T, 5)


def test_it_goes_on_where_the_list_goes_on_and_stops_at_the_day() -> None:
    memory, books = book(5)
    more = Fetch(endpoint="hn.search", url="https://hn.algolia.com/api/v1/search_by_date?page=3", page=4)
    books.done(only(books.due(T, 1)), result(DAY, resume=more, pages=3), T)
    going = only(BackfillBook([SEARCH], memory).due(T, 1))
    assert going.fetches == (more,) and going.source.pages == 6
    books = BackfillBook([SEARCH], memory)
    books.done(only(books.due(T, 1)), result(2 * DAY, 6 * DAY, resume=replace(more, page=7)), T)
    assert memory.only.state is BackfillState.DONE and memory.only.detail == ""


def test_a_road_that_is_closed_waits_and_one_that_fails_is_given_up_with_the_reason() -> None:
    memory, books = book(5)
    books.done(only(books.due(T, 1)), None, T)
    assert memory.only.state is BackfillState.GOING and not books.due(T, 1) and memory.only.fails == 0
    now = T + timedelta(minutes=1)
    for _ in range(6):
        while not (errands := books.due(now, 1)):
            now += timedelta(minutes=5)
            assert now < T + DAY
        books.done(errands[0], replace_detail(result(outcome=F.RATE_LIMITED), "HTTP 429"), now)
    assert memory.only.state is BackfillState.FAILED and memory.only.detail == "rate_limited: HTTP 429"


def replace_detail(of: VisitResult, detail: str) -> VisitResult:
    of.detail = detail
    return of


def test_asking_again_begins_anew_and_other_sources_are_not_touched() -> None:
    memory, books = book(5)
    books.done(only(books.due(T, 1)), result(2 * DAY), T)
    memory.save(ask_back(SEARCH, "yunshan", T - 20 * DAY, T))
    assert memory.only.state is BackfillState.WAITING
    assert not BackfillBook([replace(SEARCH, name="other")], memory).due(T, 1)


def test_only_searches_can_be_read_back() -> None:
    assert can_read_back(SEARCH)
    assert not can_read_back(source(name="f", platform="feed", url="https://a.cn/feed"))
    assert not can_read_back(source(name="i", platform="import"))


def test_time_is_cut_from_its_newest_end() -> None:
    assert list(spans(T - 10 * DAY, T, 7 * DAY)) == [(T - 7 * DAY, T), (T - 10 * DAY, T - 7 * DAY)]
    assert list(spans(T, T, DAY)) == []
