from datetime import UTC, datetime, timedelta

from crawlers.pace import PaceBook
from domain.clock import ManualClock
from tests.crawlers.farm import Farm
from tests.crawlers.pages import network, source
from tests.crawlers.visiting import job

START = datetime(2026, 6, 20, 8, tzinfo=UTC)


class SlowClock(ManualClock):
    """Says how long each wait would be."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self.waits: list[float] = []

    def real_s(self, span: timedelta) -> float:
        self.waits.append(span.total_seconds())
        return 0.0


async def test_each_turn_at_a_site_is_a_pace_after_the_last() -> None:
    clock = SlowClock(START)
    book = PaceBook(clock)
    for _ in range(3):
        await book.wait("a.cn:443", timedelta(seconds=2))
    await book.wait("b.cn:443", timedelta(seconds=2))
    assert clock.waits == [2.0, 4.0]
    clock.advance(timedelta(seconds=10))
    await book.wait("a.cn:443", timedelta(seconds=2))
    assert clock.waits == [2.0, 4.0]


async def test_a_request_without_a_pace_takes_no_turn_among_the_processes() -> None:
    asked: list[timedelta] = []

    class Sites:
        def turn(self, site: str, *, pace: timedelta, now: datetime) -> datetime:
            asked.append(pace)
            return now

        def hold(self, site: str, *, until: datetime, now: datetime) -> None:
            raise NotImplementedError

        def held_until(self, site: str, *, now: datetime) -> datetime | None:
            raise NotImplementedError

    book = PaceBook(ManualClock(START), Sites())
    for seconds in (0, 2, 0):
        await book.wait("a.cn:443", timedelta(seconds=seconds))
    assert asked == [timedelta(seconds=2)]


async def test_a_site_that_asked_to_wait_is_held_until_then() -> None:
    clock = ManualClock(START)
    book = PaceBook(clock)
    book.hold("a.cn:443", START + timedelta(minutes=5))
    book.hold("a.cn:443", START + timedelta(minutes=1))
    assert book.held_until("a.cn:443") == START + timedelta(minutes=5)
    assert book.held_until("b.cn:443") is None
    clock.advance(timedelta(minutes=5))
    assert book.held_until("a.cn:443") is None


def test_pace_is_the_slower_of_source_and_platform_but_not_for_a_mirror() -> None:
    def pace(**more: object) -> float:
        own = source(platform="gdelt", query=("云",), **more)
        return job(Farm(), own, net=network()).pace.total_seconds()

    assert pace() == 5
    assert pace(pace=timedelta(seconds=9)) == 9
    assert pace(base_url="http://127.0.0.1:9") == 0
