"""Saved payloads with a manifest to plain objects, for `tingfeng parse` and the fixtures."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from crawlers.base import Parsed, Platform, Response, retryable
from crawlers.errors import ManifestError
from crawlers.plain import plain_post, plain_trend
from crawlers.platforms import build_platform, platform_specs
from crawlers.shape import entries, text_of
from domain.errors import DomainError
from domain.moment import SHANGHAI, from_rfc3339
from domain.outcome import FetchOutcome

__all__ = ["parse_manifest"]

_OWN_KEYS = frozenset({
    "file", "endpoint", "request_url", "http_status", "response_headers", "now", "outcome", "mentions", "trends",
    "next", "note", "retryable", "long_text", "visitor", "total", "resolved_url", "danmaku", "wbi",
    "fresh_children",
})  # fmt: skip
_MAX_BYTES = 16_000_000


def parse_manifest(path: Path) -> Iterator[dict[str, Any]]:
    """Parse every payload that a manifest lists, in its order.

    Reads from each entry only endpoint, request_url, http_status, response_headers, now and
    context such as parent_id. An entry that cannot be parsed becomes one with outcome
    `error` and the reason under `error`; the rest is done.

    Yields:
        Objects with file, endpoint, outcome, mentions, trends and next, in the vocabulary of
        the manifest; retryable where the outcome is a failure; long_text and visitor where
        the endpoint gives them.

    Raises:
        ManifestError: the manifest is missing, no JSON, or has no list `files`.
    """
    manifest = _read_manifest(path)
    now = text_of(manifest.get("reference_now"))
    platforms = {prefix: page for page in map(build_platform, platform_specs()) for prefix in page.prefixes}
    jobs = [_Job(path.parent, entry, now, platforms) for entry in entries(manifest["files"])]
    links: dict[str, str] = {}
    for job in jobs:
        job.run({})
        if job.parsed is not None:
            links.update({post.native_id: post.url for post in job.parsed.posts if post.url and not post.parent_id})
    for job in jobs:
        parent = job.parent_id()
        if job.parsed is not None and parent in links and "parent_url" not in job.context:
            job.run({"parent_url": links[parent]})
        yield job.plain()


def _read_manifest(path: Path) -> Mapping[str, Any]:
    try:
        manifest = json.loads(path.read_text("utf-8-sig"))
    except OSError as err:
        raise ManifestError(f"cannot read the manifest {path}: {err.strerror}") from err
    except (ValueError, RecursionError) as err:
        raise ManifestError(f"the manifest {path} is no JSON: {err}") from err
    if not isinstance(manifest, Mapping) or not isinstance(manifest.get("files"), list):
        raise ManifestError(f"the manifest {path} has no list `files`")
    return manifest


class _Job:
    """One entry of a manifest on its way to a result."""

    def __init__(self, folder: Path, entry: Mapping[str, Any], now: str, platforms: Mapping[str, Platform]) -> None:
        self._folder = folder
        self._entry = entry
        self._now = text_of(entry.get("now")) or now
        self._platforms = platforms
        self.file = text_of(entry.get("file"))
        self.endpoint = text_of(entry.get("endpoint"))
        self.context = {name: text_of(value) for name, value in entry.items() if name not in _OWN_KEYS}
        self.parsed: Parsed | None = None
        self.error = ""

    def parent_id(self) -> str:
        """Return the id of the post that the payload's comments answer; empty = they answer none."""
        read = self.parsed.posts if self.parsed is not None else ()
        return self.context.get("parent_id") or next((post.parent_id for post in read if post.parent_id), "")

    def run(self, more: Mapping[str, str]) -> None:
        """Parse the payload; a problem is kept as `error`."""
        try:
            platform = self._platforms.get(self.endpoint.partition(".")[0])
            if platform is None:
                known = ", ".join(sorted(self._platforms))
                raise ManifestError(f"unknown endpoint {self.endpoint[:60]!r}; known platforms are {known}")
            self.parsed = platform.parse(self.endpoint, self._response(more))
            if self.parsed.detail.startswith("unknown endpoint"):
                raise ManifestError(self.parsed.detail)
        except (ManifestError, DomainError) as err:
            self.parsed, self.error = None, str(err)

    def _response(self, more: Mapping[str, str]) -> Response:
        if not self.file or Path(self.file).name != self.file or self.file in (".", ".."):
            raise ManifestError(f"payload name {self.file[:60]!r} leaves the manifest's folder")
        payload = self._folder / self.file
        try:
            if payload.resolve().parent != self._folder.resolve():
                raise ManifestError(f"payload {self.file!r} points out of the manifest's folder")
            if payload.stat().st_size > _MAX_BYTES:
                raise ManifestError(f"payload {self.file!r} is larger than {_MAX_BYTES} bytes")
            body = payload.read_bytes()
        except OSError as err:
            raise ManifestError(f"cannot read payload {self.file!r}: {err.strerror}") from err
        headers = self._entry.get("response_headers")
        status = self._entry.get("http_status")
        return Response(
            url=text_of(self._entry.get("request_url")).rpartition(" ")[2],
            status=status if isinstance(status, int) else 200,
            headers={str(k).lower(): text_of(v) for k, v in headers.items()} if isinstance(headers, Mapping) else {},
            body=body,
            now=self._moment(),
            context={**self.context, **more},
        )

    def _moment(self) -> datetime:
        if not self._now:
            raise ManifestError(f"entry {self.file!r} has no `now`")
        return from_rfc3339(self._now).astimezone(SHANGHAI)

    def plain(self) -> dict[str, Any]:
        """Return the result in the vocabulary of the manifest."""
        parsed = self.parsed or Parsed(outcome=FetchOutcome.ERROR, detail=self.error)
        feed = self.endpoint.partition(".")[0] in ("rss", "feed", "article")
        result: dict[str, Any] = {
            "file": self.file,
            "endpoint": self.endpoint,
            "outcome": parsed.outcome.value,
            "mentions": [plain_post(replace(post), with_site=feed) for post in parsed.posts],
            "trends": [plain_trend(trend) for trend in parsed.trends],
            "next": dict(parsed.next) or None,
        }
        if parsed.outcome not in (FetchOutcome.OK, FetchOutcome.EMPTY):
            result["retryable"] = retryable(parsed.outcome)
        for name, value in parsed.extras:
            result[name] = value
        if self.context.get("parent_id"):
            result["parent_id"] = self.context["parent_id"]
        if parsed.detail:
            result["detail"] = parsed.detail
        if self.error:
            result["error"] = self.error
        return result
