import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.demo.post import FarmPost, bid_of, import_record, read_farm_posts, weibo_mid, write_farm_posts

AT = datetime(2026, 6, 20, 7, 12, 8, tzinfo=UTC)


def post(**changes: object) -> FarmPost:
    values: dict[str, object] = {
        "id": "5311901742082998",
        "site": "weibo",
        "published_at": AT,
        "text": "云杉咖啡\n好喝",
        "author": "小鹿",
        "author_id": "7900000001",
    }
    return FarmPost(**{**values, **changes})  # type: ignore[arg-type]


@given(st.text(), st.integers(0, 10**9), st.none() | st.text(min_size=1))
def test_a_line_reads_back_as_the_same_post(text: str, likes: int, title: str | None) -> None:
    one = post(text=text, likes=likes, title=title, followers=12, repost_of="1", mark="crisis")
    assert FarmPost.from_json(one.to_json()) == one


def test_a_file_reads_back_in_order_without_blank_lines(tmp_path: Path) -> None:
    posts = [post(id=str(n)) for n in range(3)]
    path = tmp_path / "posts.ndjson"
    assert write_farm_posts(path, posts) == 3
    path.write_text(path.read_text() + "\n\n")
    assert list(read_farm_posts(path)) == posts


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError):
        FarmPost.from_json(json.dumps({**json.loads(post().to_json()), "colour": "red"}))


def test_weibo_ids_have_the_known_short_form() -> None:
    # Pair stated in public documentation of weibo's permanent links.
    assert bid_of("3501756485200075") == "z0JH2lOMb"


def test_weibo_ids_tell_their_second() -> None:
    assert (int(weibo_mid(AT, 5)) >> 22) + 515_483_463 == AT.timestamp()


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**6))
def test_two_numbers_of_one_second_give_two_ids(offset_s: int, one: int, two: int) -> None:
    moment = AT + timedelta(seconds=offset_s % 10**7)
    assert (weibo_mid(moment, one) == weibo_mid(moment, two)) == (one == two)


def test_a_weibo_import_has_counters_and_author() -> None:
    record = import_record(post(followers=7, verified_type=2, likes=3), "https://weibo.com/1/a")
    assert record["platform"] == "weibo"
    assert record["id"] == "5311901742082998"
    assert record["kind"] == "post"
    assert record["published_at"] == "2026-06-20T15:12:08+08:00"
    assert record["counters"] == {"likes": 3, "comments": 0, "reposts": 0}
    author = {"name": "小鹿", "id": "7900000001", "followers": 7, "verified": True, "verified_type": 2}
    assert record["author"] == author


def test_a_web_import_goes_by_its_link_and_invents_no_counters() -> None:
    record = import_record(post(site="forum", id="88", author_id=""), "http://127.0.0.1:9/thread-88-1-1.html")
    assert (record["platform"], record["id"]) == ("web", "http://127.0.0.1:9/thread-88-1-1.html")
    assert "counters" not in record
    assert record["author"] == {"name": "小鹿"}


def test_a_repost_says_so() -> None:
    assert import_record(post(repost_of="1"), "https://weibo.com/1/a")["kind"] == "repost"
