"""What every store of credentials must do, whatever is behind it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crawlers.credentials import MemoryCredentials
from domain.credential import CredentialCondition as C
from domain.credential import CredentialState
from domain.outcome import FetchOutcome as F
from domain.ports import CredentialStore
from storage import State, open_state
from tests.contract.conftest import STATES
from tests.postgres_node import postgres
from tests.storage.sample import NOW

COOKIE = CredentialState(
    name="cookie:weibo.com:0f", host="weibo.com", condition=C.COOLING, since=NOW, until=NOW + timedelta(hours=6),
    why=F.CAPTCHA, fails=2, place="`cookie` of source 微博",
)  # fmt: skip
DAY = "2026-06-20"


@pytest.fixture(params=["memory", *STATES])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CredentialStore]:
    if request.param == "memory":
        yield MemoryCredentials()
        return
    opened = open_state(postgres().ready() if request.param == "postgresql" else None, tmp_path)
    yield opened.credentials
    opened.close()


def test_states_come_back_as_they_were(store: CredentialStore) -> None:
    assert store.load() == {}
    other = replace(COOKIE, name="cookie:weibo.com:1a", condition=C.OK, until=None, why=None)
    store.save(COOKIE)
    store.save(other)
    assert store.load() == {COOKIE.name: COOKIE, other.name: other}
    store.save(replace(COOKIE, fails=3))
    assert store.load()[COOKIE.name].fails == 3


def test_what_is_dead_stays_dead(store: CredentialStore) -> None:
    dead = replace(COOKIE, condition=C.DEAD, until=None)
    store.save(COOKIE)
    store.save(dead)
    store.save(replace(COOKIE, condition=C.OK))
    assert store.load() == {dead.name: dead}


def test_requests_are_counted_by_key_and_day(store: CredentialStore) -> None:
    assert store.used("k", day=DAY) == 0
    assert [store.spend("k", day=DAY, most=3) for _ in range(5)] == [1, 2, 3, None, None]
    assert store.spend("other", day=DAY, most=3) == 1
    assert store.used("k", day=DAY) == 3
    assert store.spend("k", day="2026-06-21", most=3) == 1
    assert store.used("k", day="2026-06-21") == 1
    assert store.load() == {}


def test_salt_stays(store: CredentialStore) -> None:
    assert store.salt() and store.salt() == store.salt()


def test_many_threads_spend_no_more_than_there_is(state: State) -> None:
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: state.credentials.spend("k", day=DAY, most=25), range(60)))
    assert sorted(each for each in got if each is not None) == list(range(1, 26))


def test_many_threads_agree_on_one_salt(state: State) -> None:
    with ThreadPoolExecutor(8) as pool:
        salts = set(pool.map(lambda _: state.credentials.salt(), range(8)))
    assert len(salts) == 1 and len(salts.pop()) == 64


def test_what_is_old_is_forgotten_and_the_salt_is_not(state: State) -> None:
    salt = state.credentials.salt()
    state.credentials.save(replace(COOKIE, since=NOW - timedelta(days=500)))
    state.credentials.save(replace(COOKIE, name="cookie:weibo.com:1a"))
    state.credentials.spend("old", day="2025-01-01", most=3)
    state.credentials.spend("new", day=DAY, most=3)
    assert state.credentials.prune(before=NOW - timedelta(days=400)) == 2
    assert list(state.credentials.load()) == ["cookie:weibo.com:1a"]
    assert (state.credentials.used("old", day="2025-01-01"), state.credentials.used("new", day=DAY)) == (0, 1)
    assert state.credentials.salt() == salt
