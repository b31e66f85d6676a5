"""No saved payload, damaged in any way, makes a parser fail or give what cannot be stored."""

import json
import os
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crawlers.base import Response
from crawlers.plain import plain_post, plain_trend
from domain.codec import to_json
from domain.moment import from_rfc3339
from tests.crawlers.pages import platform_of

MANY = 1_500 if os.environ.get("TINGFENG_BENCH_REDUCED") == "1" else 5_000
FOLDER = Path(__file__).parent.parent / "fixtures" / "platforms"
FOLDERS = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
STRANGE: list[Any] = [
    None, True, 0, -1, 1e308, 10**60, "", "x", "💥\ud83d", [], {}, [[]], {"a": 1}, "<a href='", "100万+", [None],
    "1" * 99, {"0": {}}, float("inf"),
]  # fmt: skip


def damaged(value: Any, rng: random.Random, rate: float) -> Any:
    if rng.random() < rate:
        return rng.choice(STRANGE)
    if isinstance(value, dict):
        return {key: damaged(each, rng, rate) for key, each in value.items() if rng.random() > rate / 2}
    if isinstance(value, list):
        return [damaged(each, rng, rate) for each in value]
    return value


def broken(body: bytes, rng: random.Random) -> bytes:
    try:
        return json.dumps(damaged(json.loads(body), rng, rng.choice([0.01, 0.05, 0.2]))).encode()
    except ValueError:
        data = bytearray(body)
        for _ in range(rng.randint(1, 20)):
            at = rng.randrange(len(data) + 1)
            data[at : at + rng.randint(0, 30)] = rng.choice([b"", bytes([rng.randrange(256)]), bytes(data[:100])])
        return bytes(data)


@pytest.mark.parametrize("edits", [300, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("folder", FOLDERS)
def test_damaged_payloads_give_an_outcome(folder: str, edits: int) -> None:
    rng = random.Random(f"{folder} {edits}")
    files = json.loads((FOLDER / folder / "expected.json").read_text("utf-8"))["files"]
    for entry in files:
        platform = platform_of(entry["endpoint"])
        body = (FOLDER / folder / entry["file"]).read_bytes()
        for _ in range(-(-edits // len(files))):
            now = from_rfc3339(entry["now"]) + timedelta(days=rng.randint(-400, 400))
            answer = Response(url=entry["request_url"], status=entry["http_status"], body=broken(body, rng), now=now)
            parsed = platform.parse(entry["endpoint"], answer)
            for post in parsed.posts:
                # An entry of a feed may have a guid alone; it is known by that and its feed.
                assert post.native_id and post.platform and (post.url or folder == "rss"), entry["file"]
                to_json(post).encode("utf-8")
                json.dumps(plain_post(post), allow_nan=False)
            json.dumps([plain_trend(trend) for trend in parsed.trends], allow_nan=False)
            json.dumps(parsed.extras, allow_nan=False)
            assert len(parsed.detail) <= 300
