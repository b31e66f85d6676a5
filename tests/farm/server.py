"""The farm: real loopback servers, one a site, that play every platform and count what is asked of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import partial
from urllib.parse import parse_qsl, unquote, urlsplit

from aiohttp import web

from domain.clock import Clock
from tests.farm.pages import PAGES, Ask, Page
from tests.farm.plan import LINES, SPELLS, START, Post, Published, Spell, published, sites
from tests.farm.refusals import ODD, REFUSALS

__all__ = ["CANARY", "Farm", "Request", "farm"]

CANARY = "canary"
"""Name of the line that is the canary of a site."""

_SLOW_S = 3.0
_BEHIND = frozenset({"/link", "/s"})
"""Paths behind the entries of a search."""
_NO_LINE = 99
_OF_CANARY = 900_000
"""Numbers of the posts that the word of a canary finds begin here."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request that came."""

    at: datetime
    """When, domain time, UTC."""
    site: str
    """Site that was asked."""
    line: str
    """Line that asked; `CANARY` = the site's canary."""
    kind: str
    """How it was refused; empty = it was answered."""
    path: str
    """What was asked."""


class Farm:
    """All sites.

    Args:
        clock: Domain time.
        span: How long the day is.
        seed: Of what is published when.
        spells: When which site refuses how.
    """

    def __init__(self, clock: Clock, span: timedelta, seed: int, spells: Sequence[Spell] = SPELLS) -> None:
        self._clock = clock
        self._spells = tuple(spells)
        self._seed = seed
        self.asked: list[Request] = []
        """Every request but those for robots.txt, in order."""
        self.published = [published(number, span, seed) for number in range(len(LINES))]
        """What each line publishes, in the order of `plan.LINES`."""
        self.ports: dict[str, int] = {}
        """Port of each site."""
        self._servers: dict[str, web.TCPSite] = {}
        self._runners: dict[str, web.AppRunner] = {}
        old = (START - hours * timedelta(hours=1) for hours in range(9, 0, -1))
        self._canary = Published(tuple(Post(at, _OF_CANARY + number, _NO_LINE) for number, at in enumerate(old)))

    def base(self, site: str) -> str:
        """Return scheme, host and port of a site."""
        return f"http://127.0.0.1:{self.ports[site]}"

    async def open(self) -> None:
        """Begin to listen on a port for each site."""
        for site in sites():
            app = web.Application()
            app.router.add_route("*", "/{tail:.*}", partial(self._answer, site))
            self._runners[site] = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
            await self._runners[site].setup()
            await self._listen(site)

    async def _listen(self, site: str) -> None:
        server = web.TCPSite(self._runners[site], "127.0.0.1", self.ports.get(site, 0), reuse_address=True)
        await server.start()
        inner = server._server
        assert isinstance(inner, asyncio.Server)
        self.ports[site] = inner.sockets[0].getsockname()[1]
        self._servers[site] = server

    async def close(self) -> None:
        """Stop listening."""
        for runner in self._runners.values():
            await runner.cleanup()

    async def tick(self) -> None:
        """Close the door of a site while it refuses connections, and open it after."""
        for spell in self._spells:
            if spell.kind != "refused":
                continue
            holds, is_open = spell.holds(self._clock.now()), spell.site in self._servers
            if holds and is_open:
                await self._servers.pop(spell.site).stop()
            elif not holds and not is_open:
                await self._listen(spell.site)

    async def _answer(self, site: str, request: web.Request) -> web.StreamResponse:
        now = self._clock.now()
        date = {"Date": format_datetime(now, usegmt=True)}
        if request.path == "/robots.txt":
            return web.Response(status=404, headers=date)
        body = await request.text()
        number, name = _line(site, unquote(unquote(request.path_qs)) + body)
        spell = next((each for each in self._spells if each.site == site and each.holds(now)), None)
        self.asked.append(Request(at=now, site=site, line=name, kind=spell.kind if spell else "", path=request.path_qs))
        if spell is not None and spell.kind == "slow":
            await asyncio.sleep(_SLOW_S)
        if spell is not None and spell.kind not in ODD:
            refusal = REFUSALS[spell.kind]
            headers = {"Content-Type": "text/html; charset=utf-8"} | refusal.headers_at(now) | date
            return web.Response(status=refusal.status, text=refusal.body, headers=headers)
        page = self._page(request, number, now, kind=spell.kind if spell else "", canary=name == CANARY)
        headers = {"Content-Type": "text/plain; charset=utf-8"} | dict(page.headers or {}) | date
        return web.Response(text=page.body, headers=headers)

    def _page(self, request: web.Request, number: int, now: datetime, *, kind: str, canary: bool) -> Page:
        line = LINES[number]
        nothing = kind == "silent" and request.path not in _BEHIND
        ask = Ask(
            path=request.path,
            query=dict(parse_qsl(urlsplit(request.path_qs).query)),
            posts=() if nothing else (self._canary if canary else self.published[number]).newest(now),
            now=now,
            base=self.base(line.site),
            whole=kind != "layout",
        )
        return PAGES[line.page](ask)


def _line(site: str, asked: str) -> tuple[int, str]:
    """Return number and name of the line that a request is for, by the word that it asks for."""
    here = [(number, line) for number, line in enumerate(LINES) if line.site == site]
    for number, line in here:
        if any(word in asked for word in line.words):
            return number, line.name
    marks = (here[0][1].canary, f"url={_OF_CANARY // 100}", f"signature=x{_OF_CANARY // 100}")
    if here[0][1].canary and any(mark in asked for mark in marks):
        return here[0][0], CANARY
    return here[0][0], here[0][1].name


@asynccontextmanager
async def farm(clock: Clock, span: timedelta, seed: int = 20_260_620) -> AsyncIterator[Farm]:
    """Run the farm for the time of a test."""
    made = Farm(clock, span, seed)
    await made.open()
    try:
        yield made
    finally:
        await made.close()
