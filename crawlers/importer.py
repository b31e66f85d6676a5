"""Posts from files: NDJSON of the manifest's mentions plus `platform`, or CSV with a header."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from crawlers.cn_time import parse_cn_time
from crawlers.errors import CrawlError
from crawlers.link import public_link
from crawlers.number import Count, parse_number
from crawlers.plain import COUNTERS
from crawlers.shape import obj, text_of
from crawlers.text import MAX_TEXT, clean, clean_line, hashtags
from domain.ids import bounded_id
from domain.mention import Author, Engagement, Kind, Post, Precision, RepostOf

__all__ = ["COLUMNS", "PLATFORMS", "BadLine", "BodyError", "read_body", "read_posts"]

PLATFORMS = frozenset(
    "weibo wechat douyin kuaishou bilibili xiaohongshu zhihu tieba toutiao baidu heimao v2ex hackernews reddit "
    "mastodon web news forum review douban hupu jd taobao tmall pinduoduo meituan dianping appstore twitter facebook "
    "youtube instagram tiktok linkedin threads".split()
)
"""Platforms of origin that an import may name."""

COLUMNS = {
    "id": "id", "编号": "id", "platform": "platform", "平台": "platform", "kind": "kind", "类型": "kind", "url": "url",
    "link": "url", "链接": "url", "title": "title", "标题": "title", "text": "text", "content": "text", "正文": "text",
    "内容": "text", "author": "author", "author_name": "author", "作者": "author", "author_id": "author_id",
    "followers": "followers", "粉丝数": "followers", "verified": "verified", "published_at": "published_at",
    "time": "published_at", "date": "published_at", "发布时间": "published_at", "时间": "published_at",
    "reposts": "reposts", "shares": "reposts", "转发": "reposts", "comments": "comments", "评论": "comments",
    "likes": "likes", "点赞": "likes", "views": "views", "阅读": "views", "favorites": "favorites", "收藏": "favorites",
    "outlet": "site", "site": "site", "来源": "site", "lang": "lang", "parent_id": "parent_id", "root_id": "root_id",
}  # fmt: skip
"""Column of a CSV file to field; columns that are not here are ignored."""

_WEB = frozenset("rss feed sitemap websearch gdelt rsshub article".split())
_MAX_LINE = 1_000_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SAMPLE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that could not be read."""

    number: int
    """Line in the file, from 1."""
    problem: str
    """What is wrong with it, in words; at most 300 characters."""


class BodyError(CrawlError):
    """A list of posts that cannot be read at all."""


class _LineError(Exception):
    """What is wrong with one line."""


def read_posts(path: Path, *, now: datetime) -> Iterator[Post | BadLine]:
    """Read a file of posts in its order; a bad line is reported and the rest is read.

    NDJSON has one object per line: a mention in the manifest's vocabulary (native id, text
    or title, published_at, counters) plus `platform`. CSV has a header line with the
    columns of `COLUMNS`. UTF-8 with or without BOM, and GB18030; any line ends. Lines
    longer than 1,000,000 bytes are bad.

    Args:
        path: The file; `.csv` is CSV, anything else NDJSON.
        now: Present moment, aware; relative times count from it.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        lines = _lines(file, _encoding(file))
        if path.suffix.lower() == ".csv":
            yield from _read_csv(lines, now)
        else:
            yield from _read_ndjson(lines, now)


def read_body(body: bytes, *, now: datetime) -> Iterator[Post | BadLine]:
    """Read posts as a partner sends them: NDJSON as `read_posts` does, or one JSON array of such objects.

    A bad one is reported with its number, which counts lines, or the places of the array, from 1.

    Args:
        body: What was sent, unpacked.
        now: Present moment, aware; relative times count from it.

    Raises:
        BodyError: it begins as an array and is none; nothing of it was yielded.
    """
    file = BytesIO(body)
    encoding = _encoding(file)
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"[":
        yield from _read_ndjson(_lines(file, encoding), now)
        return
    text = body.decode(encoding, "replace").removeprefix("\ufeff")
    for _ in _entries(text):  # to the end before anything of it counts; the values are not kept
        continue
    for number, plain in enumerate(_entries(text), 1):
        good = isinstance(plain, dict)
        yield _built(number, plain, now) if good else BadLine(number=number, problem="not a JSON object")


_BLANKS = re.compile(r"[ \t\r\n]*")


def _entries(text: str) -> Iterator[Any]:
    """Yield the values of a JSON array one by one, so that a large one never lies in memory as a whole.

    Raises:
        BodyError: it is none.
    """
    decoder = json.JSONDecoder(strict=False)
    at = _past_blanks(text, _past_blanks(text, 0) + 1)
    number, mark = 0, text[at : at + 1]
    while mark != "]":
        number += 1
        try:
            value, at = decoder.raw_decode(text, at)
        except RecursionError as err:
            raise BodyError(f"not JSON: entry {number} is nested too deeply") from err
        except ValueError as err:
            raise BodyError(f"not JSON: entry {number} of the array: {err}"[:300]) from err
        yield value
        at = _past_blanks(text, at)
        mark = text[at : at + 1]
        if mark == ",":
            at = _past_blanks(text, at + 1)
        elif mark != "]":
            raise BodyError(f"not JSON: no comma or ] behind entry {number} of the array")
    if text[at + 1 :].strip(" \t\r\n"):
        raise BodyError("not JSON: something stands behind the array; send one array, or one object per line")


def _past_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _encoding(file: BinaryIO) -> str:
    sample = file.read(_SAMPLE)
    file.seek(0)
    whole = sample[: sample.rfind(b"\n") + 1] or sample
    for encoding in ("utf-8", "gb18030"):
        try:
            whole.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "utf-8"


def _lines(file: BinaryIO, encoding: str) -> Iterator[tuple[int, str | None]]:
    """Yield (number, text) for each line; None for one that is too long."""
    number = 0
    while True:
        raw = file.readline(_MAX_LINE + 1)
        if not raw:
            return
        number += 1
        if len(raw) > _MAX_LINE and not raw.endswith(b"\n"):
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(_MAX_LINE)
            yield number, None
            continue
        yield number, raw.decode(encoding, "replace").removeprefix("\ufeff").rstrip("\r\n")


def _too_long(number: int) -> BadLine:
    return BadLine(number=number, problem=f"line longer than {_MAX_LINE} bytes")


def _read_ndjson(lines: Iterator[tuple[int, str | None]], now: datetime) -> Iterator[Post | BadLine]:
    for number, line in lines:
        if line is None:
            yield _too_long(number)
        elif line.strip():
            yield _post_or_bad(number, line, now)


def _post_or_bad(number: int, line: str, now: datetime) -> Post | BadLine:
    try:
        plain = json.loads(line, strict=False)
    except RecursionError:
        return BadLine(number=number, problem="nested too deeply")
    except ValueError as err:
        return BadLine(number=number, problem=f"not JSON: {err}"[:300])
    if not isinstance(plain, dict):
        return BadLine(number=number, problem="not a JSON object")
    return _built(number, plain, now)


def _built(number: int, plain: Mapping[str, Any], now: datetime) -> Post | BadLine:
    try:
        return _post(plain, now)
    except _LineError as err:
        return BadLine(number=number, problem=str(err)[:300])


def _read_csv(lines: Iterator[tuple[int, str | None]], now: datetime) -> Iterator[Post | BadLine]:
    last = 0
    too_long: list[int] = []

    def texts() -> Iterator[str]:
        nonlocal last
        for number, line in lines:
            last = number
            if line is None:
                too_long.append(number)
                continue
            yield line.replace("\0", "") + "\n"

    rows = csv.reader(texts(), strict=True)
    header: list[str] = []
    while True:
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as err:
            yield BadLine(number=last, problem=f"not CSV: {err}"[:300])
            continue
        while too_long:
            yield _too_long(too_long.pop(0))
        if not any(cell.strip() for cell in row):
            continue
        if not header:
            header = [COLUMNS.get(cell.strip().lower(), "") for cell in row]
            if "platform" not in header or not {"text", "title"} & set(header):
                yield BadLine(number=last, problem="the header needs the columns platform and text or title")
                return
            continue
        yield _built(last, _from_row(header, row), now)
    while too_long:
        yield _too_long(too_long.pop(0))


def _from_row(header: list[str], row: list[str]) -> dict[str, Any]:
    cells = {name: cell.strip() for name, cell in zip(header, row, strict=False) if name and cell.strip()}
    author = {"name": cells.get("author"), "id": cells.get("author_id"), "followers": cells.get("followers")}
    if "verified" in cells:
        author["verified"] = cells["verified"].lower() in ("1", "true", "yes", "是")  # type: ignore[assignment]
    return {**cells, "author": author, "counters": {name: cells[name] for name in COUNTERS if name in cells}}


def _post(plain: Mapping[str, Any], now: datetime) -> Post:
    platform = _platform(plain.get("platform"))
    url = public_link(text_of(plain.get("url")))
    text, title = clean(text_of(plain.get("text"))), clean_line(text_of(plain.get("title")))
    if not text and not title:
        raise _LineError("neither `text` nor `title`")
    native_id = _identity(plain.get("id")) or url
    if not native_id:
        raise _LineError("neither `id` nor `url`: nothing to know it by")
    at, precision = _published(plain, now)
    return Post(
        platform=platform,
        native_id=native_id,
        kind=_kind(plain.get("kind"), platform),
        text=text,
        title=title,
        url=url,
        own_text=clean(text_of(plain.get("own_text"))) or None,
        author=_author(plain),
        outlet=clean_line(text_of(plain.get("site")) or text_of(plain.get("outlet")), 200),
        published_at=at,
        published_precision=precision,
        published_raw=clean_line(text_of(plain.get("published_at")), 60),
        engagement=_engagement(plain),
        repost_of=_repost(obj(plain, "repost_of")),
        parent_id=_identity(plain.get("parent_id")),
        root_id=_identity(plain.get("root_id")),
        tags=_words(plain.get("tags")) or hashtags(text),
        at_users=_words(plain.get("at_users")),
        links=tuple(link for link in (public_link(each) for each in _words(plain.get("links"))) if link),
        lang=clean_line(text_of(plain.get("lang")), 5),
        truncated=plain.get("truncated") is True,
        promoted=plain.get("promoted") is True,
    )


def _identity(raw: object) -> str | None:
    words = clean_line(text_of(raw), MAX_TEXT)
    return bounded_id(words) if words else None


def _platform(raw: object) -> str:
    name = text_of(raw).strip().lower()
    if not name:
        raise _LineError("no `platform`")
    if name in _WEB:
        return "web"
    if name in PLATFORMS:
        return name
    near = get_close_matches(name[:40], [*PLATFORMS, *_WEB], n=1)
    hint = f"; did you mean {near[0]}?" if near else ";"
    known = ", ".join(sorted(PLATFORMS))
    shown = name[:40] if _NAME.fullmatch(name[:32]) else repr(name[:40])
    raise _LineError(f"unknown platform {shown}{hint} known are {known}")


def _kind(raw: object, platform: str) -> Kind:
    name = text_of(raw).strip().lower()
    if not name:
        return Kind.ARTICLE if platform in ("web", "news", "wechat") else Kind.POST
    try:
        return Kind(name)
    except ValueError:
        raise _LineError(f"unknown kind {name[:20]!r}: {', '.join(kind.value for kind in Kind)}") from None


def _published(plain: Mapping[str, Any], now: datetime) -> tuple[datetime | None, Precision | None]:
    raw = plain.get("published_at")
    if raw is None or raw == "":
        return None, None
    stamp = parse_cn_time(raw, now)
    if stamp is None:
        raise _LineError(f"no time: published_at {text_of(raw)[:40]!r}; write 2026-06-20T15:30:00+08:00")
    told = text_of(plain.get("published_precision"))
    precision = Precision(told) if told in {each.value for each in Precision} else stamp.precision
    return stamp.at, precision


def _author(plain: Mapping[str, Any]) -> Author:
    raw = plain.get("author")
    author = obj(raw) if isinstance(raw, Mapping) else {"name": raw}
    verified = author.get("verified")
    return Author(
        name=clean_line(text_of(author.get("name")), 100),
        id=clean_line(text_of(author.get("id")), 200),
        followers=parse_number(author.get("followers")).value,
        verified=verified if isinstance(verified, bool) else None,
        region=clean_line(text_of(plain.get("region")), 40),
    )


def _engagement(plain: Mapping[str, Any]) -> Engagement:
    counters = obj(plain, "counters")
    counts: dict[str, Count] = {
        field: parse_number(counters.get(name, counters.get(field))) for name, field in COUNTERS.items()
    }
    approx, lower = set(_words(plain.get("counters_approx"))), set(_words(plain.get("counters_lower_bound")))
    return Engagement(
        **{field: count.value for field, count in counts.items()},
        approx=frozenset(f for name, f in COUNTERS.items() if name in approx or counts[f].approx),
        lower_bound=frozenset(f for name, f in COUNTERS.items() if name in lower or counts[f].lower_bound),
    )


def _repost(raw: Mapping[str, Any]) -> RepostOf | None:
    if not raw:
        return None
    return RepostOf(
        id=clean_line(text_of(raw.get("id")), 200),
        url=public_link(text_of(raw.get("url"))),
        author=clean_line(text_of(raw.get("author")), 100),
        text=clean(text_of(raw.get("text"))) or None,
        available=raw.get("available") is True,
    )


def _words(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list):
        return ()
    return tuple(word for word in (clean_line(text_of(each), 2_048) for each in raw[:200]) if word)
