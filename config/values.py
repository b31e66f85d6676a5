"""Single values: from the text in the file to what the type says, or the reason why not."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from config.errors import quote
from config.marks import LABELS, HostPort, Identifier, Query, Range, Url
from domain.query import (
    MENTION_FIELDS,
    And,
    FieldType,
    Node,
    Not,
    Or,
    QueryError,
    QuerySyntaxError,
    Term,
    compile_matcher,
    parse,
    unknown_fields,
)

__all__ = [
    "ValueProblem",
    "check_marks",
    "check_query",
    "format_duration",
    "nearest",
    "parse_duration",
    "parse_scalar",
    "slug",
]

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_TRUE, _FALSE = {"true", "yes", "on"}, {"false", "no", "off"}
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_HOST_PORT = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})")
_IDENTIFIER = re.compile(r"[\w][\w.-]{0,63}")
_SOME_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_LONGEST_VALUE = 4_000
_LONGEST = timedelta(days=36_500)


class ValueProblem(Exception):  # noqa: N818 - never leaves this package
    """A value that does not fit."""

    def __init__(self, problem: str, fix: str = "", position: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        """What is wrong."""
        self.fix = fix
        """What to write."""
        self.position = position
        """Where in the value, 0-based; None = all of it."""


def nearest(word: str, known: Sequence[str]) -> str | None:
    """Return the known word most like `word`, or None where nothing is near."""
    plain = {name.replace("_", "").replace("-", "").lower(): name for name in known}
    found = get_close_matches(word.replace("_", "").replace("-", "").lower(), list(plain), n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def slug(text: str, fallback: str) -> str:
    """Return a name made of a text: lower-case, at most 64 characters, `fallback` where none is left."""
    return re.sub(r"[^\w.]+", "-", text.lower()).strip("-.")[:64].strip("-.") or fallback


def parse_duration(text: str) -> timedelta:
    """Read a duration: numbers with ms, s, m, h, d or w, such as `90s`, `1h30m`; `0` is none.

    Raises:
        ValueProblem: The text is no duration, or longer than 100 years.
    """
    text = text.strip()
    if text == "0":
        return timedelta(0)
    fix = "write a number with a unit: 30s, 5m, 2h, 1d, 1h30m"
    if not _DURATION.fullmatch(text):
        if _WHOLE.fullmatch(text):
            raise ValueProblem(f"{quote(text)} has no unit", f"seconds would be {text}s, minutes {text}m")
        raise ValueProblem(f"{quote(text)} is no duration", fix)
    seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _DURATION_PART.findall(text))
    if seconds > _LONGEST.total_seconds():
        raise ValueProblem(f"{quote(text)} is longer than 100 years", fix)
    return timedelta(seconds=seconds)


def format_duration(span: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, biggest units first; `0` for none."""
    rest = round(span.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0"


def parse_scalar(core: Any, text: str, *, shown: str, folder: Path) -> Any:
    """Read one value of type `core` from `text`; `shown` is how messages quote it.

    Raises:
        ValueProblem: The text does not fit the type.
    """
    if core is not str and len(text) > _LONGEST_VALUE:
        raise ValueProblem(f"the value has {len(text):,} characters, more than {_LONGEST_VALUE:,}")
    if get_origin(core) is Literal:
        return _choice(text, shown, [str(choice) for choice in get_args(core)], str)
    if isinstance(core, type) and issubclass(core, Enum):
        return _choice(text, shown, [str(member.value) for member in core], core)
    if core is Path:
        return Path(folder, Path(text).expanduser())
    readers: dict[Any, Callable[[str, str], Any]] = {
        bool: _boolean,
        int: _whole,
        float: _number,
        timedelta: lambda value, _: parse_duration(value),
    }
    if core in readers:
        return readers[core](text, shown)
    if core is str:
        return text
    raise TypeError(f"settings cannot hold {core!r}")


def _choice(text: str, shown: str, choices: list[str], make: Callable[[str], Any]) -> Any:
    for choice in choices:
        if text.lower() == choice.lower():
            return make(choice)
    near = nearest(text, choices)
    problem = f"{quote(shown)} is not one of: {', '.join(choices)}"
    raise ValueProblem(problem, f"did you mean `{near}`?" if near else "")


def _boolean(text: str, shown: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueProblem(f"{quote(shown)} is neither true nor false", "write true or false")


def _whole(text: str, shown: str) -> int:
    plain = text.replace("_", "").replace(",", "")
    if not _WHOLE.fullmatch(plain):
        raise ValueProblem(f"{quote(shown)} is no whole number")
    return int(plain)


def _number(text: str, shown: str) -> float:
    try:
        value = float(text.replace("_", ""))
    except ValueError:
        value = float("nan")
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueProblem(f"{quote(shown)} is no number")
    return value


def check_marks(marks: Sequence[object], value: Any, *, shown: str) -> None:
    """Hold a value against the marks of its field.

    Raises:
        ValueProblem: The first mark that it breaks.
    """
    for mark in marks:
        if isinstance(mark, Range):
            _check_range(mark, value)
        elif isinstance(mark, Url):
            _check_url(mark, str(value), shown)
        elif isinstance(mark, HostPort):
            _check_host_port(str(value), shown)
        elif isinstance(mark, Query):
            check_query(str(value), labels=mark.labels)
        elif isinstance(mark, Identifier):
            _check_identifier(mark, str(value), shown)


def _check_range(mark: Range, value: Any) -> None:
    show = format_duration if isinstance(value, timedelta) else str
    if mark.low is not None and value < mark.low:
        raise ValueProblem(f"{show(value)} is too small", f"at least {show(mark.low)}")  # type: ignore[arg-type]  # bounds have the field's type
    if mark.high is not None and value > mark.high:
        raise ValueProblem(f"{show(value)} is too big", f"at most {show(mark.high)}")  # type: ignore[arg-type]  # bounds have the field's type


def _check_url(mark: Url, value: str, shown: str) -> None:
    example = f"write it whole, such as {mark.schemes[-1]}://example.com/"
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError as err:
        raise ValueProblem(f"{quote(shown)} is no address", example) from err
    if parts.scheme not in mark.schemes:
        raise ValueProblem(
            f"{quote(shown)} does not begin with {' or '.join(f'{one}://' for one in mark.schemes)}", example
        )
    if not host or any(letter.isspace() for letter in value):
        raise ValueProblem(f"{quote(shown)} is no address" + ("" if host else ": it has no host"), example)
    try:
        port = parts.port
    except ValueError as err:
        raise ValueProblem(f"{quote(shown)} has a port that is no number from 1 to 65535") from err
    if port == 0:
        raise ValueProblem(f"{quote(shown)} has port 0")


def _check_host_port(value: str, shown: str) -> None:
    found = _HOST_PORT.fullmatch(value)
    if not found:
        raise ValueProblem(f"{quote(shown)} is no host:port pair", "write both, such as 127.0.0.1:8080")
    if not 1 <= int(found[1]) <= 65_535:
        raise ValueProblem(f"{quote(shown)}: port {found[1]} does not exist", "ports go from 1 to 65535")


def check_query(value: str, *, labels: bool = False) -> None:
    """Hold a text against the query language, over the fields of a mention or the labels of an incident.

    Raises:
        ValueProblem: It cannot be read, or asks for a field or a value that there is not.
    """
    fields = dict.fromkeys(LABELS, FieldType.KEYWORD) if labels else MENTION_FIELDS
    try:
        node = parse(value)
        strangers = unknown_fields(node, fields)
        if strangers:
            near = nearest(strangers[0], list(fields))
            what = f"this query asks for the {'label' if labels else 'field'} {quote(strangers[0])}, which there is not"
            hint = f"did you mean `{near}`?" if near else f"known: {', '.join(sorted(fields))}"
            raise ValueProblem(what, hint, max(value.find(strangers[0]), 0))
        if labels and (bare := _bare_word(node)) is not None:
            fix = "write label: value, such as severity: critical"
            raise ValueProblem(f"{quote(bare)} names no label", fix, max(value.find(bare), 0))
        compile_matcher(node, fields=fields, now=_SOME_MOMENT)
    except QuerySyntaxError as err:
        place = f"{err.message} (at character {err.position + 1})"
        raise ValueProblem(f"this query cannot be read: {place}", err.hint, err.position) from err
    except QueryError as err:
        raise ValueProblem(f"this query cannot be used: {err}") from err


def _bare_word(node: Node) -> str | None:
    """Return a value of a query that stands without a field; None where there is none."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, And | Or):
            waiting.extend(current.children)
        elif isinstance(current, Not):
            waiting.append(current.child)
        elif isinstance(current, Term) and current.field is None:
            return str(current.value)
    return None


def _check_identifier(mark: Identifier, value: str, shown: str) -> None:
    if not _IDENTIFIER.fullmatch(value) or (mark.lower and value != value.lower()):
        raise ValueProblem(
            f"{quote(shown)} cannot be a name",
            ("lower-case letters" if mark.lower else "letters") + ", digits, - _ . without spaces; at most 64",
        )
