"""A local sink: strict imitations of Slack and the WeCom robot, and a page that shows what arrived."""

import argparse
import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from alerts.notifiers.base import mask
from service.demo.sink_ledger import Fault, Ledger
from service.demo.sink_page import feed_html, page_html, readable, static_text
from service.demo.sink_slack import SlackAnswer, SlackFake
from service.demo.sink_wecom import WecomFake

__all__ = ["DEMO_CHANNEL", "DEMO_KEY", "DEMO_TOKEN", "DEMO_WEBHOOK", "Fault", "Sink", "main", "serve"]
DEMO_TOKEN = "xoxb-tingfeng-demo"
DEMO_CHANNEL = "C0TINGFENG"
DEMO_WEBHOOK = "/services/T0DEMO/B0DEMO/demo"
DEMO_KEY = "tingfeng-demo-robot"

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Sink:
    """One sink on loopback; `start` and `stop` run in an event loop, the rest from anywhere."""

    def __init__(
        self,
        *,
        tokens: tuple[str, ...] = (DEMO_TOKEN,),
        channels: tuple[str, ...] = (DEMO_CHANNEL,),
        webhooks: tuple[str, ...] = (DEMO_WEBHOOK,),
        keys: tuple[str, ...] = (DEMO_KEY,),
        tick: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.ledger = Ledger(wall)
        """Everything that was accepted or asked, and scripted faults."""
        self.slack = SlackFake(self.ledger, tokens=tokens, channels=channels, webhooks=webhooks, tick=tick)
        """The imitation of Slack."""
        self.wecom = WecomFake(self.ledger, keys=keys, tick=tick)
        """The imitation of WeCom."""
        self.port = 0
        """Port once started."""
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()

    @property
    def url(self) -> str:
        """Address of the page and base URL of both channels, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def slack_base_url(self) -> str:
        """Base URL for a Slack receiver."""
        return f"{self.url}/api/"

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 = any free one.

        Raises:
            OSError: the port is taken.
        """
        self._stopping = asyncio.Event()
        app = web.Application(middlewares=[_only_loopback], client_max_size=4_000_000)
        app.router.add_post("/api/{method}", self._slack)
        app.router.add_get("/api/{method}", self._slack)
        app.router.add_post("/services/{path:.+}", self._webhook)
        app.router.add_post("/cgi-bin/webhook/send", self._wecom)
        app.router.add_get("/ledger.json", self._ledger_json)
        app.router.add_post("/faults.json", self._script)
        app.router.add_get("/", self._page)
        app.router.add_get("/feed", self._feed)
        app.router.add_get("/sink.css", self._css)
        app.router.add_get("/sink.js", self._js)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # --- channels ---------------------------------------------------------------------------------------------

    async def _slack(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        given = await _given(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer").strip() or str(
            (given or {}).get("token", "")
        )
        route = {"chat.postMessage": "slack.post"}.get(method, f"slack.{method}")
        return await self._meet(
            request, route, given or {}, lambda: _answer(self.slack.call(method, token, given or {}))
        )

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        given = await _given(request)
        path = "/services/" + request.match_info["path"]
        return await self._meet(request, "slack.webhook", given or {}, lambda: _answer(self.slack.webhook(path, given)))

    async def _wecom(self, request: web.Request) -> web.StreamResponse:
        given = await _given(request)
        key = request.query.get("key", "")
        return await self._meet(
            request, "wecom.send", given or {}, lambda: web.json_response(self.wecom.send(key, given))
        )

    async def _meet(
        self, request: web.Request, route: str, given: Mapping[str, Any], usual: Callable[[], web.Response]
    ) -> web.StreamResponse:
        """Answer as usual, unless a fault was scripted for this request."""
        headers = {name.lower(): _masked(name.lower(), value) for name, value in request.headers.items()}
        self.ledger.note(route, given, path=mask(request.path_qs), headers=headers, raw=await request.read())
        fault = self.ledger.next_fault(route)
        match fault.action if fault else None:
            case None:
                return usual()
            case "reply":
                assert fault is not None
                return web.Response(status=fault.status, text=fault.body, headers=dict(fault.headers))
            case "html":
                assert fault is not None
                page = fault.body or "<!doctype html><title>Sign in to the network</title>"
                return web.Response(status=fault.status, text=page, content_type="text/html")
            case "refuse":
                return _cut(request)
            case "accept_then_reset":
                usual()
                return _cut(request)
            case "accept_then_hang":
                assert fault is not None
                usual()
                await self._wait(fault.seconds)
                return _cut(request)
            case _:
                assert fault is not None
                await self._wait(fault.seconds)
                return usual()

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    # --- people and tests -------------------------------------------------------------------------------------

    async def _ledger_json(self, request: web.Request) -> web.Response:
        rows = [{**one.to_plain(), "text": readable(one)} for one in self.ledger.posted]
        return web.json_response(rows, dumps=lambda value: json.dumps(value, ensure_ascii=False))

    async def _script(self, request: web.Request) -> web.Response:
        given = await _given(request)
        try:
            fields = dict(given or {})
            self.ledger.script(str(fields.pop("route")), Fault(**fields))
        except (KeyError, TypeError) as err:
            return web.json_response({"error": f"not a fault: {err}"}, status=400)
        return web.json_response({"ok": True})

    async def _page(self, request: web.Request) -> web.Response:
        return _html(page_html(self.ledger))

    async def _feed(self, request: web.Request) -> web.Response:
        if request.query.get("revision") == str(self.ledger.revision):
            return web.Response(status=204)
        return _html(feed_html(self.ledger))

    async def _css(self, request: web.Request) -> web.Response:
        return web.Response(text=static_text("sink.css"), content_type="text/css")

    async def _js(self, request: web.Request) -> web.Response:
        return web.Response(text=static_text("sink.js"), content_type="text/javascript")


@web.middleware
async def _only_loopback(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse names that a foreign page could have pointed at this machine."""
    if request.host.rpartition(":")[0] not in _LOOPBACK and request.host not in _LOOPBACK:
        raise web.HTTPForbidden(text="loopback only")
    return await handler(request)


async def _given(request: web.Request) -> dict[str, Any] | None:
    """Return a JSON or form body, else the query; None = neither can be read."""
    if request.method == "GET":
        return dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            return None
        return body if isinstance(body, dict) else None
    return {name: str(value) for name, value in (await request.post()).items()}


def _masked(name: str, value: str) -> str:
    return "***" if name == "authorization" else mask(value)


def _answer(answer: SlackAnswer) -> web.Response:
    if isinstance(answer.body, str):
        return web.Response(text=answer.body, status=answer.status, headers=dict(answer.headers))
    return web.json_response(dict(answer.body), status=answer.status, headers=dict(answer.headers))


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _html(text: str) -> web.Response:
    headers = {"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, content_type="text/html", headers=headers)


@contextmanager
def serve(sink: Sink, port: int = 0) -> Iterator[Sink]:
    """Run a sink in a thread of its own for as long as the block lasts.

    Raises:
        OSError: the port is taken.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True, name="sink")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(sink.start(port), loop).result(10)
        yield sink
    finally:
        asyncio.run_coroutine_threadsafe(sink.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until standard input closes; the first line of output is JSON with the address.

    Returns:
        0, or 1 where the port is taken.
    """
    parser = argparse.ArgumentParser(description="Imitates Slack and the WeCom robot on loopback.")
    parser.add_argument("--port", type=int, default=0, help="port; 0 = any free one")
    port: int = parser.parse_args(argv).port
    try:
        with serve(Sink(), port) as sink:
            sys.stdout.write(json.dumps({"url": sink.url}) + "\n")
            sys.stdout.flush()
            sys.stdin.read()
    except OSError as err:
        sys.stderr.write(f"sink: port {port}: {err}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
