"""Two analyse workers beside one: how much more do they tag, link and store."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import open_state
from tests.benchmarks.texts import some_mentions
from tests.benchmarks.together import run_together
from tests.benchmarks.worker import NOW
from tests.elasticsearch_node.fixture import drop, elasticsearch_url, open_elastic
from tests.measure import Measurements
from tests.postgres_node import Databases, PostgresNode, postgres, programs

__all__ = ["elasticsearch_url"]

pytestmark = [pytest.mark.bench, pytest.mark.slow]

ROWS = 6_000
ROUNDS = 3


def _work(workers: int, address: str, where: str, rows_each: int) -> float:
    """Let workers empty their inboxes, or the shared one, together; returns mentions a second, all workers."""
    module = "tests.benchmarks.worker"
    said = run_together([(module, address, where, f"w{n}", str(rows_each)) for n in range(workers)])
    assert sum(each["stored"] for each in said) == workers * rows_each
    return workers * rows_each / float(max(each["wall_s"] for each in said))


def test_two_workers_do_almost_twice_the_work(measurements: Measurements) -> None:
    """Nothing is shared: what one core's worker does, two cores' workers do each."""
    pairs = [(_work(1, "memory", "memory", ROWS), _work(2, "memory", "memory", ROWS)) for _ in range(ROUNDS)]
    one, two = max(pairs, key=lambda pair: pair[1] / pair[0])
    note = f"{ROWS:,} mentions a worker, stores in memory, best of {ROUNDS} pairs"
    measurements.record("one_worker_per_s", one, unit="1/s", note=note)
    measurements.record("two_workers_per_s", two, unit="1/s", note=note)
    measurements.record("two_workers_to_one", two / one, floor=1.6, note=note)


@pytest.fixture
def databases() -> Iterator[Databases]:
    postgres()
    if programs() is None:
        pytest.skip("measures a server of its own: install the package `postgresql`")
    node = PostgresNode()
    yield Databases(node.url())
    node.close()


@pytest.mark.pg
@pytest.mark.es
def test_two_workers_beside_real_engines_are_known(
    databases: Databases, elasticsearch_url: str, tmp_path: Path, measurements: Measurements
) -> None:
    """Both engines run on the same cores as the workers, so the figure is printed and not held."""
    speeds = []
    for workers in (1, 2):
        address, prefix = databases.empty(), f"w{uuid.uuid4().hex[:8]}"
        store = open_elastic(elasticsearch_url, prefix, refresh_s=1.0)
        state = open_state(address, tmp_path)
        rows = some_mentions(2_000 * workers, seed=f"shared{workers}")
        for start in range(0, len(rows), 500):
            state.inbox.append(rows[start : start + 500], now=NOW)
        speeds.append(_work(workers, address, f"{elasticsearch_url} {prefix}", 2_000))
        state.close()
        drop(store)
    note = "PostgreSQL and Elasticsearch on the same machine, 200 a batch, refresh interval 1 s"
    measurements.record("one_worker_beside_engines_per_s", speeds[0], unit="1/s", note=note)
    measurements.record("two_workers_beside_engines_to_one", speeds[1] / speeds[0], note=note)
