import logging

import pytest

from config.settings import CrawlSettings
from crawlers.brake import Brake
from tests.crawlers.stores import MemoryInbox


class Outside:
    def __init__(self) -> None:
        self.inbox = MemoryInbox()
        self.free = 10**12
        limits = CrawlSettings(inbox_limit=1_000, disk_free_bytes=500_000_000)
        self.brake = Brake(limits, "/data", self.inbox, lambda path: self.free)

    async def held(self, *, rows: int = 0, free: int = 10**12) -> bool:
        self.inbox.full_by, self.free = rows, free
        return await self.brake.look()


async def test_visits_go_on_only_when_the_inbox_is_well_below_its_limit(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outside = Outside()
    held = [await outside.held(rows=rows) for rows in (1_000, 1_001, 999, 1_001, 801, 800, 1_000, 1_001)]
    assert held == [False, True, True, True, True, False, False, True]
    assert caplog.text.count("visits pause reason=") == 2
    assert caplog.text.count("visits go on") == 1
    assert outside.brake.why == "visits pause: the inbox holds 1,001 rows, limit 1,000"


async def test_visits_go_on_only_when_the_disk_has_room_to_spare() -> None:
    outside = Outside()
    held = [await outside.held(free=mb * 1_000_000) for mb in (500, 499, 510, 499, 550, 501)]
    assert held == [False, True, True, True, False, False]


async def test_what_holds_back_beside_the_inbox_is_told_when_the_inbox_is_empty_again() -> None:
    outside = Outside()
    assert await outside.held(rows=2_000, free=1)
    assert "inbox" in outside.brake.why
    assert await outside.held(free=1)
    assert outside.brake.why == "visits pause: 0 MB free on the disk, limit 500 MB"


async def test_a_disk_that_cannot_be_asked_holds_back() -> None:
    def broken(_path: str) -> int:
        raise OSError("gone")

    brake = Brake(CrawlSettings(), "/data", MemoryInbox(), broken)
    assert await brake.look()
    assert brake.why == "store does not answer: OSError"
