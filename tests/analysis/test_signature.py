from hypothesis import given
from hypothesis import strategies as st

from analysis.signature import N_BANDS, N_PERMUTATIONS, Signature, StoryKey, sign, story_key, story_keys
from domain.mention import RepostOf
from tests.analysis.builders import a_mention

LONG = "昨天在云杉咖啡人民路店点了一杯拿铁，喝到一半发现里面有一块碎玻璃，店员只说可以退款，经理到现在也没有出面解释"


def of(text: str, **more: object) -> Signature:
    (signature,) = sign([story_key(a_mention(text, **more).post)])  # type: ignore[arg-type]  # keywords of the builder
    return signature


def are_one_story(first: Signature, second: Signature) -> bool:
    equal = sum(one == other for one, other in zip(first.values, second.values, strict=False))
    alike = first.values == second.values or equal >= 0.6 * len(first.values)
    return bool(set(first.bands) & set(second.bands)) and alike


def test_a_text_has_64_values_and_21_bands() -> None:
    signature = of(LONG)
    assert len(signature.values) == N_PERMUTATIONS
    assert len(set(signature.bands)) == N_BANDS
    assert all(0 <= value < 1 << 32 for value in signature.values)


def test_edited_copies_are_one_story() -> None:
    copies = [
        f"转一下：{LONG}",
        f"{LONG} 大家注意安全！！ http://t.cn/A6x @云杉咖啡",
        LONG.replace("，", " "),
        LONG[: len(LONG) * 3 // 4],
        f"{LONG}//@路人甲:太可怕了",
    ]
    for copy in copies:
        assert are_one_story(of(LONG), of(copy)), copy


def test_other_texts_are_other_stories() -> None:
    other = "云杉咖啡新出的桂花拿铁味道真好，周末和朋友又去喝了一次，店里的桂花香气很足，推荐大家试试"
    assert not are_one_story(of(LONG), of(other))


def test_pure_reposts_of_different_originals_do_not_meet() -> None:
    first, second = of("转发微博", repost_of=RepostOf(id="1")), of("转发微博", repost_of=RepostOf(id="2"))
    assert first.bands and second.bands
    assert not set(first.bands) & set(second.bands)
    again = of("//", repost_of=RepostOf(id="1"))
    assert set(first.bands) == set(again.bands)


def test_a_pure_repost_meets_its_original_by_text() -> None:
    assert are_one_story(of(LONG), of("转发微博", repost_of=RepostOf(id="1", text=LONG)))
    assert are_one_story(of(LONG), of(f"//@甲:转//@乙：{LONG}"))


def test_own_words_of_a_repost_are_its_own_story() -> None:
    own = "这家店我也遇到过同样的事情，当时经理的态度非常恶劣"
    assert are_one_story(of(own), of(own + "//@甲:" + LONG))
    assert not are_one_story(of(LONG), of("略", own_text=own, repost_of=RepostOf(text=LONG)))


def test_a_bare_title_is_its_story() -> None:
    assert are_one_story(of("", title=LONG), of(LONG))


def test_short_texts_are_compared_as_a_whole() -> None:
    assert of("好喝") == of("好喝！")
    assert of("好喝").values == ()
    assert not set(of("好喝").bands) & set(of("难喝").bands)


def test_nothing_has_no_signature() -> None:
    assert of("！！！") == Signature()
    assert story_keys([a_mention("").post]) == [StoryKey()]
    assert sign([]) == []


@given(st.lists(st.text(min_size=8, max_size=40, alphabet="云杉咖啡拿铁好喝难店员经理态度差"), min_size=1, max_size=6))
def test_signatures_do_not_depend_on_the_batch(forms: list[str]) -> None:
    keys = [StoryKey(form=form) for form in forms]
    assert sign(keys) == [sign([key])[0] for key in keys]


def test_a_big_batch_is_cut() -> None:
    keys = [StoryKey(form=LONG * 60) for _ in range(5)]
    assert len({signature.bands for signature in sign(keys)}) == 1
