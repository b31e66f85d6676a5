"""Logs on standard error: one line an event, values after the event's name; as text or as JSON."""

import json
import logging
import os
import re
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime

from domain.secret import Secret
from service.log_limit import LogLimit, Suppressed
from service.plain import plain

__all__ = ["configure_logging", "hide_secrets", "secrets_of", "take_suppressed"]

logger = logging.getLogger(__name__)

_IDS = ("mention", "incident", "delivery", "source")
_ERRORS = ("error", "cause", "why", "reason")
_MESSAGE_CHARS = 2_000
_TRACE_CHARS = 3_000
_LEAST_SECRET = 6
_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR"})
_QUIET = ("scrapy", "asyncio", "jieba", "alembic", "sqlalchemy", "httpx", "trafilatura", "readability", "htmldate")

_NAMES = "(?:access_|refresh_)?token|secret|password|passwd|api_?key|sign|signature|key"
_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"xox[a-z]-[\w-]+"), "***"),
    (re.compile(rf"(?i)\b({_NAMES})=[^&\s\"']{{4,}}"), r"\1=***"),
    (re.compile(r"(?i)\b(authorization: ?)[^\r\n]+"), r"\1***"),
    (re.compile(r"(?i)\b((?:bearer|basic|oauth2) )[\w.~+/=-]{8,}"), r"\1***"),
    (re.compile(r"(?i)\b((?:set-)?cookie: ?)[^\r\n]+"), r"\1***"),
    (re.compile(r"(://)[^/\s@]+@"), r"\1***@"),
    (re.compile(r"(/services/)[\w/-]+"), r"\1***"),
)  # fmt: skip
_PLACE = re.compile(r"%(?:%|[-#0 +]*\d*(?:\.\d+)?[a-zA-Z])")
_NAME = re.compile(r"(\w+)=$")

_hidden: dict[str, re.Pattern[str]] = {}


def hide_secrets(settings: object) -> None:
    """Mask every secret that settings hold, wherever it turns up in a later line; six characters and longer."""
    found = {text for text in secrets_of(settings) if len(text) >= _LEAST_SECRET}
    if found:
        longest_first = sorted(found, key=len, reverse=True)
        _hidden["settings"] = re.compile("|".join(re.escape(text) for text in longest_first))


def secrets_of(value: object) -> Iterator[str]:
    """Give the text of every secret that a value of settings holds, however deep."""
    if isinstance(value, Secret):
        yield value.reveal()
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from secrets_of(getattr(value, field.name))
    elif isinstance(value, tuple | list | frozenset):
        for each in value:
            yield from secrets_of(each)
    elif isinstance(value, Mapping):
        yield from secrets_of(tuple(value.values()))


def _clean(text: str, most: int) -> str:
    """Return text on one line, masked and bounded; masks look at it before it is cut."""
    text = text[: 20 * most]
    for pattern in _hidden.values():
        text = pattern.sub("***", text)
    for pattern, instead in _MASKS:
        text = pattern.sub(instead, text)
    text = plain(text)
    return text if len(text) <= most else text[: most - 1] + "…"


class _Text(logging.Formatter):
    """Writes `time LEVEL role logger event name=value …`."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        trace = _trace(record)
        line = f"{self.formatTime(record)} {record.levelname:<7} {self._role} {record.name} {_message(record)}"
        return f"{line} trace={trace}" if trace else line


class _Json(logging.Formatter):
    """Writes one object a line: time, level, role, logger, event, ids, values, message, error, trace."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        event, values = _parts(record)
        said: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "role": self._role,
            "logger": record.name,
            "event": event,
        }
        said |= {name: values.pop(name) for name in _IDS if name in values}
        error = next((values.pop(name) for name in _ERRORS if name in values), None)
        said |= {"values": values} if values else {}
        said["message"] = _message(record)
        if error is not None or record.exc_info:
            said["error"] = error or _clean(repr(record.exc_info[1]) if record.exc_info else "", _MESSAGE_CHARS)
        if trace := _trace(record):
            said["trace"] = trace
        return json.dumps(said, ensure_ascii=False)


def _said(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - border of one line: another's wrong arguments must not cost it
        return f"{record.msg} {record.args!r}"


def _message(record: logging.LogRecord) -> str:
    return _clean(_said(record), _MESSAGE_CHARS)


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    lines = traceback.format_exception(record.exc_info[1], limit=-12)
    whole = " | ".join(line.strip() for part in lines for line in part.splitlines() if line.strip(" ^~"))
    cleaned = _clean(whole[-20 * _TRACE_CHARS :], 20 * _TRACE_CHARS)
    return cleaned if len(cleaned) <= _TRACE_CHARS else f"Traceback … {cleaned[-_TRACE_CHARS:]}"


def _parts(record: logging.LogRecord) -> tuple[str, dict[str, str]]:
    """Return the event's name and its named values, from the template: values may look like names."""
    template = str(record.msg)
    args = record.args if isinstance(record.args, tuple) else ()
    values: dict[str, str] = {}
    first: str | None = None
    places = [place for place in _PLACE.finditer(template) if place.group() != "%%"]
    for place, arg in zip(places, args, strict=False):
        named = _NAME.search(template, 0, place.start())
        if named is None:
            continue
        first = first or f" {named.group(1)}="
        values[named.group(1)] = _clean(str(arg), _MESSAGE_CHARS)
    message = _message(record)
    return (message.partition(first)[0] if first else message)[:200], values


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]  # generic in stubs only
    """Writes what the limit admits, and at the end of each window what it held back."""

    def __init__(self, limit: LogLimit) -> None:
        super().__init__()
        self.limit = limit
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.limit.over():
            self.tell()
        if self.limit.admits(record, f"{record.name} {_said(record)}"):
            super().emit(record)
        elif self._timer is None:
            self._timer = threading.Timer(self.limit.window_s, self.tell)
            self._timer.daemon = True
            self._timer.start()

    def tell(self) -> None:
        """Write how many lines of each kind were held back since the window began; end its timer."""
        with self.lock or threading.RLock():
            timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            for each in self.limit.end():
                super().emit(_summary(each, self.limit.window_s))

    def close(self) -> None:
        self.tell()
        super().close()


def _summary(held: Suppressed, window_s: float) -> logging.LogRecord:
    words, args = "suppressed lines=%d in_s=%.0f of=%s", (held.number, window_s, held.event)
    return logging.LogRecord(held.logger, held.level, __file__, 0, words, args, None)


def take_suppressed() -> dict[str, int]:
    """Return how many lines were counted instead of written since the last call, by level."""
    handlers: Iterable[logging.Handler] = logging.getLogger().handlers
    return next((each.limit.take_counts() for each in handlers if isinstance(each, _Handler)), {})


def configure_logging(role: str, *, limit: LogLimit | None = None) -> None:
    """Send logs to standard error with the role's name.

    TINGFENG_LOG is the level (default INFO), TINGFENG_LOG_FORMAT is `text` (default) or `json`.
    """
    handler = _Handler(limit or LogLimit())
    as_json = os.environ.get("TINGFENG_LOG_FORMAT", "").strip().lower() == "json"
    handler.setFormatter(_Json(role) if as_json else _Text(role))
    root = logging.getLogger()
    before, root.handlers[:] = root.handlers[:], [handler]
    for each in before:
        if isinstance(each, _Handler):  # its timer would go on writing to a stream that may be closed by then
            each.close()
    level = os.environ.get("TINGFENG_LOG", "INFO").upper()
    root.setLevel(level if level in _LEVELS else "INFO")
    for noisy in _QUIET:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    threading.excepthook = _log_thread


def _log_thread(ended: threading.ExceptHookArgs) -> None:
    """Log what ended a thread on one line, masked, instead of a bare traceback."""
    if ended.exc_value is not None:
        told = (ended.exc_type, ended.exc_value, ended.exc_traceback)
        logger.error("thread ended thread=%s", ended.thread.name if ended.thread else "", exc_info=told)
