"""Answers of a visit as a folder of fixtures, redacted, in the form that `tingfeng parse --manifest` reads."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.parse import parse_manifest
from crawlers.platforms import build_platform, platform_specs
from crawlers.redact import Redactor, difference
from domain.moment import SHANGHAI

__all__ = ["Answer", "Recorded", "write_fixture"]

_TOLD = (
    "outcome", "mentions", "trends", "next", "retryable", "long_text", "visitor", "total", "resolved_url", "danmaku",
    "fresh_children",
)  # fmt: skip
_MAX_ANSWERS = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a visit as it came."""

    fetch: Fetch
    """What was asked."""
    response: Response
    """What came."""
    parsed: Parsed
    """What it was read as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of the answers of a visit."""

    files: tuple[str, ...]
    """Names of the payloads, in the order of the visit."""
    left_out: tuple[str, ...]
    """`endpoint: reason` of each answer that is not kept, in order."""


def write_fixture(folder: Path, platform: str, answers: Sequence[Answer], redactor: Redactor) -> Recorded:
    """Write the payloads and their `expected.json`.

    An answer in which something personal is left, or that reads otherwise once it is redacted, is
    left out, with the reason.

    Args:
        folder: An empty folder, made where it is missing.
        platform: Name of the platform, for the manifest.
        answers: The answers in order; those beyond 99 are left out.
        redactor: Knows the credentials; learns from the answers.

    Raises:
        OSError: the folder cannot be written.
    """
    readers = {prefix: page for page in map(build_platform, platform_specs()) for prefix in page.prefixes}
    for answer in answers:
        redactor.learn(answer.fetch.endpoint, answer.response, answer.parsed)
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    left_out = []
    for number, answer in enumerate(answers, 1):
        endpoint = answer.fetch.endpoint
        reader = readers.get(endpoint.partition(".")[0])
        redacted = _redacted(answer, redactor, reader) if number <= _MAX_ANSWERS else "too many answers"
        if isinstance(redacted, str):
            left_out.append(f"{endpoint}: {redacted}")
            continue
        name = f"{len(entries) + 1:02d}_{endpoint.replace('.', '_')}.{_ending(redacted.body)}"
        (folder / name).write_bytes(redacted.body)
        entries.append(_entry(name, answer.fetch, redacted))
    _write_manifest(folder, platform, entries, answers[0].response.now if answers else None)
    return Recorded(files=tuple(entry["file"] for entry in entries), left_out=tuple(left_out))


def _redacted(answer: Answer, redactor: Redactor, reader: Platform | None) -> Response | str:
    """Return the answer without what is personal, or why it cannot be kept."""
    if reader is None:
        return "no parser reads it"
    try:
        redacted = redactor.response(answer.response)
    except ValueError as err:
        return str(err)
    left = redactor.leaks(redacted)
    if left:
        return f"something is left in it: {', '.join(left)}"
    changed = difference(answer.parsed, reader.parse(answer.fetch.endpoint, redacted))
    return f"it reads otherwise once it is redacted: {changed}" if changed else redacted


def _entry(name: str, fetch: Fetch, response: Response) -> dict[str, Any]:
    method = "POST " if fetch.body else ""
    return dict(response.context) | {
        "file": name,
        "endpoint": fetch.endpoint,
        "request_url": method + response.url,
        "http_status": response.status,
        "response_headers": dict(response.headers),
        "now": response.now.astimezone(SHANGHAI).isoformat(),
    }


def _write_manifest(folder: Path, platform: str, entries: list[dict[str, Any]], now: datetime | None) -> None:
    """Write the manifest with what our parser makes of each payload, to be looked over by a person."""
    path = folder / "expected.json"
    moment = now.astimezone(SHANGHAI).isoformat() if now else None
    manifest = {"platform": platform, "reference_now": moment, "files": entries}
    path.write_text(json.dumps(manifest, ensure_ascii=False), "utf-8")
    told = list(parse_manifest(path))
    manifest["files"] = [
        entry | {name: read[name] for name in _TOLD if name in read} for entry, read in zip(entries, told, strict=True)
    ]
    path.write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _ending(body: bytes) -> str:
    """Return the ending of a file by its first bytes, never by its address."""
    if body.startswith(b"\x1f\x8b"):
        return "xml.gz"
    start = body.lstrip()[:400].lower()
    if start.startswith((b"{", b"[")):
        return "json"
    if start.startswith((b"<?xml", b"<rss", b"<feed", b"<urlset", b"<sitemapindex")) and b"<html" not in start:
        return "xml"
    return "html" if start.startswith(b"<") else "txt"
