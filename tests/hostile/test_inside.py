"""No road leads inside: whatever a source says to fetch, the listener that stands for all of it hears nothing."""

from datetime import timedelta

import pytest
from aiohttp import web

from config.settings import SourceSettings
from crawlers.job import VisitResult
from domain.outcome import FetchOutcome as F
from tests.crawlers.farm import Farm
from tests.crawlers.pages import network, source
from tests.crawlers.visiting import article, entry, feed, job, visit
from tests.hostile.inside import FILES, INSIDE, Canary

pytestmark = pytest.mark.usefixtures("lying_dns")
HTML = "text/html; charset=utf-8"


def spelled(canary: Canary) -> list[str]:
    return [spelling.format(port=canary.port) for spelling in (*INSIDE, *FILES)]


async def go(site: Farm, own: SourceSettings) -> VisitResult:
    return await visit(job(site, own, deadline_s=20.0))


async def test_source_that_is_inside_itself_is_refused(site: Farm, canary: Canary) -> None:
    for link in spelled(canary):
        if link.startswith("http") and "\\" not in link:
            result = await go(site, source(platform="article", url=link))
            assert (result.outcome, result.posts) == (F.ERROR, []), link


async def test_meta_refresh_and_links_of_an_article_are_not_followed(site: Farm, canary: Canary) -> None:
    for link in spelled(canary):
        head = (
            f"<head><base href='{link}'><meta http-equiv=refresh content='0;url={link}'>"
            f"<link rel=canonical href='{link}'><meta property='og:url' content='{link}'>"
        )
        site.page("/page", article().replace("<head>", head), Content_Type=HTML)
        result = await go(site, source(platform="article", url=site.base + "/page", follow=True))
        assert result.outcome is F.OK, link
    assert set(site.asked) == {"/page", "/robots.txt"}


async def test_enclosures_and_other_files_of_a_feed_are_not_fetched(site: Farm, canary: Canary) -> None:
    items = [
        f"<item><guid>{number}</guid><title>题{number}</title><link>{site.base}/a{number}</link>"
        f"<enclosure url='{link}' type='audio/mpeg' length='1'/><media:content url='{link}'/>"
        f"<comments>{link}</comments>"
        f"<description>&lt;img src='{link}'&gt;&lt;iframe src='{link}'&gt;</description></item>"
        for number, link in enumerate(spelled(canary))
    ]
    rss = f"<rss xmlns:media='http://search.yahoo.com/mrss/'><channel><image><url>{spelled(canary)[0]}</url></image>"
    more = f"<atom:link xmlns:atom='http://www.w3.org/2005/Atom' rel='next' href='{spelled(canary)[0]}'/>"
    site.page("/feed", f"{rss}{more}{''.join(items)}</channel></rss>")
    result = await go(site, source(url=site.base + "/feed", follow=True, pages=3))
    assert (result.outcome, len(result.posts)) == (F.OK, len(items))
    assert set(site.asked) == {"/robots.txt", "/feed", *(f"/a{number}" for number in range(len(items)))}


async def test_link_behind_an_entry_that_is_redirected_inside_is_refused(site: Farm, canary: Canary) -> None:
    links = [link for link in spelled(canary) if "\\" not in link]
    for number, link in enumerate(links):
        site.page(f"/a{number}", b"", 302, Location=link)
    site.page("/feed", feed(*(entry(f"{site.base}/a{number}", f"题{number}") for number in range(len(links)))))
    result = await go(site, source(url=site.base + "/feed", follow=True))
    assert result.outcome is F.OK
    assert result.followed == {F.ERROR: len(links)}


async def test_children_of_a_sitemap_index_are_refused(site: Farm, canary: Canary) -> None:
    for link in spelled(canary):
        site.page("/sitemap.xml", f"<sitemapindex><sitemap><loc>{link}</loc></sitemap></sitemapindex>")
        result = await go(site, source(platform="sitemap", url=site.base + "/sitemap.xml", pages=5))
        assert result.posts == [], link


async def test_entries_of_a_bridge_lead_nowhere_inside(site: Farm, canary: Canary) -> None:
    links = spelled(canary)
    site.page("/x/y", feed(*(entry(link, f"题{number}") for number, link in enumerate(links))))
    result = await go(site, source(platform="rsshub", url=site.base + "/x/y", follow=True))
    assert result.outcome is F.OK
    assert result.followed.keys() <= {F.ERROR, F.PARSE_ERROR, F.GONE}
    assert set(site.asked) <= {"/robots.txt", "/x/y", "/"}


async def test_jumps_of_sogou_lead_nowhere_inside(site: Farm, canary: Canary) -> None:
    links = [link for link in spelled(canary) if "\\" not in link]
    found = "".join(
        f"<li id='sogou_vr_11002601_box_{number}'><h3><a href='{link}'>题{number}</a></h3><p class='txt-info'>文</p>"
        for number, link in enumerate(["/link?url=a", *links])
    )
    site.page("/weixin", f"<html><body><ul class='news-list'>{found}</ul></body></html>", Content_Type=HTML)
    wechat = source(platform="wechat", query=("云杉",), base_url=site.base)
    for link in links:
        site.page(
            "/link", f"<script>var url = ''; url += '{link}'; location.replace('{link}')</script>", Content_Type=HTML
        )
        assert (await go(site, wechat)).outcome in (F.OK, F.ERROR), link
        site.page("/link", b"", 302, Location=link)
        assert (await go(site, wechat)).outcome in (F.OK, F.ERROR), link
    assert site.count("/link") >= len(links)


@pytest.mark.parametrize("chosen", [None, "none"])
async def test_proxy_of_the_environment_is_not_asked(
    site: Farm, canary: Canary, monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    site.page("/feed", feed(entry("https://other.example.cn/1")))
    result = await go(site, source(url=site.base + "/feed", follow=True, proxy=chosen))
    assert (result.outcome, len(result.posts)) == (F.OK, 1)


# --- with a browser ------------------------------------------------------------------------------------------

VECTORS: dict[str, str] = {
    "iframe": "<iframe src='{to}'></iframe>",
    "iframe in srcdoc": "<iframe srcdoc=\"<iframe src='{to}'></iframe>\"></iframe>",
    "object": "<object data='{to}'></object>",
    "embed": "<embed src='{to}'>",
    "script": "<script src='{to}'></script>",
    "module": "<script type=module>import('{to}').catch(() => 0)</script>",
    "css": "<link rel=stylesheet href='{to}'>",
    "css import": "<style>@import url('{to}');</style>",
    "img": "<img src='{to}'>",
    "picture": "<picture><source srcset='{to}'><img src='{to}'></picture>",
    "css image": "<div style=\"background:url('{to}')\">x</div>",
    "svg": "<svg><image href='{to}'/><use href='{to}#x'/></svg>",
    "video": "<video src='{to}' autoplay></video><audio src='{to}' autoplay></audio>",
    "track": "<video><track src='{to}' default></video>",
    "font": "<style>@font-face{font-family:x;src:url('{to}')} p{font-family:x}</style><p>字</p>",
    "icon": "<link rel=icon href='{to}'>",
    "manifest": "<link rel=manifest href='{to}'>",
    "preload": "<link rel=preload as=fetch href='{to}'>",
    "prefetch": "<link rel=prefetch href='{to}'>",
    "prerender": "<link rel=prerender href='{to}'>",
    "preconnect": "<link rel=preconnect href='{to}'><link rel=dns-prefetch href='{to}'>",
    "speculation": '<script type=speculationrules>{"prefetch":[{"source":"list","urls":["{to}"],"eagerness":'
    '"immediate"}],"prerender":[{"source":"list","urls":["{to}"],"eagerness":"immediate"}]}</script>',
    "fetch": "<script>fetch('{to}', {mode: 'no-cors'}).catch(() => 0)</script>",
    "fetch with body": "<script>fetch('{to}', {method: 'POST', body: 'x', mode: 'no-cors'}).catch(() => 0)</script>",
    "xhr": "<script>const x = new XMLHttpRequest(); x.open('GET', '{to}'); x.send()</script>",
    "websocket": "<script>new WebSocket('{to}'.replace(/^http/i, 'ws'))</script>",
    "eventsource": "<script>new EventSource('{to}')</script>",
    "beacon": "<script>navigator.sendBeacon('{to}', 'x')</script>",
    "ping": "<a id=l ping='{to}' href='#x'>x</a><script>l.click()</script>",
    "meta refresh": "<meta http-equiv=refresh content='0;url={to}'>",
    "script location": "<script>location.href = '{to}'</script>",
    "frame location": "<iframe id=f srcdoc='x'></iframe><script>f.contentWindow.location = '{to}'</script>",
    "form": "<form id=f action='{to}' method=post></form><script>f.submit()</script>",
    "form in frame": "<iframe name=n></iframe><form id=f action='{to}' target=n method=post></form>"
    "<script>f.submit()</script>",
    "window.open": "<script>window.open('{to}'); window.open('{to}', '_blank', 'noopener')</script>",
    "link to a new window": "<a id=l href='{to}' target=_blank>x</a><script>l.click()</script>",
    "download": "<a id=l href='{to}' download=x>x</a><script>l.click()</script>",
    "worker": "<script>new Worker(URL.createObjectURL(new Blob([\"fetch('{to}', {mode: 'no-cors'}); "
    "importScripts('{to}')\"])))</script>",
    "shared worker": "<script>new SharedWorker(URL.createObjectURL(new Blob([\"fetch('{to}', {mode: 'no-cors'})\"])))"
    "</script>",
    "service worker": "<script>navigator.serviceWorker.register('/sw.js').catch(() => 0)</script>",
    "redirected script": "<script src='/away'></script>",
    "redirected frame": "<iframe src='/away'></iframe>",
    "redirected fetch": "<script>fetch('/away', {mode: 'no-cors'}).catch(() => 0)</script>",
    "csp report": "<meta http-equiv=content-security-policy content=\"img-src 'none'; report-uri {to}\"><img src=/x>",
    "stun": "<script>const p = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:{port}'}, {urls: "
    "'turn:127.0.0.1:{port}?transport=tcp', username: 'a', credential: 'b'}]}); p.createDataChannel('x'); "
    "p.createOffer().then(o => p.setLocalDescription(o))</script>",
    "stun in a frame": "<iframe id=f src='about:blank'></iframe><script>const p = new f.contentWindow"
    ".RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:{port}'}]}); p.createDataChannel('x'); "
    "p.createOffer().then(o => p.setLocalDescription(o))</script>",
    "webtransport": "<script>new WebTransport('https://127.0.0.1:{port}/').ready.catch(() => 0)</script>",
}
"""What a page can do to make a browser fetch `{to}`."""
WORKS = frozenset(
    {"iframe", "iframe in srcdoc", "object", "script", "module", "css", "css import", "fetch", "fetch with body", "xhr",
     "websocket", "frame location", "form in frame", "worker", "shared worker", "redirected script", "redirected frame",
     "redirected fetch"}
)  # fmt: skip
"""Those that reach a server which may be reached, so that the tests try what a page can really do."""


def lay(site: Farm, vector: str, to: str, port: int) -> None:
    async def worker(request: web.Request) -> web.Response:
        body = f"self.addEventListener('install', e => e.waitUntil(fetch('{to}', {{mode: 'no-cors'}})))"
        return web.Response(text=body, content_type="text/javascript")

    page = VECTORS[vector].replace("{to}", to).replace("{port}", str(port))
    site.pages["/sw.js"] = worker
    site.page("/away", b"", 302, Location=to)
    site.page("/page", article().replace("</article>", f"</article>{page}"), Content_Type=HTML)


def rendered(site: Farm) -> SourceSettings:
    return source(platform="article", transport="browser", url=site.base + "/page")


@pytest.mark.slow
class TestBrowser:
    """A real Chromium; each test has one for all its pages."""

    @pytest.fixture
    async def road(self):  # type: ignore[no-untyped-def]  # its type needs the optional package
        browser = pytest.importorskip(
            "crawlers.browser", reason="scrapy-playwright is missing: pip install 'tingfeng[browser]'",
            exc_type=ImportError,
        )  # fmt: skip
        from config.settings import CrawlSettings
        from crawlers.chromium import find_chromium

        if find_chromium(None) is None:
            pytest.skip("no Chromium on this machine: install the package `chromium`")
        made = browser.BrowserRoad(CrawlSettings(browser_visits=1_000))
        yield made
        await made.close()

    async def see(self, road, site: Farm, own: SourceSettings) -> VisitResult:  # type: ignore[no-untyped-def]
        work = job(site, own, net=network(site.pair, timeout=timedelta(seconds=6)), deadline_s=20.0)
        await road.visit(work)
        return work.result

    async def test_every_way_of_a_page_leads_nowhere_inside(self, road, site: Farm, canary: Canary) -> None:  # type: ignore[no-untyped-def]
        for vector in VECTORS:
            for host in ("127.0.0.1", "rebind.example.cn"):
                lay(site, vector, f"http://{host}:{canary.port}/", canary.port)
                result = await self.see(road, site, rendered(site))
                assert canary.connections == 0, (vector, host)
                assert result.outcome in (F.OK, F.ERROR), (vector, host, result.detail)

    async def test_the_same_ways_lead_to_what_may_be_reached(self, road, site: Farm) -> None:  # type: ignore[no-untyped-def]
        site.page("/hit", "x", Content_Type="text/javascript", Access_Control_Allow_Origin="*")
        reached = set()
        for vector in WORKS:
            site.asked.clear()
            lay(site, vector, site.base + "/hit", site.port)
            await self.see(road, site, rendered(site))
            reached |= {vector} if site.count("/hit") else set()
        assert reached == WORKS

    async def test_every_spelling_is_refused(self, road, site: Farm, canary: Canary) -> None:  # type: ignore[no-untyped-def]
        links = spelled(canary)
        tries = "".join(f"<iframe src='{link}'></iframe><script src='{link}'></script>" for link in links)
        fetches = "".join(f"fetch({link!r}, {{mode: 'no-cors'}}).catch(() => 0);" for link in links)
        site.page("/page", f"{article()}{tries}<script>{fetches}</script>", Content_Type=HTML)
        assert (await self.see(road, site, rendered(site))).outcome is F.OK
        for link in links:
            own = source(platform="article", transport="browser", url=link)
            if link.startswith("http") and "\\" not in link:
                assert (await self.see(road, site, own)).outcome is F.ERROR, link
            site.page("/page", b"", 302, Location=link)
            assert (await self.see(road, site, rendered(site))).outcome in (F.ERROR, F.GONE), link

    async def test_page_of_another_site_does_not_reach_the_sources_base(self, road, site: Farm) -> None:  # type: ignore[no-untyped-def]
        """The base is inside and allowed, but only for addresses that are built from it."""
        site.page("/hit", "x", Content_Type="text/javascript")
        site.page("/feed", feed(entry("http://elsewhere.example.cn/a")), Content_Type="text/xml")
        own = source(platform="feed", transport="browser", url=site.base + "/feed", follow=True)
        result = await self.see(road, site, own)
        assert (result.outcome, result.followed) == (F.OK, {F.ERROR: 1})

    async def test_environment_of_the_service_is_not_that_of_the_browser(
        self,
        road,
        site: Farm,
        canary: Canary,
        monkeypatch: pytest.MonkeyPatch,  # type: ignore[no-untyped-def]
    ) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
        site.page("/page", article(), Content_Type=HTML)
        assert (await self.see(road, site, rendered(site))).outcome is F.OK
