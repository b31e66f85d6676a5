import random
from pathlib import Path

import numpy as np
import pytest

from analysis.design import Corpus, Sizes, prepare
from analysis.errors import LabelError
from analysis.labels import LabelledText
from analysis.segment import JiebaSegmenter
from analysis.sentiment import SentimentModel
from analysis.training import TrainReport, train
from analysis.updating import fit_shift
from analysis.weights import load_weights
from domain.tagging import Polarity

GOOD = "喜欢 满意 推荐 好喝 热情 惊喜 划算 舒服".split()
BAD = "难喝 失望 恶劣 太差 恶心 坑人 后悔 糟糕".split()
PLAIN = "今天 门店 咖啡 周末 同事 下单 排队 外卖 拿铁 价格 杯子 会员".split()
SMALL = Sizes(shared=14, group=13, bayes=13)
SECRET = "机密词汇"

pytestmark = pytest.mark.slow


def some_texts(n: int, *, neutral: bool, flipped: bool = False, seed: int = 5) -> list[LabelledText]:
    """Write texts from three word lists; `flipped` speaks another dialect, in which good words are bad."""
    dice = random.Random(seed)
    kinds = [Polarity.NEGATIVE, Polarity.POSITIVE] + ([Polarity.NEUTRAL] if neutral else [])
    rows = []
    for number in range(n):
        kind = kinds[number % len(kinds)]
        mood = {Polarity.NEGATIVE: BAD, Polarity.POSITIVE: GOOD, Polarity.NEUTRAL: PLAIN}[kind]
        if flipped and kind is not Polarity.NEUTRAL:
            mood = GOOD if mood is BAD else BAD
        words = dice.choices(PLAIN, k=6) + dice.choices(mood, k=2)
        dice.shuffle(words)
        rows.append(LabelledText(text="，".join(words), polarity=kind, platform=("weibo", "forum", "")[number % 3]))
    return rows


def written(path: Path, rows: list[LabelledText]) -> Path:
    lines = ["text\tlabel\tplatform", *(f"{row.text}\t{row.polarity.value}\t{row.platform}" for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    rows = some_texts(2_400, neutral=True)
    rows[0] = LabelledText(text=f"{SECRET}，太差", polarity=Polarity.NEGATIVE, platform="weibo")
    train(
        written(folder / "labels.tsv", rows),
        out=folder / "model",
        base=None,
        command="tingfeng train labels.tsv",
        sizes=SMALL,
    )
    return folder / "model"


def test_a_model_from_nothing_learns_its_texts(base: Path) -> None:
    model, segmenter = SentimentModel(base), JiebaSegmenter()
    unseen = some_texts(300, neutral=True, seed=9)
    scored = model.score_texts([row.text for row in unseen], [row.platform for row in unseen], segmenter)
    right = sum(one.polarity is row.polarity for one, row in zip(scored, unseen, strict=True))
    assert right > 285
    assert (
        min(one.p_negative for one, row in zip(scored, unseen, strict=True) if row.polarity is Polarity.NEGATIVE) > 0.5
    )


def test_the_files_hold_a_card_and_no_text(base: Path) -> None:
    card = (base / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "tingfeng train labels.tsv" in card
    assert "| own | 2,400 |" in card
    for path in base.iterdir():
        assert SECRET.encode() not in path.read_bytes()


def test_training_twice_gives_the_same_file(base: Path, tmp_path: Path) -> None:
    again = train(base.parent / "labels.tsv", out=tmp_path, base=None, sizes=SMALL)
    assert again.sha256 in (base / "weights.json").read_text()
    assert again.mode == "scratch"


def test_few_labels_move_the_threshold_only(base: Path, tmp_path: Path) -> None:
    rows = [
        LabelledText(text="，".join([*PLAIN[n % 5 : n % 5 + 5], "满意"]), polarity=Polarity.POSITIVE, platform="zhihu")
        for n in range(30)
    ] + [LabelledText(text=f"{PLAIN[n % 12]}，排队", polarity=Polarity.NEGATIVE, platform="zhihu") for n in range(30)]
    report = train(written(tmp_path / "more.tsv", rows), out=tmp_path / "new", base=base)
    assert report.mode == "threshold"
    assert [(name, n) for name, _, n in report.shifts] == [("zhihu", 60)]
    old, new = load_weights(base), load_weights(tmp_path / "new")
    assert set(new.shifts) == {"zhihu"}
    assert np.array_equal(old.views["char"].shared, new.views["char"].shared)
    assert "Learnt on top of weights from: own" in (tmp_path / "new/MODEL_CARD.md").read_text()


def test_labels_without_platform_move_the_common_threshold(base: Path, tmp_path: Path) -> None:
    rows = [LabelledText(text=row.text, polarity=row.polarity, platform="") for row in some_texts(60, neutral=False)]
    report = train(written(tmp_path / "more.tsv", rows), out=tmp_path / "new", base=base)
    assert [name for name, _, _ in report.shifts] == ["*"]


def test_many_labels_teach_new_weights_on_top(base: Path, tmp_path: Path) -> None:
    rows = some_texts(1_200, neutral=False, flipped=True, seed=6)
    report: TrainReport = train(written(tmp_path / "more.tsv", rows), out=tmp_path / "new", base=base)
    assert report.mode == "weights"
    assert report.accuracy_before is not None
    assert report.accuracy_before < 0.1
    assert report.accuracy_after > 0.95


@pytest.mark.parametrize(
    ("n", "mode", "with_base", "message"),
    [
        (20, "auto", True, "too few"),
        (60, "weights", True, "needs 1000"),
        (60, "auto", False, "mode scratch needs 2000"),
        (60, "threshold", False, "needs old weights"),
    ],
)
def test_too_few_labels_are_refused(
    base: Path, tmp_path: Path, n: int, mode: str, with_base: bool, message: str
) -> None:
    labels = written(tmp_path / "few.tsv", some_texts(n, neutral=False))
    with pytest.raises(LabelError, match=message):
        train(labels, out=tmp_path / "new", base=base if with_base else None, mode=mode)  # type: ignore[arg-type]  # parametrized


def test_labels_of_one_kind_are_refused(base: Path, tmp_path: Path) -> None:
    rows = [LabelledText(text=f"好喝{n}", polarity=Polarity.POSITIVE, platform="") for n in range(40)]
    with pytest.raises(LabelError, match="both negative and positive"):
        train(written(tmp_path / "one.tsv", rows), out=tmp_path / "new", base=base)


def test_two_classes_alone_still_give_three(tmp_path: Path) -> None:
    labels = written(tmp_path / "two.tsv", some_texts(2_000, neutral=False))
    train(labels, out=tmp_path / "model", base=None, sizes=SMALL)
    model = SentimentModel(tmp_path / "model")
    bad, plain = model.score_texts(["难喝，失望，恶劣", "天晴"], ["", ""], JiebaSegmenter())
    assert bad.polarity is Polarity.NEGATIVE
    assert plain.p_negative < bad.p_negative


def test_a_shift_grows_with_the_evidence_and_stays_near_nothing_without() -> None:
    dice = np.random.default_rng(1)
    odds = dice.normal(scale=2, size=400)
    positive = odds + 3 > dice.logistic(size=400)
    assert fit_shift(odds[:0], positive[:0]) == 0.0
    small, large = fit_shift(odds[:15], positive[:15]), fit_shift(odds, positive)
    assert 0 < small < large < 4
    fair = odds > dice.logistic(size=400)
    assert abs(fit_shift(odds, fair)) < 0.4


def test_preparing_keeps_order_weights_and_knowledge_of_neutral() -> None:
    rows = [
        *some_texts(6, neutral=True),
        LabelledText(text="差", polarity=Polarity.NEGATIVE, platform="jd", source="x"),
    ]
    corpus: Corpus = prepare(rows, JiebaSegmenter())
    assert corpus.labels.tolist() == [0, 2, 1, 0, 2, 1, 0]
    assert corpus.has_neutral.tolist() == [True] * 6 + [False]
    assert corpus.groups.tolist() == [2, 3, 0, 2, 3, 0, 1]
