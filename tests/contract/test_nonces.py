"""A nonce counts once, whatever database is behind it and whoever asks at the same time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from storage import State
from tests.storage.sample import NOW


def test_a_nonce_is_used_once(state: State) -> None:
    assert state.nonces.use("shuju:0123456789abcdef", NOW)
    assert not state.nonces.use("shuju:0123456789abcdef", NOW + timedelta(minutes=4))
    assert state.nonces.use("other:0123456789abcdef", NOW)


def test_of_many_who_use_a_nonce_at_once_one_does(state: State) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: state.nonces.use("n", NOW), range(24))) == 1


def test_old_nonces_are_forgotten_and_fresh_ones_are_not(state: State) -> None:
    state.nonces.use("old", NOW - timedelta(hours=2))
    state.nonces.use("fresh", NOW)
    assert state.nonces.prune(before=NOW - timedelta(hours=1)) == 1
    assert state.nonces.use("old", NOW) and not state.nonces.use("fresh", NOW)
    assert state.nonces.prune(before=NOW - timedelta(hours=1)) == 0
