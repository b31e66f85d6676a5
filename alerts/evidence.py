"""Gathers what a message may say of an incident from the mention store; nothing unknown becomes 0."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from alerts.detect.base import reason_of
from alerts.report import AlertReport, BlindSource, ReportAuthor, ReportStory
from alerts.sentence import trend_subject, why
from config.settings import Settings
from domain.incident import DeliveryKind, Incident
from domain.mention import Engagement, Mention
from domain.moment import Window
from domain.ports import CountSource, MentionSearch
from domain.query import Node, parse
from domain.source import SourceHealth, SourceState
from domain.tagging import Polarity

__all__ = ["Evidence", "KibanaLink", "blind_sources", "kibana_query"]

KibanaLink = Callable[[str, Window], str | None]
"""From a query and a window to a link into Kibana; None = it would be too long."""

_QUOTE = 60
_PAGE = 500
_MOST = 2_000
"""Most mentions read for one message."""
_STORIES = 3
_STANDS_OUT = 2.0
"""Times its usual share that a topic or risk must have to be named."""
_LEAST_SHARE = 0.25
_USUAL = timedelta(days=14)
_BEFORE = timedelta(hours=1)
"""What a link into Kibana shows before the beginning, so that the rise can be seen."""
_DARK = (SourceState.BLIND, SourceState.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What was counted for one message."""

    mentions: tuple[Mention, ...]
    window: Window
    window_s: int | None
    authors: int | None
    share: float | None
    total: int | None
    platforms: tuple[tuple[str, int], ...]


class Evidence:
    """Makes the report of an incident as it stands."""

    def __init__(
        self, settings: Settings, *, search: MentionSearch, counts: CountSource, kibana: KibanaLink | None = None
    ) -> None:
        self._settings, self._search, self._counts, self._kibana = settings, search, counts, kibana
        self._brands = {brand.id: brand.name for brand in settings.brands}
        self._rules = {rule.name: rule.title or rule.name for rule in settings.rules}

    def report(
        self,
        incident: Incident,
        kind: DeliveryKind,
        *,
        seq: int,
        now: datetime,
        health: Sequence[SourceHealth],
    ) -> AlertReport:
        """Return what is to be told of `incident` by message number `seq`."""
        reason = reason_of(incident)
        facts = self._facts(incident, kind, reason, now)
        stories = self._stories(facts.mentions, incident)
        lead = stories[0] if stories else None
        counted = incident.kind != "trend"  # a line's value is the number of lists, and no mention
        report = AlertReport(
            kind=kind,
            incident=incident.id,
            seq=seq,
            severity=incident.severity,
            brand=self._brands.get(incident.brand, incident.brand),
            rule=self._rules.get(incident.rule, incident.rule),
            subject=self._subject(incident, facts, reason, now),
            value=incident.value if counted else None,
            expected=incident.expected,
            window_s=facts.window_s,
            reason=why(incident, reason, self._settings.locale),
            started_at=incident.started_at,
            at=now,
            engagement=_engagement(facts.mentions),
            author=_biggest_author(facts.mentions),
            platforms=facts.platforms,
            authors=facts.authors,
            negative_share=facts.share,
            usual_share=_share_of(reason.get("usual_share")),
            stories=stories,
            story_count=len({each.story_id or each.id for each in facts.mentions}) or None,
            blind=blind_sources(health),
            flags=tuple(sorted(flag.value for flag in incident.flags)),
            console_url=self._console_url(incident),
            kibana_url=self._kibana_url(incident, reason, now),
            acked_by=incident.acked_by,
            notes=tuple(f"{note.by}: {note.text}" for note in incident.notes if note.text and note.by != "tingfeng"),
        )
        if counted and kind in {DeliveryKind.RESOLVED, DeliveryKind.ESCALATED}:
            report = replace(report, peak_value=incident.peak_value, peak_at=incident.peak_at)
        if kind is DeliveryKind.RESOLVED:
            report = replace(report, resolved_at=incident.resolved_at, total=facts.total)
        if lead is not None:
            report = replace(
                report,
                quote=lead.quote,
                quote_url=lead.url,
                first_publisher=lead.outlet,
                first_published_at=lead.published_at,
            )
        elif not counted:
            report = replace(
                report, quote=_short(str(reason.get("title") or "")), quote_url=_text_of(reason.get("url"))
            )
        return report

    def _console_url(self, incident: Incident) -> str | None:
        base = self._settings.public_url
        return f"{base.rstrip('/')}/incidents/{incident.id}" if base else None

    def _kibana_url(self, incident: Incident, reason: Mapping[str, Any], now: datetime) -> str | None:
        if self._kibana is None:
            return None
        start = min(incident.started_at - _BEFORE, now)
        return self._kibana(kibana_query(incident, reason), Window(start=start, end=now))

    def _facts(self, incident: Incident, kind: DeliveryKind, reason: Mapping[str, Any], now: datetime) -> _Facts:
        if incident.kind == "match":
            return self._matched(incident, reason, now)
        if incident.kind == "trend":
            return replace(self._matched(incident, reason, now), authors=None, total=None, platforms=())
        polarity = _polarity(reason)
        width = timedelta(seconds=int(reason.get("window_s", 3600)))
        start = incident.started_at if kind is DeliveryKind.RESOLVED else now - width
        window = Window(start=min(start, now), end=now)
        node = _counted(incident.brand, polarity)
        rows = [row for row in self._counts.counts(window, brand=incident.brand) if not row.backfill]
        picked = [row for row in rows if polarity is None or row.polarity is polarity]
        everything = sum(row.mentions for row in rows)
        negative = sum(row.mentions for row in rows if row.polarity is Polarity.NEGATIVE)
        platforms: Counter[str] = Counter()
        for row in picked:
            platforms[row.platform] += row.mentions
        return _Facts(
            mentions=self._read(node, window, now),
            window=window,
            window_s=int(width.total_seconds()) if kind is not DeliveryKind.RESOLVED else None,
            authors=self._counts.distinct_authors(window, brand=incident.brand, polarity=polarity),
            share=negative / everything if everything else None,
            total=sum(row.mentions for row in picked),
            platforms=tuple(sorted(platforms.items(), key=lambda pair: (-pair[1], pair[0]))),
        )

    def _matched(self, incident: Incident, reason: Mapping[str, Any], now: datetime) -> _Facts:
        found = self._search.get([str(each) for each in reason.get("mentions", [])])
        mentions = tuple(sorted(found.values(), key=lambda mention: (mention.event_at, mention.id), reverse=True))
        platforms = Counter(mention.post.platform for mention in mentions)
        return _Facts(
            mentions=mentions,
            window=Window(start=min(incident.started_at, now), end=now),
            window_s=None,
            authors=len({_author_key(mention) for mention in mentions}) or None,
            share=None,
            total=int(incident.value),
            platforms=tuple(sorted(platforms.items(), key=lambda pair: (-pair[1], pair[0]))),
        )

    def _read(self, node: Node, window: Window, now: datetime) -> tuple[Mention, ...]:
        found: list[Mention] = []
        after: str | None = None
        while len(found) < _MOST:
            page = self._search.search(node, now=now, window=window, limit=_PAGE, after=after)
            found.extend(page.mentions)
            after = page.next
            if after is None:
                break
        return tuple(found)

    def _stories(self, mentions: Sequence[Mention], incident: Incident) -> tuple[ReportStory, ...]:
        counted = Counter(mention.story_id or mention.id for mention in mentions)
        for story in incident.story_ids:
            counted.setdefault(story, 0)
        best = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:_STORIES]
        firsts = self._search.get([story for story, _ in best])
        stories = []
        for story, number in best:
            inside = [mention for mention in mentions if (mention.story_id or mention.id) == story]
            first = firsts.get(story) or min(inside, key=lambda mention: (mention.event_at, mention.id), default=None)
            if first is not None:
                stories.append(_story(story, first, max(number, 1)))
        return tuple(stories)

    def _subject(self, incident: Incident, facts: _Facts, reason: Mapping[str, Any], now: datetime) -> str:
        if incident.kind == "trend":
            return trend_subject(incident, reason, self._settings.locale)
        risk = reason.get("risk")
        if isinstance(risk, str) and risk:
            return self._name(risk, self._settings.risks)
        usual = Window(start=facts.window.start - _USUAL, end=facts.window.start)
        node = _brand_node(incident.brand, _polarity(reason))
        risks = Counter(each.category for mention in facts.mentions if mention.tags for each in mention.tags.risks)
        best = self._stands_out(risks, len(facts.mentions), node, "risk", usual, now)
        if best:
            return self._name(best, self._settings.risks)
        topics = Counter(topic for mention in facts.mentions if mention.tags for topic in mention.tags.topics)
        best = self._stands_out(topics, len(facts.mentions), node, "topics", usual, now)
        return self._name(best, self._settings.topics) if best else ""

    def _stands_out(
        self, counted: Counter[str], total: int, node: Node, field: str, usual: Window, now: datetime
    ) -> str:
        """Return the label that is frequent now and was rare before; empty = none stands out."""
        frequent = {label: number for label, number in counted.items() if number >= max(2, _LEAST_SHARE * total)}
        if not frequent:
            return ""
        before = self._search.count(node, now=now, window=usual)
        terms = self._search.terms(node, now=now, field=field, window=usual, limit=100)
        known = {each.term: each.mentions for each in terms}
        lifts = {
            label: (number / total) / ((known.get(label, 0) + 1) / (before + 4)) for label, number in frequent.items()
        }
        best = max(lifts, key=lambda label: (frequent[label] * min(lifts[label], 20.0), label))
        return best if lifts[best] >= _STANDS_OUT else ""

    def _name(self, label: str, known: Iterable[Any]) -> str:
        for each in known:
            if each.id == label:
                return str(each.name_en if self._settings.locale == "en" else each.name)
        return label


def _polarity(reason: Mapping[str, Any]) -> Polarity | None:
    on = reason.get("on", "negative")
    return None if on == "all" else Polarity(on)


def kibana_query(incident: Incident, reason: Mapping[str, Any]) -> str:
    """Return what Kibana is asked for an incident: its brand, in the polarity that the rule watches."""
    polarity = _polarity(reason)
    field = f"{polarity.value}_for" if polarity and incident.kind != "match" else "brand"
    return f'{field}: "{incident.brand}"'


def _brand_node(brand: str, polarity: Polarity | None) -> Node:
    field = f"{polarity.value}_for" if polarity else "brand"
    return parse(f'{field}: "{brand}" and not flags: owned and not flags: deleted')


def _counted(brand: str, polarity: Polarity | None) -> Node:
    field = f"{polarity.value}_for" if polarity else "brand"
    return parse(f'{field}: "{brand}" and not flags: (backfill or owned or deleted)')


def _share_of(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _engagement(mentions: Sequence[Mention]) -> Engagement:
    """Sum each counter over the mentions that show it; None where none does."""
    shown = [mention.post.engagement for mention in mentions]
    return Engagement(
        views=_sum(each.views for each in shown),
        likes=_sum(each.likes for each in shown),
        comments=_sum(each.comments for each in shown),
        shares=_sum(each.shares for each in shown),
        favourites=_sum(each.favourites for each in shown),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _biggest_author(mentions: Sequence[Mention]) -> ReportAuthor | None:
    named = [each for each in mentions if each.post.author.name]
    shown = [each for each in named if each.post.author.followers is not None]
    best = max(shown, key=lambda each: (each.post.author.followers or 0, each.id), default=None)
    if best is None:
        return None
    author = best.post.author
    return ReportAuthor(name=author.name or "", platform=best.post.platform, followers=author.followers)


def _author_key(mention: Mention) -> tuple[str, str]:
    author = mention.post.author
    return mention.post.platform, author.id or author.name or mention.id


def _short(words: str) -> str:
    return words if len(words) <= _QUOTE else words[: _QUOTE - 1] + "…"


def _text_of(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _story(story: str, first: Mention, number: int) -> ReportStory:
    post = first.post
    words = " ".join((post.title or post.own_text or post.text).split())
    return ReportStory(
        id=story,
        quote=_short(words),
        url=post.url,
        mentions=number,
        platform=post.platform,
        published_at=post.published_at,
        outlet=post.outlet or post.author.name,
    )


def blind_sources(health: Sequence[SourceHealth]) -> tuple[BlindSource, ...]:
    """Return the sources that give nothing now, in the order given."""
    return tuple(
        BlindSource(source=each.source, since=each.since, why=each.why) for each in health if each.state in _DARK
    )
