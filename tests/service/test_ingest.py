"""What becomes of one request of a partner; over HTTP see test_ingest_page."""

import gzip
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import CrawlSettings, PrivacySettings
from domain.clock import ManualClock
from domain.mention import Flag, Mention
from domain.outcome import FetchOutcome
from service.ingest import MOST_LINES, PATH, WINDOW_S, Answer, Asked, Reception
from service.privacy import PrivateInbox, pseudonym
from storage import open_state
from storage.errors import StoreError
from tests.service.partner import INGEST, WALL_S, asked, headers, line, ndjson

NOW = datetime.fromtimestamp(WALL_S, UTC)


class Desk:
    """A reception over a real state, and what it is made of."""

    def __init__(self, folder: Path) -> None:
        self.state = open_state(None, folder)
        self.wall_s = float(WALL_S)
        self.free = 10**12
        self.limit = 1_000
        self.privacy = PrivacySettings()

    def reception(self, **more: Any) -> Reception:
        parts: dict[str, Any] = {
            "inbox": PrivateInbox(self.state.inbox, self.privacy),
            "visits": self.state.visits,
            "nonces": self.state.nonces,
            "clock": ManualClock(NOW),
            "limits": CrawlSettings(inbox_limit=self.limit),
            "free": lambda: self.free,
            "wall": lambda: self.wall_s,
        }
        return Reception(INGEST, **(parts | more))

    def send(self, body: bytes, **how: Any) -> Answer:
        return self.reception().receive(asked(body, **how))

    def queued(self) -> list[Mention]:
        rows = self.state.inbox.lease(owner="t", limit=99_999, lease=timedelta(0), now=NOW)
        return [row.mention for row in rows]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.state.close()


def test_signed_mentions_lie_in_the_inbox_when_the_answer_comes(desk: Desk) -> None:
    answer = desk.send(ndjson(line(1), line(2)))
    assert (answer.status, answer.body) == (
        200, {"accepted": 2, "new": 2, "known": 0, "bad": [], "bad_lines": 0},
    )  # fmt: skip
    first, second = desk.queued()
    assert (first.id, first.source, first.flags) == ("weibo:5311901742082991", "ingest:shuju", frozenset())
    assert first.first_collected_at == NOW and second.post.text == "云杉咖啡喝出异物 2"


def test_what_is_older_than_a_day_is_history(desk: Desk) -> None:
    old, undated = line(1, published_at="2026-06-18T15:00:00+08:00"), line(2, published_at=None)
    desk.send(ndjson(old, undated, line(3)))
    assert [Flag.BACKFILL in each.flags for each in desk.queued()] == [True, True, False]


def test_an_array_is_as_good_as_lines(desk: Desk) -> None:
    answer = desk.send(json.dumps([line(1), 7, line(2)]).encode())
    assert answer.status == 200 and answer.body["accepted"] == 2
    assert answer.body["bad"] == [{"line": 2, "error": "not a JSON object"}]


def test_good_lines_are_taken_and_bad_ones_named(desk: Desk) -> None:
    body = ndjson(line(1)) + b"\n{broken\n" + ndjson({"platform": "webio", "id": "1", "text": "x"}, line(2))
    answer = desk.send(body)
    assert answer.status == 200 and (answer.body["accepted"], answer.body["bad_lines"]) == (2, 2)
    (first, second) = answer.body["bad"]  # type: ignore[misc]  # two of them
    assert first["line"] == 2 and first["error"].startswith("not JSON")  # type: ignore[index]
    assert second["line"] == 3 and "unknown platform webio" in second["error"]  # type: ignore[index]


def test_the_same_mentions_again_are_known_and_stay_one(desk: Desk) -> None:
    desk.send(ndjson(line(1)))
    again = desk.send(ndjson(line(1), line(1), line(2)))
    assert again.body["accepted"] == 3 and (again.body["new"], again.body["known"]) == (1, 2)
    assert len(desk.queued()) == 2


def test_a_request_that_was_here_is_not_taken_twice(desk: Desk) -> None:
    body = ndjson(line(1))
    request = asked(body, nonce="0123456789abcdef")
    assert desk.reception().receive(request).status == 200
    again = desk.reception().receive(request)
    assert again.status == 409 and "nonce" in str(again.body["error"])
    assert desk.send(ndjson(line(2)), nonce="0123456789abcdef").status == 409
    assert len(desk.queued()) == 1


def test_one_of_two_copies_at_once_is_taken(desk: Desk) -> None:
    reception, request = desk.reception(), asked(ndjson(line(1)))
    with ThreadPoolExecutor(6) as pool:
        got = sorted(answer.status for answer in pool.map(reception.receive, [request] * 6))
    assert got == [200, 409, 409, 409, 409, 409]


@pytest.mark.parametrize(("off_s", "status"), [(0, 200), (-299, 200), (299, 200), (-302, 401), (302, 401), (1e6, 401)])
def test_what_was_signed_long_ago_is_refused(desk: Desk, off_s: float, status: int) -> None:
    answer = desk.send(ndjson(line(1)), at_s=WALL_S + off_s)
    assert answer.status == status
    assert status == 200 or "clock" in str(answer.body["error"])


def test_a_nonce_is_kept_for_as_long_as_its_signature_is_good(desk: Desk) -> None:
    """Signed by a clock that runs ahead, it is still good ten minutes after it was used."""
    request = asked(ndjson(line(1)), at_s=WALL_S + WINDOW_S)
    reception = desk.reception()
    assert reception.receive(request).status == 200
    desk.wall_s += 2 * WINDOW_S
    assert desk.send(ndjson(line(2)), at_s=desk.wall_s).status == 200
    assert reception.receive(request).status == 409


def test_strangers_and_wrong_signatures_get_one_answer(desk: Desk) -> None:
    body = ndjson(line(1))
    refused = [
        desk.send(body, partner="nobody"),
        desk.send(body, secret="not-the-secret-0123456789"),
        desk.send(body, nonce="short"),
        desk.send(body, partner="nobody", at_s=0),
        desk.send(body, secret="not-the-secret-0123456789", at_s=0),
        desk.reception().receive(Asked(method="POST", path=PATH, headers={}, body=body)),
        desk.reception().receive(Asked(method="POST", path=PATH, headers=headers(b"other"), body=body)),
    ]
    assert {answer.status for answer in refused} == {401}
    assert len({str(answer.body) for answer in refused}) == 1
    assert desk.queued() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", PATH, 405), ("PUT", PATH, 405), ("POST", "/", 404), ("POST", "/v1/mentions/", 404), ("GET", "/x", 404)],
)
def test_there_is_one_address(desk: Desk, method: str, path: str, status: int) -> None:
    answer = desk.send(b"", method=method, path=path)
    assert answer.status == status and (status == 404 or answer.headers["Allow"] == "POST")


def test_a_query_is_part_of_what_is_signed(desk: Desk) -> None:
    body = ndjson(line(1))
    assert desk.send(body, path=f"{PATH}?a=1").status == 200
    moved = Asked(method="POST", path=f"{PATH}?a=2", headers=headers(body, path=f"{PATH}?a=1"), body=body)
    assert desk.reception().receive(moved).status == 401


def test_packed_bodies_are_taken_within_bounds(desk: Desk) -> None:
    packed = gzip.compress(ndjson(line(1)))
    assert desk.send(packed, Content_Encoding="gzip").status == 200
    assert desk.send(packed, content_encoding="GZIP").status == 200
    bomb = gzip.compress(ndjson(line(2)) + b" " * 50_000_000)
    answer = desk.send(bomb, Content_Encoding="gzip")
    assert len(bomb) > 20_000 and answer.status == 413
    tight = gzip.compress(b" " * 5_000_000, mtime=0)
    assert len(tight) < INGEST.body_bytes and desk.send(tight, Content_Encoding="gzip").status == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not gzip",
        gzip.compress(b"x" * 99, mtime=0)[:-5],
        gzip.compress(b"x", mtime=0) * 2,
        gzip.compress(b"x", mtime=0) + b"tail",
    ],
)
def test_broken_packing_is_refused(desk: Desk, body: bytes) -> None:
    assert desk.send(body, Content_Encoding="gzip").status == 400


def test_unknown_packing_is_refused(desk: Desk) -> None:
    assert desk.send(b"x", Content_Encoding="br").status == 415
    assert desk.send(ndjson(line(1)), Content_Encoding="identity").status == 200


@pytest.mark.parametrize("body", [b"[", b"[{]", b"[1,]", b"[1] x", b"[" * 5_000])
def test_a_broken_array_is_refused_as_a_whole(desk: Desk, body: bytes) -> None:
    answer = desk.send(body)
    assert answer.status == 400 and str(answer.body["error"]).startswith("not JSON")
    assert desk.queued() == []


def test_nothing_usable_says_why_for_fifty_lines(desk: Desk) -> None:
    answer = desk.send(b"{broken\n" * 60)
    assert answer.status == 422 and answer.body["bad_lines"] == 60
    assert len(answer.body["bad"]) == 50  # type: ignore[arg-type]  # a list
    assert desk.send(b"").status == 422 and desk.send(b"[]").status == 422


def test_what_was_refused_may_be_sent_again_with_its_nonce(desk: Desk) -> None:
    desk.limit = 0
    request = asked(ndjson(line(1)))
    desk.state.inbox.append([_any()], now=NOW)
    full = desk.reception().receive(request)
    assert full.status == 429 and full.headers["Retry-After"] == "30"
    desk.limit = 1_000
    assert desk.reception().receive(request).status == 200


def _any() -> Mention:
    from tests.storage.sample import mention

    return mention("x1")


def test_too_many_lines_are_too_large(desk: Desk) -> None:
    big = replace(INGEST, body_bytes=10_000_000)
    body = b"[" + b"1," * MOST_LINES + b"1]"
    reception = desk.reception()
    reception._most_bytes = big.body_bytes
    assert reception.receive(asked(body)).status == 413


def test_a_full_disk_takes_nothing(desk: Desk) -> None:
    desk.free = 10
    answer = desk.send(ndjson(line(1)))
    assert answer.status == 503 and answer.headers["Retry-After"] == "300" and desk.queued() == []


class _Away:
    """A store that does not answer."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(*args: object, **more: object) -> Any:
            raise StoreError("state database: cannot write: no connection", retryable=True)

        return fail


def test_while_the_store_is_away_nothing_is_promised(desk: Desk) -> None:
    request = asked(ndjson(line(1)))
    for part in ("inbox", "nonces"):
        answer = desk.reception(**{part: _Away()}).receive(request)
        assert answer.status == 503 and answer.headers["Retry-After"] == "10" and "anew" in str(answer.body["error"])
    assert desk.queued() == []
    assert desk.reception(visits=_Away()).receive(request).status == 200
    assert len(desk.queued()) == 1


def test_when_a_partner_was_heard_is_kept(desk: Desk) -> None:
    desk.send(ndjson(line(1), line(2)) + b"\n{broken")
    desk.send(ndjson(line(2), line(3, published_at="2026-06-20T15:20:00+08:00")))
    desk.send(b"{broken")
    state = desk.state.visits.one("ingest:shuju")
    assert state is not None
    assert (state.platform, state.last_success_at, state.last_outcome) == ("ingest", NOW, FetchOutcome.OK)
    assert (state.pages_seen, state.posts_seen, state.posts_new) == (2, 4, 3)
    assert state.newest_at == datetime(2026, 6, 20, 7, 20, tzinfo=UTC)
    assert (state.outcomes, state.drops) == ((("ok", 2),), (("unreadable", 1),))


def test_authors_are_kept_small_on_the_way_in(desk: Desk) -> None:
    desk.privacy = PrivacySettings(pseudonymize_authors=True)
    desk.send(ndjson(line(1, author={"name": "小林同学", "id": "79"})))
    (queued,) = desk.queued()
    assert (queued.post.author.name, queued.post.author.id) == ("小***学", pseudonym("weibo", "79"))


def test_a_partner_cannot_choose_the_brand(desk: Desk) -> None:
    desk.send(ndjson(line(1, extra=[["brand", "yunshan"]], brand="yunshan", collected_by="x")))
    assert desk.queued()[0].post.extra == ()


def test_secrets_and_signatures_are_not_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    request = asked(ndjson(line(1)))
    desk.reception().receive(request)
    desk.send(ndjson(line(2)), secret="not-the-secret-0123456789", partner="who\nknows")
    said = caplog.text
    assert "ingest partner=shuju accepted=1" in said
    assert "secret" not in said and "of-the-partner" not in said and "knows" not in said
    assert request.headers["X-Tingfeng-Signature"] not in said and request.headers["X-Tingfeng-Nonce"] not in said
