"""Figures of an account from the export of a platform's own back office: CSV with Chinese or English headers."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from crawlers.cn_time import parse_cn_time
from crawlers.importer import BadLine
from crawlers.number import parse_number
from domain.account import AccountReading, day_of

__all__ = ["COLUMNS", "MAX_BYTES", "read_account_file"]

MAX_BYTES = 10_000_000
"""Largest file; a row a day for years is far smaller."""

_NAMES = {
    "day": "日期 时间 数据日期 统计日期 数据时间 统计时间 date day",
    "followers": "粉丝 粉丝数 粉丝量 粉丝总数 粉丝总量 总粉丝 总粉丝数 总粉丝量 累计粉丝 累计粉丝数 累计粉丝量 "
    "累积粉丝 累积粉丝数 累计关注人数 累积关注人数 累计关注数 当前粉丝数 followers",
    "posts": "发文数 发文量 发布数 发布量 发博数 发博量 作品数 微博数 笔记数 投稿数 投稿量 发布作品数 发布视频数 "
    "发布笔记数 群发篇数 posts",
    "views": "阅读 阅读数 阅读量 总阅读数 总阅读量 阅读次数 总阅读次数 图文阅读次数 图文总阅读次数 播放 播放数 "
    "播放量 播放次数 总播放数 总播放量 视频播放量 视频播放数 阅读播放数 阅读播放量 观看数 观看量 观看次数 "
    "浏览量 浏览数 views plays",
    "likes": "赞 点赞 点赞数 点赞量 点赞次数 获赞数 喜欢数 likes",
    "comments": "评论 评论数 评论量 评论次数 留言数 comments",
    "shares": "转发 转发数 转发量 转发次数 分享 分享数 分享量 分享次数 转发分享数 shares reposts",
    "interacted": "互动 互动数 互动量 总互动数 总互动量 互动总数 互动次数 interactions engagement",
}
COLUMNS = {name: figure for figure, names in _NAMES.items() for name in names.split()}
"""Header, without blanks and brackets, to figure; other columns, such as 新增粉丝, are passed over."""

_BRACKETS = re.compile(r"[(\[【].{0,20}?[)\]】]")
_SEPARATORS = re.compile(r"[\s/、_\-·]+")
_TOTALS = re.compile("合计|总计|汇总|平均|均值|total|sum|average", re.IGNORECASE)
_UNKNOWN = frozenset({"", "-", "--", "—", "——", "/", "n/a", "null", "none", "暂无", "无"})
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"
_PREAMBLE = 20


def read_account_file(
    path: Path, *, platform: str, account: str, now: datetime
) -> Iterator[tuple[int, AccountReading | BadLine]]:
    """Read the rows of an export with their lines, in the order of the file; a bad row is reported, the rest is read.

    Comma, semicolon or tab between columns; UTF-8 with or without BOM, UTF-16 with BOM, GB18030. Lines
    before the header and rows of totals are passed over; of two rows of one day the second is bad.

    Args:
        path: The file.
        platform: Platform of the account.
        account: Its id, as the settings have it.
        now: Present moment, aware; later days are bad.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    refused = _refusal(raw)
    if refused:
        yield 1, BadLine(number=1, problem=refused)
        return
    text = _decoded(raw).replace("\0", "")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    columns: list[str] = []
    days: set[str] = set()
    while True:
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as err:
            yield rows.line_num, BadLine(number=rows.line_num, problem=f"not CSV: {err}"[:300])
            continue
        if not any(cell.strip() for cell in row):
            continue
        if not columns:
            columns = _header(row)
            if not columns and rows.line_num >= _PREAMBLE:
                break
            continue
        if _TOTALS.search(row[columns.index("day")] if len(row) > columns.index("day") else ""):
            continue
        read = _row(columns, row, platform, account, now)
        if isinstance(read, str) or read.day in days:
            problem = read if isinstance(read, str) else f"the day {read.day} stands twice"
            yield rows.line_num, BadLine(number=rows.line_num, problem=problem[:300])
            continue
        days.add(read.day)
        yield rows.line_num, read
    if not columns:
        problem = "no header: it needs a column 日期 and one with figures, such as 粉丝数, 阅读数, 播放量, 点赞"
        yield 1, BadLine(number=1, problem=problem)


def _refusal(raw: bytes) -> str:
    """Return why a file is not read; empty = it is."""
    if raw.startswith((_ZIP, _OLE)):
        return "an Excel workbook: open it and save it as CSV (UTF-8)"
    if len(raw) > MAX_BYTES:
        return f"larger than {MAX_BYTES} bytes: export fewer days"
    return ""


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def _delimiter(text: str) -> str:
    """Return what stands between columns, judged by the first lines."""
    head = "\n".join(text.splitlines()[:_PREAMBLE])
    return max(",\t;", key=head.count)


def _header(row: Sequence[str]) -> list[str]:
    """Return the figure of each column, empty for others; an empty list where the row is no header."""
    columns: list[str] = []
    for cell in row:
        name = _SEPARATORS.sub("", _BRACKETS.sub("", unicodedata.normalize("NFKC", cell).lstrip("\ufeff").lower()))
        figure = COLUMNS.get(name, "")
        columns.append(figure if figure not in columns else "")
    return columns if "day" in columns and len({*columns} - {"day", ""}) > 0 else []


def _row(
    columns: Sequence[str], row: Sequence[str], platform: str, account: str, now: datetime
) -> AccountReading | str:
    """Return the reading of a row, or what is wrong with it."""
    cells = {name: cell.strip() for name, cell in zip(columns, row, strict=False) if name}
    day = _day(cells.pop("day", ""), now)
    if not day[:1].isdigit():
        return day
    figures: dict[str, int | None] = {}
    for name, cell in cells.items():
        plain = unicodedata.normalize("NFKC", cell).lower()
        value = None if plain in _UNKNOWN else parse_number(plain).value
        if value is None and plain not in _UNKNOWN:
            return f"{name}: {cell[:40]!r} is no number"
        figures[name] = value
    if all(value is None for value in figures.values()):
        return "no figure in this row"
    return AccountReading(
        platform=platform,
        account=account,
        day=day,
        at=now,
        followers=figures.get("followers"),
        posts=figures.get("posts"),
        views=figures.get("views"),
        likes=figures.get("likes"),
        comments=figures.get("comments"),
        shares=figures.get("shares"),
        interacted=figures.get("interacted"),
        imported=True,
    )


def _day(cell: str, now: datetime) -> str:
    """Return a day as YYYY-MM-DD, or what is wrong with it."""
    stamp = parse_cn_time(cell, now) if any(char.isdigit() for char in cell) else None
    if stamp is None:
        return f"no day: {cell[:40]!r}; write 2026-06-20"
    day = day_of(stamp.at)
    if day > day_of(now):
        return f"a day to come: {day}"
    return day
