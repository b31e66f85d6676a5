"""The ingest server over real sockets: bodies, headers, patience, many clients, and the client of the documentation."""

import asyncio
import json
import os
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from domain.clock import ManualClock
from service import wiring
from service.beat import Beat
from service.clock import SystemClock
from service.errors import UsageError
from service.ingest import PATH, Answer, Asked
from service.ingest_page import IngestPage, serve
from service.overview import partner_health
from service.role import run_ingest, wanted
from service.run import run_service
from storage import open_state
from tests.service.conftest import CONFIG, Cli
from tests.service.partner import INGEST, SECRET, headers, line, ndjson
from tests.service.test_ingest import NOW, Desk
from tests.service.test_run import in_thread, wait_until

DOCS = Path(__file__).resolve().parents[2] / "docs" / "sources.md"


def said(asked: Asked) -> Answer:
    """Answer what was asked, as it came."""
    return Answer(status=200, body={"method": asked.method, "path": asked.path, "bytes": len(asked.body)})


@asynccontextmanager
async def page(receive: Callable[[Asked], Answer] = said, **more: Any) -> AsyncIterator[IngestPage]:
    made = IngestPage(INGEST, receive, **more)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def raw(made: IngestPage, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send bytes and return all that comes until the server closes."""
    host, port = made.address.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_request_comes_through_as_it_was_sent(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    reception = desk.reception(wall=time.time)
    body = ndjson(line(1), line(2))
    async with page(reception.receive) as made, aiohttp.ClientSession() as client:
        async with client.post(made.address, data=body, headers=headers(body, at_s=time.time())) as answer:
            assert (answer.status, answer.content_type) == (200, "application/json")
            assert (await answer.json())["new"] == 2
            assert answer.headers["Cache-Control"] == "no-store"
        async with client.post(made.address, data=body, headers=headers(body, at_s=0)) as answer:
            assert answer.status == 401
        async with client.get(made.address) as answer:
            assert answer.status == 405 and answer.headers["Allow"] == "POST"
        async with client.get(made.address.replace(PATH, "/healthz")) as answer:
            assert answer.status == 404
        assert made.answers == {200: 1, 401: 1, 405: 1, 404: 1}
    assert len(desk.queued()) == 2
    desk.state.close()


async def test_packed_bytes_are_signed_as_sent(tmp_path: Path) -> None:
    import gzip

    desk = Desk(tmp_path)
    reception = desk.reception(wall=time.time)
    body = gzip.compress(ndjson(line(1)))
    async with page(reception.receive) as made, aiohttp.ClientSession() as client:
        signed = headers(body, at_s=time.time(), Content_Encoding="gzip")
        async with client.post(made.address, data=body, headers=signed) as answer:
            assert (answer.status, (await answer.json())["accepted"]) == (200, 1)
    desk.state.close()


@pytest.mark.slow
async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    async with page() as made:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 20001\r\n\r\n".encode()
        assert (await raw(made, head)).startswith(b"HTTP/1.1 413")


@pytest.mark.slow
async def test_a_body_without_a_length_is_read_up_to_the_limit() -> None:
    chunk = b"1388\r\n" + b"x" * 5_000 + b"\r\n"
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
    async with page() as made:
        assert b'"bytes": 15000' in await raw(made, head, chunk * 3, b"0\r\n\r\n")
        assert (await raw(made, head, chunk * 5)).startswith(b"HTTP/1.1 413")


@pytest.mark.slow
async def test_a_slow_body_is_given_up() -> None:
    async with page(body_s=0.2) as made:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc".encode()
        assert (await raw(made, head)).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("begun", [b"", b"POST /v1/mentions HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_a_connection_that_says_nothing_is_closed(begun: bytes) -> None:
    async with page(quiet_s=0.3) as made:
        began_s = time.monotonic()
        assert await raw(made, begun) == b""
        assert time.monotonic() - began_s < 3


async def test_headers_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    async with page() as made:
        long = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n"
        assert b" 400 Bad Request" in (await raw(made, long))[:30]
        path = b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        assert b" 400 Bad Request" in (await raw(made, path))[:30]
    assert caplog.records == []


async def test_a_client_too_many_is_turned_away_and_the_others_are_served() -> None:
    async with page(clients=2) as made:
        host, port = made.address.split("/")[2].split(":")
        waiting = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert await raw(made, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        reader, writer = waiting[0]
        writer.write(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 200")
        for _, each in waiting:
            each.close()


async def test_bodies_that_lie_in_memory_are_bounded() -> None:
    gate = threading.Event()

    def slow(asked: Asked) -> Answer:
        gate.wait(10)
        return said(asked)

    body = b"x" * INGEST.body_bytes
    async with page(slow) as made, aiohttp.ClientSession() as client:

        async def send() -> int:
            async with client.post(made.address, data=body) as answer:
                return answer.status

        sent = [asyncio.create_task(send()) for _ in range(12)]
        while made.answers[503] < 4:
            await asyncio.sleep(0.01)
        gate.set()
        assert sorted(await asyncio.gather(*sent)) == [200] * 8 + [503] * 4
        assert await send() == 200


async def test_an_error_of_ours_is_an_answer_too(caplog: pytest.LogCaptureFixture) -> None:
    def broken(asked: Asked) -> Answer:
        raise KeyError("x")

    async with page(broken) as made, aiohttp.ClientSession() as client:
        async with client.post(made.address, data=b"x") as answer:
            assert answer.status == 500 and "log" in (await answer.json())["error"]


async def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    from dataclasses import replace

    async with page() as made:
        port = int(made.address.split("/")[2].split(":")[1])
        with pytest.raises(UsageError, match=r"set ingest\.port to a free port"):
            await IngestPage(replace(INGEST, port=port), said).start()


async def test_serving_ends_when_told(tmp_path: Path) -> None:
    stop, told = threading.Event(), []
    task = asyncio.create_task(serve(INGEST, said, stop, lambda view: told.append(dict(view))))
    while not told:
        await asyncio.sleep(0.01)
    assert str(told[0]["address"]).endswith(PATH) and told[0]["ok"] is True
    stop.set()
    await asyncio.wait_for(task, 5)


# --- the role -------------------------------------------------------------------------------------------------


def installation(folder: Path) -> Path:
    path = folder / "tingfeng.yaml"
    path.write_text(f"{CONFIG}ingest: {{port: 0, partners: [{{name: shuju, secret: {SECRET}}}]}}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


class Heard(Beat):
    """A beat that remembers what was said."""

    def __init__(self) -> None:
        super().__init__(None, "ingest")
        self.last: Mapping[str, object] = {}

    def note(self, figures: Mapping[str, object]) -> None:
        self.last = figures


def example() -> str:
    """Return the client that the documentation shows."""
    found = re.search(r"```python\n(# A partner's client.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.slow
async def test_the_client_of_the_documentation_reaches_the_real_role(tmp_path: Path) -> None:
    settings = wiring.load_settings(installation(tmp_path))
    beat = Heard()
    thread, stop = in_thread(lambda stop: run_ingest(settings, SystemClock(), stop, beat))
    try:
        while not beat.last:
            await asyncio.sleep(0.02)
        base = str(beat.last["address"]).removesuffix(PATH)
        environment = {"TINGFENG_INGEST": base, "TINGFENG_SECRET": SECRET, "PATH": os.environ["PATH"]}
        code = example()
        assert len(code.strip().splitlines()) <= 30 and max(map(len, code.splitlines())) <= 120
        for expected in ({"new": 1, "known": 0}, {"new": 0, "known": 1}):
            ran = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, env=environment, stdout=-1, stderr=-1
            )
            out, err = await ran.communicate()
            assert ran.returncode == 0, err.decode()
            assert json.loads(out.decode().replace("'", '"')) == {"accepted": 1, **expected, "bad": [], "bad_lines": 0}
    finally:
        stop.set()
        thread.join()
    with closing(open_state(None, settings.data_dir)) as state:
        (row,) = state.inbox.lease(owner="t", limit=9, lease=SystemClock().span(1), now=SystemClock().now())
        assert row.mention.source == "ingest:shuju"


def test_without_partners_there_is_no_role(config: Path, tmp_path: Path) -> None:
    from service.run import _children

    none = wiring.load_settings(config)
    some = wiring.load_settings(installation(tmp_path))
    assert not wanted(none, "ingest") and wanted(some, "ingest")
    assert _children(none, ("watch", "ingest")) == ["watch"] and _children(some, ("ingest",)) == ["ingest"]


def test_a_role_with_nothing_to_do_is_refused(config: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing to do, such as ingest\.partners"):
        run_service(config, roles=("ingest",), order=None, say=print)


def test_sources_show_when_a_partner_was_heard(cli: Cli, tmp_path: Path) -> None:
    path = installation(tmp_path)
    first = cli("sources", "-c", str(path))
    assert re.search(r"^new +ingest:shuju  -  -$", first.out, re.MULTILINE)
    settings = wiring.load_settings(path)
    desk = Desk(settings.data_dir)
    desk.send(ndjson(line(1)))
    desk.state.close()
    after = cli("sources", "-c", str(path))
    assert re.search(r"^live +ingest:shuju  06-20 15:30 \+0800  06-20 15:00 \+0800$", after.out, re.MULTILINE)
    view = json.loads(cli("sources", "-c", str(path), "--json").out.splitlines()[-1])
    assert (view["source"], view["state"], view["outcomes"]) == ("ingest:shuju", "live", {"ok": 1})


def test_a_partner_is_no_part_of_what_detection_reads(tmp_path: Path) -> None:
    settings = wiring.load_settings(installation(tmp_path))
    stores = wiring.open_stores(settings)
    with closing(stores):
        names = {each.source for each in wiring.health_reader(settings, stores, ManualClock(NOW))()}
        assert names == {"news"}
        assert [each.source for each in partner_health(settings, {})] == ["ingest:shuju"]


def test_settings_refuse_a_secret_that_can_be_guessed(cli: Cli, tmp_path: Path) -> None:
    path = installation(tmp_path)
    path.write_text(path.read_text("utf-8").replace(SECRET, "short-secret"), encoding="utf-8")
    ran = cli("check", "-c", str(path))
    assert ran.code == 2 and "ingest.partners[0].secret" in ran.err and "openssl rand" in ran.err
    assert "short-secret" not in ran.out + ran.err


@pytest.mark.slow
def test_the_service_runs_the_role_and_shows_it(tmp_path: Path) -> None:
    import signal
    import urllib.request

    path = installation(tmp_path)
    said_lines: list[str] = []
    seen: dict[str, Any] = {}

    def look() -> None:
        try:
            wait_until(lambda: any("healthz" in each for each in said_lines))
            address = next(each for each in said_lines if "healthz" in each).split("：")[1].split()[0]

            def up() -> bool:
                try:
                    with urllib.request.urlopen(address, timeout=5) as answer:
                        seen.update(json.load(answer))
                except urllib.error.HTTPError as err:
                    seen.update(json.load(err))
                except OSError:
                    return False
                roles = {role["role"]: role for role in seen["roles"]}
                return bool(roles["ingest"]["ok"]) and "address" in roles["ingest"]["detail"]

            wait_until(up, limit_s=30)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=look)
    watcher.start()
    assert run_service(path, roles=("ingest",), order=None, say=said_lines.append) == 0
    watcher.join()
    assert [role["role"] for role in seen["roles"]] == ["ingest"]
