"""Reads pages in the browser of a visit, as a download handler of Scrapy over scrapy-playwright.

Scrapy-playwright is made for Twisted's reactor: its handler refuses to be built without one, and inherits the
reactor's HTTP client for what is no page. What it does with a page needs asyncio alone (measured with 0.0.48 on Scrapy
2.19), so it is built past its own constructor here, and what is no page goes to our guarded handler.
"""

import asyncio
import logging
import ssl
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, cast

from playwright.async_api import BrowserContext, CDPSession, Error, Page, Route
from playwright.async_api import Request as PageRequest
from scrapy import Request
from scrapy.core.downloader.handlers._base_http import BaseHttpDownloadHandler
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
)
from scrapy.http import HtmlResponse, Response
from scrapy_playwright.handler import Config, ScrapyPlaywrightDownloadHandler
from scrapy_playwright.page import PageMethod

from crawlers.browser_proxy import REFUSED, FilterProxy
from crawlers.guard import OWN, GuardedHandler

__all__ = ["RENDERED", "BrowserHandler", "Tab", "shut"]

logger = logging.getLogger(__name__)

RENDERED = "playwright"
"""Request meta key of scrapy-playwright: the page is to be rendered."""

_LEFT_OUT = frozenset({"image", "media", "font", "texttrack", "manifest", "eventsource", "ping", "cspviolationreport"})
"""What is not loaded, because no text is in it."""
_PAGES = ("text/html", "application/xhtml+xml")
_SETTLE_S = 5.0
"""How long scripts may go on to load after the page itself is there."""
_SPARE_S = 5.0
_CLOSE_S = 3.0
_RELOADS = 3
_PART = 1 << 20
_DOCUMENTS = [
    {"urlPattern": "*", "resourceType": "Document", "requestStage": stage} for stage in ("Request", "Response")
]
_ISOLATED = "document.documentElement.outerHTML.length"
_BEHIND_PROXY = ("ERR_TUNNEL_CONNECTION_FAILED", "ERR_PROXY_CONNECTION_FAILED", "ERR_EMPTY_RESPONSE")

_Event = Mapping[str, Any]


class _Watch:
    """Sees each document of a page's main frame before the page does.

    A redirect ends the page and is given to the visit, which judges it as any other. So is a move by script or `meta`
    to another address; a page may load itself again three times, as those do that set a cookie first. What is no page,
    such as a feed, is taken as it came instead of being shown.

    Args:
        asked: Address of the page.
        maxsize: Most bytes of what is taken as it came.
    """

    def __init__(self, session: CDPSession, asked: str, maxsize: int) -> None:
        self._session, self._maxsize = session, maxsize
        self._asked = asked.partition("#")[0]
        self._frame = ""
        self._documents = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        """What came instead of a page to render, once it did."""
        self.refused = False
        """Whether the proxy gave the last answer itself."""

    async def start(self) -> None:
        """Begin to look."""
        tree = await self._session.send("Page.getFrameTree")
        self._frame = tree["frameTree"]["frame"]["id"]
        self._session.on("Fetch.requestPaused", self._paused)
        await self._session.send("Fetch.enable", {"patterns": _DOCUMENTS})

    def stop(self) -> None:
        """Look no more."""
        self._session.remove_listener("Fetch.requestPaused", self._paused)
        for task in self._tasks:
            task.cancel()
        if not self.answer.done():
            self.answer.cancel()

    async def size(self) -> int:
        """Return the length of the page as it is now, in characters; asked where its scripts cannot answer for it."""
        world = await self._session.send("Page.createIsolatedWorld", {"frameId": self._frame})
        asked = {"expression": _ISOLATED, "contextId": world["executionContextId"], "returnByValue": True}
        answer = await self._session.send("Runtime.evaluate", asked)
        return int(answer["result"].get("value") or 0)

    def _paused(self, event: _Event) -> None:
        task = asyncio.create_task(self._look(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, event: _Event) -> None:
        try:
            if "responseStatusCode" in event:
                await self._on_answer(event)
            elif "responseErrorReason" in event:
                await self._say("continueResponse", event)
            else:
                await self._on_request(event)
        except Error as err:  # the page is closed already
            logger.debug("document not passed on error=%s", err.message[:200])
        except Exception as err:  # border of one document
            logger.exception("document of a page not read")
            self._give(err)

    async def _say(self, what: str, event: _Event, **more: str) -> None:
        await self._session.send(f"Fetch.{what}", {"requestId": event["requestId"], **more})

    async def _on_request(self, event: _Event) -> None:
        if event["frameId"] != self._frame:
            await self._say("continueRequest", event)
            return
        self._documents += 1
        url = str(event["request"]["url"]).partition("#")[0]
        if self._documents == 1 or (url == self._asked and self._documents <= 1 + _RELOADS):
            await self._say("continueRequest", event)
            return
        self._give(HtmlResponse(self._asked, status=302, headers={"Location": url}))
        await self._say("failRequest", event, errorReason="Aborted")

    async def _on_answer(self, event: _Event) -> None:
        if event["frameId"] != self._frame:
            await self._say("continueResponse", event)
            return
        status = int(event["responseStatusCode"])
        headers: dict[str, list[str]] = {}
        for each in event.get("responseHeaders", ()):
            headers.setdefault(str(each["name"]).lower(), []).append(str(each["value"]))
        self.refused = REFUSED in headers
        kind = headers.get("content-type", [""])[0].partition(";")[0].strip().lower()
        saved = headers.get("content-disposition", [""])[0].lower().startswith("attachment")
        if not self.refused and kind in _PAGES and not saved and not 300 <= status < 400:
            await self._say("continueResponse", event)
            return
        body = b"" if self.refused or 300 <= status < 400 or status == 204 else await self._body(event)
        headers.pop("content-encoding", None)
        self._give(Response(self._asked, status=status, headers=headers, body=body))
        await self._say("failRequest", event, errorReason="BlockedByClient")

    async def _body(self, event: _Event) -> bytes:
        stream = (await self._session.send("Fetch.takeResponseBodyAsStream", {"requestId": event["requestId"]}))[
            "stream"
        ]
        body = bytearray()
        while True:
            part = await self._session.send("IO.read", {"handle": stream, "size": _PART})
            body += b64decode(part["data"]) if part.get("base64Encoded") else part["data"].encode()
            if len(body) > self._maxsize:
                raise DownloadCancelledError
            if part["eof"]:
                return bytes(body)

    def _give(self, answer: Response | Exception) -> None:
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class Tab:
    """What one visit has of the browser: a context, and the proxy that is its only way out.

    Args:
        context: The context, used by nobody else.
        proxy: Its proxy.
        timeout_s: How long a page may take to answer, real seconds.
        maxsize: Most bytes of a page.
    """

    def __init__(self, context: BrowserContext, proxy: FilterProxy, *, timeout_s: float, maxsize: int) -> None:
        self._context, self._proxy, self._timeout_s, self._maxsize = context, proxy, timeout_s, maxsize
        self._turn = asyncio.Lock()
        self.stuck = False
        """Whether a page could not be closed."""

    async def open(self) -> None:
        """Let nothing but the visit's own page load anything."""
        await self._context.route("**", _abort)
        await self._context.add_init_script("window.open = () => null; delete window.RTCPeerConnection;")

    async def read(self, request: Request, pages: "_Pages") -> Response:
        """Return the rendered page of a request, or what came instead of one.

        Raises:
            crawlers.errors.GuardError: the address leads inside.
            Exception: one of Scrapy's download errors.
        """
        async with self._turn:
            await self._proxy.turn(own=request.meta.get(OWN) is True)
            page: Page | None = None
            try:
                async with asyncio.timeout(self._timeout_s + _SETTLE_S + _SPARE_S):
                    page = await self._context.new_page()
                    return await self._read(request, page, pages)
            except TimeoutError as err:
                raise DownloadTimeoutError(request.url) from err
            except Error as err:
                failure = self._failure(request.url, err)
                raise failure from failure.__cause__ or err
            finally:
                if page is not None and not await shut(page, _CLOSE_S):
                    self.stuck = True

    async def _read(self, request: Request, page: Page, pages: "_Pages") -> Response:
        watch = _Watch(await self._context.new_cdp_session(page), request.url, self._maxsize)
        await watch.start()

        async def settle(page: Page) -> None:
            try:
                await page.wait_for_load_state("networkidle", timeout=_SETTLE_S * 1000)
            except Error:
                logger.debug("page goes on to load url=%s", request.url)
            if await watch.size() > self._maxsize:
                raise DownloadCancelledError

        request.meta["playwright_page"] = page
        request.meta["playwright_include_page"] = True
        request.meta["playwright_page_methods"] = [PageMethod(settle)]
        request.meta["playwright_page_goto_kwargs"] = {
            "wait_until": "domcontentloaded",
            "timeout": self._timeout_s * 1000,
        }
        reading = asyncio.create_task(pages.read(request))
        try:
            await asyncio.wait({reading, watch.answer}, return_when=asyncio.FIRST_COMPLETED)
            if not watch.answer.done():
                return _as_utf8(await reading)
            answer = watch.answer.result()
            if watch.refused:
                raise self._proxy.problem(request.url) or DownloadFailedError(request.url)
            return answer.replace(request=request)
        finally:
            watch.stop()
            request.meta.pop("playwright_page", None)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    def _failure(self, url: str, err: Error) -> Exception:
        """Return what an error of the browser means in the words of all downloads."""
        words = err.message
        if self._proxy.overrun:
            return DownloadCancelledError(url)
        if any(each in words for each in _BEHIND_PROXY) and (problem := self._proxy.problem(url)) is not None:
            return problem
        if "ERR_CERT" in words or "ERR_SSL" in words:
            failed = DownloadConnectionRefusedError(url)
            failed.__cause__ = ssl.SSLCertVerificationError()
            return failed
        if "ERR_NAME_NOT_RESOLVED" in words:
            return CannotResolveHostError(url)
        if "Timeout" in words or "ERR_TIMED_OUT" in words:
            return DownloadTimeoutError(url)
        logger.debug("page failed url=%s error=%s", url, words[:300])
        return DownloadFailedError(url)


class _Pages(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc]  # the library has no types
    """Scrapy-playwright's reading of a page that is open already, without what needs the reactor."""

    def __init__(self, crawler: Crawler) -> None:
        BaseHttpDownloadHandler.__init__(self, crawler)
        self._crawler = crawler
        self.stats = crawler.stats
        self.config = Config.from_settings(crawler.settings)
        self.context_wrappers: dict[str, object] = {}
        self.process_request_headers = _headers
        self.abort_request = _is_left_out

    async def read(self, request: Request) -> Response:
        """Return the rendered page, read in the page that the request carries."""
        return cast("Response", await self._download_request_with_retry(request=request, spider=self._crawler.spider))

    async def _create_page(self, request: Request, spider: object) -> Page:
        raise DownloadFailedError(f"{request.url}: the page is closed")

    async def _get_response_and_download(self, request: Request, page: Page, spider: object) -> tuple[Any, None]:
        return await page.goto(request.url, **request.meta["playwright_page_goto_kwargs"]), None


class BrowserHandler(BaseDownloadHandler):
    """Renders the pages of a visit in its tab; robots.txt goes over plain HTTP."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._plain = GuardedHandler(crawler)
        self._pages = _Pages(crawler)
        self._tab: Tab = cast("Any", crawler.spider).tab

    async def download_request(self, request: Request) -> Response:
        """Fetch or render."""
        if request.meta.get(RENDERED):
            return await self._tab.read(request, self._pages)
        return await self._plain.download_request(request)

    async def close(self) -> None:
        """Close the plain handler; the tab is the visit's."""
        await self._plain.close()


async def shut(what: Page | BrowserContext, limit_s: float) -> bool:
    """Close a page or context and say whether that was done in time; never raises."""
    try:
        async with asyncio.timeout(limit_s):
            await what.close()
    except Exception as err:  # noqa: BLE001  # border of one page: the browser is ended if this failed
        logger.debug("not closed error=%s", type(err).__name__)
        return False
    return True


async def _abort(route: Route) -> None:
    await route.abort()


def _is_left_out(request: PageRequest) -> bool:
    return request.resource_type in _LEFT_OUT or not request.url.startswith(("http://", "https://", "data:", "blob:"))


async def _headers(
    *, browser_type_name: str, playwright_request: PageRequest, scrapy_request_data: Mapping[str, Any]
) -> dict[str, str]:
    """Return the browser's own headers; what a platform asks for besides goes with the page itself and nothing else."""
    headers = await playwright_request.all_headers()
    asked = str(scrapy_request_data["url"]).rstrip("/")
    if not playwright_request.is_navigation_request() or playwright_request.url.rstrip("/") != asked:
        return headers
    more = scrapy_request_data["headers"].to_unicode_dict()
    return headers | {name.lower(): str(value) for name, value in more.items() if name.lower() in ("referer",)}


def _as_utf8(page: Response) -> Response:
    """Return a rendered page in UTF-8, whatever its address declared: the browser has decoded it already."""
    if not isinstance(page, HtmlResponse):
        return page
    answer = page.replace(body=page.text.encode("utf-8", "replace"), encoding="utf-8")
    answer.headers["Content-Type"] = "text/html; charset=utf-8"
    return answer
