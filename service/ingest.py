"""Mentions that data partners send: what becomes of one signed request, up to the durable inbox."""

import logging
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from config.settings import CrawlSettings, IngestSettings, SourceSettings
from crawlers.account_table import AccountTable
from crawlers.importer import BadLine, BodyError, read_body
from crawlers.intake import take_in
from crawlers.outlets import OutletTiers
from domain.clock import Clock
from domain.errors import TingfengError
from domain.mention import Mention, Post
from domain.outcome import FetchOutcome
from domain.ports import Inbox, VisitStore
from domain.source import VisitState
from service.signing import Keyring, Signed

__all__ = ["PATH", "Answer", "Asked", "Reception", "source_name"]

logger = logging.getLogger(__name__)

PATH = "/v1/mentions"
WINDOW_S = 300
"""How far a partner's clock may be from ours, real seconds: an older request is not taken again."""
MOST_LINES = 20_000
"""Most mentions of one request."""
_TOLD = 50
_BATCH = 500
_KEPT = timedelta(hours=1)
_PRUNE_S = 60.0
_FULL_S, _AWAY_S, _TIGHT_S = 30, 10, 300
"""When to come again: the inbox is full, a store is away, the disk is nearly full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    """HTTP method in capitals."""
    path: str
    """Path and query as sent."""
    headers: Mapping[str, str]
    """Headers; names in any case."""
    body: bytes = b""
    """Body as sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What it is answered."""

    status: int
    """HTTP status."""
    body: Mapping[str, object]
    """JSON object."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers."""


class Nonces(Protocol):
    """Remembers which nonces were used."""

    def use(self, nonce: str, at: datetime) -> bool:
        """Use a nonce; False = it was used before."""
        ...

    def prune(self, *, before: datetime) -> int:
        """Forget what was used before a moment; return how many."""
        ...


class _RefusedError(Exception):
    """The answer to a request that is not taken."""

    def __init__(self, status: int, error: str, *, wait_s: int | None = None, **more: object) -> None:
        super().__init__(error)
        headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
        self.answer = Answer(status=status, body={"error": error, **more}, headers=headers)


class Reception:
    """Takes requests; may be called from several threads.

    Args:
        settings: The partners and the largest body.
        inbox: Where mentions go.
        visits: Where it is noted when a partner was heard last.
        nonces: Which requests were here before.
        clock: Domain time, in which mentions are collected.
        limits: While the inbox holds more rows, or the disk less room, nothing is taken.
        free: Returns the free bytes of the disk that the stores lie on.
        wall: Unix time of this machine, by which requests are old.
        outlets: Tiers of media; None = none are known.
        accounts: Accounts of ours, of rivals and of the watch list; None = there are none.
    """

    def __init__(
        self,
        settings: IngestSettings,
        *,
        inbox: Inbox,
        visits: VisitStore,
        nonces: Nonces,
        clock: Clock,
        limits: CrawlSettings,
        free: Callable[[], int],
        wall: Callable[[], float] = time.time,
        outlets: OutletTiers | None = None,
        accounts: AccountTable | None = None,
    ) -> None:
        self._keys = Keyring(settings.partners)
        self._most_bytes = settings.body_bytes
        self._inbox, self._visits, self._nonces = inbox, visits, nonces
        self._clock, self._wall = clock, wall
        self._limits, self._free = limits, free
        self._outlets, self._accounts = outlets, accounts
        self._noting = threading.Lock()
        self._prune_at_s = 0.0

    def receive(self, asked: Asked) -> Answer:
        """Answer a request; 200 means that its good lines are in the inbox, come what may."""
        try:
            return self._receive(asked)
        except _RefusedError as refusal:
            return refusal.answer
        except TingfengError as err:
            logger.warning("ingest: a store does not answer error=%s", err)
            error = "the store does not answer; send it again later, signed anew: what was taken twice counts once"
            return _RefusedError(503, error, wait_s=_AWAY_S).answer

    def _receive(self, asked: Asked) -> Answer:
        check_place(asked)
        signed = self._keys.check(asked.headers, method=asked.method, path=asked.path, body=asked.body)
        if signed is None:
            raise _RefusedError(401, "not signed by a partner: check name, secret, and what is signed")
        self._check_time(signed)
        self._check_room()
        now = self._clock.now()
        posts, bad = self._read(asked, now)
        if not posts:
            raise _RefusedError(422, "no line could be used", bad=_told(bad), bad_lines=len(bad))
        self._use(signed)
        source = SourceSettings(name=source_name(signed.partner), platform="import")
        take = partial(take_in, source=source, now=now, backfill=False, outlets=self._outlets, accounts=self._accounts)
        mentions = [each for post in posts for each in take([post]).mentions]
        new = sum(len(self._inbox.append(part, now=now).new) for part in _parts(mentions))
        self._note(source.name, posts, new, bad, now)
        logger.info("ingest partner=%s accepted=%d new=%d bad=%d", signed.partner, len(mentions), new, len(bad))
        counts = {"accepted": len(mentions), "new": new, "known": len(mentions) - new}
        return Answer(status=200, body={**counts, "bad": _told(bad), "bad_lines": len(bad)})

    def _check_time(self, signed: Signed) -> None:
        now_s = self._wall()
        if abs(now_s - signed.at_s) > WINDOW_S:
            at = datetime.fromtimestamp(int(now_s), UTC).isoformat()
            raise _RefusedError(
                401, f"the timestamp is more than {WINDOW_S} s from this server's time, {at}: set the clock"
            )

    def _check_room(self) -> None:
        if self._inbox.depth() > self._limits.inbox_limit:
            raise _RefusedError(429, "the inbox is full; send it again later, signed anew", wait_s=_FULL_S)
        if self._free() < self._limits.disk_free_bytes:
            raise _RefusedError(503, "the disk is nearly full; send it again later, signed anew", wait_s=_TIGHT_S)

    def _use(self, signed: Signed) -> None:
        at_s = self._wall()
        at = datetime.fromtimestamp(at_s, UTC)
        if at_s >= self._prune_at_s:
            self._prune_at_s = at_s + _PRUNE_S
            self._nonces.prune(before=at - _KEPT)
        if not self._nonces.use(f"{signed.partner}:{signed.nonce}", at):
            raise _RefusedError(409, "this nonce was used before: the request was taken then, or sign it anew")

    def _read(self, asked: Asked, now: datetime) -> tuple[list[Post], list[BadLine]]:
        body = _unpacked(asked, self._most_bytes)
        posts: list[Post] = []
        bad: list[BadLine] = []
        try:
            for each in read_body(body, now=now):
                if isinstance(each, BadLine):
                    bad.append(each)
                else:
                    posts.append(each)
                if len(posts) + len(bad) > MOST_LINES:
                    raise _RefusedError(413, f"more than {MOST_LINES} mentions; send them in several requests")
        except BodyError as err:
            raise _RefusedError(400, str(err)) from err
        return posts, bad

    def _note(self, name: str, posts: Sequence[Post], new: int, bad: Sequence[BadLine], now: datetime) -> None:
        """Note when the partner was heard; what was taken stays taken if that fails."""
        newest = max((post.published_at for post in posts if post.published_at), default=None)
        try:
            with self._noting:
                before = self._visits.one(name) or VisitState(source=name, platform="ingest", due_at=now)
                self._visits.save(_heard(before, now, newest, seen=len(posts), new=new, bad=len(bad)))
        except TingfengError as err:
            logger.warning("ingest: not noted when a partner was heard source=%s error=%s", name, err)


def source_name(partner: str) -> str:
    """Return the source under which a partner's mentions are stored."""
    return f"ingest:{partner}"


def check_place(asked: Asked) -> None:
    """Refuse what is not sent to the one address there is.

    Raises:
        _RefusedError: another path or method.
    """
    if asked.path.partition("?")[0] != PATH:
        raise _RefusedError(404, f"here is {PATH} only")
    if asked.method != "POST":
        refusal = _RefusedError(405, f"send mentions to {PATH} by POST")
        refusal.answer = replace(refusal.answer, headers={"Allow": "POST"})
        raise refusal


def _unpacked(asked: Asked, most: int) -> bytes:
    """Return the body as it was before packing, at most `most` bytes.

    Raises:
        _RefusedError: unknown packing, not packed at all, or too much in it.
    """
    packing = {name.lower(): value for name, value in asked.headers.items()}.get("content-encoding", "").strip().lower()
    if packing in ("", "identity"):
        return asked.body
    if packing != "gzip":
        raise _RefusedError(415, "Content-Encoding: gzip, or none")
    unpack = zlib.decompressobj(wbits=31)
    try:
        body = unpack.decompress(asked.body, most + 1)
    except zlib.error as err:
        raise _RefusedError(400, "the body is not gzip") from err
    if len(body) > most:
        raise _RefusedError(413, f"more than {most} bytes unpacked; send it in several requests")
    if not unpack.eof or unpack.unused_data:
        raise _RefusedError(400, "the body is cut off, or not one gzip member")
    return body


def _told(bad: Sequence[BadLine]) -> list[dict[str, object]]:
    return [{"line": each.number, "error": each.problem} for each in bad[:_TOLD]]


def _parts(mentions: Sequence[Mention]) -> list[Sequence[Mention]]:
    return [mentions[start : start + _BATCH] for start in range(0, len(mentions), _BATCH)]


def _heard(before: VisitState, now: datetime, newest: datetime | None, *, seen: int, new: int, bad: int) -> VisitState:
    outcomes = Counter(dict(before.outcomes)) + Counter({FetchOutcome.OK.value: 1})
    drops = Counter(dict(before.drops)) + Counter({"unreadable": bad})
    return replace(
        before,
        due_at=now,
        first_visit_at=before.first_visit_at or now,
        last_visit_at=now,
        last_success_at=now,
        last_outcome=FetchOutcome.OK,
        newest_at=max((at for at in (before.newest_at, newest) if at), default=None),
        pages_seen=before.pages_seen + 1,
        posts_seen=before.posts_seen + seen,
        posts_new=before.posts_new + new,
        outcomes=tuple(sorted(outcomes.items())),
        drops=tuple(sorted(drops.items())),
    )
