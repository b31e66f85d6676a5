"""The tagger: a list of steps, each adding to what is known of a batch of mentions."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from analysis.clause import clauses_naming, mask, part_about
from analysis.match import BrandHit, BrandMatcher, brand_words
from analysis.news import NewsJudge, news_parts
from analysis.normalise import fold_text, join_title, model_form
from analysis.queries import unit_line
from analysis.risk import RiskFinder, RiskHit, Risks
from analysis.segment import make_segmenter
from analysis.sentiment import SentimentModel
from analysis.signature import Signature, sign, story_key
from analysis.topics import KeywordRanker, TopicMatcher
from analysis.verdict import about_name, by_news_model, near_weights, with_risk, with_talk_risk
from analysis.weights import SHIPPED_MODEL
from domain.account import BRAND, SPEAKS_FOR
from domain.document import public_fields
from domain.mention import Flag, Kind, Mention, Post
from domain.query import Document
from domain.tagging import BrandDefinition, BrandTag, RiskCategory, Sentiment, Tagging, TopicDefinition

__all__ = ["Draft", "Step", "Tagger", "TaggerSettings", "Target"]

logger = logging.getLogger(__name__)

Span = tuple[int, int]

_NEWS_PLATFORMS: Final = frozenset({"news", "web", "feed", "article", "gdelt", "rss", "sitemap", "websearch", "wechat"})

_FREE_IN_TEXT: Final = 0.6
"""Sum of risk weights in a text that says nothing of its mood: one strong category."""
_FREE_NEAR_BRAND: Final = 0.3
"""The same near a brand."""
_NEWS_MODEL_RISKS: Final = frozenset({"fraud", "legal_regulatory"})
"""Categories that the texts of the news model are about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggerSettings:
    """What a tagger works by; the same settings and mentions give the same tags."""

    brands: tuple[BrandDefinition, ...] = ()
    """Brands to watch."""
    topics: tuple[TopicDefinition, ...] = ()
    """Taxonomy of topics."""
    risks: tuple[RiskCategory, ...] = ()
    """Risk categories."""
    model: Path = SHIPPED_MODEL
    """Folder of the sentiment weights."""
    segmenter: str | None = None
    """`jieba` or `rjieba`; None = the fastest that is installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something to judge apart from the watched brands, such as one name of a test file."""

    mention: int
    """Place of its mention in the batch."""
    name: str
    """The name as it stands in the text."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """What the steps know of one mention so far; lives inside one call of `tag`."""

    mention: Mention
    """The mention as it came."""
    whole: str = ""
    """Title and text as one, as written."""
    folded: str = ""
    """`whole`, folded for word lookup, of the same length."""
    line: str = ""
    """Units of `folded`, in which queries look for phrases."""
    title_chars: int = 0
    """Where the text begins in `whole`."""
    form: str = ""
    """`whole` in model form."""
    tokens: list[str] = field(default_factory=list)
    """Words of `form`."""
    hits: list[BrandHit] = field(default_factory=list)
    """Watched brands named."""
    sentiment: Sentiment | None = None
    """Sentiment of the whole."""
    brands: tuple[BrandTag, ...] = ()
    """Brands with the sentiment for each."""
    risk_words: list[RiskHit] = field(default_factory=list)
    """Risk words found in `folded`."""
    risks: Risks = field(default_factory=Risks)
    """What it risks."""
    topics: tuple[str, ...] = ()
    """Topics that hold."""
    keywords: tuple[str, ...] = ()
    """Best words."""
    signature: Signature = field(default_factory=Signature)
    """What tells its story."""


Step = Callable[[list[Draft]], None]
"""Fills in one part of every draft of a batch."""


class Tagger:
    """Tags batches of mentions; loads its model at the first batch."""

    def __init__(self, settings: TaggerSettings) -> None:
        """Compile brands, topics and risk words.

        Raises:
            domain.query.QueryError: a definition cannot be read; settings check this earlier.
        """
        self._matcher = BrandMatcher(settings.brands)
        self._topics = TopicMatcher(settings.topics)
        self._risks = RiskFinder(settings.risks)
        self._model = SentimentModel(settings.model)
        self._news = NewsJudge(settings.model)
        self._segmenter = make_segmenter(brand_words(settings.brands), prefer=settings.segmenter)
        self._keywords = KeywordRanker()
        self.steps: Final[tuple[Step, ...]] = (
            self._normalise,
            self._match,
            self._segment,
            self._judge,
            self._find_risk_words,
            self._sharpen,
            self._judge_brands,
            self._weigh_risks,
            self._find_topics,
            self._rank_keywords,
            self._sign,
        )

    @property
    def brands_version(self) -> str:
        """Version of the brand definitions that this tagger applies."""
        return self._matcher.version

    def tag(self, mentions: Sequence[Mention]) -> list[Mention]:
        """Return the mentions with their tags, in order; pure but for caches.

        Raises:
            ModelError: the sentiment weights cannot be read.
        """
        drafts = [Draft(mention=mention) for mention in mentions]
        for step in self.steps:
            step(drafts)
        return [replace(draft.mention, tags=self._finish(draft), flags=_flags(draft)) for draft in drafts]

    def judge_targets(self, mentions: Sequence[Mention], targets: Sequence[Target]) -> list[Sentiment]:
        """Return what each mention says about a named thing, in the order of `targets`.

        The name need not be a watched brand. In consumer talk the clauses that hold it are
        judged, in news the news model says whether it is bad for the name; where the name
        stands nowhere, the whole text is judged.
        """
        drafts = [Draft(mention=mention) for mention in mentions]
        self._normalise(drafts)
        self._match(drafts)
        asked = [drafts[target.mention] for target in targets]
        places = [
            _occurrences(draft.folded, fold_text(one.name).strip()) for draft, one in zip(asked, targets, strict=True)
        ]
        parts = [_part_for(draft, own) for draft, own in zip(asked, places, strict=True)]
        moods = self._score(parts, [draft.mention.post.platform for draft in asked])
        if self._news.weights is None:
            return moods
        news = [number for number, draft in enumerate(asked) if _is_news(draft)]
        chances = self._news.p_bad([news_parts(asked[number].folded, places[number]) for number in news])
        for number, p_bad in zip(news, chances, strict=True):
            near = about_name(asked[number].folded, self._risks.find(asked[number].folded), places[number], ())
            verdict = by_news_model(p_bad, moods[number])
            moods[number] = with_risk(verdict, near_weights(near, self._risks.categories, consumer_only=True))
        return moods

    def _finish(self, draft: Draft) -> Tagging:
        assert draft.sentiment is not None
        return Tagging(
            sentiment=draft.sentiment,
            brands=draft.brands,
            topics=draft.topics,
            keywords=draft.keywords,
            risks=draft.risks.tags,
            severity=draft.risks.severity,
            signature=draft.signature.values,
            bands=draft.signature.bands,
            brands_version=self.brands_version,
        )

    def _normalise(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            post = draft.mention.post
            draft.whole = join_title(post.title, post.text)
            draft.title_chars = len(draft.whole) - len(post.text)
            draft.folded = fold_text(draft.whole)
            draft.line = unit_line(draft.folded)
            draft.form = model_form(draft.whole)

    def _match(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            post = draft.mention.post
            fields = partial(public_fields, draft.mention)
            draft.hits = self._matcher.match(post.title, post.text, draft.line, fields)
            if forced := _told(post, BRAND) - {hit.brand for hit in draft.hits}:
                more = self._matcher.forced(sorted(forced), post.title, post.text)
                draft.hits = sorted([*draft.hits, *more], key=lambda hit: hit.brand)

    def _segment(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            draft.tokens = self._segmenter.cut(draft.form)

    def _judge(self, drafts: list[Draft]) -> None:
        sentiments = self._model.score(
            [draft.form for draft in drafts],
            [draft.tokens for draft in drafts],
            [draft.mention.post.platform for draft in drafts],
        )
        for draft, sentiment in zip(drafts, sentiments, strict=True):
            draft.sentiment = sentiment

    def _judge_brands(self, drafts: list[Draft]) -> None:
        named = [(draft, number) for draft in drafts for number in range(len(draft.hits))]
        places = [_own_and_others(draft, number) for draft, number in named]
        parts = [_part(draft, own, others) for (draft, _), (own, others) in zip(named, places, strict=True)]
        asked = [(draft, part) for (draft, _), part in zip(named, parts, strict=True) if part is not None]
        scored = iter(self._score([part for _, part in asked], [draft.mention.post.platform for draft, _ in asked]))
        for (draft, number), (own, others), part in zip(named, places, parts, strict=True):
            sentiment = draft.sentiment if part is None else next(scored)
            assert sentiment is not None
            sentiment = self._verdict(draft, sentiment, own, others)
            hit = draft.hits[number]
            tag = BrandTag(brand=hit.brand, spans=hit.spans, title_spans=hit.title_spans, sentiment=sentiment)
            draft.brands = (*draft.brands, tag)

    def _verdict(self, draft: Draft, mood: Sentiment, own: Sequence[Span], others: Sequence[Span]) -> Sentiment:
        """Raise the mood for a brand by risk words near it, and by the news model in its own field."""
        categories = self._risks.categories
        near = about_name(draft.folded, draft.risk_words, own, others)
        if not own and not others and _told(draft.mention.post, BRAND):  # it counts unnamed: all of it is about it
            near = draft.risk_words
        if not _is_news(draft):
            return with_talk_risk(mood, near_weights(near, categories), free=_FREE_NEAR_BRAND)
        verdict = with_risk(mood, near_weights(near, categories))
        if self._news.weights is None or not any(categories[hit.category].id in _NEWS_MODEL_RISKS for hit in near):
            return verdict
        (p_bad,) = self._news.p_bad([news_parts(draft.folded, own)])
        return by_news_model(p_bad, mood) if p_bad > max(0.5, verdict.p_negative) else verdict

    def _score(self, texts: Sequence[str], platforms: Sequence[str]) -> list[Sentiment]:
        return self._model.score_texts(texts, platforms, self._segmenter)

    def _find_risk_words(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            draft.risk_words = self._risks.find(draft.folded)

    def _sharpen(self, drafts: list[Draft]) -> None:
        """Raise the mood of texts that touch several risk categories at once."""
        for draft in drafts:
            if draft.risk_words and draft.sentiment is not None:
                weights = near_weights(draft.risk_words, self._risks.categories)
                draft.sentiment = with_talk_risk(draft.sentiment, weights, free=_FREE_IN_TEXT)

    def _weigh_risks(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            if draft.risk_words and draft.sentiment is not None:
                near = [span for hit in draft.hits for span in _in_whole(draft, hit)]
                draft.risks = self._risks.weigh(
                    draft.folded, draft.risk_words, draft.sentiment.p_negative, near, is_news=_is_news(draft)
                )

    def _find_topics(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            draft.topics = self._topics.match(draft.line, partial(self._topic_fields, draft))

    def _topic_fields(self, draft: Draft) -> Document:
        """Public fields with what is known so far; title and text are searched as one."""
        fields = public_fields(replace(draft.mention, tags=self._finish(draft)))
        return {**fields, "text": draft.folded}

    def _rank_keywords(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            draft.keywords = self._keywords.rank(draft.tokens)

    def _sign(self, drafts: list[Draft]) -> None:
        signatures = sign([story_key(draft.mention.post) for draft in drafts])
        for draft, signature in zip(drafts, signatures, strict=True):
            draft.signature = signature


def _told(post: Post, name: str) -> set[str]:
    return {value for key, value in post.extra if key == name}


def _flags(draft: Draft) -> frozenset[Flag]:
    """Return the flags: a rival's account that speaks of its own brand only is not the public."""
    mention, own = draft.mention, _told(draft.mention.post, SPEAKS_FOR)
    if not own:
        return mention.flags
    named = {hit.brand for hit in draft.hits}
    return mention.flags | {Flag.OWNED} if named and named <= own else mention.flags - {Flag.OWNED}


def _own_and_others(draft: Draft, number: int) -> tuple[list[Span], list[Span]]:
    """Return where one brand stands in title and text as one, and where the others stand."""
    own = _in_whole(draft, draft.hits[number])
    others = [hit for other, hit in enumerate(draft.hits) if other != number]
    return own, [span for hit in others for span in _in_whole(draft, hit)]


def _in_whole(draft: Draft, hit: BrandHit) -> list[Span]:
    """Return the places of a brand in title and text as one; a title that begins the text counts once."""
    moved = [(start + draft.title_chars, end + draft.title_chars) for start, end in hit.spans]
    return [*hit.title_spans, *moved] if draft.title_chars else moved


def _part(draft: Draft, own: Sequence[Span], others: Sequence[Span]) -> str | None:
    """Return the clauses about a brand with all brands masked; None = take the whole text."""
    chosen = part_about(draft.folded, own, others)
    return None if chosen is None else mask(draft.whole, chosen, [*own, *others])


def _part_for(draft: Draft, own: Sequence[Span]) -> str:
    """Return the part of a text that speaks of a name; the whole if it does not stand there."""
    if _is_news(draft):
        others = [span for hit in draft.hits for span in _in_whole(draft, hit) if not _overlaps(span, own)]
        return _part(draft, own, others) or draft.whole
    return mask(draft.whole, clauses_naming(draft.folded, own), []) or draft.whole


def _is_news(draft: Draft) -> bool:
    return draft.mention.post.kind is Kind.ARTICLE or draft.mention.post.platform in _NEWS_PLATFORMS


def _occurrences(text: str, name: str) -> list[Span]:
    places: list[Span] = []
    at = text.find(name) if name else -1
    while at >= 0:
        places.append((at, at + len(name)))
        at = text.find(name, at + len(name))
    return places


def _overlaps(span: Span, others: Sequence[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)
