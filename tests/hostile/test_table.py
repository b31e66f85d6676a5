"""The table of cases and doors: every case is met at every door where it can come in."""

from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform, platform_specs
from domain.secret import Secret
from tests.crawlers.pages import NOW, platform_of, source
from tests.hostile.cases import TEXTS, Case
from tests.hostile.test_answers import ANSWERS
from tests.hostile.test_bodies import BODIES, ENDPOINTS
from tests.hostile.test_crawl import HOT_LISTS, MOVING, NEVER_ASKED, PLATFORMS, ROBOTS, SERVED
from tests.hostile.test_files import LINES, QUERIES, SETTINGS

PUBLISHED = frozenset(TEXTS)
OF_SERVERS = frozenset({Case.GZIP_BOMB, *MOVING})
"""What only a server can do: it has no form in a file, in a line or in a message."""


@pytest.mark.parametrize("platform", PLATFORMS)
def test_pages_meet_every_case(platform: str) -> None:
    assert set(Case) <= {*SERVED[platform], *MOVING}


@pytest.mark.parametrize("case", sorted(set(Case) - OF_SERVERS - {Case.EXTERNAL_ENTITY}), ids=lambda case: case.value)
def test_files_and_standard_input_meet_every_case(case: Case) -> None:
    assert case in LINES


@pytest.mark.parametrize("case", sorted(PUBLISHED), ids=lambda case: case.value)
def test_what_anybody_can_publish_comes_in_at_every_door_and_goes_out_at_every_channel(case: Case) -> None:
    assert case in TEXTS
    assert case in LINES
    assert all(case in served for served in SERVED.values())


def test_every_platform_that_fetches_is_in_the_table() -> None:
    assert set(PLATFORMS) == set(platform_specs()) - set(NEVER_ASKED)
    assert {platform_of(endpoint).name for endpoint in ENDPOINTS} == set(platform_specs()) - {"import"}


@pytest.mark.parametrize("name", NEVER_ASKED)
def test_platforms_outside_the_table_ask_for_nothing(name: str) -> None:
    platform, url = build_platform(name), "https://a.example.cn/"
    for transport in ("open", "cookie", "official"):
        settings: tuple[dict[str, Any], ...] = ({}, {"query": ("云杉咖啡",)}, {"url": url}, {"robots": "override"})
        for more in settings:
            own = source(platform=name, transport=transport, cookie=Secret("a=b"), token=Secret("c"), **more)
            try:
                assert platform.start(own, NOW) == (), own
            except SourceError as err:
                assert name != "import" and len(str(err)) > 40


@pytest.mark.parametrize("name", sorted(HOT_LISTS))
def test_hot_lists_are_all_that_may_be_asked_without_credentials(name: str) -> None:
    (fetch,) = build_platform(name).start(source(platform=name), NOW)
    assert fetch.endpoint == f"{name}.hot"
    with pytest.raises(SourceError):
        build_platform(name).start(source(platform=name, query=("云杉咖啡",)), NOW)


def test_the_other_doors_meet_what_can_reach_them() -> None:
    assert {"alias-bomb", "self-alias", "deep", "python-object", "twice", "control", "bad-utf8", "giant", "nul"} <= set(
        SETTINGS
    )
    assert {"parentheses", "megabyte", "regex", "nul"} <= set(QUERIES)
    assert {"deep-json", "html", "nul", "wrong-types", "retry-after-negative", "retry-after-date"} <= set(ANSWERS)
    assert {"binary", "stars", "gzip-bomb"} <= set(ROBOTS)
    assert {"doctypes", "quotes", "attributes"} <= set(BODIES)
