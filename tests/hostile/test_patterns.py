"""No regular expression of ours can be made to work longer than in proportion to its input."""

import re
import time
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import pytest

from tests.hostile.pumps import attacks

PACKAGES = ("crawlers", "analysis", "domain", "alerts", "config", "storage", "dashboards")
SIZE = 16_000
LIMIT_S = 0.1
# Patterns that never see more than so many characters; where they are used says so.
SHORT = {
    "crawlers.cn_time": 100,
    "crawlers.platforms._article_meta._TITLE_TAIL": 300,
    "crawlers.platforms._feed_entry._MAIL_AUTHOR": 200,
    "crawlers.platforms._feed_xml._FOREIGN": 1_100,
}
# Patterns that are tried at one place only, never searched for.
TRIED_ONCE = frozenset({
    "domain.query.parser.AND", "domain.query.parser.OR", "domain.query.parser.NEAR", "domain.query.parser.NOT",
    "config.values._DURATION", "config.values._DURATION_PART", "config.values._HOST_PORT",
})  # fmt: skip


def _of(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _of(each)
    elif isinstance(value, list | tuple | frozenset):
        for each in value:
            yield from _of(each)


def patterns() -> dict[str, re.Pattern[str]]:
    """Return every pattern that a module of ours keeps, by the name of the module that makes it."""
    found: dict[str, re.Pattern[str]] = {}
    owners: set[re.Pattern[str]] = set()
    for package in PACKAGES:
        for module in sorted(walk_packages(import_module(package).__path__, f"{package}."), key=lambda each: each.name):
            if "migrations" in module.name:
                continue
            for name, value in vars(import_module(module.name)).items():
                for number, pattern in enumerate(_of(value)):
                    if pattern not in owners:
                        owners.add(pattern)
                        found[f"{module.name}.{name}" + (f"[{number}]" if number else "")] = pattern
    return found


FOUND = patterns()


def _bound(name: str) -> int:
    return min((size for prefix, size in SHORT.items() if name.startswith(prefix)), default=SIZE)


def _time_s(pattern: re.Pattern[str], text: str, once: bool) -> float:
    subject: str = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text  # type: ignore[assignment]
    begun = time.process_time()
    if once:
        pattern.match(subject)
        pattern.fullmatch(subject)
    else:
        for _ in pattern.finditer(subject):
            pass
        pattern.fullmatch(subject)
    return time.process_time() - begun


@pytest.mark.parametrize("name", sorted(FOUND))
def test_pattern_is_linear_on_texts_made_against_it(name: str) -> None:
    pattern, once = FOUND[name], name in TRIED_ONCE
    for text in attacks(pattern, _bound(name)):
        took_s = min(_time_s(pattern, text, once) for _ in range(3)) if _time_s(pattern, text, once) > LIMIT_S else 0.0
        assert took_s <= LIMIT_S, f"{took_s:.2f} s for {len(text)} characters like {text[:60]!r}"


def test_every_named_exception_exists() -> None:
    assert TRIED_ONCE <= FOUND.keys()
    assert all(any(name.startswith(prefix) for name in FOUND) for prefix in SHORT)


@pytest.mark.parametrize("evil", [r"<x[^>]*>.*?</x>", r"\s+$"])
def test_the_attacks_find_what_is_known_to_be_slow(evil: str) -> None:
    pattern = re.compile(evil)
    small, large = (
        max(_time_s(pattern, text + "!", once=False) for text in attacks(pattern, size)) for size in (500, 4_000)
    )
    assert large > 20 * small
