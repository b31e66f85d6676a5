"""How long it takes in real time, with a clock that is not driven faster: stored, told, accepted."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.moment import from_rfc3339
from service.demo.post import FarmPost
from service.demo.sink import Sink, serve
from service.demo.stage import FarmProcess
from service.demo.told import told
from tests.e2e.harness import COOKIE, Service, wait_until
from tests.e2e.stand import settings_text
from tests.measure import Measurements

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

START = datetime(2026, 6, 17, 6, 0, tzinfo=UTC)
FIRST_S, STEP_S = 25.0, 3.5
"""When the first post appears, and the time between two; the robot may send 18 messages a minute."""
BRANDS = tuple("松露 海棠 银杏 玉兰 芙蓉 石榴 腊梅 丁香 茉莉 杜鹃 蔷薇 月季 翠竹 沉香".split())
CEILING_S = 10.0


def posts() -> list[FarmPost]:
    """One complaint about each brand, one after the other, on forum and blog in turn."""
    return [
        FarmPost(
            id=f"x{place}",
            site=("forum", "blog")[place % 2],
            published_at=(START + timedelta(seconds=FIRST_S + STEP_S * place)).replace(microsecond=0),
            text=f"{name}超市卖过期牛奶，孩子喝了上吐下泻，客服不理还骂人，太恶心了，投诉曝光！",
            title=f"{name}超市",
            author=f"网友{place}",
        )
        for place, name in enumerate(BRANDS)
    ]


def test_what_is_stored_is_accepted_by_both_channels_within_seconds(tmp_path: Path, measurements: Measurements) -> None:
    farm = FarmProcess(start=START, scale=1.0, cookie=COOKIE, log=tmp_path / "farm.log")
    try:
        farm.add(posts())
        with serve(Sink()) as sink:
            text = settings_text(
                tmp_path / "data",
                farm.bases,
                sink.url,
                brands=[{"id": f"b{n}", "name": name, "query": f"{name}超市"} for n, name in enumerate(BRANDS)],
                sources=[
                    {"platform": "feed", "name": site, "url": farm.bases[site] + path, "interval": "10s", "pace": "0s"}
                    for site, path in (("forum", "/forum.php?mod=rss"), ("blog", "/atom.xml"))
                ],
                rules=[
                    {"name": "one-is-enough", "kind": "match", "query": "sentiment: negative", "severity": "critical"}
                ],
            )
            service = Service(tmp_path, text)
            epoch_s = time.time()
            farm.run(epoch_s)
            service.start(clock=(START, 1.0), epoch_s=epoch_s)
            try:
                limit_s = FIRST_S + STEP_S * len(BRANDS) + 60
                wait_until(
                    "every brand is told in both channels",
                    lambda: len([one for one in told(sink.ledger) if one.kind == "firing"]) >= 2 * len(BRANDS),
                    limit_s=limit_s,
                )
                found = service.search("sentiment: negative")
            finally:
                service.stop()
    finally:
        farm.stop()
    stored_s = {
        name: epoch_s + (from_rfc3339(one["indexed_at"]) - START).total_seconds()
        for one in found
        for name in BRANDS
        if f"{name}超市" in one["text"]
    }
    waits_s = [
        one.at_s - stored_s[name]
        for one in told(sink.ledger)
        for name in BRANDS
        if one.kind == "firing" and name in one.first_line
    ]
    assert len(waits_s) == 2 * len(BRANDS)
    assert min(waits_s) > 0
    waits_s.sort()
    measurements.record(
        "mention stored to message accepted, p95",
        waits_s[int(len(waits_s) * 0.95)],
        unit="s",
        ceiling=CEILING_S,
        note=f"{len(waits_s)} messages, real time, median {waits_s[len(waits_s) // 2]:.2f} s",
    )
