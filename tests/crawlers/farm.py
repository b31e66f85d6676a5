"""A loopback server for tests: real sockets, any bytes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Farm:
    """Serves pages by path and remembers what was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, Handler] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pair(self) -> str:
        return f"127.0.0.1:{self.port}"

    def page(self, path: str, body: bytes | str, status: int = 200, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(body=data, status=status, headers=named)

        self.pages[path] = answer

    def robots(self, text: str, status: int = 200) -> None:
        self.page("/robots.txt", text, status, Content_Type="text/plain")

    def count(self, path: str) -> int:
        return self.asked.count(path)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.headers.append({"path": request.path, **request.headers})
        page = self.pages.get(request.path)
        return await page(request) if page else web.Response(status=404, text="none")


@asynccontextmanager
async def farm(tls: ssl.SSLContext | None = None) -> AsyncIterator[Farm]:
    made = Farm()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    server = site._server
    assert isinstance(server, asyncio.Server)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        await runner.cleanup()
