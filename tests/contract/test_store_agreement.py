"""Whatever is stored and asked, every store answers as the one in memory does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from domain.counting import CountBy, CountRow
from domain.mention import Author, Engagement, Flag, Mention, Precision
from domain.moment import Window
from domain.query import (
    MENTION_FIELDS,
    And,
    Exists,
    MatchAll,
    Near,
    Node,
    Not,
    Or,
    Pattern,
    QueryError,
    Range,
    RangeOperator,
    Term,
    Wildcard,
)
from domain.tagging import Polarity
from storage import MentionStore
from storage.memory import MemoryMentions
from tests.contract.conftest import MENTION_STORES, opened_mentions
from tests.storage.sample import NOW, mention

pytestmark = pytest.mark.slow

OTHERS = [name for name in MENTION_STORES if name != "memory"]
KEYWORDS = [
    "brand",
    "negative_for",
    "topics",
    "risk",
    "flags",
    "platform",
    "source",
    "story_id",
    "author.name",
    "outlet",
]

# Units of every kind: CJK, words, numbers, accents, full width, emoji, and what separates them.
PIECES = [
    "云",
    "杉",
    "咖",
    "啡",
    "异物",
    "ab",
    "abc",
    "Ab",
    "12",
    "１2",
    "é",
    "ß",
    "ﬁ",
    "😀",
    "の",
    "한",
    "\u0130",
    "ſ",
]
PIECES += [
    " ",
    " ",
    "，",
    "_",
    "-",
    "*",
    '"',
    "'",
    "\x00",
    "\u200b",
    "\n",
    "(",
    "😡🏽",
    "㎏",
    "أ",
    "ไทย",
    "\ud800",
    "\u3099",
]
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
words = st.lists(st.sampled_from(PIECES[:22]), min_size=1, max_size=3).map("".join)
VALUES = ["yunshan", "bailu", "food", "甲", "甲乙", "a*b", "a?", "[x]", "weibo", "zhihu", "backfill", ""]
values = st.sampled_from(VALUES)

numbers = st.sampled_from([None, 0, 1, 10, 2**31, 2**53 + 1, 10**20])
polarities = st.sampled_from(list(Polarity))
FAR = 60 * 24 * 40


@st.composite
def mentions(draw: st.DrawFn) -> Mention:
    return _vary(
        mention(
            draw(st.sampled_from("123456789")),
            draw(texts),
            title=draw(st.none() | texts),
            minutes=draw(st.sampled_from([-FAR, -1440, -7, -3, 0, 0, 2, 4, 9, 1439, 1440]) | st.integers(-FAR, FAR)),
            collected_after=draw(st.sampled_from([0, 1, 5, 3000])),
            brands=draw(st.dictionaries(st.sampled_from(["yunshan", "bailu"]), polarities, max_size=2)),
            topics=draw(st.lists(values, max_size=2, unique=True)),
            risks=draw(st.lists(values, max_size=2, unique=True)),
            author=draw(st.builds(Author, id=st.none() | values, name=st.none() | values, followers=numbers)),
            platform=draw(st.sampled_from(["weibo", "zhihu"])),
            source=draw(st.sampled_from(["甲", "甲乙"])),
            flags=draw(st.lists(st.sampled_from([Flag.BACKFILL, Flag.LATE, Flag.OWNED]), max_size=1)),
            story=draw(st.none() | values),
            engagement=draw(st.builds(Engagement, likes=numbers, shares=numbers)),
        ),
        verified=draw(st.none() | st.booleans()),
        precision=draw(st.sampled_from([*Precision, None])),
    )


def _vary(one: Mention, *, verified: bool | None, precision: Precision | None) -> Mention:
    post = replace(one.post, author=replace(one.post.author, verified=verified), published_precision=precision)
    return replace(one, post=post, outlet_tier=None)


patterns = st.lists(words | st.just(""), min_size=2, max_size=3).map(lambda parts: Pattern(parts=tuple(parts)))
names = st.sampled_from([*MENTION_FIELDS, "nonsense"])
fields = st.none() | names | st.sampled_from(["text", "title"])
stars = st.sampled_from([("author.", ""), ("", "_for"), ("", ""), ("t", "")]).map(lambda parts: Pattern(parts=parts))
keyword_terms = st.builds(Term, field=st.sampled_from(KEYWORDS), value=values, quoted=st.just(False))
dates = st.sampled_from(["now", "now-1d", "now/d", "2026-06-20", "2026-06-20T08:03:00.0005Z", "2026"])
bounds = numbers.filter(lambda n: n is not None).map(str) | dates | values | st.sampled_from(["0.5", "true", "-1e3"])
signs = st.sampled_from(list(RangeOperator))
leaves: st.SearchStrategy[Node] = (
    st.builds(Term, field=fields | stars, value=words | bounds, quoted=st.booleans())
    | keyword_terms
    | st.builds(Wildcard, field=fields | stars, pattern=patterns)
    | st.builds(Exists, field=names | stars)
    | st.builds(Range, field=names | stars, operator=signs, value=bounds, quoted=st.booleans())
    | st.builds(
        lambda field, left, right, distance: Near(
            left=Term(field=field, value=left, quoted=True),
            right=Term(field=field, value=right, quoted=True),
            distance=distance,
        ),
        st.sampled_from([None, "text", "title"]),
        words,
        words,
        st.integers(0, 3),
    )
    | st.just(MatchAll())
)


def _joined(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(children, min_size=2, max_size=3).map(tuple)
    return st.builds(And, children=several) | st.builds(Or, children=several) | st.builds(Not, child=children)


queries = st.recursive(leaves, _joined, max_leaves=6)
windows = st.builds(
    lambda start, length: Window(start=NOW + start, end=NOW + start + length),
    st.timedeltas(min_value=timedelta(days=-41), max_value=timedelta(days=2)),
    st.sampled_from([timedelta(0), timedelta(minutes=5), timedelta(hours=26), timedelta(days=60)]),
)
batches = st.lists(st.lists(mentions(), max_size=6), min_size=1, max_size=3)


def outcome(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except QueryError as err:
        return str(err)


def pages(store: MentionStore, query: Node, window: Window | None) -> list[str]:
    ids: list[str] = []
    after: str | None = None
    while True:
        page = store.search(query, now=NOW, window=window, limit=2, after=after)
        ids.extend(each.id for each in page.mentions)
        after = page.next
        if after is None:
            return ids


def rounded(rows: object) -> list[CountRow]:
    assert isinstance(rows, list)
    return [replace(row, p_negative=round(row.p_negative, 6)) for row in rows]


def fill(store: MentionStore, given: list[list[Mention]], erased: str | None) -> list[object]:
    done: list[object] = [store.put(batch, now=NOW) for batch in given]
    done.append(store.delete_before(NOW - timedelta(days=20), candidates=False))
    if erased is not None:
        done.append(store.erase_author(platform="weibo", name=erased))
    return done


@pytest.mark.parametrize("kind", OTHERS)
@given(given=batches, erased=st.none() | values, asked=st.lists(st.tuples(queries, st.none() | windows), max_size=6))
def test_searches_agree_with_memory(
    kind: str, given: list[list[Mention]], erased: str | None, asked: list[tuple[Node, Window | None]]
) -> None:
    with TemporaryDirectory() as folder, opened_mentions(kind, Path(folder)) as other:
        memory = MemoryMentions()
        assert fill(other, given, erased) == fill(memory, given, erased)
        for query, window in asked:
            note(f"{query} {window}")
            assert outcome(lambda q=query, w=window: pages(other, q, w)) == outcome(
                lambda q=query, w=window: pages(memory, q, w)
            )
            assert outcome(lambda q=query, w=window: other.count(q, now=NOW, window=w)) == outcome(
                lambda q=query, w=window: memory.count(q, now=NOW, window=w)
            )


@pytest.mark.parametrize("kind", OTHERS)
@given(
    given=batches,
    window=windows,
    query=queries,
    field=st.sampled_from(KEYWORDS),
    by=st.none() | st.sampled_from(CountBy),
)
def test_counts_agree_with_memory(
    kind: str, given: list[list[Mention]], window: Window, query: Node, field: str, by: CountBy | None
) -> None:
    hour = timedelta(hours=1)
    with TemporaryDirectory() as folder, opened_mentions(kind, Path(folder)) as other:
        memory = MemoryMentions()
        fill(other, given, None), fill(memory, given, None)
        assert rounded(other.counts(window, by=by)) == rounded(memory.counts(window, by=by))
        for story in (None, "甲"):
            assert other.distinct_authors(window, brand="yunshan", story=story) == memory.distinct_authors(
                window, brand="yunshan", story=story
            )
        assert outcome(lambda: other.histogram(query, now=NOW, window=window, interval=hour)) == outcome(
            lambda: memory.histogram(query, now=NOW, window=window, interval=hour)
        )
        assert outcome(lambda: other.terms(query, now=NOW, field=field)) == outcome(
            lambda: memory.terms(query, now=NOW, field=field)
        )
        for id in {each.id for batch in given for each in batch}:
            assert other.engagement_history(id) == memory.engagement_history(id)
