"""Hot lists from the crawl to the command line and to the rules, over real stores."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.settings import Settings
from domain.clock import ManualClock
from domain.mention import Kind, Mention, Post, Trend
from domain.source import SourceHealth, SourceState
from domain.tagging import BrandDefinition, BrandTag, Polarity, Sentiment, Tagging
from domain.trend import trend_mention
from service import wiring
from service.trends import BrandTrends, TitleMatcher, seen_trends, trend_table, trend_view
from storage import State, open_state
from storage.memory import MemoryMentions
from tests.service.conftest import Cli

NOW = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BRANDS = (
    BrandDefinition(id="yunshan", name="云杉咖啡", query="(云杉咖啡 or 云杉 NEAR/4 咖啡) and not 云杉树"),
    BrandDefinition(id="xinglan", name="星澜汽车", query="星澜汽车 and platform: weibo"),
)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(None, tmp_path)
    yield opened
    opened.close()


def look(state: State, minute: float, *titles: str, source: str = "weibo-hot", platform: str = "weibo") -> None:
    lines = [Trend(rank=rank, title=title, hot=10_000 * rank) for rank, title in enumerate(titles, 1)]
    state.trends.add(source, platform, lines, NOW + minute * MINUTE)


def health(*names: str, state: SourceState = SourceState.LIVE) -> list[SourceHealth]:
    return [SourceHealth(source=name, platform="weibo", state=state) for name in names]


@pytest.mark.parametrize(
    ("title", "platform", "brands"),
    [
        ("云杉咖啡异物", "weibo", ("yunshan",)),
        ("#雲杉咖啡# 道歉", "weibo", ("yunshan",)),
        ("云杉的新咖啡", "weibo", ("yunshan",)),
        ("云杉咖啡门前的云杉树", "weibo", ()),
        ("星澜汽车召回", "weibo", ("xinglan",)),
        ("星澜汽车召回", "baidu", ()),
        ("云杉咖啡与星澜汽车联名", "weibo", ("xinglan", "yunshan")),
        ("天气", "weibo", ()),
    ],
)
def test_a_line_names_a_brand_by_the_brands_own_query(title: str, platform: str, brands: tuple[str, ...]) -> None:
    assert TitleMatcher(BRANDS).brands(title, platform) == brands


def test_rules_see_stays_by_brand_with_what_the_line_says(state: State) -> None:
    look(state, 0, "旧")
    look(state, 5, "云杉咖啡异物", "云杉咖啡新品", "天气")
    feeling = Sentiment(polarity=Polarity.NEGATIVE, score=-1, p_negative=1, confidence=1)
    post = Post(platform="weibo", native_id="hot:0:云杉咖啡异物", kind=Kind.POST, text="云杉咖啡异物")
    mention = Mention(
        id=trend_mention(Trend(rank=1, title="云杉咖啡异物"), "weibo"),
        post=post,
        source="weibo-hot",
        first_collected_at=NOW,
        last_collected_at=NOW,
        tags=Tagging(sentiment=feeling, brands=(BrandTag(brand="yunshan", sentiment=feeling),)),
        story_id="s",
    )
    store = MemoryMentions()
    store.put([mention], now=NOW)
    found = BrandTrends(BRANDS, state.trends, store, hold=30 * MINUTE)(NOW + 6 * MINUTE)
    assert {
        brand: [(each.spell.title, each.polarity, each.story_id) for each in told] for brand, told in found.items()
    } == {"yunshan": [("云杉咖啡异物", Polarity.NEGATIVE, "s"), ("云杉咖啡新品", None, None)]}
    assert BrandTrends((), state.trends, store, hold=MINUTE)(NOW) == {}


def test_rules_see_what_left_a_list_for_as_long_as_one_of_them_holds(state: State) -> None:
    look(state, 0, "云杉咖啡异物", "云杉咖啡新品")
    look(state, 5, "云杉咖啡新品")
    trends = BrandTrends(BRANDS, state.trends, MemoryMentions(), hold=timedelta(hours=2))
    seen = {
        minute: sorted(each.spell.title for each in trends(NOW + minute * MINUTE).get("yunshan", ()))
        for minute in (10, 120, 300)
    }
    assert seen == {10: ["云杉咖啡异物", "云杉咖啡新品"], 120: ["云杉咖啡异物", "云杉咖啡新品"], 300: ["云杉咖啡新品"]}


def test_people_see_who_was_where_and_whether_it_is_still_there(state: State) -> None:
    look(state, 0, "旧闻里的云杉咖啡")
    look(state, 5, "云杉咖啡异物", "天气")
    look(state, 10, "天气", "云杉咖啡异物")
    look(state, 10, "云杉咖啡", source="gone", platform="baidu")
    matcher = TitleMatcher(BRANDS)
    seen = seen_trends(state.trends, matcher, health("weibo-hot"), since=NOW)
    assert [(each.spell.title, each.state, each.spell.rank, each.spell.best_rank) for each in seen] == [
        ("云杉咖啡", "blind", 1, 1),
        ("云杉咖啡异物", "on", 2, 1),
        ("旧闻里的云杉咖啡", "left", 1, 1),
    ]
    blind = seen_trends(
        state.trends, matcher, health("weibo-hot", state=SourceState.BLIND), since=NOW, platform="weibo"
    )
    assert [each.state for each in blind] == ["blind", "left"]
    everything = seen_trends(state.trends, matcher, [], since=NOW, everything=True)
    assert {each.spell.title: each.brands for each in everything}["天气"] == ()
    assert seen_trends(state.trends, matcher, [], since=NOW, brand="xinglan", everything=True) == []
    view = trend_view(seen[1])
    assert (view["minutes"], view["rank"], view["best_rank"], view["brands"], view["state"]) == (
        5,
        2,
        1,
        ["yunshan"],
        "on",
    )
    json.dumps(view)


def test_hostile_words_are_no_markup_and_command_no_terminal(state: State, tmp_path: Path) -> None:
    import io

    from rich.console import Console

    look(state, 0, "云杉咖啡[bold red]x[/] \x1b[31m\u202e坏")
    settings = Settings(path=tmp_path / "x", data_dir=tmp_path, brands=BRANDS)
    out = io.StringIO()
    seen = seen_trends(state.trends, TitleMatcher(BRANDS), [], since=NOW)
    Console(file=out, width=160).print(trend_table(seen, settings))
    assert "云杉咖啡[bold red]x[/]" in out.getvalue()
    assert not {"\x1b", "\u202e"} & set(out.getvalue())
    english = io.StringIO()
    Console(file=english, width=160).print(trend_table(seen, replace(settings, locale="en")))
    assert "blind" in english.getvalue() and "heat" in english.getvalue()


def test_the_command_line_tells_people_and_machines(cli: Cli, config: Path) -> None:
    settings = wiring.load_settings(config)
    stores = wiring.open_stores(settings)
    now = datetime.now(UTC)
    for minutes, titles in ((30, ["旧"]), (20, ["云杉咖啡异物", "天气"]), (10, ["云杉咖啡异物", "天气"])):
        lines = [Trend(rank=rank, title=title) for rank, title in enumerate(titles, 1)]
        stores.state.trends.add("weibo-hot", "weibo", lines, now - minutes * MINUTE)
    stores.close()
    ran = cli("trends", "--json")
    assert ran.code == 0, ran.err
    (line,) = [json.loads(each) for each in ran.out.splitlines()]
    assert (line["title"], line["brands"], line["minutes"], line["hot"]) == ("云杉咖啡异物", ["yunshan"], 10, None)
    assert len(cli("trends", "--json", "--all").out.splitlines()) == 3
    assert cli("trends", "--json", "--all", "--platform", "baidu").out == ""
    people = cli("trends", "--brand", "yunshan", "--since", "1h").out
    assert "云杉咖啡异物" in people and "微博" in people and "10 分钟" in people
    assert cli("trends", "--platform", "baidu").out == "没有\n"


@pytest.mark.parametrize(("option", "value", "told"), [("--brand", "nobody", "yunshan"), ("--since", "1", "1s")])
def test_a_mistake_is_named_with_what_would_be_right(
    cli: Cli, config: Path, option: str, value: str, told: str
) -> None:
    ran = cli("trends", option, value)
    assert (ran.code, option in ran.err, told in ran.err) == (2, True, True)


def test_the_watch_of_the_wiring_is_told_of_hot_lists(config: Path) -> None:
    settings = wiring.load_settings(config)
    stores = wiring.open_stores(settings)
    clock = ManualClock(NOW)
    source = "news"
    stores.state.trends.add(source, "weibo", [Trend(rank=1, title="旧")], NOW - 5 * MINUTE)
    stores.state.trends.add(source, "weibo", [Trend(rank=2, title="云杉咖啡异物")], NOW)
    watch = wiring.make_watch(settings, stores, clock, owner="watch")
    for _ in range(4):
        watch.step()
        clock.advance(MINUTE)
    (incident,) = stores.state.desk.incidents()
    assert (incident.rule, incident.brand, dict(incident.labels)["trend"]) == ("hot-list", "yunshan", "云杉咖啡异物")
    stores.close()
