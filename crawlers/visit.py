"""One visit to one source: list pages, then the pages behind new entries."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http import Response as ScrapyResponse

from crawlers.address import site_of
from crawlers.base import Fetch, Parsed, Response
from crawlers.carrier import Carrier
from crawlers.credentials import Carried, Refusal
from crawlers.failure import classify_failure, is_unreachable
from crawlers.guard import OWN, check_address
from crawlers.job import Job
from crawlers.ledger import pause_after
from crawlers.merge import is_passing, merge_page, merge_text, post_key, resolve, trend_post, without_link
from crawlers.platforms import platform_specs
from crawlers.proxy import proxy_for
from crawlers.verdict import retry_after_s, url_outcome
from domain.mention import Post
from domain.outcome import Drop, FetchOutcome

__all__ = ["FOLLOWED", "Visit"]

FOLLOWED = 30
"""Most pages behind entries that one visit fetches; the rest waits for the next."""

_DETAILS = 10
_HOPS = 5
_AFTER_CAPTCHA = timedelta(hours=6)
"""How long nothing is asked behind entries once a site wanted a captcha there (contracts: platforms, section 3.6)."""
_MAX_PENDING = 300
"""Entries whose pages wait for later visits; kept in the state of the source, where they must stay few."""
_STOP_SITE = frozenset({FetchOutcome.RATE_LIMITED, FetchOutcome.IP_BLOCKED, FetchOutcome.CAPTCHA, FetchOutcome.BLOCKED})

_ARTICLE = "article.page"
_SHELL = FetchOutcome.RETRY_SHELL

Download = Callable[[Request], Awaitable[ScrapyResponse]]


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer as read."""

    parsed: Parsed
    response: Response | None = None
    """None = there was no answer."""
    posts: tuple[Post, ...] = ()
    """Its posts, and its trends as posts."""
    known: frozenset[str] = frozenset()
    """Native ids of those that were seen before."""


class Visit:
    """A visit in progress.

    Args:
        job: What to do; its `result` is filled as the visit goes on.
        download: Sends a request through the crawl's middlewares.
    """

    def __init__(self, job: Job, download: Download) -> None:
        self._job = job
        self._download = download
        self._index: dict[str, int] = {}
        self._asked: set[str | None] = set()
        self._carrier = Carrier(job, download, lambda raw, public: self._response(raw, public, ()))

    async def run(self) -> None:
        """Do the visit within its deadline; what was read until then stays in the result."""
        result = self._job.result
        result.pending = list(self._job.pending)
        listed = False
        try:
            async with asyncio.timeout(self._job.deadline_s):
                admitted = await self._lists()
                listed = True
                if admitted and not result.unreachable:
                    await self._follow()
                    await self._complete()
        except TimeoutError:
            result.unread |= not listed
            result.detail = f"ended after {self._job.deadline_s:g} s"
            result.outcome = result.outcome or FetchOutcome.ERROR
            result.unreachable = result.pages == 0
        finally:
            result.posts[:] = map(without_link, result.posts)

    async def _lists(self) -> bool:
        """Read the lists; False = the cookie or key rests, or the site wants a pause: nothing more is asked."""
        fetches = self._job.fetches or self._job.platform.start(self._job.source, self._job.now())
        refusal = await self._carrier.admit(len(fetches))
        if refusal is not None:
            self._note(self._refused(refusal).parsed, None)
            return False
        for fetch in fetches:
            await self._list(fetch, conditional=len(fetches) == 1)
            if self._must_rest():
                return False
        return True

    def _must_rest(self) -> bool:
        """Say whether what was answered asks for a pause: then the other words and all behind entries wait for it."""
        result = self._job.result
        if result.outcome is None or result.outcome.proves_life:
            return False
        return result.retry_after_s is not None or pause_after(result.outcome, 1, None) is not None

    async def _list(self, fetch: Fetch, *, conditional: bool) -> None:
        job = self._job
        following: Fetch | None = fetch
        while following is not None:
            job.result.resume = fetch = following
            self._asked.add(urlsplit(fetch.url).hostname)
            page = await self._fetch(fetch, conditional=conditional and fetch.page == 1)
            again = job.platform.following(fetch, page.parsed) if page.parsed.outcome is _SHELL else None
            if again is not None:  # a page that says how it wants to be asked, once
                fetch, page = again, await self._fetch(again)
            parsed, posts, known = page.parsed, page.posts, page.known
            self._note(parsed, page.response)
            await self._keep(parsed, page.response)
            job.result.unread |= fetch.page > 1 and not parsed.outcome.proves_life
            self._take(page)
            following = job.platform.following(fetch, parsed) if parsed.outcome.proves_life else None
            if parsed.outcome.proves_life:
                job.result.resume = following
            if fetch.page >= job.source.pages or job.result.seen >= job.source.limit:
                job.result.cut |= following is not None and bool(posts) and not known
                return
            if posts and len(known) == len(posts) and not job.deep:
                return

    def _note(self, parsed: Parsed, response: Response | None) -> None:
        """Keep the outcome: a failure stays, anything read beats an empty page."""
        result = self._job.result
        result.pages += response is not None
        before = result.outcome
        if before is None or (before.proves_life and parsed.outcome is not FetchOutcome.EMPTY):
            result.outcome, result.detail = parsed.outcome, parsed.detail[:300]
        if response is None:
            return
        if not parsed.outcome.proves_life:
            asked = retry_after_s(response.headers, response.now)
            result.retry_after_s = asked if asked is not None else result.retry_after_s
        elif before is None and response.status == 200:
            result.etag = response.headers.get("etag")
            result.last_modified = response.headers.get("last-modified")

    async def _keep(self, parsed: Parsed, response: Response | None) -> None:
        """Keep what a failing source answered; a good answer ends the row of failures."""
        box, source = self._job.shared.evidence, self._job.source.name
        if box is None or response is None:
            return
        if parsed.outcome.proves_life:
            box.forget(source)
        else:
            await asyncio.to_thread(box.keep, source, parsed.outcome, response)
        if box.sweep_due:
            await asyncio.to_thread(box.sweep)

    def _take(self, page: _Page) -> None:
        """Add the posts of a page, new ones first where there are too many."""
        job, result = self._job, self._job.result
        result.drops.update(dict(page.parsed.drops))
        result.trends.extend(page.parsed.trends)
        posts, known = page.posts, page.known
        room = job.source.limit - result.seen
        if len(posts) > room:
            result.etag = result.last_modified = None
            result.drops[Drop.OVER_LIMIT] += len(posts) - room
            fresh = [post for post in posts if post.native_id not in known]
            posts = tuple((fresh + [post for post in posts if post.native_id in known])[:room])
        result.seen += len(posts)
        for post in posts:
            whole = post if post.native_id not in known else self._kept_whole(post)
            if whole is not None:
                self._add(whole)
        self._fresh(post for post in posts if post.native_id not in known)

    def _kept_whole(self, post: Post) -> Post | None:
        """Return a known post with the text that its own page gave; None if that text is no longer at hand.

        A list shows the beginning only: taken again as it is, it would shorten what is stored.
        """
        job = self._job
        followed = job.source.follow and post.platform == "web"
        if not followed and job.platform.detail(job.source, post) is None:
            return post
        earlier = job.completed.get(post_key(post))
        if earlier is None or earlier.native_id != post.native_id:
            return None
        return replace(post, text=earlier.text, truncated=earlier.truncated, url=earlier.url, raw_url=earlier.raw_url)

    def _add(self, post: Post) -> None:
        posts = self._job.result.posts
        if post.native_id in self._index:
            self._job.result.drops[Drop.DUPLICATE_IN_BATCH] += 1
            return
        self._index[post.native_id] = len(posts)
        posts.append(post)

    def _fresh(self, posts: Iterable[Post]) -> None:
        if self._job.source.follow:
            self._job.result.pending.extend(post for post in posts if post.platform == "web" and post.url)

    async def _follow(self) -> None:
        """Fetch the pages behind new entries; a page that fails leaves the entry's own text."""
        job, result = self._job, self._job.result
        css = getattr(job.source.options, "text_css", None)
        result.pending = list({post.native_id: post for post in result.pending}.values())[:_MAX_PENDING]
        stopped: set[str] = set()
        for post in result.pending[:FOLLOWED]:
            link = post.raw_url or post.url or ""
            host = link.partition("//")[2].partition("/")[0]
            if host not in stopped:
                context = (("text_css", css),) if css else ()
                parsed = (await self._fetch(Fetch(endpoint=_ARTICLE, url=link, context=context))).parsed
                result.followed[parsed.outcome] += 1
                if parsed.posts:
                    self._replace(post, merge_page(post, parsed.posts[0]))
                elif parsed.outcome in _STOP_SITE:
                    stopped.add(host)
            result.pending.remove(post)

    async def _complete(self) -> None:
        """Fetch the full text of new truncated posts, where the platform gives it."""
        job = self._job
        wanted = [(post, job.platform.detail(job.source, post)) for post in job.result.posts if post.truncated]
        short = [(post, fetch) for post, fetch in wanted if fetch is not None]
        known = await asyncio.to_thread(job.known, [post for post, _ in short]) if short else frozenset[str]()
        for post, fetch in [each for each in short if each[0].native_id not in known][:_DETAILS]:
            if self._refused_site() or not await self._completed(post, fetch):
                return

    async def _completed(self, post: Post, fetch: Fetch) -> bool:
        """Fetch what completes a post, in two steps where a link only leads on; say whether to go on.

        A captcha on the site of the lists is the source's; one of another site only ends what is asked there.
        """
        job = self._job
        page = await self._fetch(fetch)
        onward = job.platform.following(fetch, page.parsed) if is_passing(post) else None
        if onward is not None:
            fetch, page = onward, await self._fetch(onward)
        parsed = page.parsed
        job.result.followed[parsed.outcome] += 1
        long_text = dict(parsed.extras).get("long_text")
        if parsed.posts and is_passing(post):
            self._replace(post, resolve(post, parsed.posts[0]))
        elif isinstance(long_text, str):
            self._replace(post, merge_text(post, long_text))
        if parsed.outcome is FetchOutcome.CAPTCHA:
            if urlsplit(fetch.url).hostname in self._asked:
                self._note(parsed, page.response)
                await self._keep(parsed, page.response)
            else:
                job.shared.pace.hold(self._site(fetch.url), job.now() + _AFTER_CAPTCHA)
        return not (parsed.outcome in _STOP_SITE or parsed.outcome is FetchOutcome.LOGIN_REQUIRED)

    def _refused_site(self) -> bool:
        """Say whether one of the platform's sites asked for a captcha behind an entry not long ago."""
        held = self._job.shared.pace.held_until
        return any(held(self._site(f"https://{host}/")) is not None for host in self._job.platform.hosts)

    def _site(self, public: str) -> str:
        return site_of(self._job.address.real(public)[0])

    def _replace(self, listed: Post, post: Post) -> None:
        """Put a completed post in the place of the listed one, whose id it need not have."""
        posts = self._job.result.posts
        self._job.result.completed[post_key(listed)] = post
        at = self._index.get(listed.native_id)
        if at is None:
            self._add(post)
        elif self._index.get(post.native_id, at) == at:
            posts[at] = post
            self._index[post.native_id] = at
        else:
            del posts[at]
            self._job.result.drops[Drop.DUPLICATE_IN_BATCH] += 1
            self._index = {each.native_id: number for number, each in enumerate(posts)}

    async def _fetch(self, fetch: Fetch, *, conditional: bool = False) -> _Page:
        """Fetch and parse; once more where an access token had ended and there is another."""
        for _ in range(2):
            page, carried = await self._exchange(fetch, conditional=conditional)
            parsed, response = await self._carrier.noted(carried, page.parsed, page.response)
            page = replace(page, parsed=parsed, response=response)
            if not self._carrier.worth_another(carried, parsed.outcome):
                break
        if page.response is not None:
            self._job.recorder(fetch, page.response, page.parsed)
        return page

    def _refused(self, refusal: Refusal) -> _Page:
        self._job.result.rest_until = refusal.until
        return _Page(refusal.parsed)

    async def _exchange(self, fetch: Fetch, *, conditional: bool) -> tuple[_Page, Carried]:
        """Fetch over at most five redirects and parse; return also what the last request carried.

        Redirects are judged before they are followed.
        """
        address, public = self._job.address, fetch.url
        url, own = address.real(public)
        carried: Carried | Refusal = Carried()
        for hop in range(_HOPS + 1):
            try:
                check_address(url, self._job.permit, own=own)
                carried = await self._carrier.carry(public, own=own)
                if isinstance(carried, Refusal):
                    return self._refused(carried), Carried()
                raw = await self._download(self._request(fetch, url, own, carried, conditional and hop == 0))
            except Exception as err:  # noqa: BLE001  # border of one fetch, classified and logged there
                self._job.result.unreachable |= is_unreachable(err) and self._job.result.pages == 0
                return _Page(classify_failure(err, public)), Carried()
            response = self._response(raw, public, fetch.context)
            self._job.shared.skew.note(urlsplit(public).hostname or "", response.headers)
            location = response.headers.get("location")
            if response.status == 304:
                return _Page(Parsed(outcome=FetchOutcome.EMPTY, detail="not modified"), response), carried
            if not 300 <= response.status < 400 or not location:
                return await self._read(fetch.endpoint, response), carried
            public = address.public(url, location[:4_096], public)
            verdict = url_outcome(public)
            if verdict is not None:
                parsed = Parsed(outcome=verdict, detail="redirected to a login or captcha page")
                return _Page(parsed, response), carried
            own = own and address.is_canonical(public)
            if fetch.body:
                parsed = Parsed(outcome=FetchOutcome.ERROR, detail="redirected, which a POST does not follow")
                return _Page(parsed), carried
            url = address.real(public)[0] if own else public
        return _Page(Parsed(outcome=FetchOutcome.ERROR, detail="too many redirects")), Carried()

    async def _read(self, endpoint: str, response: Response) -> _Page:
        """Parse an answer and look up what it holds; one way to a thread and back, but for articles."""
        platform = self._job.platform
        if endpoint != _ARTICLE:
            return await asyncio.to_thread(lambda: self._look_up(platform.parse(endpoint, response), response))
        parsed = await self._job.shared.extractor.page(response)
        if not endpoint.startswith(platform.prefixes):  # the page behind an entry that was looked up before
            return _Page(parsed, response)
        return await asyncio.to_thread(self._look_up, parsed, response)

    def _look_up(self, parsed: Parsed, response: Response) -> _Page:
        platform = self._job.platform.name
        title = platform_specs()[platform].title
        posts = (*parsed.posts, *(trend_post(each, platform, title + "热搜") for each in parsed.trends))
        return _Page(parsed, response, posts, self._job.known(posts) if posts else frozenset())

    def _request(self, fetch: Fetch, url: str, own: bool, carried: Carried, conditional: bool) -> Request:
        job = self._job
        headers = dict(fetch.headers)
        if conditional and job.etag:
            headers["If-None-Match"] = job.etag
        if conditional and job.last_modified:
            headers["If-Modified-Since"] = job.last_modified
        headers |= {name: value.reveal() for name, value in carried.headers.items()}
        meta = {OWN: own, "proxy": proxy_for(url, job.source, job.shared.network), "dont_retry": carried.once}
        if fetch.body:
            headers["Content-Type"] = "application/json"
            return Request(url, method="POST", body=fetch.body, headers=headers, meta=meta, dont_filter=True)
        return Request(url, headers=headers, meta=meta, dont_filter=True)

    def _response(self, raw: ScrapyResponse, public: str, context: Iterable[tuple[str, str]]) -> Response:
        headers = _headers(raw)
        return Response(
            url=public,
            status=raw.status,
            headers=headers,
            body=raw.body,
            now=self._job.now(),
            context=dict(context),
        )


def _headers(raw: ScrapyResponse) -> dict[str, str]:
    pairs = ((name.decode("latin-1").lower(), values) for name, values in raw.headers.items())
    return {name: values[0].decode("latin-1") for name, values in pairs if values}
