"""What the state must do for figures of accounts, whatever is behind it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.account import AccountReading
from domain.ports import AccountReadings
from storage import State
from storage.scrub import Erased
from storage.state.erase import Author
from tests.storage.sample import NOW


def reading(day: int = 20, **more: Any) -> AccountReading:
    given = {"platform": "weibo", "account": "7", "day": f"2026-06-{day:02}", "at": NOW, **more}
    return AccountReading(**given)


def test_readings_are_kept_by_account_and_day(state: State) -> None:
    book: AccountReadings = state.accounts
    assert book.latest("weibo", "7") is None
    assert book.put([]) == 0
    days = [reading(20, followers=3), reading(18, followers=1), reading(19, followers=2)]
    assert book.put([*days, reading(20, account="8", followers=9)]) == 4
    assert [each.followers for each in book.between("weibo", "7", "2026-06-18", "2026-06-19")] == [1, 2]
    assert book.latest("weibo", "7") == reading(20, followers=3)
    assert book.between("bilibili", "7", "2026-01-01", "2026-12-31") == []


def test_writing_a_day_again_joins_and_is_idempotent(state: State) -> None:
    later = NOW + timedelta(hours=1)
    assert state.accounts.put([reading(followers=3, views=10)]) == 1
    assert state.accounts.put([reading(followers=3, views=10)]) == 0
    assert state.accounts.put([reading(followers=4, at=later), reading(likes=0, at=later)]) == 2
    (kept,) = state.accounts.between("weibo", "7", "2026-06-20", "2026-06-20")
    assert kept == reading(followers=4, views=10, likes=0, at=later)
    assert state.accounts.put([reading(views=12, imported=True, at=later)]) == 1
    assert state.accounts.put([reading(views=11, at=later)]) == 0
    assert state.accounts.latest("weibo", "7") == replace(kept, views=12, imported=True)


def test_odd_ids_are_kept_apart(state: State) -> None:
    odd = ["'; DROP TABLE account_readings; --", "云杉咖啡\x00", "\ud800", "%"]
    state.accounts.put([reading(account=name, followers=number) for number, name in enumerate(odd)])
    found = [state.accounts.latest("weibo", name) for name in odd]
    assert [each.followers for each in found if each] == [0, 1, 2, 3]


def test_old_readings_are_pruned_and_an_erased_account_loses_its_own(state: State) -> None:
    old = reading(1, followers=1, at=NOW - timedelta(days=1_200))
    state.accounts.put([old, reading(followers=2), reading(account="8", followers=3)])
    assert state.accounts.prune(before=NOW - timedelta(days=1_100)) == 1
    author, nobody = Author(platform="weibo", author_id="7", name=None), Erased(platform="weibo", names=frozenset())
    assert state.erase(author, nobody, now=NOW, preview=True) == {"account_readings": 1}
    assert state.accounts.latest("weibo", "7") is not None
    assert state.erase(author, nobody, now=NOW) == {"account_readings": 1}
    assert state.accounts.latest("weibo", "7") is None
    assert state.accounts.latest("weibo", "8") is not None
