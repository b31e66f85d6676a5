"""All other platforms beside the four sites of the demo's farm: each on a site of its own, now and then refusing."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from service.clock import ClockOrder, DrivenClock
from tests.farm.plan import LINES, SPELLS
from tests.farm.server import Farm
from tests.farm.world import BASE_OF, URLS

__all__ = ["has_browser", "platforms", "sources_of"]

_LINES = [line for line in LINES if line.site not in ("m-weibo", "xiaohongshu")]
"""Weibo's search is the demo's; a note needs a cookie of another file."""
_PASSING = frozenset({"432", "empty-route", "layout", "silent", "gdelt-limit"})
"""What goes by without anybody's doing; a wait that a server asks for is in real seconds, here hours of the domain."""


def has_browser() -> bool:
    """Say whether pages can be rendered here."""
    return any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


@contextmanager
def platforms(order: ClockOrder, span: timedelta) -> Iterator[Farm]:
    """Run the farm of all platforms in a thread, on the service's own clock."""
    spells = [each for each in SPELLS if each.kind in _PASSING]
    farm = Farm(DrivenClock(order), span, seed=1, spells=spells)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(farm.open(), loop).result(30)
    try:
        yield farm
    finally:
        asyncio.run_coroutine_threadsafe(farm.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def sources_of(farm: Farm) -> list[dict[str, Any]]:
    """Return the entries of a settings file: every platform at its own pace, and one page through the browser."""
    entries = []
    for line in _LINES:
        where = {"base_url": farm.base(line.site)}
        if line.site in URLS:
            where = {"url": farm.base(line.site) + URLS[line.site]}
        entry: dict[str, Any] = {
            "platform": BASE_OF.get(line.site, line.site),
            "name": f"farm-{line.name}",
            "interval": f"{line.interval_min}m",
            "pace": "2s",
            "pages": 6,
            **where,
        }
        if line.words:
            entry["query"] = list(line.words)
        if line.site in ("open-douyin", "websearch"):
            entry |= {"transport": "official", "token": "key-of-the-farm"}
        entries.append(entry)
    if has_browser():
        rendered = {"platform": "article", "name": "rendered", "transport": "browser", "interval": "30m", "pace": "2s"}
        # A page takes a second or two of real time, which is minutes of the domain: without a least interval the
        # browser would work without a pause while an incident is open.
        entries.append({**rendered, "interval_min": "10m", "url": farm.base("article") + URLS["article"]})
    return entries
