import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.arrays import round_trip
from analysis.errors import ModelError
from analysis.weights import (
    GROUPS,
    HEADS,
    SHIPPED_MODEL,
    VIEWS,
    Calibration,
    ViewWeights,
    Weights,
    load_weights,
    save_weights,
)


def some_weights() -> Weights:
    random = np.random.default_rng(3)

    def floats(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return random.normal(size=shape).astype(np.float32)

    def view() -> ViewWeights:
        by_group = floats(len(GROUPS) + 1, 32, len(HEADS))
        by_group[0] = 0
        return ViewWeights(
            idf=abs(floats(64)) + 1, emphasis=abs(floats(64)), shared=floats(64, len(HEADS)), by_group=by_group
        )

    return Weights(
        bias=floats(len(HEADS)),
        views={name: view() for name in VIEWS},
        calibration=Calibration(two_way=floats(4, 2), three_way=floats(4, 5, 3)),
        bayes=floats(32),
        bayes_prior=0.1,
        bayes_unknown=-0.01,
        shifts={"zhihu": 0.5},
        about={"seed": "1"},
    )


def test_weights_come_back_as_they_were_but_for_rounding(tmp_path: Path) -> None:
    before = some_weights()
    save_weights(before, tmp_path / "new")
    after = load_weights(tmp_path / "new")
    assert np.array_equal(before.bias, after.bias)
    assert np.array_equal(before.calibration.three_way, after.calibration.three_way)
    assert (after.shifts, after.about, after.bayes_prior) == ({"zhihu": 0.5}, {"seed": "1"}, 0.1)
    for name in VIEWS:
        old, new = before.views[name], after.views[name]
        assert (new.n_bits, new.small_shift) == (6, 1)
        for one, other in ((old.idf, new.idf), (old.shared, new.shared), (old.by_group, new.by_group)):
            assert np.abs(one - other).max() < 0.03 * np.abs(one).max()
    assert not after.views["char"].by_group[0].any()


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    assert save_weights(some_weights(), tmp_path / "a") == save_weights(some_weights(), tmp_path / "b")
    assert (tmp_path / "a/weights.json").read_bytes() == (tmp_path / "b/weights.json").read_bytes()


@given(st.lists(st.floats(-100, 100, width=32), max_size=20))
def test_rounding_keeps_signs_and_the_largest_value(values: list[float]) -> None:
    array = np.asarray(values, dtype=np.float32)
    once = round_trip(array)
    assert np.all(np.sign(once) * np.sign(array) >= 0)
    if values:
        assert np.isclose(np.abs(once).max(), np.abs(array).max(), rtol=1e-5)
    assert np.allclose(round_trip(once), once, rtol=1e-4)


def damaged(folder: Path, change: str) -> None:
    save_weights(some_weights(), folder)
    meta_path, arrays_path = folder / "weights.json", folder / "weights.npz"
    meta = json.loads(meta_path.read_text())
    if change == "no arrays":
        arrays_path.unlink()
    elif change == "no card":
        meta_path.unlink()
    elif change == "truncated":
        arrays_path.write_bytes(arrays_path.read_bytes()[:-9])
    elif change == "altered":
        payload = bytearray(arrays_path.read_bytes())
        payload[100] ^= 1
        arrays_path.write_bytes(bytes(payload))
    elif change == "not JSON":
        meta_path.write_text("{")
    else:
        meta.update(
            {
                "format": {"format": 99},
                "shape": {"facts": {**meta["facts"], "bias": [1.0]}},
                "tops": {"tops": []},
                "arrays": {"arrays": 1},
                "list": {"facts": {**meta["facts"], "shifts": []}},
            }[change]
        )
        meta_path.write_text(json.dumps(meta))


@pytest.mark.parametrize(
    "change",
    ["no arrays", "no card", "truncated", "altered", "not JSON", "format", "shape", "tops", "arrays", "list"],
)
def test_damaged_weights_are_refused(tmp_path: Path, change: str) -> None:
    damaged(tmp_path, change)
    with pytest.raises(ModelError, match="sentiment model"):
        load_weights(tmp_path)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    save_weights(some_weights(), tmp_path)
    path = tmp_path / "weights.npz"
    np.savez(path, bayes=np.asarray([{"not": "an array"}], dtype=object))
    meta = json.loads((tmp_path / "weights.json").read_text())
    from hashlib import sha256

    meta["arrays"].update(bytes=path.stat().st_size, sha256=sha256(path.read_bytes()).hexdigest())
    (tmp_path / "weights.json").write_text(json.dumps(meta))
    with pytest.raises(ModelError, match="pickle"):
        load_weights(tmp_path)


def test_the_shipped_model_is_small_and_has_a_card() -> None:
    assert sum(path.stat().st_size for path in SHIPPED_MODEL.iterdir()) < 16_000_000
    card = (SHIPPED_MODEL / "MODEL_CARD.md").read_text(encoding="utf-8")
    meta = json.loads((SHIPPED_MODEL / "weights.json").read_text(encoding="utf-8"))
    assert meta["arrays"]["sha256"] in card
    assert "nlpcc14" not in meta["facts"]["about"]["sets"]
