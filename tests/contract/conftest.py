"""Every backend that the contract suites run over; a new one adds a name here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage import MentionStore, State, open_mentions, open_state
from tests.elasticsearch_node.fixture import empty_elastic
from tests.postgres_node import postgres

MENTION_STORES = ["memory", "sqlite", pytest.param("elasticsearch", marks=pytest.mark.es)]
STATES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.pg)]


@pytest.fixture(params=MENTION_STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MentionStore]:
    with opened_mentions(request.param, tmp_path) as opened:
        yield opened


@contextmanager
def opened_mentions(kind: str, folder: Path) -> Iterator[MentionStore]:
    """Open an empty mention store."""
    if kind == "elasticsearch":
        yield empty_elastic()
        return
    opened = open_mentions(kind, folder)
    yield opened
    opened.close()


@pytest.fixture(params=STATES)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    opened = open_state(postgres().ready() if request.param == "postgresql" else None, tmp_path)
    yield opened
    opened.close()
