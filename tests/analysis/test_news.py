import json
import random
from pathlib import Path

import pytest

from analysis.errors import LabelError, ModelError
from analysis.news import NAME_MARK, NewsJudge, news_parts
from analysis.news_training import places_of
from analysis.tagger import Tagger, TaggerSettings, Target
from analysis.training import train
from domain.mention import Kind
from domain.tagging import Polarity
from tests.analysis.builders import RISKS, YUNSHAN, a_mention

BAD = "被立案 遭处罚 涉嫌诈骗 资金断裂 无法兑付".split()
GOOD = "获得融资 签署合作 发布年报 推出新品 举行论坛".split()
NAMES = "甲乙金服 丙丁财富 戊己科技 庚辛资本".split()


def written(path: Path, n_texts: int = 600) -> Path:
    """Write news of two names each: bad for one of them, not for the other."""
    dice = random.Random(2)
    lines = ["text\ttarget\tlabel"]
    for number in range(n_texts):
        first, second = dice.sample(NAMES, 2)
        day = dice.choice("今日 昨日 本周".split())
        text = f"第{number}期：{first}{dice.choice(BAD)}。{day}，{second}{dice.choice(GOOD)}"
        lines += [f"{text}\t{first}\tneg", f"{text}\t{second}\toth"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("news")
    report = train(written(folder / "labels.tsv"), out=folder / "model", command="tingfeng train labels.tsv")
    assert report.mode == "news"
    assert report.n_labels == 1_200
    return folder / "model"


def p_bad(folder: Path, text: str, name: str) -> float:
    (chance,) = NewsJudge(folder).p_bad([news_parts(text, places_of(text, name))])
    return chance


@pytest.mark.slow
def test_news_is_judged_for_the_name_that_is_asked_about(trained: Path) -> None:
    text = "云杉咖啡被立案。今日，白鹿茶饮签署合作"
    assert p_bad(trained, text, "云杉咖啡") > 0.5 > p_bad(trained, text, "白鹿茶饮")


@pytest.mark.slow
def test_the_card_names_command_and_hash_and_no_name(trained: Path) -> None:
    card = (trained / "NEWS_MODEL_CARD.md").read_text(encoding="utf-8")
    assert "tingfeng train labels.tsv" in card
    assert json.loads((trained / "news.json").read_text())["arrays"]["sha256"] in card
    for path in trained.iterdir():
        assert not any(name.encode() in path.read_bytes() for name in NAMES)


def test_parts_mask_the_name_and_look_around_it() -> None:
    text = "前文很长很长。云杉咖啡被罚款！后文也很长"
    whole, near, sentences = news_parts(text, places_of(text, "云杉咖啡"))
    assert "云杉" not in whole + near + sentences
    assert sentences == f"{NAME_MARK}被罚款"
    assert near in whole
    assert news_parts("没有名字", []) == ("没有名字", "", "")


def test_names_are_found_in_any_script_and_width() -> None:
    assert places_of("蘋果ＡＢ和苹果ab", "苹果AB") == [(0, 4), (5, 9)]
    assert places_of("苹果", " ") == []


def test_a_folder_without_news_model_says_so(tmp_path: Path) -> None:
    judge = NewsJudge(tmp_path)
    assert judge.weights is None
    with pytest.raises(ModelError, match="has none"):
        judge.p_bad([("", "", "")])


def test_damaged_news_weights_are_refused(tmp_path: Path) -> None:
    from analysis.arrays import save_arrays

    save_arrays(tmp_path, "news", {}, {"bias": 0.0})
    with pytest.raises(ModelError, match="news model"):
        _ = NewsJudge(tmp_path).weights


def test_too_few_or_one_sided_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="at least 500"):
        train(written(tmp_path / "few.tsv", 10), out=tmp_path / "model")


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger(TaggerSettings(brands=(YUNSHAN,), risks=RISKS))


def brand_polarity(tagger: Tagger, text: str, kind: Kind = Kind.ARTICLE, platform: str = "web") -> Polarity:
    (tagged,) = tagger.tag([a_mention(text, kind=kind, platform=platform)])
    assert tagged.tags is not None
    return tagged.tags.brands[0].sentiment.polarity


def test_plain_bad_news_is_negative_for_the_brand(tagger: Tagger) -> None:
    assert brand_polarity(tagger, "云杉咖啡召回一批存在破裂风险的玻璃杯") is Polarity.NEGATIVE
    assert brand_polarity(tagger, "云杉咖啡多家门店发生食物中毒事件") is Polarity.NEGATIVE


def test_plain_good_or_denied_news_is_not(tagger: Tagger) -> None:
    assert brand_polarity(tagger, "云杉咖啡宣布在全国新开一百家门店") is not Polarity.NEGATIVE
    assert brand_polarity(tagger, "云杉咖啡辟谣：网传食物中毒不属实") is not Polarity.NEGATIVE


def test_empty_news_model_batch_is_nothing() -> None:
    assert NewsJudge().p_bad([]) == []


def test_targets_in_news_are_judged_by_the_news_model(tagger: Tagger) -> None:
    news = a_mention("甲乙金服涉嫌非法集资，负责人失联，警方已经立案。丙丁科技今日发布新产品", platform="news")
    bad, fine = tagger.judge_targets([news], [Target(mention=0, name="甲乙金服"), Target(mention=0, name="丙丁科技")])
    assert bad.p_negative > fine.p_negative
    assert bad.polarity is Polarity.NEGATIVE


def test_without_news_model_the_clause_rule_is_used(tmp_path: Path) -> None:
    from shutil import copy

    from analysis.weights import SHIPPED_MODEL

    for name in ("weights.npz", "weights.json"):
        copy(SHIPPED_MODEL / name, tmp_path / name)
    plain = Tagger(TaggerSettings(brands=(YUNSHAN,), risks=RISKS, model=tmp_path))
    assert brand_polarity(plain, "云杉咖啡召回一批存在破裂风险的玻璃杯") is Polarity.NEGATIVE
    news = a_mention("云杉咖啡太难喝，服务太差", platform="news")
    (judged,) = plain.judge_targets([news], [Target(mention=0, name="云杉咖啡")])
    assert judged.polarity is Polarity.NEGATIVE
