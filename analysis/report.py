"""What a training says of itself."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["TrainReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainReport:
    """What a training did."""

    mode: str
    """`threshold`, `weights`, `scratch` or `news`."""
    n_labels: int
    """Texts used."""
    shifts: tuple[tuple[str, float, int], ...]
    """(platform or `*`, log-odds added, labels behind it), threshold mode only."""
    accuracy_before: float | None
    """Two-way accuracy of the old weights on these texts, [0, 1]; None without old weights."""
    accuracy_after: float
    """Two-way accuracy on these texts; an optimistic figure, since they were trained on."""
    sha256: str
    """Hash of the new array file, hex."""
    folder: Path
    """Where weights and card lie."""
