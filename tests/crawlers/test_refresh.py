import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import SourceSettings
from crawlers.errand import Errand, ErrandBook
from crawlers.job import VisitResult
from crawlers.refresh import RefreshBook
from domain.clock import ManualClock
from domain.ids import mention_id
from domain.incident import IncidentState
from domain.mention import Author, Engagement, Flag, Kind, Mention, Post
from domain.moment import to_rfc3339
from domain.outcome import FetchOutcome as F
from domain.ports import DeskChange, InboxKind
from domain.secret import Secret
from storage import open_state
from storage.errors import StoreError
from storage.mentions.memory import MemoryMentions
from tests.crawlers.farm import farm
from tests.crawlers.pages import network, source
from tests.crawlers.visiting import job, visit
from tests.storage.desk_sample import incident
from tests.storage.sample import NOW, N, mention, tagging

WEIBO = source(name="weibo", platform="weibo", transport="cookie", cookie=Secret("SUB=x"), follow=True, pages=5)
MID = "5311901742083001"
ID = f"weibo:{MID}"
LIKES = Engagement(likes=3, shares=1, views=9)


class World:
    """A book over real state, with the analyse step as one call."""

    def __init__(self, folder: Path, *sources: SourceSettings) -> None:
        self.clock = ManualClock(NOW)
        self.state = open_state(None, folder)
        self.mentions = MemoryMentions()
        self.book = self.restarted(*(sources or (WEIBO,)))

    def restarted(self, *sources: SourceSettings) -> RefreshBook:
        state = self.state
        self.book = RefreshBook(
            sources, desk=state.desk, search=self.mentions, inbox=state.inbox, refreshes=state.refreshes,
            clock=self.clock, owner="crawl@a",
        )  # fmt: skip
        return self.book

    def happened(self, *mentions: Mention) -> None:
        """Store mentions as crawling and analysing do, and open an incident over them."""
        self.state.inbox.append(mentions, now=NOW)
        self.analyse()
        self.state.desk.commit(DeskChange(incidents=(incident(),)), now=NOW)
        assert self.due() == []

    def analyse(self) -> list[InboxKind]:
        rows = self.state.inbox.lease(owner="w", limit=99, lease=timedelta(minutes=1), now=self.clock.now())
        tagged = [replace(row.mention, tags=tagging({"yunshan": N})) for row in rows]
        self.mentions.put(tagged, now=self.clock.now())
        self.state.inbox.ack([row.row for row in rows], [], owner="w", now=self.clock.now())
        return [row.kind for row in rows]

    def due(self, minutes: float = 0, limit: int = 9) -> list[Errand]:
        self.clock.advance(timedelta(minutes=minutes))
        return list(self.book.due(self.clock.now(), limit))

    def next_due(self) -> list[Errand]:
        """Go to the moment when the next plan is due."""
        due_at = min(plan.due_at for plan in self.state.refreshes.load().values())
        assert self.due((due_at - self.clock.now()).total_seconds() / 60 - 0.1) == []
        return self.due(0.1)

    def done(self, errand: Errand, *posts: Post, outcome: F | None = F.OK) -> list[InboxKind]:
        self.book.done(errand, VisitResult(outcome=outcome, posts=list(posts)), self.clock.now())
        return self.analyse()

    def looked(self, minutes: float, *posts: Post, outcome: F = F.OK) -> list[InboxKind]:
        (errand,) = self.due(minutes)
        return self.done(errand, *posts, outcome=outcome)

    @property
    def stored(self) -> Mention:
        return self.mentions.get([ID])[ID]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def negative(native_id: str = MID, text: str = "云杉咖啡喝出异物", **more: object) -> Mention:
    given = {"source": "weibo", "brands": {"yunshan": N}, "engagement": LIKES, "collected_after": 0, **more}
    return mention(native_id, text, **given)  # type: ignore[arg-type]  # keywords by name


def shown(text: str = "云杉咖啡喝出异物", **more: object) -> Post:
    return replace(negative(text=text).post, **more)  # type: ignore[arg-type]  # fields by name


def test_it_is_a_book_of_errands(world: World) -> None:
    book: ErrandBook = world.book
    assert book.due(NOW, 9) == []


def test_a_mention_of_an_open_incident_is_read_again_ever_more_rarely(world: World) -> None:
    world.happened(negative())
    at = []
    for _ in range(8):
        (errand,) = world.next_due()
        at.append((world.clock.now() - NOW) // timedelta(minutes=1))
        world.done(errand, shown())
    assert at == [15, 30, 60, 120, 240, 480, 480 + 1440, 480 + 2 * 1440]


def test_an_errand_asks_for_one_post_and_for_nothing_behind_it(world: World) -> None:
    world.happened(negative())
    (errand,) = world.due(15)
    (fetch,) = errand.fetches
    assert (errand.key, fetch.endpoint) == (f"refresh {ID}", "weibo.ajax_show")
    assert (errand.source.name, errand.source.follow, errand.source.pages, errand.keep) == ("weibo", False, 1, False)
    assert world.due(1) == []


def test_grown_counters_are_stored_with_their_history(world: World) -> None:
    world.happened(negative(author=Author(name="甲", followers=10)))
    grown = shown(engagement=Engagement(likes=50, comments=7), author=Author(name="甲", followers=12),
                  extra_counters=(("danmaku", 3), ("coins", None)))  # fmt: skip
    assert world.looked(15, grown) == [InboxKind.CHANGED]
    kept = world.stored
    assert kept.post.engagement == Engagement(likes=50, comments=7, shares=1, views=9)
    assert (kept.post.author, kept.post.extra_counters) == (Author(name="甲", followers=12), (("danmaku", 3),))
    assert (kept.last_collected_at, kept.first_collected_at) == (NOW + timedelta(minutes=15), NOW)
    assert (kept.brands, kept.source, kept.flags) == (("yunshan",), "weibo", frozenset())
    assert [counts.likes for _, counts in world.mentions.engagement_history(ID)] == [3, 50]


def test_what_did_not_change_is_not_stored_again(world: World) -> None:
    world.happened(negative())
    assert world.looked(15, shown()) == []
    (plan,) = world.state.refreshes.load().values()
    assert (plan.looks, plan.fails, plan.last_outcome) == (1, 0, F.OK)


def test_an_edit_between_two_looks_is_taken_and_another_way_to_write_it_is_not(world: World) -> None:
    world.happened(negative())
    assert world.looked(15, shown("云杉咖啡 喝出异物 网页链接")) == []
    assert world.looked(15, shown("云杉咖啡 喝出异物 网页链接")) == []
    edited = shown("更正：是自带的冰块", tags=("更正",))
    assert world.looked(30, edited) == [InboxKind.CHANGED]
    assert (world.stored.post.text, world.stored.post.tags) == ("更正：是自带的冰块", ("更正",))


def test_a_part_of_a_text_replaces_nothing_and_the_whole_replaces_a_part(world: World) -> None:
    part = negative(text="云杉咖啡喝…")
    world.happened(replace(part, post=replace(part.post, truncated=True), flags=frozenset({Flag.TRUNCATED})))
    whole = shown("云杉咖啡喝出异物，门店停业")
    assert world.looked(15, shown("云杉", truncated=True, engagement=LIKES)) == []
    assert world.looked(15, whole) == [InboxKind.CHANGED]
    assert (world.stored.post.text, world.stored.flags) == (whole.text, frozenset())
    assert world.looked(30, shown("云杉", truncated=True)) == []
    assert world.stored.post.text == whole.text


def test_a_post_is_deleted_when_two_looks_ten_minutes_apart_say_so(world: World) -> None:
    world.happened(negative())
    assert world.looked(15, outcome=F.GONE) == []
    assert world.due(9) == []
    assert world.looked(1, outcome=F.GONE) == [InboxKind.CHANGED]
    kept = world.stored
    assert (kept.flags, kept.deleted_at) == ({Flag.DELETED}, NOW + timedelta(minutes=15))
    assert (kept.post.text, kept.post.engagement) == (negative().post.text, LIKES)
    assert world.looked(5, outcome=F.GONE) == []
    assert world.looked(30, outcome=F.GONE) == []


def test_a_post_that_stands_at_the_second_look_is_not_deleted(world: World) -> None:
    world.happened(negative())
    world.looked(15, outcome=F.GONE)
    assert world.looked(10, shown()) == []
    assert world.looked(5, outcome=F.GONE) == []
    assert world.stored.flags == frozenset()


def test_a_post_that_is_back_loses_the_flag_though_nothing_else_changed(world: World) -> None:
    world.happened(negative())
    world.looked(15, outcome=F.GONE)
    world.looked(10, outcome=F.GONE)
    assert Flag.DELETED in world.stored.flags
    assert world.state.inbox.append([negative()], now=world.clock.now()).known == 1
    assert world.looked(5, shown()) == [InboxKind.CHANGED]
    assert (world.stored.flags, world.stored.deleted_at) == (frozenset(), None)


@pytest.mark.parametrize(
    "outcome",
    [F.LOGIN_REQUIRED, F.CAPTCHA, F.JS_CHALLENGE, F.BLOCKED, F.IP_BLOCKED, F.RATE_LIMITED, F.ACCOUNT_RESTRICTED,
     F.SIGNATURE_REJECTED, F.AUTH_FAILED, F.EXPIRED_LINK, F.EMPTY, F.SCHEMA_ERROR, F.PARSE_ERROR, F.ERROR],
)  # fmt: skip
def test_a_wall_is_no_deletion_and_is_tried_later(world: World, outcome: F) -> None:
    world.happened(negative())
    waits = []
    for _ in range(8):
        before = world.clock.now()
        (errand,) = world.next_due()
        waits.append((world.clock.now() - before) // timedelta(minutes=1))
        assert world.done(errand, outcome=outcome) == []
    assert waits == [15, 10, 20, 40, 80, 160, 240, 240]
    assert world.stored.flags == frozenset()


def test_an_answer_that_shows_another_post_says_nothing(world: World) -> None:
    world.happened(negative())
    assert world.looked(15, replace(shown(), native_id="5311901742083009")) == []
    (plan,) = world.state.refreshes.load().values()
    assert (plan.looks, plan.fails) == (0, 1)


def test_a_captcha_between_two_deletions_changes_nothing_about_them(world: World) -> None:
    world.happened(negative())
    world.looked(15, outcome=F.GONE)
    world.looked(10, outcome=F.CAPTCHA)
    assert world.looked(10, outcome=F.GONE) == [InboxKind.CHANGED]


def test_where_everything_is_gone_at_once_nothing_is_marked(world: World, caplog: pytest.LogCaptureFixture) -> None:
    posts = [negative(f"53119017420830{n:02}") for n in range(8)]
    world.happened(*posts)
    with caplog.at_level(logging.WARNING):
        for wait in (15, 10, 10, 20):
            world.clock.advance(timedelta(minutes=wait))
            while errands := world.due():
                assert world.done(errands[0], outcome=F.GONE) == []
    assert caplog.text.count("everything read again is gone") == 1
    (one,) = world.due(240)
    world.done(one, replace(shown(), native_id=one.key.rpartition(":")[2]))
    assert world.done(world.due()[0], outcome=F.GONE) == [InboxKind.CHANGED]


def test_what_is_doubted_is_doubted_after_a_restart_too(world: World) -> None:
    world.happened(*(negative(f"53119017420830{n:02}") for n in range(8)))
    for wait in (15, 10, 10, 20):
        world.clock.advance(timedelta(minutes=wait))
        while errands := world.due():
            assert world.done(errands[0], outcome=F.GONE) == []
            world.restarted(WEIBO)


def test_an_errand_that_was_not_begun_comes_again_and_its_site_is_left_alone_for_a_minute(tmp_path: Path) -> None:
    world = World(tmp_path, WEIBO, source(name="v2ex", platform="v2ex"))
    world.happened(negative(), negative("7", platform="v2ex", source="v2ex"), negative("5311901742083002"))
    first, second = world.due(15)
    assert {first.source.name, second.source.name} == {"v2ex", "weibo"}
    refused = first if first.source.name == "weibo" else second
    world.book.done(refused, None, world.clock.now())
    assert world.due(0.9) == []
    (again,) = world.due(0.1)
    assert again.source.name == "weibo"
    assert [plan.fails for plan in world.state.refreshes.load().values()] == [0, 0, 0]


def test_what_a_dead_process_held_is_taken_by_the_next(world: World) -> None:
    world.happened(negative())
    assert len(world.due(15)) == 1
    late = world.book
    world.restarted(WEIBO)
    assert world.due(9) == []
    (errand,) = world.due(1)
    world.done(errand, shown(engagement=Engagement(likes=4)))
    late.done(errand, VisitResult(outcome=F.GONE), world.clock.now())
    (plan,) = world.state.refreshes.load().values()
    assert (plan.looks, plan.gone_at) == (1, None)


def test_each_site_is_asked_for_one_at_a_time_and_no_more_are_given_out_than_asked(tmp_path: Path) -> None:
    hosts = [source(name=name, platform="feed", url=f"https://{name}.example/feed") for name in ("a", "b")]
    world = World(tmp_path, WEIBO, *hosts)
    pages = [
        replace(
            negative(),
            id=f"web:{name}",
            source=name,
            post=Post(platform="web", native_id="g", kind=Kind.ARTICLE, text="文", url=f"https://{name}.example/1",
                      published_at=NOW),
        )
        for name in ("a", "b")
    ]  # fmt: skip
    world.happened(*(negative(f"53119017420830{n:02}") for n in range(5)), *pages)
    assert world.due(15, limit=0) == []
    assert len(world.due(limit=2)) == 2
    assert len(world.due(limit=5)) == 1
    assert world.due() == []
    assert sorted(plan.road for plan in world.state.refreshes.load().values())[-1] == "weibo/cookie"


def test_the_mentions_of_a_closed_incident_are_let_go(world: World) -> None:
    world.happened(negative())
    world.due(1)
    (open_one,) = world.state.desk.incidents()
    ended = replace(open_one, state=IncidentState.RESOLVED, resolved_at=world.clock.now())
    world.state.desk.commit(DeskChange(incidents=(ended,)), now=world.clock.now())
    assert len(world.due(60)) == 1
    assert world.due(24 * 60) == []
    assert world.state.refreshes.load() == {}


def test_a_mention_that_was_erased_is_not_read_again(world: World) -> None:
    world.happened(negative(), negative("5311901742083002"), negative("5311901742083003"))
    (errand,) = world.due(15)
    for number in (1, 3):
        world.mentions.erase_author(platform="weibo", author_id=f"u531190174208300{number}")
    assert errand.key == f"refresh {ID}"
    assert world.done(errand, shown(engagement=Engagement(likes=99))) == []
    (other,) = world.due()
    world.done(other, replace(shown(), native_id="5311901742083002"))
    assert world.due() == []
    assert list(world.state.refreshes.load()) == ["weibo:5311901742083002"]


def test_another_source_of_the_platform_is_asked_where_its_own_cannot(tmp_path: Path) -> None:
    bridge = source(name="weibo", platform="rsshub", url="https://hub.example/weibo/keyword/x")
    world = World(tmp_path, bridge, replace(WEIBO, name="cookie"))
    world.happened(negative())
    (errand,) = world.due(15)
    assert errand.source.name == "cookie"


def test_ids_of_one_instance_are_not_asked_of_another(tmp_path: Path) -> None:
    here, there = (
        source(name=name, platform="mastodon", url=f"https://{name}.example/", query=("云杉",))
        for name in ("here", "there")
    )
    world = World(tmp_path, there, here)
    world.happened(
        negative("11", platform="mastodon", source="here"), negative("12", platform="mastodon", source="lost")
    )
    (errand,) = world.due(15)
    assert (errand.source.name, errand.fetches[0].url) == ("here", "https://here.example/api/v1/statuses/11")


def test_what_no_road_shows_is_not_planned(tmp_path: Path) -> None:
    world = World(tmp_path, source(name="weibo", platform="weibo"))
    world.happened(negative())
    assert world.due(30) == [] and world.state.refreshes.load() == {}


def test_a_store_that_is_away_is_asked_again_and_said_once(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.happened(negative(), negative("5311901742083002"))
    world.state.refreshes.drop([ID])

    def away(*_: object, **__: object) -> Sequence[object]:
        raise StoreError("the cluster is away", retryable=True)

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(world.state.desk, "incidents", away)
        assert world.due(1) == world.due(1) == []
    assert caplog.text.count("the cluster is away") == 1
    assert world.due(1) == [] and len(world.state.refreshes.load()) == 2


# --- over HTTP -----------------------------------------------------------------------------------------------


async def test_a_story_is_read_again_over_http_until_it_is_gone(tmp_path: Path) -> None:
    async with farm() as site:
        own = source(name="hn", platform="hackernews", query=("spruce",), base_url=site.base)
        world = World(tmp_path, own)
        world.happened(negative("41", platform="hackernews", source="hn", author=Author(name="pg")))
        hit = {"objectID": "41", "title": "Spruce", "story_text": "云杉咖啡喝出异物", "points": 90, "num_comments": 8,
               "_tags": ["story"], "created_at_i": 1781925630}  # fmt: skip
        path = "/api/v1/search_by_date"

        async def look(minutes: float) -> list[InboxKind]:
            (errand,) = world.due(minutes)
            result = await visit(job(site, errand.source, net=network(site.pair), fetches=errand.fetches))
            world.book.done(errand, result, world.clock.now())
            return world.analyse()

        site.page(path, json.dumps({"hits": [hit], "page": 0, "nbPages": 1}), Content_Type="application/json")
        assert await look(15) == [InboxKind.CHANGED]
        kept = world.mentions.get(["hackernews:41"])["hackernews:41"]
        assert (kept.post.engagement.likes, kept.post.engagement.comments) == (90, 8)
        site.page(path, json.dumps({"hits": [], "page": 0, "nbPages": 0}), Content_Type="application/json")
        assert await look(15) == []
        site.page(path, "slow down", 429)
        assert await look(10) == []
        site.page(path, json.dumps({"hits": [], "page": 0, "nbPages": 0}), Content_Type="application/json")
        assert await look(10) == [InboxKind.CHANGED]
        kept = world.mentions.get(["hackernews:41"])["hackernews:41"]
        assert (kept.flags, to_rfc3339(kept.deleted_at or NOW)) == ({Flag.DELETED}, "2026-06-20T08:30:00.000Z")


async def test_the_page_behind_an_entry_is_watched_over_http(tmp_path: Path) -> None:
    async with farm() as site:
        own = source(name="feed", url=site.base + "/feed")
        world = World(tmp_path, own)
        link = site.base + "/1.html"
        page = Post(platform="web", native_id="guid", kind=Kind.ARTICLE, text="云杉咖啡喝出异物", title="题", url=link,
                    published_at=NOW)  # fmt: skip
        id = mention_id(platform="web", native_id="guid", kind=Kind.ARTICLE, url=link)
        world.happened(replace(negative(), id=id, post=page, source="feed"))

        async def look(minutes: float) -> list[InboxKind]:
            (errand,) = world.due(minutes)
            result = await visit(job(site, errand.source, net=network(site.pair), fetches=errand.fetches))
            assert result.followed == {}
            world.book.done(errand, result, world.clock.now())
            return world.analyse()

        site.page("/1.html", "<html><head><title>另一个题</title></head><body>另外的文</body></html>")
        assert await look(15) == []
        site.page("/1.html", "none", 404)
        assert await look(15) == []
        assert await look(10) == [InboxKind.CHANGED]
        kept = world.mentions.get([id])[id]
        assert (kept.flags, kept.post) == ({Flag.DELETED}, page)
        assert site.count("/1.html") == 3
