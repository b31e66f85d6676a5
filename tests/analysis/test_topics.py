from analysis.queries import unit_line
from analysis.topics import MAX_KEYWORDS, KeywordRanker, TopicMatcher, _jieba_idf
from tests.analysis.builders import TOPICS


def topics(text: str, platform: str = "web") -> tuple[str, ...]:
    return TopicMatcher(TOPICS).match(unit_line(text), lambda: {"text": text, "platform": platform})


def test_every_topic_whose_query_holds_is_attached() -> None:
    assert topics("客服说又涨价了") == ("price", "service")
    assert topics("客服", platform="weibo") == ("service", "weibo_only")
    assert topics("天气") == ()


def test_keywords_are_ranked_by_rarity_and_repetition() -> None:
    ranker = KeywordRanker({"拿铁": 9.0, "门店": 5.0, "好喝": 6.0})
    assert ranker.rank(["门店", "拿铁", "好喝", "门店"]) == ("门店", "拿铁", "好喝")


def test_keywords_leave_out_stop_words_numbers_and_single_characters() -> None:
    assert KeywordRanker({}).rank(["我们", "的", "2026", "12", "咖啡", "！！", "iphone"]) == ("咖啡", "iphone")
    assert KeywordRanker({}).rank([]) == ()


def test_keywords_are_at_most_ten() -> None:
    assert len(KeywordRanker({}).rank([f"词语{chr(0x4E00 + n)}" for n in range(30)])) == MAX_KEYWORDS


def test_frequencies_of_jieba_are_used_by_default() -> None:
    assert KeywordRanker().rank(["公司", "拿铁"]) == ("拿铁", "公司")


def test_the_frequencies_of_jieba_are_read_word_by_word() -> None:
    import jieba.analyse

    theirs = jieba.analyse.TFIDF().idf_freq
    ours = _jieba_idf()
    assert len(theirs) > 200_000
    assert all(ours.get(word, -1.0) == value for word, value in theirs.items())
    assert ours.get("没有这个词", 12.0) == 12.0
