"""Bounds of a range: numbers, RFC 3339 dates and Elasticsearch date math.

A date is `2026-11-24T08:00:00Z`, or a part of it down to the year, or eleven to fourteen
digits (milliseconds since 1970), or `now`. Steps such as `-24h`, `+1d`, `/d` may follow,
after a written date set off by `||`. Units: y M w d h H m s. A date without an offset is
read in the caller's zone. An inexact date stands for a span of time: `>` and `<=` take its
last millisecond, `>=` and `<` its first, as Elasticsearch does.
"""

import calendar
import math
import re
from datetime import UTC, datetime, timedelta, tzinfo

from domain.query.ast import RangeOperator
from domain.query.errors import QueryError

__all__ = ["range_moment", "read_date", "read_number", "uses_now"]

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2})(?::(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH_MS = re.compile(r"\d{11,14}", re.ASCII)
_STEP = re.compile(r"([+-])(\d{1,6})([yMwdhHms])|/([yMwdhHms])", re.ASCII)
_TICK = timedelta(milliseconds=1)
_FIXED = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "H": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_PARTS = "yMdhms"
_CLOSE = "write 2026-11-24, 2026-11-24T08:00:00+08:00, now-24h or now/d"


def read_number(value: str) -> int | float | None:
    """Read a finite decimal number; None if the text is none.

    Args:
        value: such as `10000`, `-0.5` or `1e4`; at most 100 characters are tried.
    """
    text = value.strip()
    if len(text) > 100 or _NUMBER.fullmatch(text) is None:
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None


def uses_now(value: str) -> bool:
    """Say whether a date depends on the present."""
    return value.strip().startswith("now")


def range_moment(operator: RangeOperator, value: str, *, now: datetime | None = None, zone: tzinfo = UTC) -> datetime:
    """Return the moment that a field is compared with, so that the operator holds as is.

    Args:
        operator: the comparison; it decides which end of an inexact date counts.
        value: a date as the module describes it.
        now: the present, aware; needed if `value` starts with `now`.
        zone: zone of dates without an offset, and of rounding.

    Returns:
        An aware moment in UTC.

    Raises:
        QueryError: `value` is no date, lies outside years 1 to 9999, or needs `now`.
    """
    return read_date(value, last=operator in (RangeOperator.GT, RangeOperator.LTE), now=now, zone=zone)


def read_date(value: str, *, last: bool, now: datetime | None = None, zone: tzinfo = UTC) -> datetime:
    """Return the first or the last millisecond of the span that a date stands for.

    Args:
        value: a date as the module describes it.
        last: whether the last millisecond is wanted instead of the first.
        now: the present, aware; needed if `value` starts with `now`.
        zone: zone of dates without an offset, and of rounding.

    Returns:
        An aware moment in UTC; both ends are equal for an exact date.

    Raises:
        QueryError: `value` is no date, lies outside years 1 to 9999, or needs `now`.
    """
    text = value.strip()
    try:
        if text.startswith("now"):
            if now is None:
                raise QueryError(f"the date {text[:40]!r} depends on the present, which is not known here")
            return _walk(now.astimezone(zone), text[3:], last).astimezone(UTC)
        written, _, steps = text.partition("||")
        return _walk(_written(written, last, zone), steps, last).astimezone(UTC)
    except (ValueError, OverflowError) as err:
        raise QueryError(f"{text[:40]!r} is no date: {_CLOSE}") from err


def _written(text: str, last: bool, zone: tzinfo) -> datetime:
    if _EPOCH_MS.fullmatch(text):
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(text))
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    *numbers, fraction, offset = found.groups()
    given = [int(number) for number in numbers if number is not None]
    micros = int((fraction or "").ljust(6, "0")[:6])
    where = datetime.strptime(offset.upper(), "%z").tzinfo if offset else zone
    year, month, day, hour, minute, second = given + [0, 1, 1, 0, 0, 0][len(given) :]
    first = datetime(year, month, day, hour, minute, second, micros, where)
    if not last or fraction is not None:
        return first
    return _after(first, _PARTS[len(given) - 1]) - _TICK


def _walk(moment: datetime, steps: str, last: bool) -> datetime:
    """Apply the steps of date math, left to right."""
    at = 0
    while at < len(steps):
        found = _STEP.match(steps, at)
        if found is None:
            raise ValueError(steps)
        sign, number, unit, rounded = found.groups()
        if rounded:
            moment = _floor(moment, rounded)
            moment = _after(moment, rounded) - _TICK if last else moment
        else:
            moment = _add(moment, int(sign + number), unit)
        at = found.end()
    return moment


def _after(moment: datetime, unit: str) -> datetime:
    return _add(moment, 1, unit)


def _add(moment: datetime, number: int, unit: str) -> datetime:
    if unit in "hHms":
        return (moment.astimezone(UTC) + number * _FIXED[unit]).astimezone(moment.tzinfo)
    if unit in _FIXED:
        return moment + number * _FIXED[unit]
    months = moment.year * 12 + moment.month - 1 + number * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, _days(year, month + 1)))


def _days(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _floor(moment: datetime, unit: str) -> datetime:
    if unit == "w":
        moment -= timedelta(days=moment.weekday())
        unit = "d"
    unit = unit.replace("H", "h")
    kept = _PARTS.index(unit) + 1
    parts = [moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second][:kept]
    year, month, day, hour, minute, second = parts + [0, 1, 1, 0, 0, 0][kept:]
    return moment.replace(year=year, month=month, day=day, hour=hour, minute=minute, second=second, microsecond=0)
