import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawlers.importer import PLATFORMS, BadLine, read_posts
from domain.mention import Kind, Post, Precision

NOW = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)
GOOD = {"platform": "weibo", "id": "1", "text": "云杉咖啡", "published_at": "2026-06-20T15:12:08+08:00"}

ROW = "weibo,1,云杉咖啡,2026-06-20 15:12:08,甲,1.2万,3,站"


def read(path: Path, content: str | bytes) -> list[Post | BadLine]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_posts(path, now=NOW))


def lines(*objects: object) -> str:
    return "\n".join(json.dumps(each, ensure_ascii=False) for each in objects) + "\n"


def test_mention_of_the_manifest_is_read_with_all_it_has(tmp_path: Path) -> None:
    full = {
        **GOOD, "kind": "repost", "url": "https://weibo.com/1/A?utm_source=x", "title": "题",
        "author": {"name": "甲", "id": "9", "verified": True, "followers": "1.2万"},
        "counters": {"reposts": 3, "comments": None, "likes": "100万+", "favorites": "1.2万"},
        "counters_lower_bound": ["likes"], "tags": ["话题"], "at_users": ["乙"], "links": ["https://n.cn/1", "bad"],
        "region": "上海", "parent_id": "5", "root_id": "6", "own_text": "云", "truncated": True, "promoted": True,
        "repost_of": {"id": "7", "url": "https://weibo.com/2/B", "author": "丙", "available": True},
        "site": "站", "lang": "zh",
        "published_precision": "minute",
    }  # fmt: skip
    (post,) = read(tmp_path / "a.ndjson", lines(full))
    assert isinstance(post, Post)
    assert (post.platform, post.kind, post.url, post.title) == ("weibo", Kind.REPOST, "https://weibo.com/1/A", "题")
    assert (post.author.followers, post.author.verified, post.author.region) == (12_000, True, "上海")
    assert (post.engagement.shares, post.engagement.comments, post.engagement.likes) == (3, None, 1_000_000)
    assert post.engagement.lower_bound == {"likes"}
    assert post.engagement.approx == {"favourites"}
    assert post.links == ("https://n.cn/1",)
    assert post.repost_of is not None
    assert post.repost_of.available
    assert post.published_precision is Precision.MINUTE


def test_bad_lines_are_reported_by_number_and_the_rest_is_kept(tmp_path: Path) -> None:
    content = "\n".join(
        [
            json.dumps(GOOD),
            "{broken",
            "",
            "[1]",
            json.dumps({"platform": "weibo", "id": "2"}),
            json.dumps({"platform": "weibo", "text": "x"}),
            json.dumps({"text": "x", "id": "1"}),
            json.dumps({**GOOD, "platform": "webio"}),
            json.dumps({**GOOD, "platform": "../etc"}),
            json.dumps({**GOOD, "kind": "poem"}),
            json.dumps({**GOOD, "published_at": "someday"}),
            "[" * 100_000,
            json.dumps({**GOOD, "id": "2", "published_at": None}),
        ]
    )
    results = read(tmp_path / "a.ndjson", content)
    bad = {result.number: result.problem for result in results if isinstance(result, BadLine)}
    assert set(bad) == {2, 4, 5, 6, 7, 8, 9, 10, 11, 12}
    assert "not JSON" in bad[2]
    assert bad[4] == "not a JSON object"
    assert bad[5] == "neither `text` nor `title`"
    assert "nothing to know it by" in bad[6]
    assert bad[7] == "no `platform`"
    assert "unknown platform webio; did you mean weibo? known are" in bad[8]
    assert "unknown platform '../etc'" in bad[9]
    assert "unknown kind 'poem'" in bad[10]
    assert "write 2026-06-20T15:30:00+08:00" in bad[11]
    assert bad[12] == "nested too deeply"
    assert all(len(problem) <= 300 for problem in bad.values())
    assert sum(isinstance(result, Post) for result in results) == 2


@pytest.mark.parametrize("name", ["rss", "sitemap", "websearch", "gdelt", "rsshub", "web", "RSS"])
def test_roads_to_the_open_web_are_the_web(tmp_path: Path, name: str) -> None:
    (post,) = read(tmp_path / "a.ndjson", lines({**GOOD, "platform": name}))
    assert isinstance(post, Post)
    assert post.platform == "web"
    assert post.kind is Kind.ARTICLE
    assert "weibo" in PLATFORMS


@pytest.mark.parametrize(
    "content",
    [
        lines(GOOD).encode(),
        b"\xef\xbb\xbf" + lines(GOOD).encode(),
        lines(GOOD).replace("\n", "\r\n").encode(),
        lines(GOOD).encode("gb18030"),
        lines(GOOD).rstrip().encode(),
    ],
)
def test_encodings_and_line_ends_do_not_matter(tmp_path: Path, content: bytes) -> None:
    (post,) = read(tmp_path / "a.jsonl", content)
    assert isinstance(post, Post)
    assert post.text == "云杉咖啡"


@pytest.mark.parametrize(
    "content",
    [
        f"platform,id,text,published_at,author,followers,likes,来源\n{ROW}\n",
        f"平台,编号,正文,发布时间,作者,粉丝数,点赞,site\n{ROW}\n",
        f"\ufeffplatform,id,text,published_at,author,followers,likes,site,extra\r\n\r\n{ROW}\r\n",
    ],
)
def test_csv_columns_are_known_in_both_languages(tmp_path: Path, content: str) -> None:
    for encoded in (content.encode(), content.removeprefix("\ufeff").encode("gb18030")):
        (post,) = read(tmp_path / "a.csv", encoded)
        assert isinstance(post, Post)
        assert (post.text, post.author.name, post.author.followers, post.engagement.likes, post.outlet) == (
            "云杉咖啡", "甲", 12_000, 3, "站",
        )  # fmt: skip
        assert post.published_at == datetime(2026, 6, 20, 7, 12, 8, tzinfo=UTC)


def test_csv_cells_may_hold_line_breaks_and_bad_rows_are_reported(tmp_path: Path) -> None:
    content = 'platform,id,text,verified\nweibo,1,"一\n二",是\nnowhere,2,三,否\nweibo,3,"四"x,1\nweibo,4,五,0\n'
    results = read(tmp_path / "a.csv", content)
    posts = [result for result in results if isinstance(result, Post)]
    bad = [result for result in results if isinstance(result, BadLine)]
    assert posts[0].text == "一\n二"
    assert posts[0].author.verified is True
    assert [result.number for result in bad] == [4, 5]
    assert posts[-1].text == "五"


@pytest.mark.parametrize("header", ["a,b\n1,2\n", "platform,id\nweibo,1\n", "text\nx\n"])
def test_csv_without_the_columns_it_needs_says_so(tmp_path: Path, header: str) -> None:
    (bad,) = read(tmp_path / "a.csv", header)
    assert isinstance(bad, BadLine)
    assert "the header needs the columns platform and text or title" in bad.problem


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv"])
def test_giant_lines_are_bad_and_bounded(tmp_path: Path, name: str) -> None:
    head = "platform,id,text\n" if name == "a.csv" else ""
    tail = "weibo,1,好\n" if name == "a.csv" else lines(GOOD)
    results = read(tmp_path / name, head + "x" * 2_500_000 + "\n" + tail)
    assert [type(result) for result in results] in ([BadLine, Post], [Post, BadLine])


@pytest.mark.parametrize("content", [b"", b"\n\n", bytes(range(256)) * 3])
def test_nothing_and_noise_are_no_posts(tmp_path: Path, content: bytes) -> None:
    assert not [result for result in read(tmp_path / "a.ndjson", content) if isinstance(result, Post)]


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_posts(tmp_path / "none", now=NOW))
