"""`tingfeng analyse` and `tingfeng stories`: NDJSON in, NDJSON out, order kept."""

import json
import math
import queue
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

from config.settings import Settings
from domain.errors import DomainError
from domain.mention import Author, Kind, Mention, Post
from domain.moment import from_rfc3339
from domain.tagging import Sentiment
from service import wiring
from service.pipeline import story_item
from service.printing import json_line

__all__ = ["analyse_lines", "story_lines"]

BATCH = 500
MAX_LINE_BYTES = 2_000_000
_HALF = re.compile("[\ud800-\udfff]")
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One readable line."""

    id: object
    """Its id as given."""
    mention: Mention
    """The text as an untagged mention."""
    target: str | None
    """Name to judge apart; None = none was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bad:
    """One unreadable line."""

    error: str
    """What is wrong with it."""


def analyse_lines(lines: BinaryIO, out: IO[str], config: Path | None) -> int:
    """Tag every line; return 0, or 1 if a line was unreadable.

    Raises:
        config.errors.ConfigError: the settings cannot be used.
    """
    from analysis.tagger import Target

    settings = _settings(config)
    tagger = wiring.make_tagger(settings)
    bad = 0
    for batch in _batches(lines):
        good = [line for line in batch if isinstance(line, _Line)]
        tagged = iter(tagger.tag([line.mention for line in good]))
        asked = [Target(mention=n, name=line.target) for n, line in enumerate(good) if line.target]
        judged = tagger.judge_targets([line.mention for line in good], asked) if asked else []
        verdicts = {target.mention: verdict for target, verdict in zip(asked, judged, strict=True)}
        numbers = iter(range(len(good)))
        views = [
            _error_view(line)
            if isinstance(line, _Bad)
            else _tag_view(line.id, next(tagged), verdicts.get(next(numbers)))
            for line in batch
        ]
        bad += _write(out, views)
    return 1 if bad else 0


def story_lines(lines: BinaryIO, out: IO[str]) -> int:
    """Link every line to a story; return 0, or 1 if a line was unreadable."""
    from storage import open_state

    tagger = wiring.make_tagger(_settings(None))
    bad = 0
    with tempfile.TemporaryDirectory(prefix="tingfeng-stories-") as folder:
        state = open_state(None, Path(folder))
        try:
            for batch in _batches(lines):
                good = [line for line in batch if isinstance(line, _Line)]
                tagged = tagger.tag([line.mention for line in good])
                links = iter(state.stories.link([story_item(mention) for mention in tagged], now=EPOCH))
                views = [
                    _error_view(line) if isinstance(line, _Bad) else {"id": line.id, "story_id": next(links).story_id}
                    for line in batch
                ]
                bad += _write(out, views)
        finally:
            state.close()
    return 1 if bad else 0


def _settings(config: Path | None) -> Settings:
    from config.loader import default_settings

    return wiring.load_settings(config) if config else default_settings(wiring.specs(), folder=Path())


def _batches(lines: BinaryIO) -> Iterator[Sequence[_Line | _Bad]]:
    """Yield what lies ready, at most `BATCH` lines at once, so that a slow writer is answered soon."""
    ready: queue.Queue[bytes | None] = queue.Queue(maxsize=4 * BATCH)

    def read() -> None:
        while line := lines.readline(MAX_LINE_BYTES + 1):
            ready.put(line)
            while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
                line = lines.readline(MAX_LINE_BYTES + 1) or b"\n"
        ready.put(None)

    threading.Thread(target=read, daemon=True).start()
    number, ended = 0, False
    while not ended:
        batch: list[_Line | _Bad] = []
        while not ended and len(batch) < BATCH and (not batch or not ready.empty()):
            raw = ready.get()
            if raw is None:
                ended = True
            elif raw.strip():
                number += 1
                batch.append(_read(raw, number))
        if batch:
            yield batch


def _write(out: IO[str], views: Sequence[Mapping[str, object]]) -> int:
    """Write one object a line and return how many are errors."""
    out.write("".join(json_line(view) + "\n" for view in views))
    out.flush()
    return sum(1 for view in views if "error" in view)


def _error_view(line: _Bad) -> dict[str, object]:
    return {"id": None, "error": line.error}


def _read(raw: bytes, number: int) -> _Line | _Bad:
    if len(raw) > MAX_LINE_BYTES:
        return _Bad(error=f"line {number}: longer than {MAX_LINE_BYTES} bytes")
    try:
        entry = json.loads(raw)
    except (ValueError, RecursionError):
        return _Bad(error=f"line {number}: not JSON")
    if not isinstance(entry, dict):
        return _Bad(error=f"line {number}: a JSON object is expected")
    if not _is_id(entry.get("id")):
        return _Bad(error=f"line {number}: id is missing")
    for name in ("text", "title", "platform", "target"):
        if not isinstance(entry.get(name), str | None):
            return _Bad(error=f"line {number}: {name} must be a string")
    if entry.get("text") is None:
        return _Bad(error=f"line {number}: text is missing")
    try:
        target = entry.get("target")
        return _Line(id=entry["id"], mention=_mention(entry), target=_whole(target) if target else None)
    except DomainError as err:
        return _Bad(error=f"line {number}: {err}")


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _whole(text: str) -> str:
    """Return text of the same length without halves of characters, which no store and no channel takes."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def _mention(entry: Mapping[str, Any]) -> Mention:
    published = entry.get("published_at")
    at = from_rfc3339(published) if isinstance(published, str) else EPOCH
    author = entry.get("author")
    name = author.get("name") if isinstance(author, dict) else author
    post = Post(
        platform=_whole(entry.get("platform") or "unknown"),
        native_id=_whole(str(entry["id"])),
        kind=Kind.POST,
        title=_whole(entry["title"]) if entry.get("title") else None,
        text=_whole(entry["text"]),
        author=Author(name=_whole(name) if isinstance(name, str) else None),
        published_at=at,
    )
    return Mention(id=_whole(str(entry["id"])), post=post, source="stdin", first_collected_at=at, last_collected_at=at)


def _sentiment_view(sentiment: Sentiment) -> dict[str, object]:
    return {
        "polarity": sentiment.polarity.value,
        "score": round(sentiment.score, 6),
        "p_negative": round(sentiment.p_negative, 6),
        "confidence": round(sentiment.confidence, 6),
        "uncertain": sentiment.uncertain,
    }


def _tag_view(id: object, mention: Mention, target: Sentiment | None) -> dict[str, object]:
    tags = mention.tags
    if tags is None:
        raise DomainError(f"text {id} was not tagged")
    view: dict[str, object] = {"id": id, "sentiment": _sentiment_view(tags.sentiment)}
    if target is not None:
        view["target_sentiment"] = _sentiment_view(target)
    view["risk"] = [{"category": risk.category, "severity": risk.severity} for risk in tags.risks]
    view["severity"] = tags.severity
    view["topics"] = list(tags.topics)
    view["keywords"] = list(tags.keywords)
    view["brands"] = [
        {
            "id": brand.brand,
            "spans": [list(span) for span in brand.spans],
            "title_spans": [list(span) for span in brand.title_spans],
            "polarity": brand.sentiment.polarity.value,
        }
        for brand in tags.brands
    ]
    return view
