from datetime import UTC, datetime, timedelta

from crawlers.intake import ids_of, take_in
from domain.mention import Flag, Kind, Post
from domain.outcome import Drop
from tests.crawlers.pages import source

T = datetime(2026, 6, 20, 8, tzinfo=UTC)


def post(native: str = "1", **more: object) -> Post:
    given: dict[str, object] = {"platform": "weibo", "native_id": native, "kind": Kind.POST, "text": "文", **more}
    return Post(**given)  # type: ignore[arg-type]


def test_what_is_dropped_is_counted_by_reason() -> None:
    intake = take_in([post(), post(), post(""), post("2", text="")], source(), T, backfill=False)
    assert [mention.id for mention in intake.mentions] == ["weibo:1"]
    assert intake.drops == {Drop.DUPLICATE_IN_BATCH: 1, Drop.NO_ID: 1, Drop.NO_TEXT: 1}


def test_history_is_marked_and_facts_are_kept() -> None:
    own = source(outlet="虚构网", tier="门户")
    (mention,) = take_in([post(truncated=True, promoted=True)], own, T, backfill=True).mentions
    assert mention.flags == {Flag.BACKFILL, Flag.TRUNCATED, Flag.PROMOTED}
    assert (mention.post.outlet, mention.outlet_tier, mention.source) == ("虚构网", "门户", "s")
    assert mention.first_collected_at == mention.last_collected_at == T


def test_old_posts_of_an_import_are_history() -> None:
    own = source(platform="import")
    posts = [post("1", published_at=T), post("2", published_at=T - timedelta(days=2)), post("3")]
    flags = [bool(mention.flags) for mention in take_in(posts, own, T, backfill=False).mentions]
    assert flags == [False, True, True]


def test_entries_without_link_are_known_by_their_feed() -> None:
    entry = post("guid", platform="web")
    first = ids_of([entry], source(url="https://a.cn/f"))
    second = ids_of([entry], source(url="https://b.cn/f"))
    assert set(first) != set(second)
    assert list(first.values()) == ["guid"]
    assert ids_of([post("")], source()) == {}
