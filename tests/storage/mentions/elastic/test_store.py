"""What the store on Elasticsearch promises beyond the contract of every mention store, on a real node."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import BadRequestError

from domain.mention import Author, Engagement, Mention
from domain.moment import Window
from domain.query import MENTION_FIELDS, MatchAll, QueryError, parse
from storage.errors import StoreError
from storage.mentions.dsl import kibana_query
from storage.mentions.elastic.document import doc_id
from storage.mentions.elastic.store import ElasticMentions
from tests.elasticsearch_node.fixture import drop, open_elastic
from tests.storage.sample import NOW, N, P, mention

pytestmark = pytest.mark.es

DAY = timedelta(days=1)
AROUND = Window(start=NOW - 90 * DAY, end=NOW + 90 * DAY)
ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[3] / "fixtures" / "kql_oracle.json").read_text("utf-8")
)


def names(store: ElasticMentions) -> list[str]:
    return [index.name.removeprefix(store.indices.alias) for index in store.indices.all(fresh=True)]


def source(store: ElasticMentions, id: str) -> dict[str, Any]:
    found = store.client.search(index=store.indices.alias, query={"ids": {"values": [doc_id(id)]}})
    (hit,) = found["hits"]["hits"]
    return dict(hit["_source"])


# --- the form ------------------------------------------------------------------------------------------------


def test_every_public_field_is_mapped_and_nothing_else_is_taken(elastic: ElasticMentions) -> None:
    elastic.put([mention("1", brands={"y": N})], now=NOW)
    caps = elastic.client.field_caps(index=elastic.indices.alias, fields="*")["fields"]
    assert set(MENTION_FIELDS) <= set(caps)
    assert {name for name in caps if not name.startswith(("_", "inner")) and "object" not in caps[name]} == set(
        MENTION_FIELDS
    )
    with pytest.raises(BadRequestError, match="strict_dynamic_mapping"):
        elastic.client.index(index=f"{elastic.indices.alias}-2026.06", document={"brandd": "x"})


def test_each_month_of_first_collection_has_its_index_under_one_alias(elastic: ElasticMentions) -> None:
    elastic.put([mention("1"), mention("2", minutes=-30 * 1440), mention("3", minutes=-60 * 1440)], now=NOW)
    assert names(elastic) == ["-2026.04", "-2026.05", "-2026.06"]
    assert set(elastic.client.indices.get_alias(name=elastic.indices.alias).body) == {
        f"{elastic.indices.alias}{name}" for name in names(elastic)
    }


def test_a_mention_is_once_whatever_month_it_is_put_for(elastic: ElasticMentions) -> None:
    elastic.put([mention("1", brands={"y": N})], now=NOW)
    later = replace(mention("1", "新", brands={"y": N}), first_collected_at=NOW + 40 * DAY)
    assert elastic.put([later, mention("2")], now=NOW).updated == {"weibo:1"}
    assert elastic.count(MatchAll(), now=NOW) == 2
    assert elastic.get(["weibo:1"])["weibo:1"].first_collected_at == mention("1").first_collected_at


def test_old_texts_leave_their_hash_and_counters_their_readings(elastic: ElasticMentions) -> None:
    elastic.put([mention("1", "旧文", engagement=Engagement(likes=1))], now=NOW)
    elastic.put([mention("1", "新文", engagement=Engagement(likes=2))], now=NOW)
    inner = source(elastic, "weibo:1")["inner"]
    assert len(inner["old_texts"]) == 1 and "旧文" not in json.dumps(inner, ensure_ascii=False)
    assert [each["counters"]["likes"] for each in inner["readings"]] == [2]


def test_a_very_long_id_and_very_long_values_are_stored(elastic: ElasticMentions) -> None:
    one = mention("x" * 3_000, author=Author(name="名" * 20_000))
    elastic.put([one], now=NOW)
    assert elastic.get([one.id])[one.id].post.author.name == "名" * 20_000
    assert elastic.put([one], now=NOW).unchanged == {one.id}


# --- writers at the same time --------------------------------------------------------------------------------


def test_writers_at_once_agree_on_who_is_new(elastic: ElasticMentions) -> None:
    who = Author(id="a")

    def put(n: int) -> None:
        elastic.put([mention(f"{n}-{m}", brands={"y": N}, author=who, minutes=n + 10 * m) for m in range(5)], now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(8)))
    rows = elastic.counts(AROUND, brand="y")
    assert sum(row.mentions for row in rows) == 40
    assert sum(row.new_authors for row in rows) == 1


def test_writers_of_the_same_mention_lose_nothing(elastic: ElasticMentions) -> None:
    elastic.put([mention("1")], now=NOW)
    versions = [
        replace(mention("1", f"文{n}", engagement=Engagement(likes=n)), last_collected_at=NOW + timedelta(minutes=n))
        for n in range(1, 9)
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: elastic.put([each], now=NOW), versions))
    assert [each.likes for _, each in elastic.engagement_history("weibo:1")] == list(range(1, 9))


def test_a_put_that_was_cut_off_is_finished_by_its_repetition(elastic: ElasticMentions) -> None:
    """The documents are there, but nobody looked again at who is new."""
    who = Author(id="a")
    elastic.put([mention("2", brands={"y": N}, author=who, minutes=10)], now=NOW)
    settle, elastic.seats.settle = elastic.seats.settle, lambda *args, **more: 0  # type: ignore[method-assign]  # cut off
    first = mention("1", brands={"y": N}, author=who)
    elastic.put([first], now=NOW)
    assert sum(row.new_authors for row in elastic.counts(AROUND)) == 2
    elastic.seats.settle = settle  # type: ignore[method-assign]  # whole again
    assert elastic.put([first], now=NOW).unchanged == {first.id}
    assert [row.new_authors for row in elastic.counts(AROUND)] == [1, 0]


# --- retention -----------------------------------------------------------------------------------------------


def test_a_month_that_is_over_goes_as_a_whole_index(elastic: ElasticMentions) -> None:
    old = [mention(str(n), brands={"y": N}, minutes=-50 * 1440) for n in range(3)]
    elastic.put([*old, mention("new", brands={"y": N})], now=NOW)
    assert elastic.delete_before(NOW - 10 * DAY, candidates=False) == 3
    assert names(elastic) == ["-2026.06"]
    elastic.put([mention("again", brands={"y": N}, minutes=-50 * 1440)], now=NOW)
    assert elastic.count(MatchAll(), now=NOW) == 2


def test_a_month_with_others_in_it_stays(elastic: ElasticMentions) -> None:
    elastic.put([mention("1", brands={"y": N}, minutes=-50 * 1440), mention("2", minutes=-50 * 1440)], now=NOW)
    assert elastic.delete_before(NOW - 10 * DAY, candidates=True) == 1
    assert elastic.count(parse("brand: y"), now=NOW) == 1
    assert elastic.delete_before(NOW - 10 * DAY, candidates=False) == 1
    assert elastic.count(MatchAll(), now=NOW) == 0


def test_erasing_makes_the_next_one_of_the_same_person_new(elastic: ElasticMentions) -> None:
    elastic.put([mention("1", brands={"y": N}, author=Author(id="7", name="旧名"))], now=NOW)
    elastic.put([mention("2", brands={"y": N}, author=Author(id="7", name="新名"), minutes=30)], now=NOW)
    assert [row.new_authors for row in elastic.counts(AROUND)] == [1, 0]
    assert elastic.erase_author(platform="weibo", name="旧名") == 1
    assert [row.new_authors for row in elastic.counts(AROUND)] == [1]


# --- asking --------------------------------------------------------------------------------------------------


def test_terms_are_exact_over_many_shards(elasticsearch_url: str) -> None:
    store = open_elastic(elasticsearch_url, shards=3)
    try:
        many = [mention(str(n), author=Author(name=f"甲{n % 1500:04}")) for n in range(3_000)]
        store.put([*many, mention("x", author=Author(name="甲1499"))], now=NOW)
        found = store.terms(MatchAll(), now=NOW, field="author.name", limit=3)
        assert [(each.term, each.mentions) for each in found] == [("甲1499", 3), ("甲0000", 2), ("甲0001", 2)]
    finally:
        drop(store)


def test_many_pages_are_read_from_one_point_in_time(elastic: ElasticMentions) -> None:
    elastic.put([mention(f"{n:04}", minutes=-n) for n in range(2_300)], now=NOW)
    page = elastic.search(parse("喝 NEAR/9 异物"), now=NOW, limit=2_200)
    assert [each.post.native_id for each in page.mentions[:2]] == ["0000", "0001"]
    assert len(page.mentions) == 2_200 and page.next is not None
    last = elastic.search(MatchAll(), now=NOW, limit=200, after=page.next)
    assert len(last.mentions) == 100 and last.next is None


def test_counts_of_many_buckets_are_whole(elastic: ElasticMentions, monkeypatch: pytest.MonkeyPatch) -> None:
    elastic.put(
        [mention(str(n), brands={"y": N, "z": P} if n % 7 == 0 else {"y": N}, minutes=-n) for n in range(900)], now=NOW
    )
    composite = elastic.reader.composite
    monkeypatch.setattr(elastic.reader, "composite", lambda *args, **more: composite(*args, page=50, **more))
    rows = elastic.counts(AROUND, brand="y")
    assert sum(row.mentions for row in rows) == 900
    assert len({row.bucket for row in rows}) == 181
    assert sum(row.mentions for row in elastic.counts(AROUND, brand="z")) == 129


def test_telling_words_stand_out(elastic: ElasticMentions) -> None:
    plain = [mention(str(n), "寻常的话") for n in range(60)]
    loud = [
        replace(each, tags=replace(each.tags, keywords=("异物",)))
        for each in (mention(f"l{n}", "出事了") for n in range(9))
        if each.tags
    ]
    elastic.put([*plain, *loud], now=NOW)
    found = elastic.significant_terms(parse("出事"), now=NOW)
    assert [each.term for each in found][:1] == ["异物"]
    with pytest.raises(QueryError):
        elastic.significant_terms(parse("出事"), now=NOW, field="text")


def test_a_store_without_any_index_is_empty(elastic: ElasticMentions) -> None:
    assert elastic.count(MatchAll(), now=NOW) == 0
    assert elastic.search(MatchAll(), now=NOW).mentions == ()
    assert elastic.counts(AROUND) == [] and elastic.distinct_authors(AROUND, brand="y") == 0
    assert elastic.delete_before(NOW, candidates=False) == 0
    assert elastic.terms(MatchAll(), now=NOW, field="brand") == []


# `author.*: 张三` asks a number for a name: Kibana lets the engine refuse it, the own KQL of the engine passes over it.
@pytest.mark.parametrize(
    "query", [query for query, answer in ORACLE.items() if "error" not in answer and not query.startswith("author.*")]
)
def test_kibana_mode_finds_what_the_engines_own_kql_finds(kql: ElasticMentions, query: str) -> None:
    def ids(asked: dict[str, Any]) -> set[str]:
        found = kql.client.search(index=kql.indices.alias, query=asked, size=100, source=False)
        return {hit["_id"] for hit in found["hits"]["hits"]}

    ours = kibana_query(parse(query, near=False))
    if query in ("", "*"):  # the engine's own query takes them as everything too
        assert len(ids(ours)) == 4
    assert ids(ours) == ids({"kql": {"query": query}})


@pytest.fixture(scope="module")
def kql(elasticsearch_url: str) -> Any:
    store = open_elastic(elasticsearch_url)
    given: list[Mention] = [
        mention(
            "1", "手机 发热 严重", title="某手机", brands={"某品牌": N}, author=Author(name="张三", followers=20_000)
        ),
        mention("2", "a and b", title="手机发热", brands={"x": P}, platform="zhihu", author=Author(name="李四")),
        mention("3", "李四说没有", brands={"y": N}, minutes=-5_000),
        mention("4", "nothing to see", platform="x"),
    ]
    store.put(given, now=NOW)
    yield store
    drop(store)


def test_a_reader_is_told_when_shards_are_missing(elastic: ElasticMentions) -> None:
    elastic.put([mention("1")], now=NOW)
    name = f"{elastic.indices.alias}-2026.05"
    elastic.client.indices.create(
        index=name, settings={"index.routing.allocation.require._name": "nobody"}, wait_for_active_shards=0
    )
    with pytest.raises(StoreError) as caught:
        elastic.count(MatchAll(), now=NOW)
    assert caught.value.retryable
    with pytest.raises(StoreError) as refused:
        elastic.client = elastic.client.options(request_timeout=2)
        elastic.bulk._client = elastic.client
        elastic.put([mention("2", minutes=-35 * 1440)], now=NOW)
    assert refused.value.retryable
