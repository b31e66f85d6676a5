"""A statement is the same text for a list of any length: each connection keeps the statements it has made."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from domain.ports import Change, DeskChange
from storage import State, open_state
from storage.mentions.rows import delete_rows, load_docs
from tests.storage.desk_sample import incident
from tests.storage.sample import NOW, mention

LEASE = timedelta(minutes=5)


class Noting:
    """A connection that finds nothing and keeps the text of every statement."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def execute(self, sql: str, _values: Any = ()) -> "Noting":
        self.asked.append(sql)
        return self

    def fetchall(self) -> list[Any]:
        return []

    def __iter__(self) -> Any:
        return iter(())


def rows_of(state: State, number: int) -> list[int]:
    state.inbox.append([mention(f"{number}-{n}") for n in range(number)], now=NOW)
    return [each.row for each in state.inbox.lease(owner="a", limit=10, lease=LEASE, now=NOW)]


def ack(state: State, number: int) -> None:
    changes = [Change(mention=str(n), brand="y", bucket=NOW, at=NOW) for n in range(number)]
    state.inbox.ack(rows_of(state, number), changes, owner="a", now=NOW)
    taken = state.inbox.claim_changes(owner="a", limit=10, lease=LEASE, now=NOW)
    state.desk.commit(DeskChange(claimed=tuple(each.row for each in taken)), now=NOW)


def release(state: State, number: int) -> None:
    state.inbox.release(rows_of(state, number), owner="a", now=NOW, delay=LEASE, tried=True)


def write_incidents(state: State, number: int) -> None:
    new = tuple(incident(f"{number}{n:04d}") for n in range(number))
    state.desk.commit(DeskChange(incidents=new), now=NOW)
    state.desk.commit(DeskChange(incidents=tuple(replace(each, version=1) for each in new)), now=NOW)


def forget_plans(state: State, number: int) -> None:
    plans = [f"{number}-{n}" for n in range(number)]
    state.refreshes.drop(plans)
    state.refreshes.lift(plans)


@pytest.mark.parametrize("work", [ack, release, write_incidents, forget_plans])
def test_the_state_makes_one_statement_for_any_number(work: Callable[[State, int], None], tmp_path: Path) -> None:
    asked: set[str] = set()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("INSERT"):  # rows are written in groups of two sizes
            asked.add(statement)

    state = open_state(None, tmp_path)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        work(state, 3)
        known = set(asked)
        for number in (4, 5, 7):
            work(state, number)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        state.close()
    assert known and asked == known


def test_the_mention_store_makes_one_statement_for_any_number() -> None:
    few, many = Noting(), Noting()
    for number, connection in ((1, few), (9, many)):
        load_docs(connection, [str(n) for n in range(number)])  # type: ignore[arg-type]
        delete_rows(connection, list(range(number)))  # type: ignore[arg-type]
    assert few.asked == many.asked
