import asyncio
import os
import signal

import pytest

from crawlers.base import Parsed, Response
from crawlers.extract import Extractor, leave_without
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW

PAGE = (
    "<html><head><title>题</title></head><body><article>"
    + "<p>云杉咖啡门店停业自查，结果将公布。</p>" * 9
    + "</article></body></html>"
)


def end_at_once(response: Response) -> Parsed:
    os._exit(3)


def answer(body: str, url: str = "https://a.cn/1") -> Response:
    return Response(url=url, body=body.encode(), now=NOW)


async def test_page_is_read_in_a_worker_and_the_worker_is_ended() -> None:
    extractor = Extractor(1)
    try:
        parsed = await extractor.page(answer(PAGE))
        again = await extractor.page(answer(PAGE))
    finally:
        extractor.close()
    assert parsed.outcome is again.outcome is F.OK
    assert "云杉咖啡" in parsed.posts[0].text


async def test_page_that_takes_too_long_is_given_up() -> None:
    extractor = Extractor(0, limit_s=0.0)
    parsed = await extractor.page(answer(PAGE))
    assert parsed == Parsed(outcome=F.PARSE_ERROR, detail="reading the page took too long")


async def test_dead_worker_is_replaced() -> None:
    extractor = Extractor(1)
    try:
        await extractor.page(answer(PAGE))
        for process in (extractor._pool._processes or {}).values():  # type: ignore[union-attr]
            process.kill()
        outcomes = {(await extractor.page(answer(PAGE))).outcome for _ in range(2)}
        assert F.OK in outcomes
    finally:
        extractor.close()


def test_worker_leaves_when_its_service_is_gone() -> None:
    left: list[int] = []
    leave_without(-1, sleep=lambda span: None, leave=left.append)
    assert left == [1]


@pytest.mark.slow
async def test_pages_that_wait_for_a_stuck_one_are_read_after_it() -> None:
    extractor = Extractor(1, limit_s=1.0)
    try:
        await extractor.page(answer(PAGE))
        (pid,) = extractor._pool._processes  # type: ignore[union-attr]
        os.kill(pid, signal.SIGSTOP)  # stuck: it lives and says nothing
        first, *rest = await asyncio.gather(*(extractor.page(answer(PAGE)) for _ in range(4)))
        assert first == Parsed(outcome=F.PARSE_ERROR, detail="reading the page took too long")
        assert {parsed.outcome for parsed in rest} == {F.OK}
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    finally:
        extractor.close()


async def test_a_page_that_always_ends_its_worker_is_given_up_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = Extractor(1)
    monkeypatch.setattr("crawlers.extract._parse_page", end_at_once)
    try:
        assert (await extractor.page(answer(PAGE))).detail == "reading the page ended the worker"
        monkeypatch.undo()
        assert (await extractor.page(answer(PAGE))).outcome is F.OK
    finally:
        extractor.close()


async def test_workers_are_spawned_and_not_forked() -> None:
    extractor = Extractor(1)
    try:
        await extractor.page(answer(PAGE))
        context = extractor._pool._mp_context  # type: ignore[union-attr]
        assert context.get_start_method() == "spawn"
    finally:
        extractor.close()
