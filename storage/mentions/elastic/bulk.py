"""Send many writes at once: whole answers per item, patience while the cluster is busy."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from elasticsearch import ApiError, Elasticsearch

from storage.errors import StoreError
from storage.mentions.elastic.errors import answered, item_error

__all__ = ["Answer", "Bulk", "Write"]

logger = logging.getLogger(__name__)

MAX_ITEMS = 1_000
MAX_BYTES = 8_000_000
TRIES = 7
"""Tries while the cluster says that it is busy; about 12 s in all."""
_FIRST_WAIT_S = 0.2
_ANSWER = "errors,items.*.status,items.*.error.type,items.*.error.reason"

Refresh = Literal["wait_for", "true", "false"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write of a bulk."""

    action: Literal["create", "index", "delete"]
    """`create` = only if the id is free; `index` = replace; `delete`."""
    index: str
    """Index or an alias of one."""
    id: str
    """`_id` of the document."""
    body: bytes = b""
    """Document as JSON on one line; empty for a deletion."""
    seen: tuple[int, int] | None = None
    """Sequence number and primary term that the document must still have; None = any."""
    version: int | None = None
    """Version kept outside; an older one than what is there is a conflict; None = counted by the cluster."""

    def lines(self) -> list[Any]:
        """Return the lines of the request."""
        head: dict[str, Any] = {"_index": self.index, "_id": self.id}
        if self.seen is not None:
            head["if_seq_no"], head["if_primary_term"] = self.seen
        if self.version is not None:
            head |= {"version": self.version, "version_type": "external_gte"}
        return [{self.action: head}] if self.action == "delete" else [{self.action: head}, self.body]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one write."""

    status: int
    """HTTP status of the item: 200, 201, 404 (nothing to delete) or 409."""

    @property
    def conflict(self) -> bool:
        """Whether the id was taken, or the document changed since it was read."""
        return self.status == 409


class Bulk:
    """Sends writes; one object may be used from several threads."""

    def __init__(self, client: Elasticsearch, wait: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._wait = wait

    def send(self, writes: Sequence[Write], *, refresh: Refresh) -> list[Answer]:
        """Write all and return their answers in order.

        What the cluster refuses because it is busy is sent again after a growing pause.

        Args:
            writes: any number, distinct ids.
            refresh: `wait_for` = return when they can be found.

        Raises:
            StoreError: retryable if the cluster stays busy, full, blocked or away; some
                writes may be done then, and doing them again is harmless.
        """
        answers: list[Answer] = []
        for part in _parts(writes):
            answers.extend(self._send_part(part, refresh))
        return answers

    def _send_part(self, part: Sequence[Write], refresh: Refresh) -> list[Answer]:
        answers: dict[int, Answer] = {}
        waiting = list(range(len(part)))
        wait_s = _FIRST_WAIT_S
        for attempt in range(1, TRIES + 1):
            busy = self._once(part, waiting, refresh, answers)
            if not busy:
                return [answers[place] for place in range(len(part))]
            waiting = [place for place, _ in busy]
            if attempt == TRIES:
                raise busy[0][1]
            logger.debug("cluster busy items=%d wait_s=%.1f", len(waiting), wait_s)
            self._wait(wait_s)
            wait_s *= 2
        raise AssertionError("the last try returns or raises")

    def _once(
        self, part: Sequence[Write], places: list[int], refresh: Refresh, answers: dict[int, Answer]
    ) -> list[tuple[int, StoreError]]:
        """Send once; return the places that must be sent again, each with its error."""
        lines = [line for place in places for line in part[place].lines()]
        try:
            with answered("write"):
                reply = self._client.bulk(operations=lines, refresh=refresh, filter_path=_ANSWER).body
        except StoreError as err:
            cause = err.__cause__
            if isinstance(cause, ApiError) and cause.meta.status == 429:
                return [(place, err) for place in places]
            raise
        busy: list[tuple[int, StoreError]] = []
        for place, item in zip(places, reply["items"], strict=True):
            (told,) = item.values()
            status = int(told["status"])
            if status in (200, 201, 409) or (status == 404 and part[place].action == "delete"):
                answers[place] = Answer(status=status)
                continue
            error = told.get("error", {})
            failure = item_error(
                status, str(error.get("type", "")), str(error.get("reason", "")), f"write {part[place].id[:80]}"
            )
            if status != 429:
                raise failure
            busy.append((place, failure))
        return busy


def _parts(writes: Sequence[Write]) -> Iterator[Sequence[Write]]:
    part: list[Write] = []
    size = 0
    for write in writes:
        if part and (len(part) == MAX_ITEMS or size + len(write.body) > MAX_BYTES):
            yield part
            part, size = [], 0
        part.append(write)
        size += len(write.body)
    if part:
        yield part
