from dataclasses import replace

import pytest

from analysis.tagger import Tagger, TaggerSettings, Target
from domain.mention import Flag, Kind, Mention
from domain.query import QueryError
from domain.tagging import BrandDefinition, Polarity, Tagging
from tests.analysis.builders import BAILU, RISKS, TOPICS, YUNSHAN, a_mention


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger(TaggerSettings(brands=(YUNSHAN, BAILU), topics=TOPICS, risks=RISKS))


def tags(tagger: Tagger, mention: Mention) -> Tagging:
    (tagged,) = tagger.tag([mention])
    assert tagged.tags is not None
    return tagged.tags


def test_a_complaint_gets_all_its_tags(tagger: Tagger) -> None:
    mention = a_mention("云杉咖啡的客服态度差，东西过期了还拒绝退款，太失望了")
    (tagged,) = tagger.tag([mention])
    assert tagged.brands == ("yunshan",)
    found = tags(tagger, mention)
    assert found.sentiment.polarity is Polarity.NEGATIVE
    assert found.topics == ("service", "weibo_only")
    assert [risk.category for risk in found.risks] == ["food_safety", "service_complaint"]
    assert found.severity > found.risks[0].severity
    assert "云杉咖啡" in found.keywords
    assert len(found.signature) == 64
    assert found.brands_version == tagger.brands_version


def test_order_and_everything_but_tags_is_kept(tagger: Tagger) -> None:
    mentions = [a_mention(f"第{n}条", id=str(n)) for n in range(5)]
    tagged = tagger.tag(mentions)
    assert [one.id for one in tagged] == [one.id for one in mentions]
    assert [one.post for one in tagged] == [one.post for one in mentions]
    assert tagger.tag([]) == []


def test_two_brands_in_one_text_are_judged_apart(tagger: Tagger) -> None:
    found = tags(tagger, a_mention("云杉咖啡太难喝了，服务差得要命，白鹿茶饮非常好喝，强烈推荐，会一直买"))
    by_brand = {tag.brand: tag for tag in found.brands}
    assert by_brand["yunshan"].sentiment.polarity is Polarity.NEGATIVE
    assert by_brand["bailu"].sentiment.polarity is Polarity.POSITIVE
    assert by_brand["bailu"].spans == ((16, 20),)


def test_a_factual_complaint_with_several_risks_is_negative(tagger: Tagger) -> None:
    found = tags(tagger, a_mention("云杉咖啡吃出一条虫，客服拒绝退款，已经投诉"))
    assert found.sentiment.polarity is Polarity.NEGATIVE
    assert found.brands[0].sentiment.polarity is Polarity.NEGATIVE


def test_one_brand_without_contrast_takes_the_mood_of_the_whole(tagger: Tagger) -> None:
    found = tags(tagger, a_mention("云杉咖啡很好喝，还会再来"))
    assert found.brands[0].sentiment == found.sentiment


def test_a_title_counts_as_text(tagger: Tagger) -> None:
    mention = a_mention("详情见正文。", title="云杉咖啡门店食物中毒", platform="web", kind=Kind.ARTICLE)
    found = tags(tagger, mention)
    assert found.brands[0].title_spans == ((0, 4),)
    assert [risk.category for risk in found.risks] == ["food_safety"]


def test_a_title_that_begins_the_text_is_not_counted_twice(tagger: Tagger) -> None:
    found = tags(tagger, a_mention("云杉咖啡涨价，但是白鹿茶饮没有", title="云杉咖啡涨价"))
    assert [tag.brand for tag in found.brands] == ["bailu", "yunshan"]
    assert "price" in found.topics


def test_strange_texts_are_tagged_too(tagger: Tagger) -> None:
    for text in ("", "\x00\ud800", "！" * 50_000, "[doge]", "a" * 20_000, "𠮷野家👍🏽"):
        assert tags(tagger, a_mention(text)).sentiment is not None


def test_a_named_thing_is_judged_by_its_clauses(tagger: Tagger) -> None:
    talk = a_mention("味道很好吃，强烈推荐，服务员态度恶劣，爱理不理", platform="review")
    taste, service = tagger.judge_targets([talk], [Target(mention=0, name="味道"), Target(mention=0, name="服务员")])
    assert taste.score > 0 > service.score


def test_a_thing_that_stands_nowhere_is_judged_by_the_whole(tagger: Tagger) -> None:
    talk = a_mention("味道很好吃，强烈推荐")
    (judged,) = tagger.judge_targets([talk], [Target(mention=0, name="停车")])
    assert judged == tags(tagger, talk).sentiment


def test_in_news_the_rule_for_brands_applies(tagger: Tagger) -> None:
    news = a_mention("云杉咖啡被罚款并公开道歉，但白鹿茶饮获得消费者好评，销量大涨", platform="news")
    bad, good = tagger.judge_targets([news], [Target(mention=0, name="云杉咖啡"), Target(mention=0, name="白鹿茶饮")])
    assert bad.score < good.score


def test_a_broken_definition_is_refused_at_once() -> None:
    with pytest.raises(QueryError):
        Tagger(TaggerSettings(brands=(BrandDefinition(id="x", name="x", query="(云杉"),)))


def test_jieba_alone_gives_the_same_kind_of_tags() -> None:
    slow = Tagger(TaggerSettings(brands=(YUNSHAN,), segmenter="jieba"))
    assert tags(slow, a_mention("云杉咖啡难喝死了")).sentiment.polarity is Polarity.NEGATIVE


def carrying(mention: Mention, *extra: tuple[str, str]) -> Mention:
    return replace(mention, post=replace(mention.post, extra=extra))


def test_a_post_counts_for_the_brands_that_it_was_brought_for(tagger: Tagger) -> None:
    mention = carrying(a_mention("太难喝了，客服态度差，失望"), ("brand", "yunshan"), ("brand", "nobody"))
    (tag,) = tags(tagger, mention).brands
    assert (tag.brand, tag.spans, tag.sentiment.polarity) == ("yunshan", (), Polarity.NEGATIVE)
    named = carrying(a_mention("白鹿茶饮好喝，强烈推荐"), ("brand", "yunshan"), ("brand", "bailu"))
    found = tags(tagger, named).brands
    assert [(each.brand, bool(each.spans)) for each in found] == [("bailu", True), ("yunshan", False)]


def test_a_rival_that_speaks_of_itself_only_is_not_the_public(tagger: Tagger) -> None:
    rival = ("speaks_for", "bailu")
    texts = ("白鹿茶饮新品上市", "白鹿茶饮比云杉咖啡好喝", "云杉咖啡难喝", "今天天气不错")
    tagged = tagger.tag([carrying(a_mention(text), rival) for text in texts])
    assert [Flag.OWNED in each.flags for each in tagged] == [True, False, False, False]
    again = replace(tagged[0], post=replace(tagged[0].post, text="白鹿茶饮比云杉咖啡好喝"))
    assert tagger.tag([again])[0].flags == frozenset()
