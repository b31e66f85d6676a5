"""Floors of the shipped sentiment weights: on a labelled corpus beside the repository, and on our own sentences."""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from analysis.labels import read_targets
from analysis.segment import make_segmenter
from analysis.sentiment import SentimentModel
from analysis.tagger import Tagger, TaggerSettings, Target
from config.loader import default_settings
from domain.mention import Mention
from domain.tagging import Polarity, RiskTag, Sentiment
from service.wiring import specs
from tests.analysis.builders import a_mention
from tests.eval.opinions import three_way, two_way
from tests.measure import Measurements

pytestmark = pytest.mark.eval

PLATFORMS: Final = {
    **dict.fromkeys(("htl", "waimai", "shop10", "nlpcc14"), "review"),
    **dict.fromkeys(("weibo2400", "smp_usual", "smp_virus", "nlpcc13"), "weibo"),
    **dict.fromkeys(("finfe", "car"), "forum"),
}
WITH_NEUTRAL: Final = ("smp_usual", "smp_virus", "nlpcc13", "finfe", "car")
STRONG: Final = {"food_safety", "product_safety", "recall", "fraud", "legal_regulatory"}
SHORT: Final = {Polarity.NEGATIVE: "neg", Polarity.NEUTRAL: "neu", Polarity.POSITIVE: "pos"}
CORPUS_SHA256: Final = "77fc8a581fc23001885ba6bdcdc2e59c26f2654ace88670c753836ffaee0951c"
SNOWNLP_SAMPLE: Final = 400


@dataclass(frozen=True)
class Row:
    """A labelled text and what the model says of it."""

    source: str
    label: str
    text: str
    said: Sentiment

    @property
    def two_way_right(self) -> bool:
        return (self.said.score > 0) == (self.label == "pos") and self.said.score != 0

    @property
    def three_way_right(self) -> bool:
        return SHORT[self.said.polarity] == self.label


def judge(texts: Sequence[str], platforms: Sequence[str]) -> list[Sentiment]:
    model, segmenter = SentimentModel(), make_segmenter()
    return [
        said
        for start in range(0, len(texts), 500)
        for said in model.score_texts(texts[start : start + 500], platforms[start : start + 500], segmenter)
    ]


def share(flags: Iterable[bool]) -> float:
    counted = list(flags)
    return sum(counted) / len(counted)


def calibration_error(pairs: Sequence[tuple[float, bool]], n_bins: int = 10) -> float:
    """Expected calibration error over bins of equal width."""
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for chance, came_true in pairs:
        bins[min(int(chance * n_bins), n_bins - 1)].append((chance, came_true))
    gaps = (abs(sum(chance for chance, _ in rows) - sum(true for _, true in rows)) for rows in bins.values())
    return sum(gaps) / len(pairs)


@pytest.fixture(scope="module")
def corpus(shared_dir: Path) -> Path:
    path = shared_dir / "data/sentiment/sent_dev.tsv"
    if not path.exists():
        pytest.skip("the labelled corpus is not in the shared data folder")
    return path


@pytest.fixture(scope="module")
def rows(corpus: Path) -> list[Row]:
    with corpus.open(encoding="utf-8", newline="\n") as lines:
        read = [row for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if row["label"] != "sur"]
    said = judge([row["text"] for row in read], [PLATFORMS[row["source"]] for row in read])
    return [
        Row(source=row["source"], label=row["label"], text=row["text"], said=one)
        for row, one in zip(read, said, strict=True)
    ]


def two_way_rows(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.label != "neu"]


def three_way_rows(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.source in WITH_NEUTRAL]


def test_the_corpus_is_the_one_the_floors_were_set_on(corpus: Path) -> None:
    assert hashlib.sha256(corpus.read_bytes()).hexdigest() == CORPUS_SHA256


def test_two_way_accuracy(rows: list[Row], measurements: Measurements) -> None:
    by_source: dict[str, list[bool]] = defaultdict(list)
    for row in two_way_rows(rows):
        by_source[row.source].append(row.two_way_right)
    for source, flags in sorted(by_source.items()):
        measurements.record(f"two-way accuracy {source}", share(flags), note=f"{len(flags)} rows")
    note = f"sent_dev.tsv sha256 {CORPUS_SHA256[:12]}"
    measurements.record(
        "two-way accuracy pooled", share(f for v in by_source.values() for f in v), floor=0.885, note=note
    )
    mean = sum(share(flags) for flags in by_source.values()) / len(by_source)
    measurements.record("two-way accuracy mean of sources", mean, floor=0.85, note=note)


def test_three_way_accuracy(rows: list[Row], measurements: Measurements) -> None:
    measurements.record("three-way accuracy", share(row.three_way_right for row in three_way_rows(rows)), floor=0.73)


def test_calibration(rows: list[Row], measurements: Measurements) -> None:
    judged = three_way_rows(rows)
    negative = [(row.said.p_negative, row.label == "neg") for row in judged]
    measurements.record("calibration error of P(negative)", calibration_error(negative), ceiling=0.03)
    sure = [(row.said.confidence, row.three_way_right) for row in judged]
    measurements.record("calibration error of confidence", calibration_error(sure), ceiling=0.03)


def test_alerting_threshold(rows: list[Row], measurements: Measurements) -> None:
    judged = three_way_rows(rows)
    flagged = [row for row in judged if row.said.p_negative >= 0.7]
    negative = sum(row.label == "neg" for row in judged)
    measurements.record("P(negative) ≥ .7: precision", share(row.label == "neg" for row in flagged), floor=0.85)
    measurements.record("P(negative) ≥ .7: recall", sum(row.label == "neg" for row in flagged) / negative, floor=0.4)


def test_the_second_opinion_knows_where_the_model_errs(rows: list[Row], measurements: Measurements) -> None:
    doubtful = [row for row in two_way_rows(rows) if row.said.uncertain]
    sure = [row for row in two_way_rows(rows) if not row.said.uncertain]
    measurements.record("share marked uncertain", len(doubtful) / (len(doubtful) + len(sure)), ceiling=0.25)
    measurements.record("two-way accuracy where certain", share(row.two_way_right for row in sure), floor=0.9)
    measurements.record("two-way accuracy where uncertain", share(row.two_way_right for row in doubtful), ceiling=0.85)


def test_snownlp_as_shipped_is_far_behind(rows: list[Row], measurements: Measurements) -> None:
    from snownlp import SnowNLP

    judged = two_way_rows(rows)
    sample = judged[:: len(judged) // SNOWNLP_SAMPLE][:SNOWNLP_SAMPLE]
    theirs = share((SnowNLP(row.text).sentiments > 0.5) == (row.label == "pos") for row in sample)
    ours = share(row.two_way_right for row in sample)
    measurements.record("SnowNLP as shipped, two-way, sample", theirs, note=f"{len(sample)} rows")
    measurements.record("these weights on the same sample", ours, floor=theirs + 0.1)


def test_bad_news_for_a_name(shared_dir: Path, measurements: Measurements) -> None:
    path = shared_dir / "data/sentiment/target_dev.tsv"
    if not path.exists():
        pytest.skip("the labelled news is not in the shared data folder")
    texts = read_targets(path)
    tagger = Tagger(TaggerSettings(risks=default_settings(specs(), folder=Path()).risks))
    mentions = [a_mention(row.text, id=str(number), platform="news") for number, row in enumerate(texts)]
    judged = tagger.judge_targets(mentions, [Target(mention=n, name=row.target) for n, row in enumerate(texts)])
    right = share((one.polarity is Polarity.NEGATIVE) == row.bad for one, row in zip(judged, texts, strict=True))
    measurements.record("bad news for this name, accuracy", right, floor=0.82, note=f"{len(texts)} texts and names")
    strong = [any(tag.category in STRONG for tag in tags_of(one)) for one in tagger.tag(mentions)]
    by_text: dict[str, tuple[bool, bool]] = {}
    for row, flagged in zip(texts, strong, strict=True):
        by_text[row.text] = (flagged, row.bad or by_text.get(row.text, (False, False))[1])
    hits = sum(flagged and bad for flagged, bad in by_text.values())
    measurements.record("strong risk words: precision", hits / sum(f for f, _ in by_text.values()), floor=0.85)
    measurements.record("strong risk words: recall", hits / sum(bad for _, bad in by_text.values()), floor=0.78)


def tags_of(mention: Mention) -> Sequence[RiskTag]:
    assert mention.tags is not None
    return mention.tags.risks


@pytest.mark.parametrize("platform", ["weibo", "review", "unknown"])
def test_our_own_sentences_two_way(platform: str, measurements: Measurements) -> None:
    texts = two_way()
    said = judge([text for text, _ in texts], [platform] * len(texts))
    right = share((one.score > 0) == (label == "pos") for one, (_, label) in zip(said, texts, strict=True))
    measurements.record(f"own sentences, two-way, {platform}", right, floor=0.93, note=f"{len(texts)} sentences")


def test_our_own_sentences_three_way(measurements: Measurements) -> None:
    texts = three_way()
    said = judge([text for text, _ in texts], ["weibo"] * len(texts))
    right = share(SHORT[one.polarity] == label for one, (_, label) in zip(said, texts, strict=True))
    measurements.record("own sentences, three-way", right, floor=0.8, note=f"{len(texts)} sentences")
