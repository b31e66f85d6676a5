import json
from pathlib import Path

from tests.service.conftest import Cli


def lines_of(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def test_texts_are_tagged_in_order_and_bad_lines_are_named(cli: Cli, config: Path) -> None:
    lines = [
        '{"id":1,"platform":"weibo","text":"云杉咖啡喝出异物，太恶心了，再也不买了"}',
        '{"id":"b","platform":"review","text":"味道很好，推荐","title":"好评","target":"味道"}',
        "not json",
        '["list"]',
        '{"platform":"weibo","text":"x"}',
        '{"id":2,"platform":3,"text":"x"}',
        '{"id":3,"platform":"weibo"}',
        '{"id":4,"platform":"weibo","text":"x","published_at":"yesterday"}',
        "",
        '{"id":"e","platform":"neverheard","text":""}',
    ]
    ran = cli("analyse", "--config", str(config), stdin="\n".join(lines))
    views = lines_of(ran.out)
    assert ran.code == 1
    assert [view["id"] for view in views] == [1, "b", None, None, None, None, None, None, "e"]
    first, second = views[0], views[1]
    assert first["sentiment"]["polarity"] == "negative" and first["sentiment"]["score"] < 0
    assert first["brands"] == [{"id": "yunshan", "spans": [[0, 4]], "title_spans": [], "polarity": "negative"}]
    assert "food_safety" in [risk["category"] for risk in first["risk"]]
    assert second["target_sentiment"]["score"] > 0 and "target_sentiment" not in first
    assert [view["error"].split(":")[0] for view in views if "error" in view] == [f"line {n}" for n in range(3, 9)]
    assert views[-1]["sentiment"]["polarity"] == "neutral"


def test_good_texts_end_with_zero_and_need_no_settings(cli: Cli) -> None:
    ran = cli("analyse", stdin='{"id":1,"platform":"weibo","text":"今天天气不错"}\n')
    assert ran.code == 0
    assert lines_of(ran.out)[0]["brands"] == []


def test_near_copies_share_a_story(cli: Cli) -> None:
    text = "云杉咖啡人民广场店的拿铁里喝出了塑料片，店员态度非常差，要求退款被拒绝了，大家以后小心一点"
    posts = [
        {"id": "a", "platform": "weibo", "text": text, "published_at": "2026-06-20T10:00:00+08:00", "author": "甲"},
        {"id": "b", "platform": "zhihu", "text": text + "！！转", "published_at": "2026-06-20T11:00:00+08:00"},
        {"id": "c", "platform": "weibo", "text": "今天的天气真不错，适合出去走走，晚上去看电影"},
    ]
    ran = cli("stories", stdin="\n".join(json.dumps(post, ensure_ascii=False) for post in posts) + "\nbad\n")
    views = lines_of(ran.out)
    assert ran.code == 1
    assert [view.get("story_id") for view in views] == ["a", "a", "c", None]


def test_saved_payloads_are_parsed_from_a_manifest(cli: Cli, repo: Path) -> None:
    manifest = repo / "tests/fixtures/platforms/gdelt/expected.json"
    ran = cli("parse", "--manifest", str(manifest))
    views = lines_of(ran.out)
    assert ran.code == 0
    assert [view["outcome"] for view in views] == ["ok", "rate_limited", "bad_query"]


def test_training_without_a_file_is_a_usage_error(cli: Cli, tmp_path: Path) -> None:
    assert cli("train").code == 2
    labelled = tmp_path / "l.tsv"
    labelled.write_text("text\tlabel\n好\tpos\n", encoding="utf-8")
    few = cli("train", str(labelled), "--out", str(tmp_path / "m"))
    assert few.code == 1 and "few" in few.err
    assert "folder" in cli("train", str(labelled), "--out", str(labelled)).err
