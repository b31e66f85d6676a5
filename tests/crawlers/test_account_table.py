from datetime import UTC, datetime
from typing import Any

import pytest

from config.settings import AccountSettings
from crawlers.account_table import AccountTable
from crawlers.intake import take_in
from domain.account import is_ours
from domain.mention import Author, Flag, Kind, Mention, Post
from tests.crawlers.pages import source

T = datetime(2026, 6, 20, 8, tzinfo=UTC)
OURS = AccountSettings(platform="weibo", id="7900010001", name="云杉咖啡", brand="yunshan")
RIVAL = AccountSettings(platform="weibo", id="7900010002", name="白鹿茶饮", role="competitor", brand="bailu")
CRITIC = AccountSettings(platform="weibo", id="7900010003", role="watch")
FORUM = AccountSettings(platform="reddit", id="u/Yunshan_Coffee")
TABLE = AccountTable((OURS, RIVAL, CRITIC, FORUM), ["bailu", "yunshan"])


def post(platform: str = "weibo", **author: Any) -> Post:
    return Post(
        platform=platform, native_id="1", kind=Kind.POST, text="文", author=Author(**author), extra=(("a", "b"),)
    )


def taken(given: Post) -> Mention:
    (mention,) = take_in([given], source(), T, backfill=False, accounts=TABLE).mentions
    return mention


def test_our_own_posts_are_flagged_and_never_counted() -> None:
    mention = taken(post(id="7900010001", name="改过的名字"))
    assert mention.flags == {Flag.OWNED}
    assert dict(mention.post.extra) == {"a": "b", "account_role": "owned", "account": "7900010001"}
    assert is_ours(mention)


def test_a_rival_is_told_and_stays_a_mention() -> None:
    mention = taken(post(id="7900010002"))
    assert mention.flags == frozenset()
    told = {"a": "b", "account_role": "competitor", "account": "7900010002", "speaks_for": "bailu"}
    assert dict(mention.post.extra) == told
    assert not is_ours(mention)


def test_a_watched_account_counts_for_its_brands_and_its_id_is_not_written_down_again() -> None:
    mention = taken(post(id="7900010003"))
    assert mention.flags == frozenset()
    assert mention.post.extra == (("a", "b"), ("account_role", "watch"), ("brand", "bailu"), ("brand", "yunshan"))
    assert AccountTable((CRITIC,), ["x"]).brands_of(OURS) == ("yunshan",)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (post(name="云杉咖啡"), OURS),
        (post(name=" @云杉咖啡 "), OURS),
        (post(name="云杉咖啡", id="999"), None),
        (post("douyin", id="7900010001"), None),
        (post("douyin", name="云杉咖啡"), None),
        (post("reddit", name="yunshan_coffee"), FORUM),
        (post("reddit", name="Yunshan_Coffee", id="t2_1a"), FORUM),
        (post(name="7900010001"), None),
        (post(), None),
    ],
    ids=str,
)
def test_a_name_counts_only_where_no_id_is_printed(given: Post, found: AccountSettings | None) -> None:
    assert TABLE.of(given) is found


def test_without_accounts_nothing_changes() -> None:
    given = post(name="云杉咖啡")
    assert AccountTable().of(given) is None
    (mention,) = take_in([given], source(), T, backfill=False).mentions
    assert mention.post == given
    (same,) = take_in([given], source(), T, backfill=False, accounts=AccountTable()).mentions
    assert same == mention


def test_taking_a_post_in_twice_adds_nothing() -> None:
    once = taken(post(id="7900010001"))
    assert TABLE.mark(once) == once
