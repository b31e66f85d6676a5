"""What the tagger says of a mention, and the definitions it works by."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "BrandDefinition",
    "BrandTag",
    "Polarity",
    "RiskCategory",
    "RiskTag",
    "Sentiment",
    "Tagging",
    "TopicDefinition",
]


class Polarity(StrEnum):
    """Sentiment in three classes."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentiment:
    """Sentiment of a whole text or of what it says about one brand."""

    polarity: Polarity
    """Most probable of three classes."""
    score: float
    """Signed two-way margin in [-1, 1]; the sign is the two-way verdict even if neutral."""
    p_negative: float
    """Calibrated probability of negative, [0, 1]."""
    confidence: float
    """Probability of `polarity`, [0, 1]."""
    uncertain: bool = False
    """The second opinion disagrees, or the text is of a kind the model is known to misread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandTag:
    """A watched brand that a mention names."""

    brand: str
    """Brand id."""
    spans: tuple[tuple[int, int], ...] = ()
    """Positions in `text`, (start, end) in characters, end exclusive, in order."""
    title_spans: tuple[tuple[int, int], ...] = ()
    """Positions in `title`, likewise."""
    sentiment: Sentiment
    """What the mention says about this brand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTag:
    """A risk category that a mention touches."""

    category: str
    """Id of the category, such as food_safety."""
    severity: int
    """0 to 100, of this category alone."""
    words: tuple[str, ...] = ()
    """Words that gave it away, as found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging:
    """Everything the tagger says of one mention."""

    sentiment: Sentiment
    """Sentiment of the whole text."""
    brands: tuple[BrandTag, ...] = ()
    """Watched brands named, sorted by id; empty = a candidate."""
    topics: tuple[str, ...] = ()
    """Ids of topics, sorted."""
    keywords: tuple[str, ...] = ()
    """Best words first, at most 10."""
    risks: tuple[RiskTag, ...] = ()
    """Risk categories touched, highest severity first."""
    severity: int = 0
    """Severity of all categories together, 0 to 100."""
    signature: tuple[int, ...] = ()
    """64 MinHash values (unsigned 32 bit) of the story text; empty = nothing to compare."""
    bands: tuple[str, ...] = ()
    """LSH band keys; two texts of one story share at least one with high probability."""
    brands_version: str = ""
    """Version of the brand definitions that were applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandDefinition:
    """A brand to watch."""

    id: str
    """Lower-case id."""
    name: str
    """Name for people."""
    query: str
    """Definition in the query language; a text that it matches names the brand."""
    aliases: tuple[str, ...] = ()
    """Further names, used for spans and segmentation; no definition of their own."""
    competitors: tuple[str, ...] = ()
    """Names or ids of rivals, for share of voice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicDefinition:
    """A topic: a named query."""

    id: str
    """Lower-case id."""
    name: str
    """Name for people, Chinese."""
    name_en: str
    """Name for people, English."""
    query: str
    """Definition in the query language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCategory:
    """A category of bad news: words and a weight."""

    id: str
    """Lower-case id, such as food_safety."""
    name: str
    """Name for people, Chinese."""
    name_en: str
    """Name for people, English."""
    weight: float
    """Share of severity it brings alone, in (0, 1)."""
    strong: bool
    """One of the five categories that are bad news by themselves."""
    words: tuple[str, ...] = ()
    """Expressions that give it away, as simplified text in normal form."""
