import asyncio
import os
import signal

import pytest

from analysis.errors import WorkerError
from analysis.tagger import TaggerSettings
from analysis.worker import TaggerPool, _tag
from tests.analysis.builders import RISKS, YUNSHAN, a_mention

pytestmark = pytest.mark.slow
SETTINGS = TaggerSettings(brands=(YUNSHAN,), risks=RISKS)


def test_a_batch_is_tagged_in_another_process_while_the_loop_runs() -> None:
    async def tag_beside_a_ticker(pool: TaggerPool) -> tuple[str, ...]:
        ticks = 0
        future = asyncio.wrap_future(pool.submit([a_mention("云杉咖啡过期了")]))
        while not future.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert ticks > 1
        return (await future)[0].brands

    with TaggerPool(SETTINGS) as pool:
        assert asyncio.run(tag_beside_a_ticker(pool)) == ("yunshan",)
        assert pool.tag([]) == []


def test_a_dead_worker_fails_its_batch_and_the_next_one_works() -> None:
    with TaggerPool(SETTINGS) as pool:
        assert pool.tag([a_mention("云杉咖啡")])[0].brands == ("yunshan",)
        executor = pool._executor
        assert executor is not None
        for pid in list(executor._processes):
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerError):
            for _ in range(3):
                pool.tag([a_mention("云杉咖啡")])
        assert pool.tag([a_mention("云杉咖啡")])[0].brands == ("yunshan",)


def test_a_batch_that_takes_too_long_is_given_up() -> None:
    with TaggerPool(SETTINGS) as pool, pytest.raises(WorkerError, match="not tagged within"):
        pool.tag([a_mention("云杉咖啡")], timeout_s=0.0)


def test_a_worker_without_settings_says_so() -> None:
    with pytest.raises(WorkerError, match="never loaded"):
        _tag([])


def test_closing_twice_is_harmless() -> None:
    pool = TaggerPool(SETTINGS, n_workers=0)
    pool.close()
    pool.close()
