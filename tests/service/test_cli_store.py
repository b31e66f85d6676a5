import json
import re
from pathlib import Path

from tests.service.conftest import Cli


def post(number: int, text: str, **more: object) -> str:
    entry = {
        "platform": "weibo",
        "id": str(number),
        "kind": "post",
        "url": f"https://weibo.com/1/{number}",
        "title": None,
        "text": text,
        "author": {"name": "甲", "id": "7", "followers": 12},
        "published_at": f"2026-06-20T10:{number:02}:00+08:00",
        "published_precision": "second",
        "counters": {"likes": 0, "comments": None, "reposts": 3},
        **more,
    }
    return json.dumps(entry, ensure_ascii=False)


def found(cli: Cli, query: str, *more: str) -> list[dict[str, object]]:
    ran = cli("search", query, "--json", *more)
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


def test_imported_posts_are_found_with_their_fields(cli: Cli, config: Path, tmp_path: Path) -> None:
    lines = [post(1, "云杉咖啡喝出异物，太恶心了"), post(2, "云杉咖啡真好喝，推荐"), post(3, "天气不错")]
    (tmp_path / "posts.ndjson").write_text("\n".join(lines), encoding="utf-8")
    ran = cli("import", "posts.ndjson")
    assert ran.code == 0, ran.out + ran.err
    assert "new 3" in ran.out
    newest_first = found(cli, "brand: yunshan")
    assert [each["id"] for each in newest_first] == ["weibo:2", "weibo:1"]
    negative = found(cli, "sentiment: negative and brand: yunshan")
    assert [each["id"] for each in negative] == ["weibo:1"]
    assert negative[0]["engagement"] == {
        "views": None,
        "likes": 0,
        "comments": None,
        "shares": 3,
        "favourites": None,
    }
    assert negative[0]["published_at"] == "2026-06-20T02:01:00.000Z"
    assert negative[0]["flags"] == ["backfill"]
    assert len(found(cli, "*", "--limit", "2")) == 2
    for_people = cli("search", "异物")
    assert "云杉咖啡喝出异物" in for_people.out and "https://weibo.com/1/1" in for_people.out
    again = cli("import", "posts.ndjson")
    assert again.code == 0 and "already known 3" in again.out
    assert len(found(cli, "*")) == 3


def test_bad_lines_are_named_and_the_rest_is_kept(cli: Cli, config: Path, tmp_path: Path) -> None:
    bad = post(5, "云杉咖啡").replace('"weibo"', '"wiebo"', 1)
    (tmp_path / "posts.ndjson").write_text("\n".join([post(4, "云杉咖啡"), bad, "{", post(6, "好")]), encoding="utf-8")
    ran = cli("import", "posts.ndjson")
    assert ran.code == 1
    assert re.search(r"posts.ndjson:2: .*wiebo.*weibo", ran.out) and "posts.ndjson:3:" in ran.out
    assert len(found(cli, "*")) == 2


def test_a_csv_with_a_header_is_taken(cli: Cli, config: Path, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "platform,id,text,published_at,url\nzhihu,9,云杉咖啡怎么样,2026-06-20T10:00:00+08:00,https://www.zhihu.com/p/9\n",
        encoding="utf-8",
    )
    assert cli("import", "p.csv").code == 0
    assert found(cli, "platform: zhihu")[0]["id"] == "zhihu:9"


def test_a_mistake_in_a_query_is_shown_with_its_place(cli: Cli, config: Path) -> None:
    ran = cli("search", "brand: (yunshan")
    assert ran.code == 2
    assert "^" in ran.err and "brand: (yunshan" in ran.err


def test_missing_files_are_usage_errors(cli: Cli, tmp_path: Path) -> None:
    ran = cli("search", "*")
    assert ran.code == 2 and "tingfeng init" in ran.err
    (tmp_path / "tingfeng.yaml").write_text("brands: [{id: a, name: A, query: A}]\n", encoding="utf-8")
    assert cli("import", "nowhere.csv").code == 2


def test_a_source_that_cannot_be_visited_is_found_by_the_check(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text("brands: [{id: a, name: 云杉咖啡}]\nsources: [{platform: heimao}]\n", encoding="utf-8")
    ran = cli("check", "--config", str(path))
    assert ran.code == 2 and "source 'heimao'" in ran.err and "import" in ran.err


def test_a_starter_file_is_written_once_and_checked(cli: Cli, tmp_path: Path) -> None:
    ran = cli("init", "--brand", "云杉咖啡")
    assert ran.code == 0, ran.err
    path = tmp_path / "tingfeng.yaml"
    assert path.stat().st_mode & 0o777 == 0o600
    checked = cli("check")
    assert checked.code == 0 and "云杉咖啡" in checked.out and "gdelt" in checked.out
    again = cli("init", "--brand", "白鹿")
    assert again.code == 2 and "--force" in again.err
    assert cli("init", "--brand", "白鹿", "--force").code == 0


def test_sources_say_in_a_line_how_they_are(cli: Cli, config: Path) -> None:
    ran = cli("sources")
    assert ran.code == 0 and "news" in ran.out and "抖音" in ran.out
    view = json.loads(cli("sources", "--json").out.splitlines()[0])
    assert view["source"] == "news" and view["state"] == "new"


def test_there_are_no_incidents_yet_and_unknown_ones_are_refused(cli: Cli, config: Path) -> None:
    assert cli("incidents", "list", "--json").out == ""
    ran = cli("incidents", "show", "ABCDE")
    assert ran.code == 1 and "incidents list" in ran.err
    assert cli("incidents", "ack", "ABCDE", "--by", "王").code == 1
    assert cli("incidents", "ack", "ABCDE", "--by", " ").code == 2
    assert cli("notify", "test", "nobody").code == 2


def test_the_doctor_names_what_is_missing(cli: Cli, config: Path) -> None:
    ran = cli("doctor")
    assert "FTS5" in ran.out and "receivers" in ran.out
    views = [json.loads(line) for line in cli("doctor", "--json").out.splitlines()]
    assert any("sentiment weights" in view["what"] and view["ok"] for view in views)


def test_the_doctor_works_without_settings(cli: Cli) -> None:
    ran = cli("doctor")
    assert ran.code == 1 and "tingfeng init" in ran.out
