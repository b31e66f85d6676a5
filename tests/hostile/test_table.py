"""The table of cases and doors: every case is met at every door where it can come in."""

import pytest

from tests.hostile.cases import TEXTS, Case
from tests.hostile.test_answers import ANSWERS
from tests.hostile.test_bodies import BODIES, ENDPOINTS
from tests.hostile.test_crawl import MOVING, PLATFORMS, ROBOTS, SERVED
from tests.hostile.test_files import LINES, QUERIES, SETTINGS

PUBLISHED = frozenset(TEXTS)
OF_SERVERS = frozenset({Case.GZIP_BOMB, *MOVING})
"""What only a server can do: it has no form in a file, in a line or in a message."""


@pytest.mark.parametrize("case", Case, ids=lambda case: case.value)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_pages_meet_every_case(platform: str, case: Case) -> None:
    assert case in SERVED[platform] or case in MOVING


@pytest.mark.parametrize("case", sorted(set(Case) - OF_SERVERS - {Case.EXTERNAL_ENTITY}), ids=lambda case: case.value)
def test_files_and_standard_input_meet_every_case(case: Case) -> None:
    assert case in LINES


@pytest.mark.parametrize("case", sorted(PUBLISHED), ids=lambda case: case.value)
def test_what_anybody_can_publish_comes_in_at_every_door_and_goes_out_at_every_channel(case: Case) -> None:
    assert case in TEXTS
    assert case in LINES
    assert all(case in served for served in SERVED.values())


def test_every_platform_that_fetches_is_in_the_table() -> None:
    from crawlers.platforms import platform_specs

    assert set(platform_specs()) - {"import"} <= set(PLATFORMS)
    assert {endpoint.partition(".")[0] for endpoint in ENDPOINTS} == set(PLATFORMS)


def test_the_other_doors_meet_what_can_reach_them() -> None:
    assert {"alias-bomb", "self-alias", "deep", "python-object", "twice", "control", "bad-utf8", "giant", "nul"} <= set(
        SETTINGS
    )
    assert {"parentheses", "megabyte", "regex", "nul"} <= set(QUERIES)
    assert {"deep-json", "html", "nul", "wrong-types", "retry-after-negative", "retry-after-date"} <= set(ANSWERS)
    assert {"binary", "stars", "gzip-bomb"} <= set(ROBOTS)
    assert {"doctypes", "quotes", "attributes"} <= set(BODIES)
