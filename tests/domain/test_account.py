from dataclasses import replace
from datetime import datetime, timedelta

from domain.account import ROLE, UNDER_OWN, UNDER_POST, AccountReading, day_of, joined, waiting
from domain.codec import from_json, to_json
from domain.mention import Author, Flag, Kind, Mention, Post
from domain.moment import from_rfc3339

NOW = from_rfc3339("2026-06-20T16:30:00Z")


def at(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def comment(number: str, minutes: float, *, parent: str = "100", root: str | None = None, ours: bool = False,
            platform: str = "weibo", name: str = "甲", names: tuple[str, ...] = (), under: str | None = "100",
            flags: frozenset[Flag] = frozenset(), kind: Kind = Kind.COMMENT) -> Mention:  # fmt: skip
    place = ((UNDER_OWN, "7"), (UNDER_POST, under)) if under else ()
    post = Post(
        platform=platform,
        native_id=number,
        kind=kind,
        text="文",
        parent_id=parent,
        root_id=root,
        published_at=at(minutes),
        author=Author(name=name),
        at_users=names,
        extra=place,
    )
    return Mention(
        id=f"{platform}:c:{number}",
        post=post,
        source="s",
        first_collected_at=NOW,
        last_collected_at=NOW,
        flags=flags | {Flag.OWNED} if ours else flags,
    )


def found(*mentions: Mention) -> list[list[str]]:
    return [[each.post.native_id for each in thread.comments] for thread in waiting(mentions, NOW)]


def test_a_thread_waits_since_its_oldest_unanswered_comment() -> None:
    first = comment("1", 60, root="1")
    more = comment("2", 50, parent="1", root="1", name="乙")
    other = comment("3", 70, root="3")
    threads = waiting([more, first, other], NOW)
    assert [(thread.since, len(thread.comments), thread.account) for thread in threads] == [
        (at(70), 1, "7"),
        (at(60), 2, "7"),
    ]


def test_a_reply_of_ours_answers_what_was_said_before_it() -> None:
    asked = comment("1", 60, root="1")
    reply = comment("2", 50, parent="1", root="1", ours=True)
    again = comment("3", 40, parent="2", root="1")
    assert found(asked, reply) == []
    assert found(asked, reply, again) == [["3"]]


def test_threads_are_found_by_the_chain_of_parents_where_no_root_is_told() -> None:
    asked = comment("1", 60, platform="mastodon")
    reply = comment("2", 50, parent="1", platform="mastodon", ours=True)
    deeper = comment("3", 40, parent="2", platform="mastodon")
    apart = comment("4", 30, platform="mastodon")
    assert found(asked, reply, deeper, apart) == [["3"], ["4"]]


def test_a_thread_whose_first_comment_was_never_seen_still_holds_together() -> None:
    late = comment("5", 60, parent="9", root="9")
    reply = comment("6", 50, parent="5", root="9", ours=True)
    assert found(late, reply) == []


def test_where_comments_have_no_threads_a_reply_answers_whom_it_names() -> None:
    one = comment("1", 60, root="100", platform="v2ex", name="甲")
    two = comment("2", 55, root="100", platform="v2ex", name="乙")
    reply = comment("3", 50, root="100", platform="v2ex", ours=True, names=("甲",))
    later = comment("4", 40, root="100", platform="v2ex", name="甲")
    elsewhere = comment("5", 60, parent="200", root="200", platform="v2ex", name="甲", under="200")
    assert sorted(found(one, two, reply, later, elsewhere)) == [["2"], ["4"], ["5"]]


def test_a_rival_is_no_one_of_ours_and_deleted_comments_do_not_wait() -> None:
    asked = comment("1", 60, root="1")
    rival = comment("2", 50, parent="1", root="1", ours=True)
    extra = (*rival.post.extra, (ROLE, "competitor"))

    rival = replace(rival, post=replace(rival.post, extra=extra))
    assert found(asked, rival) == [["1", "2"]]
    assert found(comment("1", 60, root="1", flags=frozenset({Flag.DELETED}))) == []


def test_posts_later_comments_and_circles_are_harmless() -> None:
    post = comment("100", 90, kind=Kind.POST)
    future = comment("2", -5, root="2")
    circle = [comment("3", 60, parent="4", root=None), comment("4", 50, parent="3", root=None)]
    assert found(post, replace_time(future)) == []
    assert sorted(each for thread in found(*circle) for each in thread) == ["3", "4"]
    assert waiting([], NOW) == ()


def replace_time(mention: Mention) -> Mention:

    later = NOW + timedelta(minutes=5)
    return replace(mention, first_collected_at=later, last_collected_at=later)


def reading(**more: object) -> AccountReading:
    given: dict[str, object] = {"platform": "weibo", "account": "7", "day": "2026-06-20", "at": NOW, **more}
    return AccountReading(**given)  # type: ignore[arg-type]


def test_newer_figures_win_and_missing_ones_stay() -> None:
    old = reading(followers=100, views=5)
    new = reading(followers=101, likes=0, at=NOW + timedelta(hours=1))
    both = joined(old, new)
    assert (both.followers, both.views, both.likes, both.at) == (101, 5, 0, new.at)


def test_what_an_export_said_is_changed_by_another_export_only() -> None:
    export = reading(followers=100, imported=True)
    read = reading(followers=99, comments=3)
    assert joined(export, read) == reading(followers=100, comments=3, imported=True)
    assert joined(read, export) == reading(followers=100, comments=3, imported=True)
    assert joined(export, reading(followers=90, imported=True)).followers == 90


def test_interactions_add_up_what_is_known_and_days_are_those_of_beijing() -> None:
    assert reading().interactions is None
    assert reading(likes=1, shares=2).interactions == 3
    assert day_of(NOW) == "2026-06-21"
    assert from_json(AccountReading, to_json(reading(likes=0, imported=True))) == reading(likes=0, imported=True)
