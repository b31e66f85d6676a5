from dataclasses import replace

from crawlers.completed import CompletedPosts
from domain.mention import Kind, Post

POST = Post(platform="web", native_id="a", kind=Kind.ARTICLE, text="字" * 500)


def test_the_oldest_make_room_for_the_newest() -> None:
    kept = CompletedPosts(most=3_000)
    for key in "abc":
        kept.add({key: POST})
    kept.add({"a": replace(POST, text="新")})
    kept.add({"d": POST})
    assert kept.get("b") is None
    assert [kept.get(key) for key in "cd"] == [POST, POST]
    newest = kept.get("a")
    assert newest is not None and newest.text == "新"


def test_a_post_larger_than_all_room_is_not_kept_and_leaves_room() -> None:
    kept = CompletedPosts(most=3_000)
    kept.add({"a": replace(POST, text="字" * 9_000)})
    assert kept.get("a") is None
    kept.add({"b": POST})
    assert kept.get("b") == POST
