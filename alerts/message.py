"""From the report of an incident to neutral lines that each channel renders in its own way."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.report import AlertReport, ReportAuthor, ReportStory
from alerts.text import clean, clip, is_loopback, number_text, safe_url, span_text
from alerts.words import LEVELS, WORDS, Locale, flag_name, platform_name
from domain.incident import DeliveryKind, Severity
from domain.moment import moment_text

__all__ = ["FIRST_LINE_CHARS", "Line", "Message", "compose", "first_line"]

FIRST_LINE_CHARS = 36
_QUOTE_CHARS = 60
_NAME_CHARS = 24
_LEAST_NAMES = 6
_REASON_CHARS = 200
_TEXT_CHARS = 400
_TEXT_LINES = 40
_LATE = timedelta(minutes=10)
_FULL, _LITE, _TEXT = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One fact of a message."""

    name: str
    """What it is about, such as `count` or `story`."""
    label: str
    """Word in front of it in the message's language; empty = none."""
    text: str
    """The fact, one line, cleaned but not escaped: the channel escapes it."""
    url: str | None = None
    """Link behind the text, safe inside any channel's link form; None = none."""
    quoted: bool = False
    """Whether these are words of others, shown as a quotation."""
    keep: int = _FULL
    """Hardest degradation that still shows it: 0 full only, 1 lite, 2 always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a channel has to show."""

    kind: DeliveryKind
    """What it tells."""
    severity: Severity
    """Level, for colours."""
    first_line: str
    """What the lock screen shows, at most 36 characters, not escaped."""
    lines: tuple[Line, ...]
    """Facts in order of weight."""
    colon: str
    """What stands between label and text."""

    def shown(self, degrade: int) -> tuple[Line, ...]:
        """Return the lines that a message of that degradation (0 to 2) still shows."""
        return tuple(line for line in self.lines if line.keep >= degrade)


def compose(
    report: AlertReport, locale: Locale, *, repeat: bool = False, sent_at: datetime | None = None, kind_key: str = ""
) -> Message:
    """Put a report into words.

    Args:
        report: What is known; every None is left out, a zero is printed.
        locale: Language.
        repeat: Say that this may repeat an earlier message.
        sent_at: When it is really sent, UTC; more than ten minutes after `report.at` it says so.
        kind_key: Key shown in the message; empty = `incident:seq`.

    Returns:
        The message; its texts are cleaned and bounded, not escaped.
    """
    scribe = _Scribe(report, locale)
    lines = [*scribe.marks(repeat=repeat, sent_at=sent_at), *scribe.body(), *scribe.foot(kind_key)]
    return Message(
        kind=report.kind,
        severity=report.severity,
        first_line=first_line(report, locale),
        lines=tuple(lines),
        colon=WORDS[locale]["colon"],
    )


def first_line(report: AlertReport, locale: Locale) -> str:
    """Return level, brand, topic or risk and the count in at most 36 characters."""
    words = WORDS[locale]
    mark = words["open"] + _mark(report, locale) + words["close"]
    if report.kind in (DeliveryKind.NOTICE, DeliveryKind.TEST):
        told = clean(report.text.partition("\n")[0]) or clean(report.brand) or words["untold"]
        return clip(mark + told, FIRST_LINE_CHARS)
    state = words[report.kind.value]
    head = mark + (f"{state} " if state else "")
    tail = _tail(report, locale)
    brand, subject = clean(report.brand), clean(report.subject)
    names = _fit(brand, subject, FIRST_LINE_CHARS - len(head) - sum(map(len, tail)))
    if len(names) < min(_LEAST_NAMES, len(brand)) and len(tail) > 1:
        tail = tail[:1]
        names = _fit(brand, subject, FIRST_LINE_CHARS - len(head) - len(tail[0]))
    return clip((head + names + "".join(tail)).strip(), FIRST_LINE_CHARS)


def _mark(report: AlertReport, locale: Locale) -> str:
    if report.kind in (DeliveryKind.NOTICE, DeliveryKind.TEST):
        return WORDS[locale][report.kind.value]
    return LEVELS[locale][report.severity.value]


def _tail(report: AlertReport, locale: Locale) -> tuple[str, ...]:
    words = WORDS[locale]
    if report.kind is DeliveryKind.ACKED and report.acked_by:
        return (" " + clip(clean(report.acked_by), 10),)
    if report.kind is DeliveryKind.DATA_GAP and report.blind:
        return (" " + words["blind_n"].format(n=len(report.blind)),)
    if report.kind is DeliveryKind.RESOLVED:
        return (" " + words["total"].format(n=number_text(report.total, locale)),) if report.total is not None else ()
    if report.value is None:
        return ()
    told = " " + words["negative"].format(n=number_text(report.value, locale))
    if report.expected is None:
        return (told,)
    return told, words["usual"].format(n=number_text(report.expected, locale))


def _fit(brand: str, subject: str, room: int) -> str:
    """Return brand and subject in at most `room` characters, the longer one cut first."""
    if not subject:
        return clip(brand, room)
    if len(brand) + 1 + len(subject) <= room:
        return f"{brand} {subject}".strip()
    half = max(0, (room - 1) // 2)
    if half < min(4, len(brand)):
        return clip(brand, room)
    brand = clip(brand, max(half, room - 1 - len(subject)))
    return f"{brand} {clip(subject, room - 1 - len(brand))}".strip()


class _Scribe:
    """Writes the lines of one report; a fact that is not known gives no line."""

    def __init__(self, report: AlertReport, locale: Locale) -> None:
        self._report = report
        self._locale: Locale = locale
        self._words = WORDS[locale]

    def marks(self, *, repeat: bool, sent_at: datetime | None) -> Iterator[Line]:
        told = self._report.at
        if repeat:
            yield self._line("mark", self._words["repeat"], keep=_TEXT)
        if sent_at is not None and told is not None and sent_at - told > _LATE:
            span = span_text((sent_at - told).total_seconds(), self._locale)
            yield self._line("mark", self._words["late"].format(span=span), keep=_TEXT)

    def body(self) -> Iterator[Line]:
        kind = self._report.kind
        if kind in (DeliveryKind.NOTICE, DeliveryKind.TEST):
            yield from self._free_words()
            return
        yield self._level()
        if kind is DeliveryKind.RESOLVED:
            yield from self._summary()
        else:
            yield from self._present()
        yield from self._spread()
        yield from self._stories()
        yield from self._blind()
        yield from self._people()

    def foot(self, key: str) -> Iterator[Line]:
        report = self._report
        if report.incident:
            yield self._line("number", clean(report.incident), keep=_TEXT)
        for name, link, keep in (("console", report.console_url, _TEXT), ("kibana", report.kibana_url, _FULL)):
            own = safe_url(link)
            if own and not is_loopback(own):
                yield self._line(name, self._words[name], url=own, keep=keep)
        key = key or (f"{report.incident}:{report.seq}" if report.incident else "")
        if key:
            yield self._line("key", clean(key), keep=_TEXT)

    def _line(self, name: str, text: str, *, url: str | None = None, quoted: bool = False, keep: int = _FULL) -> Line:
        return Line(name=name, label=self._words[f"line_{name}"], text=text, url=url, quoted=quoted, keep=keep)

    def _number(self, value: float) -> str:
        return number_text(value, self._locale)

    def _moment(self, moment: datetime) -> str:
        return self._words["at"].format(at=moment_text(moment))

    def _free_words(self) -> Iterator[Line]:
        if self._report.kind is DeliveryKind.TEST:
            yield self._line("text", self._words["test_note"], keep=_TEXT)
        shown = first_line(self._report, self._locale)
        for place, paragraph in enumerate(self._report.text.split("\n")[:_TEXT_LINES]):
            told = clip(clean(paragraph), _TEXT_CHARS)
            if told and not (place == 0 and shown.endswith(told)):
                yield self._line("text", told, keep=_TEXT)
        yield from self._blind()

    def _level(self) -> Line:
        report = self._report
        parts = (LEVELS[self._locale][report.severity.value], report.brand, report.subject, report.rule)
        return self._line("level", " · ".join(clip(clean(part), _QUOTE_CHARS) for part in parts if part), keep=_TEXT)

    def _present(self) -> Iterator[Line]:
        report = self._report
        yield from self._count()
        if report.reason:
            yield self._line("reason", clip(clean(report.reason), _REASON_CHARS), keep=_LITE)
        if report.kind is DeliveryKind.DATA_GAP:
            yield self._line("mark", self._words["gap_note"], keep=_TEXT)
        if report.kind is DeliveryKind.UNSTABLE:
            yield self._line("mark", self._words["unstable_note"], keep=_TEXT)
        if report.started_at is not None:
            yield self._line("since", self._since(report.started_at), keep=_LITE)
        if report.kind is DeliveryKind.ESCALATED:
            yield from self._peak()
        yield from self._quote()

    def _since(self, started: datetime) -> str:
        if self._report.at is None or self._report.at <= started:
            return self._moment(started)
        span = span_text((self._report.at - started).total_seconds(), self._locale)
        return self._words["since"].format(at=moment_text(started), span=span)

    def _count(self) -> Iterator[Line]:
        report, words = self._report, self._words
        if report.value is None:
            return
        n = self._number(report.value)
        if report.window_s:
            told = words["count_window"].format(n=n, window=span_text(report.window_s, self._locale))
        else:
            told = words["count"].format(n=n)
        if report.expected is not None:
            told += words["count_usual"].format(n=self._number(report.expected))
        yield self._line("count", told, keep=_TEXT)

    def _quote(self) -> Iterator[Line]:
        report = self._report
        quote, url = clip(clean(report.quote), _QUOTE_CHARS), safe_url(report.quote_url)
        if quote or url:
            yield self._line("quote", quote or self._words["original"], url=url, quoted=bool(quote), keep=_TEXT)

    def _summary(self) -> Iterator[Line]:
        report = self._report
        if report.started_at is not None:
            yield self._line("since", self._moment(report.started_at), keep=_LITE)
        if report.resolved_at is not None:
            yield self._line("end", self._moment(report.resolved_at), keep=_LITE)
            if report.started_at is not None:
                seconds = (report.resolved_at - report.started_at).total_seconds()
                yield self._line("length", span_text(seconds, self._locale), keep=_TEXT)
        yield from self._peak()
        if report.total is not None:
            yield self._line("total", self._words["count"].format(n=self._number(report.total)), keep=_TEXT)
        if report.reason:
            yield self._line("reason", clip(clean(report.reason), _REASON_CHARS))
        yield from self._quote()

    def _peak(self) -> Iterator[Line]:
        report = self._report
        if report.peak_value is None:
            return
        told = self._words["count"].format(n=self._number(report.peak_value))
        if report.peak_at is not None:
            told += f" · {self._moment(report.peak_at)}"
        yield self._line("peak", told, keep=_TEXT)

    def _spread(self) -> Iterator[Line]:
        report, words, comma = self._report, self._words, self._words["comma"]
        counted = [
            words[name].format(n=self._number(value))
            for name in ("shares", "comments", "likes", "favourites", "views")
            if (value := getattr(report.engagement, name)) is not None
        ]
        if counted:
            yield self._line("engagement", comma.join(counted))
        if report.author is not None:
            yield self._author(report.author)
        yield from self._first()
        if report.platforms:
            shown = [f"{self._platform(name)} {self._number(n)}" for name, n in report.platforms[:6]]
            yield self._line("platforms", comma.join(shown), keep=_LITE)
        if report.authors is not None:
            yield self._line("authors", words["authors"].format(n=self._number(report.authors)), keep=_LITE)
        if report.negative_share is not None:
            told = f"{report.negative_share:.0%}"
            if report.usual_share is not None:
                told += words["share_usual"].format(n=f"{report.usual_share:.0%}")
            yield self._line("share", told, keep=_LITE)

    def _author(self, author: ReportAuthor) -> Line:
        facts = [self._platform(author.platform)]
        if author.followers is not None:
            facts.append(self._words["followers"].format(n=self._number(author.followers)))
        name = clip(clean(author.name), _NAME_CHARS) or self._words["anonymous"]
        return self._line("author", f"{name} · " + " · ".join(facts))

    def _first(self) -> Iterator[Line]:
        report = self._report
        told = [clip(clean(report.first_publisher or ""), _NAME_CHARS)]
        if report.first_published_at is not None:
            told.append(self._moment(report.first_published_at))
        if any(told):
            yield self._line("first", " · ".join(part for part in told if part))

    def _platform(self, name: str) -> str:
        return clip(clean(platform_name(name, self._locale)), _NAME_CHARS)

    def _stories(self) -> Iterator[Line]:
        report = self._report
        for i, story in enumerate(report.stories[:3], start=1):
            yield self._story(i, story)
        more = (report.story_count or 0) - min(3, len(report.stories))
        if more > 0:
            yield self._line("stories", self._words["stories_more"].format(n=more))

    def _story(self, i: int, story: ReportStory) -> Line:
        quote = clip(clean(story.quote), _QUOTE_CHARS) or self._words["original"]
        facts = [self._platform(story.platform), self._words["story_n"].format(n=self._number(story.mentions))]
        if story.outlet:
            facts.insert(1, clip(clean(story.outlet), _NAME_CHARS))
        return Line(
            name="story",
            label=self._words["line_story"].format(i=i),
            text=f"{quote}（{' · '.join(facts)}）" if self._locale == "zh" else f"{quote} ({' · '.join(facts)})",
            url=safe_url(story.url),
            keep=_TEXT if i == 1 else _LITE,
        )

    def _blind(self) -> Iterator[Line]:
        for source in self._report.blind[:5]:
            facts = [clip(clean(source.source), _QUOTE_CHARS)]
            if source.since is not None:
                facts.append(self._words["blind_since"].format(at=moment_text(source.since)))
            if source.why:
                facts.append(clip(clean(source.why), _QUOTE_CHARS))
            yield self._line("blind", " · ".join(facts), keep=_LITE)
        if len(self._report.blind) > 5:
            yield self._line("blind", self._words["blind_n"].format(n=len(self._report.blind)), keep=_LITE)

    def _people(self) -> Iterator[Line]:
        report = self._report
        if report.flags:
            yield self._line("flags", self._words["comma"].join(flag_name(f, self._locale) for f in report.flags))
        if report.acked_by:
            yield self._line("acked", clip(clean(report.acked_by), _NAME_CHARS), keep=_LITE)
        elif report.kind is DeliveryKind.RESOLVED:
            yield self._line("acked", self._words["nobody"], keep=_LITE)
        for note in report.notes[-3:]:
            yield self._line("notes", clip(clean(note), _QUOTE_CHARS), quoted=True)
