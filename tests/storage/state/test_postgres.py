"""What only a server can do: run many writers at once, restart, refuse, lose a connection."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from domain.ports import Change, DeskChange, InboxKind
from storage import State, open_state
from storage.errors import ConflictError, SchemaError, StoreError
from storage.state.database import Database
from storage.state.engine import parse_url
from storage.state.tables import METADATA
from storage.state.upgrade import upgrade
from tests.postgres_node import PostgresNode, postgres, programs
from tests.storage.desk_sample import S, delivery, incident, with_state
from tests.storage.sample import NOW, mention

pytestmark = pytest.mark.pg

T = TypeVar("T")
HOUR = timedelta(hours=1)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(postgres().ready(), tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def node() -> Iterator[PostgresNode]:
    postgres()
    if programs() is None:
        pytest.skip("restarts a server of its own: install the package `postgresql`")
    running = PostgresNode(fsync="off")
    yield running
    running.close()


def at_once(work: Callable[[int], T], times: int = 8) -> list[T]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))


# --- many writers --------------------------------------------------------------------------------------------


def test_crawlers_that_bring_the_same_posts_together_queue_each_once(state: State) -> None:
    posts = [mention(str(n)) for n in range(50)]

    def bring(n: int) -> int:
        return len(state.inbox.append(posts if n % 2 else posts[::-1], now=NOW).new)

    assert sum(at_once(bring)) == 50
    assert state.inbox.depth() == 50


def test_crawlers_that_see_the_same_change_queue_it_once(state: State) -> None:
    state.inbox.append([mention("1", "一")], now=NOW)
    changed = at_once(lambda n: len(state.inbox.append([mention("1", "二")], now=NOW).changed))
    assert sum(changed) == 1 and state.inbox.depth() == 2


def test_workers_that_claim_together_take_each_row_once_and_mentions_in_order(state: State) -> None:
    for turn in ("一", "二", "三"):
        state.inbox.append([mention(str(n), turn) for n in range(40)], now=NOW)
    done: list[tuple[str, str]] = []

    def work(n: int) -> list[int]:
        mine: list[int] = []
        idle = 0
        while idle < 20:
            rows = state.inbox.lease(owner=f"w{n}", limit=7, lease=HOUR, now=NOW)
            idle = 0 if rows else idle + 1
            done.extend((row.mention.id, row.mention.post.text) for row in rows)
            state.inbox.ack([row.row for row in rows], [], owner=f"w{n}", now=NOW)
            mine += [row.row for row in rows]
        return mine

    taken = Counter(row for rows in at_once(work) for row in rows)
    assert len(taken) == 120 and set(taken.values()) == {1}
    for id in {id for id, _ in done}:
        assert [said for each, said in done if each == id] == ["一", "二", "三"]
    assert state.inbox.depth() == 0


def test_a_later_row_waits_for_a_claim_that_is_not_committed_yet(state: State, tmp_path: Path) -> None:
    state.inbox.append([mention("1", "一")], now=NOW)
    state.inbox.append([mention("1", "二"), mention("2")], now=NOW)
    other = Database(state.url)
    with other.write() as connection:
        connection.execute(text("SELECT row FROM inbox WHERE row = 1 FOR UPDATE"))
        rows = state.inbox.lease(owner="w", limit=9, lease=HOUR, now=NOW)
    assert [(row.mention.post.native_id, row.kind) for row in rows] == [("2", InboxKind.NEW)]
    other.close()


def test_changed_rows_and_deliveries_go_to_one(state: State) -> None:
    changes = [Change(mention=str(n), brand="y", bucket=NOW, at=NOW) for n in range(200)]
    state.inbox.ack([], changes, owner="w", now=NOW)
    state.desk.commit(DeskChange(deliveries=tuple(delivery(1, incident=f"I{n}") for n in range(100))), now=NOW)

    def work(n: int) -> tuple[list[int], list[str]]:
        rows, ids = [], []
        for _ in range(30):
            rows += [each.row for each in state.inbox.claim_changes(owner=f"w{n}", limit=3, lease=HOUR, now=NOW)]
            ids += [each.id for each in state.desk.claim_deliveries(owner=f"w{n}", limit=2, lease=HOUR, now=NOW)]
        return rows, ids

    done = at_once(work)
    assert sorted(row for rows, _ in done for row in rows) == sorted({row for rows, _ in done for row in rows})
    ids = Counter(id for _, each in done for id in each)
    assert sum(len(rows) for rows, _ in done) == 200 and len(ids) == 100 and set(ids.values()) == {1}


def test_one_of_many_takes_a_role_and_a_source(state: State) -> None:
    fences = at_once(lambda n: state.leases.acquire("watch", owner=f"w{n}", lease=HOUR, now=NOW))
    assert len([fence for fence in fences if fence]) == 1
    claims = at_once(lambda n: state.visits.claim("feed", owner=f"w{n}", until=NOW + HOUR, now=NOW))
    assert sum(claims) == 1


def test_turns_at_a_site_are_all_different(state: State) -> None:
    turns = at_once(lambda n: state.sites.turn("a.cn", pace=timedelta(seconds=2), now=NOW))
    assert sorted(turns) == [NOW + timedelta(seconds=2 * n) for n in range(8)]


def test_a_message_that_is_being_sent_is_never_dropped_for_a_newer_one(state: State) -> None:
    state.desk.commit(DeskChange(deliveries=(delivery(1),)), now=NOW)
    (one,) = state.desk.claim_deliveries(owner="w", limit=9, lease=HOUR, now=NOW)
    outcomes: list[str] = []

    def race(n: int) -> None:
        try:
            if n == 0:
                state.desk.save_delivery(with_state(one, S.SENDING, attempts=1), owner="w", now=NOW)
                outcomes.append("began")
            else:
                state.desk.commit(DeskChange(deliveries=(delivery(2),)), now=NOW)
        except ConflictError:
            outcomes.append("dropped")

    at_once(race, 2)
    first = next(each for each in state.desk.deliveries() if each.seq == 1)
    assert (outcomes, first.state) in ((["began"], S.SENDING), (["dropped"], S.DROPPED))


def test_of_two_that_change_an_incident_together_one_is_told(state: State) -> None:
    state.desk.commit(DeskChange(incidents=(incident(),)), now=NOW)
    read = state.desk.incident("AB2CD")
    assert read is not None

    def change(n: int) -> bool:
        try:
            state.desk.commit(DeskChange(incidents=(replace(read, value=n),)), now=NOW)
        except ConflictError as err:
            return err.retryable
        return False

    assert sum(at_once(change, 6)) == 5


# --- the schema ----------------------------------------------------------------------------------------------


def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    database = Database(parse_url(postgres().empty(), tmp_path))
    head = upgrade(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    assert upgrade(database) == head
    database.close()


def test_a_newer_database_is_refused_without_its_password_and_left_alone(tmp_path: Path) -> None:
    url = postgres().ready()
    database = Database(parse_url(url, tmp_path))
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="newer Tingfeng") as caught:
        open_state(url, tmp_path)
    assert str(parse_url(url, tmp_path).password) not in str(caught.value)
    with database.read() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    database.close()


# --- what fails ----------------------------------------------------------------------------------------------


def test_a_lost_connection_is_noticed_before_it_is_used(state: State) -> None:
    state.inbox.append([mention("1")], now=NOW)
    other = Database(state.url)
    with other.write() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.close()
    assert state.inbox.depth() == 1


def test_a_connection_lost_in_a_transaction_writes_nothing_and_is_worth_another_try(state: State) -> None:
    database, other = Database(state.url), Database(state.url)
    with pytest.raises(StoreError) as caught, database.write() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        connection.execute(text("INSERT INTO sites (site, next_at) VALUES ('a.cn', '')"))
        with other.write() as killer:
            killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        connection.execute(text("SELECT 1"))
    assert caught.value.retryable
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM sites")) == 0
    database.close()
    other.close()


def test_a_wait_for_a_lock_ends(state: State) -> None:
    database, other = Database(state.url), Database(state.url)
    with database.write() as holder:
        holder.execute(text("LOCK TABLE inbox"))
        with pytest.raises(StoreError) as caught, other.write() as connection:
            connection.execute(text("SET LOCAL lock_timeout = 50"))
            connection.execute(text("SELECT count(*) FROM inbox"))
    assert caught.value.retryable
    database.close()
    other.close()


def test_errors_name_no_values(state: State) -> None:
    state.desk.commit(DeskChange(incidents=(incident(),)), now=NOW)
    with pytest.raises(ConflictError) as caught:
        state.desk.commit(DeskChange(incidents=(incident(),)), now=NOW)
    assert "duplicate key" in str(caught.value) and "AB2CD" not in str(caught.value)


def test_nul_is_no_reason_to_refuse_a_post(state: State) -> None:
    odd = replace(mention("1"), id="weibo:1\x00")
    assert len(state.inbox.append([odd], now=NOW).new) == 1
    assert state.inbox.known([odd.id]) == {odd.id}
    (row,) = state.inbox.lease(owner="w", limit=9, lease=HOUR, now=NOW)
    state.inbox.dead_letter(row.row, reason="a\x00b", owner="w", now=NOW)
    assert state.inbox.dead_letters()[0][2] == "a\ufffdb"


def test_a_server_that_restarts_is_waited_for_and_keeps_everything(tmp_path: Path, node: PostgresNode) -> None:
    state = open_state(node.url(), tmp_path)
    state.inbox.append([mention("1")], now=NOW)
    for mode in ("fast", "immediate"):
        node.stop(mode)
        with pytest.raises(StoreError) as caught:
            state.inbox.depth()
        assert caught.value.retryable
        assert node.password not in str(caught.value) and len(str(caught.value).splitlines()) == 1
        node.start()
        assert state.inbox.depth() == 1
    state.close()


def test_a_wrong_password_is_told_without_it(tmp_path: Path, node: PostgresNode) -> None:
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        open_state(node.url().replace(node.password, "not-the-one"), tmp_path)
    assert "not-the-one" not in str(caught.value)
