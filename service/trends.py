"""Hot lists as people see them: which line names which brand, where it stands, since when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from config.settings import Settings
from domain.moment import moment_text, to_rfc3339
from domain.ports import MentionSearch, TrendBook
from domain.source import SourceHealth, SourceState
from domain.tagging import BrandDefinition, Polarity
from domain.trend import BrandTrend, TrendSpell

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["BrandTrends", "SeenTrend", "TitleMatcher", "seen_trends", "trend_table", "trend_view"]

_MARGIN = timedelta(hours=1)
"""How much longer than any rule holds a stay that has ended is shown to them."""
_KNOWN = 20_000
_DARK = (SourceState.BLIND, SourceState.PAUSED)

State = Literal["on", "left", "blind"]


class TitleMatcher:
    """Finds the brands that the words of a line name, by their own queries; remembers the newest 20,000 lines."""

    def __init__(self, brands: Sequence[BrandDefinition]) -> None:
        from analysis.match import BrandMatcher

        self._matcher = BrandMatcher(brands)
        self.brands = lru_cache(_KNOWN)(self._brands)
        """Return the ids of the brands that a line of a platform names, sorted; the words stand as title and text."""

    def _brands(self, title: str, platform: str) -> tuple[str, ...]:
        from analysis.normalise import fold_text, simplify
        from analysis.queries import unit_line

        line = unit_line(fold_text(simplify(title)))
        hits = self._matcher.match(title, title, line, lambda: {"platform": platform, "kind": "post"})
        return tuple(hit.brand for hit in hits)


class BrandTrends:
    """Gives the rules what they look at: stays by brand, with what the line says of it.

    Args:
        brands: Who is looked for.
        book: Where stays are noted.
        mentions: Where the lines are, as mentions.
        hold: The longest time for which a rule holds after a line has left its list.
    """

    def __init__(
        self, brands: Sequence[BrandDefinition], book: TrendBook, mentions: MentionSearch, *, hold: timedelta
    ) -> None:
        self._matcher = TitleMatcher(brands)
        self._book = book
        self._mentions = mentions
        self._look_back = hold + _MARGIN

    def __call__(self, now: datetime) -> Mapping[str, Sequence[BrandTrend]]:
        """Return the stays that go on or ended lately, by the brands that they name, newest entry first.

        Raises:
            TingfengError: a store did not answer.
        """
        named = [
            (brand, spell)
            for spell in self._book.spells(since=now - self._look_back)
            for brand in self._matcher.brands(spell.title, spell.platform)
        ]
        found = self._mentions.get(sorted({spell.mention for _, spell in named})) if named else {}
        trends: dict[str, list[BrandTrend]] = {}
        for brand, spell in named:
            mention = found.get(spell.mention)
            tags = mention.tags if mention is not None else None
            said: Polarity | None = None
            if tags is not None:
                said = next((tag.sentiment.polarity for tag in tags.brands if tag.brand == brand), None)
            story = mention.story_id if mention is not None else None
            trends.setdefault(brand, []).append(BrandTrend(spell=spell, polarity=said, story_id=story))
        return trends


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTrend:
    """A stay as it is shown."""

    spell: TrendSpell
    """The stay."""
    brands: tuple[str, ...]
    """Ids of the brands that it names, sorted; empty = none."""
    state: State
    """on = still on the list, left = it has left, blind = it was there at the last look, and now nobody can look."""


def seen_trends(
    book: TrendBook,
    matcher: TitleMatcher,
    health: Sequence[SourceHealth],
    *,
    since: datetime,
    platform: str | None = None,
    brand: str | None = None,
    everything: bool = False,
) -> list[SeenTrend]:
    """Return stays that were seen since a moment or go on, newest entry first.

    Args:
        book: Where they are noted.
        matcher: Finds brands.
        health: How the sources are now; a list that no source reads any more is one that cannot be read.
        since: First moment, UTC.
        platform: Only this one; None = all.
        brand: Only lines that name it; None = any brand.
        everything: Lines that name no brand too.
    """
    alive = {each.source for each in health if each.state not in _DARK}
    seen = []
    for spell in book.spells(since=since, platform=platform):
        brands = matcher.brands(spell.title, spell.platform)
        if (brand is not None and brand not in brands) or not (brands or everything):
            continue
        seen.append(SeenTrend(spell=spell, brands=brands, state=_state(spell, alive)))
    return seen


def _state(spell: TrendSpell, alive: Collection[str]) -> State:
    if not spell.on_list:
        return "left"
    return "on" if spell.source in alive else "blind"


def trend_view(seen: SeenTrend) -> dict[str, object]:
    """Return the JSON object of one stay; extra keys may come later, these stay."""
    spell = seen.spell
    return {
        "title": spell.title,
        "platform": spell.platform,
        "source": spell.source,
        "brands": list(seen.brands),
        "state": seen.state,
        "since": to_rfc3339(spell.since),
        "entered_at": to_rfc3339(spell.entered_at),
        "stated_at": to_rfc3339(spell.stated_at) if spell.stated_at else None,
        "last_seen_at": to_rfc3339(spell.last_seen_at),
        "minutes": int(spell.stay.total_seconds() // 60),
        "rank": spell.rank,
        "first_rank": spell.first_rank,
        "best_rank": spell.best_rank,
        "best_at": to_rfc3339(spell.best_at),
        "hot": spell.hot,
        "best_hot": spell.best_hot,
        "label": spell.label,
        "url": spell.url,
        "history": spell.history,
    }


_HEADS = {
    "zh": ("品牌", "平台", "标题", "上榜", "最高", "现在", "热度", "在榜", "状态"),
    "en": ("brand", "platform", "line", "since", "best", "now", "heat", "stay", "state"),
}
_STATES: Mapping[str, Mapping[State, str]] = {
    "zh": {"on": "在榜", "left": "已离榜", "blind": "看不到"},
    "en": {"on": "on", "left": "left", "blind": "blind"},
}


def trend_table(seen: Sequence[SeenTrend], settings: Settings) -> Table:
    """Return the stays as a table for people: times of Beijing, nothing in it that commands a terminal or is markup."""
    from rich.table import Table
    from rich.text import Text

    from alerts.text import number_text, span_text
    from alerts.words import platform_name
    from service.printing import harmless

    locale = settings.locale
    names = {brand.id: brand.name for brand in settings.brands}
    table = Table(box=None, pad_edge=False)
    for place, head in enumerate(_HEADS[locale]):
        table.add_column(head, overflow="fold", justify="right" if place in (4, 5, 6, 7) else "left")
    for each in seen:
        spell = each.spell
        began = ("≤ " if spell.history else "") + moment_text(spell.since)
        cells = (
            "、".join(names.get(brand, brand) for brand in each.brands) or "-",
            platform_name(spell.platform, locale),
            spell.title + (f" [{spell.label}]" if spell.label else ""),
            began,
            str(spell.best_rank),
            str(spell.rank) if each.state != "left" else "-",
            number_text(spell.best_hot, locale) if spell.best_hot is not None else "-",
            span_text(spell.stay.total_seconds(), locale),
            _STATES[locale][each.state],
        )
        table.add_row(*(Text(harmless(" ".join(cell.split()))) for cell in cells))
    return table
