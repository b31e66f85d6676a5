"""Times as Chinese pages print them (contracts: platforms, section 3.3).

Everything is relative to the moment of the answer, and nothing depends on the locale.
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from domain.mention import Precision
from domain.moment import SHANGHAI

__all__ = ["Stamp", "parse_cn_time"]

_MONTHS = {name: i + 1 for i, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split())}
_MONTH = "(?P<mon>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
# CST on Chinese pages is China Standard Time, not US Central.
_ZONES = {
    "z": 0, "gmt": 0, "utc": 0, "ut": 0, "cst": 8, "hkt": 8, "bst": 1, "cet": 1, "cest": 2, "jst": 9, "kst": 9,
    "est": -5, "edt": -4, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
_ZONE = r"(?P<zone>[+-]\d{2}:?\d{2}|[a-z]{1,5})"
_CLOCK = r"(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?"
_CN_CLOCK = (
    r"(?:\s*[t,，]?\s*(?P<half>凌晨|清晨|早上|上午|中午|下午|傍晚|晚上|夜间)?\s*"
    r"(?P<h>\d{1,2})\s*[:时点]\s*(?:(?P<mi>\d{1,2})(?:\s*[:分]\s*(?P<s>\d{1,2})(?:[.,]\d{1,9})?)?\s*[秒分]?)?)?"
)
_STATUS_FORM = re.compile(rf"[a-z]{{3}} {_MONTH} (?P<d>\d{{1,2}}) {_CLOCK} {_ZONE} (?P<y>\d{{4}})")
_RFC = re.compile(rf"(?:[a-z]{{3,9}},? )?(?P<d>\d{{1,2}})[ -]{_MONTH}[ -](?P<y>\d{{4}})(?: {_CLOCK}(?: ?{_ZONE})?)?")
_US = re.compile(rf"{_MONTH}\.? (?P<d>\d{{1,2}}),? (?P<y>\d{{4}})(?:,? (?:at )?{_CLOCK} ?(?P<half>am|pm)?)?")
_ISO = re.compile(
    rf"(?P<y>\d{{4}})-(?P<m>\d{{2}})-(?P<d>\d{{2}})[t ]{_CLOCK} ?(?P<zone>z|utc|gmt|cst|[+-]\d{{2}}(?::?\d{{2}})?)?"
)
_COMPACT = re.compile(
    r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})(?:t?(?P<h>\d{2})(?P<mi>\d{2})(?P<s>\d{2})(?P<zone>z)?)?"
)
_EPOCH = re.compile(r"\d{9,11}(?:\.\d{1,9})?|\d{12,13}")
_RELATIVE = re.compile(
    r"(?P<n>\d{1,6}|半|几)\s*(?P<unit>秒钟?|分钟?|个?小时|个?钟头|天|日|个?星期|周|个?月|年)(?:之?前|以前)"
)
_DAY_WORD = re.compile(rf"(?P<word>今天|今日|昨天|昨日|大前天|前天|前日){_CN_CLOCK}")
_DAYS_BACK = {"今天": 0, "今日": 0, "昨天": 1, "昨日": 1, "前天": 2, "前日": 2, "大前天": 3}
_DATE = re.compile(
    rf"(?<!\d)(?P<y>\d{{4}}|\d{{2}})\s*(?P<sep>[-/.年])\s*(?P<m>\d{{1,2}})\s*[-/.月]\s*(?P<d>\d{{1,2}})(?!\d)日?{_CN_CLOCK}"
)
_MONTH_DAY = re.compile(rf"(?<![\d.])(?P<m>\d{{1,2}})(?:\s*月\s*|[-/])(?P<d>\d{{1,2}})(?![\d/.-])日?{_CN_CLOCK}")
_TIME_ONLY = re.compile(r"(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2}))?")
_LATE_HALF = frozenset({"下午", "傍晚", "晚上", "夜间", "pm"})
_MAX_LENGTH = 100
_MAX_EPOCH = 4_102_444_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A moment and how exactly it was stated."""

    at: datetime
    """The moment, UTC; start of the day in Beijing for a mere date."""
    precision: Precision
    """How exact it is."""


def parse_cn_time(raw: object, now: datetime, tz: tzinfo = SHANGHAI) -> Stamp | None:
    """Read a printed time or an epoch in seconds or milliseconds.

    Args:
        raw: Printed text, or an epoch as number or digits; 10^12 and more are milliseconds.
        now: Moment of the answer, aware.
        tz: Zone of times that state none.

    Returns:
        The moment with its precision; None if there is none in it. A date without a year
        that would lie more than a day ahead belongs to the year before.
    """
    try:
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            return _epoch(float(raw))
        if not isinstance(raw, str):
            return None
        text = " ".join(unicodedata.normalize("NFKC", raw[: 4 * _MAX_LENGTH]).split())[:_MAX_LENGTH].lower()
        local = now.astimezone(tz)
        for read in _READERS:
            stamp = read(text, local)
            if stamp is not None:
                return stamp
    except (ValueError, OverflowError):
        return None
    return None


def _epoch(number: float) -> Stamp | None:
    seconds = number / 1000 if number >= 1e12 else number
    if not 0 < seconds < _MAX_EPOCH:
        return None
    return Stamp(at=datetime.fromtimestamp(seconds, UTC), precision=Precision.SECOND)


def _zone(text: str | None, default: tzinfo | None) -> tzinfo | None:
    if not text:
        return default
    if text[0] in "+-":
        hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
        span = timedelta(hours=hours, minutes=minutes)
        return timezone(-span if text[0] == "-" else span)
    return timezone(timedelta(hours=_ZONES[text])) if text in _ZONES else default


def _build(match: re.Match[str], year: int, month: int, day: int, zone: tzinfo | None) -> Stamp:
    groups = match.groupdict()
    start = datetime(year, month, day, tzinfo=zone)
    if not groups.get("h"):
        return Stamp(at=start.astimezone(UTC), precision=Precision.DAY)
    hour, minute, second = int(groups["h"]), int(groups.get("mi") or 0), int(groups.get("s") or 0)
    half = groups.get("half")
    if half in _LATE_HALF and hour < 12:
        hour += 12
    elif (half in {"am", "凌晨"} and hour == 12) or (half == "中午" and hour < 3):
        hour = 0 if half != "中午" else hour + 12
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        raise ValueError(f"no time of day: {hour}:{minute}:{second}")
    at = start + timedelta(hours=hour, minutes=minute, seconds=second)
    exact = Precision.SECOND if groups.get("s") else Precision.MINUTE if groups.get("mi") else Precision.HOUR
    return Stamp(at=at.astimezone(UTC), precision=exact)


def _form(pattern: re.Pattern[str]) -> Callable[[str, datetime], Stamp | None]:
    def read(text: str, local: datetime) -> Stamp | None:
        match = pattern.fullmatch(text)
        if not match:
            return None
        groups = match.groupdict()
        month = _MONTHS[groups["mon"]] if groups.get("mon") else int(groups["m"])
        zone = _zone(groups.get("zone"), local.tzinfo)
        return _build(match, int(groups["y"]), month, int(groups["d"]), zone)

    return read


def _read_epoch(text: str, local: datetime) -> Stamp | None:
    return _epoch(float(text)) if _EPOCH.fullmatch(text) else None


def _read_relative(text: str, local: datetime) -> Stamp | None:
    if "刚刚" in text or "刚才" in text:
        return Stamp(at=local.astimezone(UTC), precision=Precision.MINUTE)
    match = _RELATIVE.search(text)
    if not match:
        return None
    half = match["n"] == "半"
    number = 3 if match["n"] == "几" else 0 if half else int(match["n"])
    unit = match["unit"].removeprefix("个")
    if unit[0] in "秒分小钟":
        step = timedelta(seconds=1) if unit[0] == "秒" else timedelta(minutes=1)
        step = timedelta(hours=1) if unit[0] in "小钟" else step
        exact = Precision.HOUR if unit[0] in "小钟" and not half else Precision.MINUTE
        return Stamp(at=(local - (step / 2 if half else step * number)).astimezone(UTC), precision=exact)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return Stamp(at=_days_ago(day, unit[0], number, half).astimezone(UTC), precision=Precision.DAY)


def _days_ago(day: datetime, unit: str, number: int, half: bool) -> datetime:
    if unit in "天日":
        return day - timedelta(days=number)
    if unit in "星周":
        return day - timedelta(weeks=number)
    months = number * (12 if unit == "年" else 1)
    if half:
        return day - timedelta(days=182 if unit == "年" else 15)
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    if year < 1:
        raise ValueError("before the calendar")
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


def _read_day_word(text: str, local: datetime) -> Stamp | None:
    match = _DAY_WORD.search(text)
    if not match:
        return None
    day = local - timedelta(days=_DAYS_BACK[match["word"]])
    return _build(match, day.year, day.month, day.day, local.tzinfo)


def _read_date(text: str, local: datetime) -> Stamp | None:
    match = _DATE.search(text)
    if not match:
        return None
    year = int(match["y"])
    return _build(match, year if year > 99 else 2000 + year, int(match["m"]), int(match["d"]), local.tzinfo)


def _read_month_day(text: str, local: datetime) -> Stamp | None:
    match = _MONTH_DAY.search(text)
    if not match:
        return None
    month, day = int(match["m"]), int(match["d"])
    for year in range(local.year, local.year - 9, -1):
        if month == 2 and day == 29 and monthrange(year, 2)[1] == 28:
            continue
        stamp = _build(match, year, month, day, local.tzinfo)
        if stamp.at <= local + timedelta(days=1):
            return stamp
    return None


def _read_time_only(text: str, local: datetime) -> Stamp | None:
    match = _TIME_ONLY.fullmatch(text)
    if not match:
        return None
    stamp = _build(match, local.year, local.month, local.day, local.tzinfo)
    if stamp.at <= local + timedelta(minutes=5):
        return stamp
    return Stamp(at=stamp.at - timedelta(days=1), precision=stamp.precision)


_READERS = (
    _read_epoch,
    _form(_COMPACT),
    _form(_ISO),
    _form(_STATUS_FORM),
    _form(_RFC),
    _form(_US),
    _read_relative,
    _read_day_word,
    _read_date,
    _read_month_day,
    _read_time_only,
)
