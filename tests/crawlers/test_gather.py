from crawlers.platforms._gather import gather
from domain.mention import Kind, Post
from domain.outcome import Drop


def post(guid: str, url: str | None = None, platform: str = "web") -> Post:
    return Post(platform=platform, native_id=guid, kind=Kind.POST, text="字", url=url)


def test_entries_without_identity_and_repeated_ones_are_counted() -> None:
    posts, drops = gather([post("1"), None, post("1"), post("2")], unread=3, unfinished=True)
    assert [each.native_id for each in posts] == ["1", "2"]
    assert dict(drops) == {Drop.NO_ID: 1, Drop.DUPLICATE_IN_BATCH: 1, Drop.OVER_LIMIT: 3, Drop.UNREADABLE: 1}


def test_one_guid_for_many_links_loses_none_of_them() -> None:
    posts, drops = gather([post("1", "https://a.cn/1"), post("1", "https://a.cn/2"), post("1", "https://a.cn/2")])
    assert [each.native_id for each in posts] == ["1", "https://a.cn/2"]
    assert dict(drops) == {Drop.DUPLICATE_IN_BATCH: 1}


def test_a_platform_that_repeats_an_id_means_one_post() -> None:
    posts, _ = gather([post("1", "https://w.cn/1", "weibo"), post("1", "https://w.cn/2", "weibo")])
    assert len(posts) == 1
