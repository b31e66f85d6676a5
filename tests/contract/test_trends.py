"""What the state must do for hot lists, whatever is behind it."""

from datetime import timedelta

from domain.mention import Trend
from domain.trend import TrendSpell
from storage import State
from storage.scrub import Erased
from storage.state.erase import Author
from tests.storage.sample import NOW

MINUTE = timedelta(minutes=1)


def line(title: str, rank: int = 1, hot: int | None = 1_000, **more: object) -> Trend:
    return Trend(rank=rank, title=title, hot=hot, **more)  # type: ignore[arg-type]  # test shorthand


def look(state: State, minute: float, *lines: Trend, source: str = "weibo-hot", platform: str = "weibo") -> None:
    state.trends.add(source, platform, lines, NOW + minute * MINUTE)


def found(state: State, since: float = 0, **wanted: str) -> dict[str, TrendSpell]:
    return {each.title: each for each in state.trends.spells(since=NOW + since * MINUTE, **wanted)}


def test_a_stay_knows_its_ranks_and_that_it_goes_on(state: State) -> None:
    look(state, 0, line("旧"))
    look(state, 5, line("旧"), line("云杉咖啡异物", 40, 900, url="https://s.weibo.example/1", at=NOW + 4 * MINUTE))
    look(state, 10, line("云杉咖啡异物", 3, 5_000, label="爆"), line("旧", 2))
    look(state, 15, line("云杉咖啡异物", 7, 4_000), line("旧", 2))
    spell = found(state)["云杉咖啡异物"]
    assert (spell.rank, spell.first_rank, spell.best_rank, spell.hot, spell.best_hot) == (7, 40, 3, 4_000, 5_000)
    assert (spell.entered_at, spell.best_at, spell.last_seen_at) == tuple(NOW + n * MINUTE for n in (5, 10, 15))
    assert (spell.since, spell.stay) == (NOW + 4 * MINUTE, 11 * MINUTE)
    assert (spell.label, spell.url, spell.history, spell.on_list) == (None, "https://s.weibo.example/1", False, True)
    assert spell.mention.startswith("weibo:hot:")
    assert found(state)["旧"].history, "what stood there at the first look: nobody knows since when"


def test_only_a_look_that_shows_others_says_that_a_line_has_left(state: State) -> None:
    look(state, 0, line("甲"), line("乙", 2))
    assert found(state, since=600)["甲"].on_list, "nobody has looked since"
    look(state, 5)
    assert found(state)["甲"].on_list, "an empty answer is no list"
    look(state, 10, line("乙"), source="other")
    assert found(state, platform="weibo")["甲"].on_list, "another list says nothing of this one"
    look(state, 15, line("乙"))
    assert not found(state)["甲"].on_list
    assert "甲" not in found(state, since=1), "it has left, and before that moment"
    assert found(state, since=600).keys() == {"乙"}


def test_a_line_that_flickers_stays_and_one_that_comes_back_later_enters_anew(state: State) -> None:
    look(state, 0, line("甲"), line("乙", 2))
    look(state, 5, line("乙"))
    look(state, 10, line("乙"), line("甲", 2))
    assert [each.entered_at for each in state.trends.spells(since=NOW) if each.title == "甲"] == [NOW]
    look(state, 15, line("乙"))
    look(state, 40, line("乙"), line("甲", 2))
    again = [(each.entered_at, each.on_list) for each in state.trends.spells(since=NOW) if each.title == "甲"]
    assert again == [(NOW + 40 * MINUTE, True), (NOW, False)]


def test_a_list_that_is_read_rarely_has_no_gaps(state: State) -> None:
    for hour in range(4):
        look(state, 60 * hour, line("甲"))
    (spell,) = state.trends.spells(since=NOW)
    assert (spell.entered_at, spell.stay) == (NOW, timedelta(hours=3))


def test_what_hardly_moves_is_read_once_in_half_an_hour(state: State) -> None:
    for minute in range(0, 65, 5):
        look(state, minute, line("甲", hot=1_000 + minute))
    (spell,) = state.trends.spells(since=NOW)
    assert [(each.at - NOW) / MINUTE for each in state.trends.readings(spell.row)] == [0, 30, 60]
    assert spell.last_seen_at == NOW + 60 * MINUTE
    look(state, 65, line("甲", hot=1_200))
    look(state, 70, line("甲", 2, hot=1_200), line("乙"))
    look(state, 75, line("甲", 2, hot=1_200, label="热"), line("乙"))
    look(state, 80, line("甲", 2, hot=None, label="热"), line("乙"))
    told = [(each.rank, each.hot, each.label) for each in state.trends.readings(spell.row)[3:]]
    assert told == [(1, 1_200, None), (2, 1_200, None), (2, 1_200, "热"), (2, None, "热")]
    assert state.trends.readings(10**9) == []


def test_far_down_the_list_a_place_or_two_are_no_news(state: State) -> None:
    for minute, rank in enumerate((40, 41, 43, 44, 42, 9, 10, 10)):
        look(state, minute, line("甲", rank), line("乙"))
    (spell,) = [each for each in state.trends.spells(since=NOW) if each.title == "甲"]
    assert [each.rank for each in state.trends.readings(spell.row)] == [40, 44, 9, 10]
    assert (spell.rank, spell.best_rank) == (10, 9)


def test_a_look_twice_or_late_changes_nothing(state: State) -> None:
    look(state, 5, line("甲"))
    look(state, 5, line("甲"))
    look(state, 0, line("甲", 9), line("乙"))
    assert [(each.title, each.rank) for each in state.trends.spells(since=NOW)] == [("甲", 1)]


def test_strange_lines_are_taken_as_they_can_be(state: State) -> None:
    strange = line("坏\ud800\x00字", 2, 10**30, label="\ud800", url="https://a.example/\x00")
    later = line("甲", 3, at=NOW + timedelta(days=400))
    look(state, 0, strange, line("甲", 5), later, line("  ", 4), line("广告", 1, is_ad=True), line("长" * 500, 6))
    assert {(each.rank, len(each.title)) for each in state.trends.spells(since=NOW)} == {(2, 4), (3, 1), (6, 200)}
    assert found(state)["甲"].stated_at is None, "a moment to come is none"
    assert (found(state, title="甲").keys(), found(state, platform="baidu")) == ({"甲"}, {})


def test_old_stays_are_forgotten_with_their_readings(state: State) -> None:
    look(state, 0, line("旧"))
    look(state, 0, line("静"), source="silent", platform="baidu")
    (old,) = [each.row for each in state.trends.spells(since=NOW) if each.title == "旧"]
    days = 24 * 60 * MINUTE
    state.trends.add("weibo-hot", "weibo", [line("新")], NOW + 31 * days)
    state.prune(now=NOW + 31 * days, evaluations=timedelta(days=30), trends=timedelta(days=30))
    assert found(state).keys() == {"新"}
    assert state.trends.readings(old) == []
    state.trends.add("silent", "baidu", [line("静")], NOW + 32 * days)
    assert found(state)["静"].history, "a list that nobody has read for so long is heard for the first time"


def test_an_erased_name_goes_out_of_the_lists(state: State) -> None:
    look(state, 0, line("虚构甲某回应"))
    who = Erased(platform="weibo", names=frozenset({"虚构甲某"}))
    done = state.erase(Author(platform="weibo", author_id=None, name="虚构甲某"), who, now=NOW)
    assert (done, list(found(state))) == ({"trend_spells": 1}, ["***回应"])
