"""Which watched brands a mention names, and where."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from analysis.normalise import fold_text, simplify
from analysis.queries import QuerySet
from domain.query import Document, spans
from domain.tagging import BrandDefinition

__all__ = ["AliasFinder", "AliasHit", "BrandHit", "BrandMatcher", "brand_words", "brands_version"]

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasHit:
    """A name found in a text."""

    owner: str
    """Id it was registered for."""
    start: int
    """First character."""
    end: int
    """Character after the last."""


class AliasFinder:
    """Finds many names in one pass; of overlapping names the leftmost longest wins."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        """Compile names by owner; of a name with two owners the first keeps it, blank ones are ignored."""
        owners: dict[str, str] = {}
        for owner, aliases in names.items():
            for alias in aliases:
                folded = fold_text(alias).strip()
                if folded:
                    owners.setdefault(folded, owner)
        self._owners = tuple(owners.values())
        self._automaton = AhoCorasick(
            list(owners), matchkind=MatchKind.LeftmostLongest, implementation=Implementation.ContiguousNFA
        )

    def find(self, folded: str) -> list[AliasHit]:
        """Find names in a text as made by `fold_text`.

        A name that begins or ends with a Latin letter or digit counts only where the text
        does not go on with one. Chinese has no such border: short names need a query.
        """
        return [
            AliasHit(owner=self._owners[pattern], start=start, end=end)
            for pattern, start, end in self._automaton.find_matches_as_indexes(folded)
            if _stands_alone(folded, start, end)
        ]


def _stands_alone(text: str, start: int, end: int) -> bool:
    before = start > 0 and _is_word(text[start]) and _is_word(text[start - 1])
    after = end < len(text) and _is_word(text[end - 1]) and _is_word(text[end])
    return not (before or after)


def _is_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandHit:
    """A watched brand that a mention names."""

    brand: str
    """Brand id."""
    spans: tuple[Span, ...]
    """Where its words stand in the text, in order, no two overlapping."""
    title_spans: tuple[Span, ...]
    """Where its words stand in the title, likewise."""


class BrandMatcher:
    """Decides by each brand's own query; words and aliases give the positions."""

    def __init__(self, brands: Sequence[BrandDefinition]) -> None:
        """Compile the definitions.

        Raises:
            domain.query.QueryError: a definition cannot be read; settings check this earlier.
        """
        self._queries = QuerySet({brand.id: simplify(brand.query) for brand in brands})
        self._ids = frozenset(brand.id for brand in brands)
        self._aliases = AliasFinder({brand.id: (brand.name, *brand.aliases) for brand in brands})
        self.version: Final = brands_version(brands)

    def match(
        self, title: str | None, text: str, line: str, document: Callable[[], Document] | None = None
    ) -> list[BrandHit]:
        """Return the brands that a text names, by id.

        Traditional characters are read as simplified ones; positions are those of the
        text as given.

        Args:
            title: title; None = none.
            text: text, may be empty.
            line: `queries.unit_line` of title and text together, simplified.
            document: makes further public fields that a definition may ask for.
        """

        def fields() -> Document:
            more = document() if document is not None else {}
            return {**more, "title": simplify(title) if title else None, "text": simplify(text)}

        names = self._queries.matching(line, fields)
        return [self._locate(name, simplify(title or ""), simplify(text)) for name in names]

    def forced(self, brands: Sequence[str], title: str | None, text: str) -> list[BrandHit]:
        """Return hits of brands that a text counts for whether it names them or not, by id; unknown ones are none.

        Args:
            brands: ids, in any order.
            title: title; None = none.
            text: text, may be empty.
        """
        known = sorted(self._ids.intersection(brands))
        return [self._locate(brand, simplify(title or ""), simplify(text)) for brand in known]

    def _locate(self, brand: str, title: str, text: str) -> BrandHit:
        return BrandHit(
            brand=brand,
            spans=self._spans(brand, text, "text"),
            title_spans=self._spans(brand, title, "title") if title else (),
        )

    def _spans(self, brand: str, plain: str, field: str) -> tuple[Span, ...]:
        found = list(spans(self._queries.node(brand), plain, field=field))
        found += [(hit.start, hit.end) for hit in self._aliases.find(fold_text(plain)) if hit.owner == brand]
        return _joined(found)


def _joined(found: list[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for start, end in sorted(found):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def brand_words(brands: Sequence[BrandDefinition]) -> tuple[str, ...]:
    """Return names and aliases as the segmenter has to keep them whole, sorted."""
    words = {fold_text(word).strip() for brand in brands for word in (brand.name, *brand.aliases)}
    return tuple(sorted(word for word in words if word and " " not in word))


def brands_version(brands: Sequence[BrandDefinition]) -> str:
    """Return 12 hex digits that change whenever a definition does; order does not matter."""
    lines = sorted(f"{brand.id}\t{brand.query}\t{brand.name}\t{'|'.join(brand.aliases)}" for brand in brands)
    return sha256("\n".join(lines).encode()).hexdigest()[:12]
