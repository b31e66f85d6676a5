from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from domain.query import compile_matcher, parse
from service.demo.world import BRAND, BRAND_QUERY, CRISIS_LENGTH, RIVAL, World

START = datetime(2026, 6, 20, 2, 20, tzinfo=UTC)


def test_the_same_seed_gives_the_same_world() -> None:
    days = timedelta(days=2)
    assert World(7).quiet(START, START + days) == World(7).quiet(START, START + days)
    assert World(7).crisis(START) == World(7).crisis(START)


def test_another_seed_gives_another_world() -> None:
    assert World(7).quiet(START, START + timedelta(days=1)) != World(8).quiet(START, START + timedelta(days=1))


def test_ids_never_repeat() -> None:
    world = World()
    posts = world.quiet(START - timedelta(days=3), START) + world.crisis(START)
    posts += world.aftermath(START + CRISIS_LENGTH, START + timedelta(hours=4))
    assert max(Counter(post.id for post in posts).values()) == 1


def test_quiet_days_follow_the_hours_of_the_day() -> None:
    posts = World().quiet(START - timedelta(days=14), START)
    hours = Counter((post.published_at + timedelta(hours=8)).hour for post in posts)
    assert hours[12] > 5 * hours[4]
    assert hours[20] > 5 * hours[4]
    assert sum(BRAND in post.text for post in posts) > 1_000
    assert any(RIVAL in post.text for post in posts)
    assert {post.site for post in posts} == {"weibo", "forum", "news"}


def test_posts_are_in_order_and_inside_their_time() -> None:
    posts = World().quiet(START, START + timedelta(days=1))
    moments = [post.published_at for post in posts]
    assert moments == sorted(moments)
    assert START <= moments[0]
    assert moments[-1] < START + timedelta(days=1)


def test_a_crisis_has_reposts_media_articles_and_a_statement() -> None:
    posts = World().crisis(START)
    assert posts[0].published_at == START
    assert posts[-1].published_at <= START + CRISIS_LENGTH
    assert sum(post.repost_of == posts[0].id for post in posts) >= 40
    assert max(post.followers or 0 for post in posts) >= 500_000
    assert sum(post.site == "news" for post in posts) == 2
    assert any(post.verified_type == 2 for post in posts)
    assert len({post.text for post in posts}) > 180
    assert {post.mark for post in posts} == {"crisis"}


@pytest.mark.parametrize("seed", [1, 2])
def test_no_slot_is_left_unfilled(seed: int) -> None:
    world = World(seed)
    posts = world.quiet(START - timedelta(days=5), START) + world.crisis(START)
    assert not [post.text for post in posts if "{" in post.text or "{" in (post.title or "")]


def test_the_brand_query_takes_the_brand_and_leaves_the_tree() -> None:
    posts = World().quiet(START - timedelta(days=10), START) + World().crisis(START)
    names = compile_matcher(parse(BRAND_QUERY), now=START)
    for post in posts:
        assert names({"text": post.text, "title": post.title}) == (BRAND in post.text), post.text
    assert any("云杉树" in post.text for post in posts)


def test_what_follows_a_crisis_is_thin() -> None:
    posts = World().aftermath(START, START + timedelta(hours=5))
    assert 0 < len(posts) < 60
    assert {post.mark for post in posts} == {"after"}
