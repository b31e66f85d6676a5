from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawlers.account_file import MAX_BYTES, read_account_file
from crawlers.importer import BadLine
from domain.account import AccountReading
from tests.crawlers.pages import NOW


def read(tmp_path: Path, content: str | bytes) -> list[tuple[int, Any]]:
    path = tmp_path / "export.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_account_file(path, platform="weibo", account="7", now=NOW))


def good(tmp_path: Path, content: str | bytes) -> list[AccountReading]:
    found = [each for _, each in read(tmp_path, content)]
    assert not [each for each in found if isinstance(each, BadLine)]
    return found


def test_an_export_with_chinese_headers_is_read(tmp_path: Path) -> None:
    text = '日期,累计粉丝,新增粉丝,阅读数,点赞数,评论数,转发数,互动数\n2026-06-18,"12,345",7,1.2万,30,4,--,40\n'
    (reading,) = good(tmp_path, text)
    assert reading == AccountReading(
        platform="weibo", account="7", day="2026-06-18", at=NOW, followers=12_345, views=12_000, likes=30, comments=4,
        interacted=40, imported=True,
    )  # fmt: skip
    assert reading.interactions == 40


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("between", [",", "\t", ";"])
def test_every_usual_encoding_and_separator_is_read(tmp_path: Path, encoding: str, between: str) -> None:
    rows = [["统计日期", "粉丝数（人）", "播放量"], ["2026/6/18", "10", "0"], ["20260619", "11", ""]]
    text = "\r\n".join(between.join(row) for row in rows)
    found = good(tmp_path, text.encode(encoding))
    assert [(each.day, each.followers, each.views) for each in found] == [
        ("2026-06-18", 10, 0),
        ("2026-06-19", 11, None),
    ]


def test_titles_before_the_header_and_totals_are_passed_over(tmp_path: Path) -> None:
    text = "云杉咖啡 账号数据\n导出时间：2026-06-20\n\n日期,阅读(播放)数\n2026年6月18日,5\n合计,5\n平均,5\n"
    assert [(each.day, each.views) for each in good(tmp_path, text)] == [("2026-06-18", 5)]


def test_bad_rows_are_told_with_their_line_and_the_rest_is_read(tmp_path: Path) -> None:
    rows = (
        "日期,粉丝数",
        "2026-06-16,10",
        "昨天吧,10",
        "2026-06-17,很多",
        "2026-06-16,11",
        "2026-06-25,9",
        "2026-06-18,",
    )
    found = read(tmp_path, "\n".join((*rows, "2026-06-19,12")))
    told = [(line, each.problem) for line, each in found if isinstance(each, BadLine)]
    assert [line for line, _ in told] == [3, 4, 5, 6, 7]
    words = ["no day", "is no number", "stands twice", "a day to come", "no figure"]
    assert all(word in problem for word, (_, problem) in zip(words, told, strict=True))
    assert [each.day for _, each in found if isinstance(each, AccountReading)] == ["2026-06-16", "2026-06-19"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "no header"),
        ("a,b\n1,2\n", "no header"),
        ("日期,新增粉丝\n2026-06-18,2\n", "no header"),
        (b"PK\x03\x04rest", "Excel"),
        (b"\xd0\xcf\x11\xe0rest", "Excel"),
        (b"x" * (MAX_BYTES + 1), "larger than"),
    ],
    ids=["empty", "foreign", "no figures", "xlsx", "xls", "huge"],
)
def test_what_is_no_export_is_named(tmp_path: Path, content: str | bytes, problem: str) -> None:
    ((_, bad),) = read(tmp_path, content)
    assert isinstance(bad, BadLine)
    assert problem in bad.problem


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(tmp_path: Path, raw: bytes) -> None:
    for line, each in read(tmp_path, "日期,粉丝数\n".encode() + raw):
        assert line >= 1
        assert isinstance(each, AccountReading | BadLine)
