"""Keys, quotas and cookies over real visits to a server that refuses what the real ones refuse."""

import asyncio
import gzip
import json
import logging
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from scrapy import Request
from scrapy.http import Response as ScrapyResponse
from scrapy.http import TextResponse

from config.settings import SourceSettings
from crawlers.credentials import CredentialBook, MemoryCredentials
from crawlers.evidence import EvidenceBox
from crawlers.job import Job, Shared
from crawlers.platforms import build_platform
from crawlers.platforms.websearch import WebsearchSettings
from crawlers.visit import Visit
from domain.clock import ManualClock
from domain.credential import CredentialCondition, CredentialState
from domain.outcome import FetchOutcome as F
from domain.ports import CredentialStore
from domain.secret import Secret
from storage import State, open_state
from storage.errors import StoreError
from tests.crawlers.farm import Farm, farm
from tests.crawlers.pages import network, source
from tests.crawlers.visiting import T, job, shared, visit

CLIENT_SECRET = "cl1ent-s3cret-of-ours"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MIDNIGHT = datetime(2026, 6, 19, 16, tzinfo=UTC)


class Api:
    """An API with tokens: gives them for id and secret, refuses those that ended, counts what it is asked."""

    def __init__(self, site: Farm) -> None:
        self.site = site
        self.good: set[str] = set()
        self.given: list[str] = []
        self.grants: list[dict[str, str]] = []
        self.limits: dict[str, str] = {}
        self.refuse_grant: tuple[int, Any] | None = None
        self.slow_s = 0.0
        self.refuse_all = False
        site.pages["/api/v1/access_token"] = self.grant
        site.pages["/search"] = self.search

    async def grant(self, request: web.Request) -> web.StreamResponse:
        form = dict(await request.post())
        self.grants.append({"method": request.method, **{name: str(value) for name, value in form.items()}})
        await asyncio.sleep(self.slow_s)
        if self.refuse_grant is not None:
            status, body = self.refuse_grant
            return web.json_response(body, status=status)
        if request.headers.get("Authorization") != "Basic YXBwOmNsMWVudC1zM2NyZXQtb2Ytb3Vycw==":
            return web.json_response({"message": "Unauthorized", "error": 401}, status=401)
        token = f"t0ken-{secrets.token_hex(8)}"
        self.good.add(token)
        self.given.append(token)
        return web.json_response({"access_token": token, "token_type": "bearer", "expires_in": 3600, "scope": "*"})

    async def search(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.good or self.refuse_all:
            said = {"message": f"Unauthorized {token}", "error": 401}
            return web.json_response(said, status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        post = {
            "name": "t3_1a", "permalink": "/r/ev/comments/1a/t/", "title": "云杉咖啡", "author": "a",
            "created_utc": 1781925600, "is_self": True,
        }  # fmt: skip
        listing = {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": post}], "after": None}}
        return web.json_response(listing, headers=self.limits)

    def revoke(self) -> None:
        self.good.clear()


@pytest.fixture
async def site() -> AsyncIterator[Farm]:
    async with farm() as made:
        yield made


@pytest.fixture
def api(site: Farm) -> Api:
    return Api(site)


def reddit(site: Farm, **more: Any) -> SourceSettings:
    given: dict[str, Any] = {
        "platform": "reddit", "transport": "official", "client_id": "app", "client_secret": Secret(CLIENT_SECRET),
        "query": ("云杉咖啡",), "base_url": site.base, "name": "reddit", **more,
    }  # fmt: skip
    return source(**given)


def booked(site: Farm, store: CredentialStore | None = None, *, at: datetime = T, **more: Any) -> Shared:
    clock = ManualClock(at)
    book = CredentialBook(clock, store)
    return replace(shared(network(site.pair)), clock=clock, credentials=book, **more)


def clock_of(with_: Shared) -> ManualClock:
    assert isinstance(with_.clock, ManualClock)
    return with_.clock


# --- access tokens -------------------------------------------------------------------------------------------


async def test_token_is_fetched_used_and_kept_for_its_life(site: Farm, api: Api) -> None:
    with_ = booked(site)
    for _ in range(3):
        result = await visit(job(site, reddit(site), with_=with_))
        assert (result.outcome, [post.native_id for post in result.posts]) == (F.OK, ["t3_1a"])
    assert api.grants == [{"method": "POST", "grant_type": "client_credentials"}]
    clock_of(with_).advance(55 * MINUTE)
    assert (await visit(job(site, reddit(site), with_=with_))).outcome is F.OK
    assert len(api.grants) == 2, "it is renewed before it ends"


async def test_token_is_asked_for_where_robots_refuse_everything_and_pages_are_not(site: Farm, api: Api) -> None:
    site.robots("User-agent: *\nDisallow: /")
    result = await visit(job(site, reddit(site), with_=booked(site)))
    assert (result.outcome, len(api.grants), site.count("/search")) == (F.BLOCKED, 1, 0)


async def test_twenty_visits_together_ask_for_one_token(site: Farm, api: Api) -> None:
    api.slow_s = 0.2
    with_ = booked(site)
    results = await asyncio.gather(*(visit(job(site, reddit(site), with_=with_)) for _ in range(20)))
    assert ({result.outcome for result in results}, len(api.grants)) == ({F.OK}, 1)
    api.revoke()
    results = await asyncio.gather(*(visit(job(site, reddit(site), with_=with_)) for _ in range(20)))
    assert ({result.outcome for result in results}, len(api.grants)) == ({F.OK}, 2)


async def test_ended_token_is_renewed_once_and_the_request_made_again(site: Farm, api: Api) -> None:
    with_ = booked(site)
    await visit(job(site, reddit(site), with_=with_))
    api.revoke()
    result = await visit(job(site, reddit(site), with_=with_))
    assert (result.outcome, len(api.grants), site.count("/search")) == (F.OK, 2, 3)


async def test_api_that_refuses_fresh_tokens_is_not_hammered(site: Farm, api: Api) -> None:
    api.refuse_all = True
    with_ = booked(site)
    first = await visit(job(site, reddit(site), with_=with_))
    assert (first.outcome, len(api.grants), site.count("/search")) == (F.AUTH_FAILED, 2, 2)
    later = [await visit(job(site, reddit(site), with_=with_)) for _ in range(5)]
    assert {result.outcome for result in later} == {F.AUTH_FAILED}
    assert "which rights the application has; not asked again before" in later[-1].detail
    assert later[-1].rest_until == T + MINUTE
    assert (len(api.grants), site.count("/search")) == (2, 2)
    api.refuse_all = False
    clock_of(with_).advance(MINUTE)
    assert (await visit(job(site, reddit(site), with_=with_))).outcome is F.OK


async def test_wrong_secret_is_told_and_asked_again_ever_later(site: Farm, api: Api) -> None:
    with_ = booked(site)
    own = reddit(site, client_secret=Secret("wr0ng-s3cret"))
    first = await visit(job(site, own, with_=with_))
    assert (first.outcome, first.detail) == (F.AUTH_FAILED, "token request: HTTP 401")
    assert site.count("/search") == 0
    for minutes, grants in ((0, 1), (0.5, 1), (0.5, 2), (1, 2), (1, 3), (3, 3), (1, 4)):
        clock_of(with_).advance(minutes * MINUTE)
        result = await visit(job(site, own, with_=with_))
        assert (result.outcome, len(api.grants)) == (F.AUTH_FAILED, grants)
    assert (await visit(job(site, reddit(site), with_=with_))).outcome is F.OK, "another secret is another matter"


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (429, {"message": "Too Many Requests", "error": 429}, F.RATE_LIMITED),
        (500, {"error": "oops"}, F.ERROR),
        (200, {"token": "none"}, F.SCHEMA_ERROR),
        (400, {"error": "invalid_grant", "error_description": CLIENT_SECRET}, F.AUTH_FAILED),
    ],
)
async def test_refused_token_has_its_outcome(site: Farm, api: Api, status: int, body: Any, outcome: F) -> None:
    api.refuse_grant = (status, body)
    result = await visit(job(site, reddit(site), with_=booked(site)))
    assert (result.outcome, len(api.grants)) == (outcome, 1)
    assert CLIENT_SECRET not in result.detail


async def test_waiting_time_of_the_token_server_is_kept(site: Farm, api: Api) -> None:
    site.page("/api/v1/access_token", "slow down", 429, Retry_After="900")
    with_ = booked(site)
    assert (await visit(job(site, reddit(site), with_=with_))).rest_until == T + 15 * MINUTE


async def test_token_that_cannot_be_renewed_serves_to_its_end(site: Farm, api: Api) -> None:
    with_ = booked(site)
    await visit(job(site, reddit(site), with_=with_))
    api.refuse_grant = (503, {"message": "down"})
    clock_of(with_).advance(56 * MINUTE)
    assert (await visit(job(site, reddit(site), with_=with_))).outcome is F.OK
    clock_of(with_).advance(5 * MINUTE)
    assert (await visit(job(site, reddit(site), with_=with_))).outcome is F.ERROR


async def test_redirect_of_the_token_server_is_not_followed(site: Farm, api: Api) -> None:
    site.page("/api/v1/access_token", "", 307, Location="/elsewhere")
    result = await visit(job(site, reddit(site), with_=booked(site)))
    assert (result.outcome, site.count("/elsewhere"), site.count("/search")) == (F.ERROR, 0, 0)


@pytest.mark.slow
async def test_visit_that_runs_out_of_time_leaves_the_others_their_token(site: Farm, api: Api) -> None:
    api.slow_s = 1.0
    with_ = booked(site)
    hasty, patient = await asyncio.gather(
        visit(job(site, reddit(site), with_=with_, deadline_s=0.4)), visit(job(site, reddit(site), with_=with_))
    )
    assert (hasty.outcome, patient.outcome) == (F.ERROR, F.OK)


async def test_douyin_gives_a_client_token_and_takes_it(site: Farm) -> None:
    asked: list[dict[str, str]] = []

    async def grant(request: web.Request) -> web.StreamResponse:
        asked.append(await request.json())
        data = {"access_token": "clt.t0ken", "expires_in": 7200, "error_code": 0, "description": ""}
        return web.json_response({"data": data, "message": "success"})

    async def search(request: web.Request) -> web.StreamResponse:
        if request.headers.get("access-token") != "clt.t0ken":
            return web.json_response({"err_no": 28001003, "err_msg": "access_token无效", "data": {}})
        found = {"item_id": "7300000000000000001", "title": "云杉咖啡", "create_time": 1781925600, "nickname": "甲"}
        return web.json_response({"err_no": 0, "err_msg": "", "data": {"video_list": [found], "has_more": False}})

    site.pages["/oauth/client_token/"], site.pages["/dy_open_api/v2/search/video/"] = grant, search
    own = source(
        platform="douyin", transport="official", client_id="key", client_secret=Secret(CLIENT_SECRET),
        query=("云杉咖啡",), base_url=site.base,
    )  # fmt: skip
    result = await visit(job(site, own, with_=booked(site)))
    assert (result.outcome, len(result.posts)) == (F.OK, 1)
    assert asked == [{"client_key": "key", "client_secret": CLIENT_SECRET, "grant_type": "client_credential"}]


async def test_no_request_left_lets_the_key_rest_as_long_as_told(site: Farm, api: Api) -> None:
    api.limits = {"x-ratelimit-remaining": "0.0", "x-ratelimit-used": "996", "x-ratelimit-reset": "240"}
    with_ = booked(site)
    assert (await visit(job(site, reddit(site), with_=with_))).outcome is F.OK
    result = await visit(job(site, reddit(site, name="other"), with_=with_))
    assert (result.outcome, result.rest_until) == (F.RATE_LIMITED, T + 4 * MINUTE)
    assert result.detail == "the platform says that no request is left for this key, next at 15:34"
    assert site.count("/search") == 1
    api.limits = {"x-ratelimit-remaining": "12.0", "x-ratelimit-reset": "200"}
    clock_of(with_).advance(4 * MINUTE)
    assert [(await visit(job(site, reddit(site), with_=with_))).outcome for _ in range(2)] == [F.OK, F.OK]


async def test_static_token_is_sent_as_it_is_and_never_asked_for(site: Farm, api: Api) -> None:
    api.good.add("st4tic")
    own = reddit(site, token=Secret("st4tic"), client_id=None, client_secret=None)
    assert (await visit(job(site, own, with_=booked(site)))).outcome is F.OK
    api.revoke()
    assert (await visit(job(site, own, with_=booked(site)))).outcome is F.AUTH_FAILED
    assert api.grants == []


# --- quota ---------------------------------------------------------------------------------------------------


def websearch(site: Farm, **more: Any) -> SourceSettings:
    given: dict[str, Any] = {
        "platform": "websearch", "transport": "official", "token": Secret("k3y-of-qianfan"), "query": ("云杉咖啡",),
        "base_url": site.base, "options": WebsearchSettings(engine="qianfan"), **more,
    }  # fmt: skip
    return source(**given)


def answers(site: Farm) -> None:
    found = {"title": "云杉咖啡喝出异物", "content": "文", "url": "https://n.cn/1", "website": "某报"}
    site.page("/v2/ai_search/web_search", json.dumps({"references": [found]}))


async def test_quota_is_spread_over_the_day_and_shared_by_sources_of_one_key(site: Farm) -> None:
    answers(site)
    with_ = booked(site, at=MIDNIGHT)
    outcomes = [
        (await visit(job(site, websearch(site, name=f"s{turn % 3}"), with_=with_))).outcome for turn in range(12)
    ]
    assert outcomes == [F.OK] * 10 + [F.RATE_LIMITED] * 2
    other = websearch(site, token=Secret("an0ther-key"))
    assert (await visit(job(site, other, with_=with_))).outcome is F.OK
    result = await visit(job(site, websearch(site), with_=with_))
    assert result.detail == "quota: 10 of 100 requests used today, next at 00:14"
    assert (result.rest_until, result.pages) == (MIDNIGHT + timedelta(minutes=14, seconds=25), 0)
    assert site.count("/v2/ai_search/web_search") == 11
    assert with_.credentials is not None
    own = websearch(site)
    assert await with_.credentials.next_at(own, build_platform("websearch", own.options)) == result.rest_until
    clock_of(with_).advance(timedelta(minutes=14, seconds=25))
    assert (await visit(job(site, websearch(site), with_=with_))).outcome is F.OK


async def test_used_up_day_begins_anew_at_midnight(site: Farm) -> None:
    answers(site)
    with_ = booked(site, at=MIDNIGHT + 23 * HOUR)
    outcomes = [(await visit(job(site, websearch(site, quota=12), with_=with_))).outcome for _ in range(14)]
    assert outcomes.count(F.OK) == 12
    result = await visit(job(site, websearch(site, quota=12), with_=with_))
    assert result.detail == "quota: 12 of 12 requests used today, next at 00:00"
    clock_of(with_).advance(HOUR)
    assert (await visit(job(site, websearch(site, quota=12), with_=with_))).outcome is F.OK


async def test_quota_outlives_a_restart_and_holds_over_processes(site: Farm, tmp_path: Path) -> None:
    answers(site)
    state = open_state(None, tmp_path)
    try:
        processes = [booked(site, state.credentials, at=MIDNIGHT + 23 * HOUR) for _ in range(4)]
        work = [job(site, websearch(site, quota=10), with_=with_) for with_ in processes for _ in range(5)]
        results = await asyncio.gather(*map(visit, work))
        assert [result.outcome for result in results].count(F.OK) == 10
        assert site.count("/v2/ai_search/web_search") == 10
    finally:
        state.close()


async def test_source_without_key_has_the_quota_that_it_sets_for_all_its_brands(site: Farm) -> None:
    site.page("/api/topics/latest.json", "[]")
    with_ = booked(site, at=MIDNIGHT)
    own = source(platform="v2ex", base_url=site.base, quota=10)
    brands = [replace(own, name=f"v:{brand}", brands=(brand,)) for brand in ("yunshan", "xinglan")]
    outcomes = [(await visit(job(site, each, with_=with_))).outcome for each in brands]
    assert outcomes == [F.EMPTY, F.RATE_LIMITED]


class Silent(MemoryCredentials):
    """A store that is gone."""

    def used(self, name: str, *, day: str) -> int:
        raise StoreError("state database: cannot read", retryable=True)

    def spend(self, name: str, *, day: str, most: int) -> int | None:
        raise StoreError("state database: cannot write", retryable=True)

    def load(self) -> Mapping[str, CredentialState]:
        raise StoreError("state database: cannot read", retryable=True)

    def save(self, state: CredentialState) -> None:
        raise StoreError("state database: cannot write", retryable=True)


async def test_requests_that_cannot_be_counted_are_not_made(site: Farm, caplog: pytest.LogCaptureFixture) -> None:
    answers(site)
    with_ = booked(site, Silent())
    results = [await visit(job(site, websearch(site), with_=with_)) for _ in range(3)]
    assert {result.outcome for result in results} == {F.ERROR}
    assert "cannot be counted" in results[0].detail
    assert site.count("/v2/ai_search/web_search") == 0
    assert caplog.text.count("credentials are not shared for now") == 1
    unlimited = websearch(site, options=WebsearchSettings(engine="zhipu"))
    site.page("/api/paas/v4/web_search", json.dumps({"search_result": []}))
    assert (await visit(job(site, unlimited, with_=with_))).outcome is F.EMPTY


# --- cookies -------------------------------------------------------------------------------------------------


def weibo(site: Farm, **more: Any) -> SourceSettings:
    given: dict[str, Any] = {
        "name": "weibo", "platform": "weibo", "transport": "cookie", "cookie": Secret("SUB=s3cret-cookie-1"),
        "query": ("云杉咖啡",), "base_url": site.base, **more,
    }  # fmt: skip
    return source(**given)


LOGIN = {"ok": -100, "url": "https://passport.weibo.com/sso/signin?entry=wapsso"}
CAPTCHA = {"ok": -100, "errno": "-100", "url": "https://m.weibo.cn/captcha/show"}
EMPTY = {"ok": 0, "msg": "这里还没有内容", "data": {"cards": []}}
SEARCH = "/api/container/getIndex"


async def test_dead_cookie_rests_everywhere_until_it_is_another(site: Farm) -> None:
    site.page(SEARCH, json.dumps(LOGIN))
    with_ = booked(site)
    assert (await visit(job(site, weibo(site), with_=with_))).outcome is F.LOGIN_REQUIRED
    for name in ("weibo", "second"):
        result = await visit(job(site, weibo(site, name=name), with_=with_))
        assert (result.outcome, result.pages, result.rest_until) == (F.LOGIN_REQUIRED, 0, None)
        assert result.detail == (
            f"the cookie of weibo.com is dead since 2026-06-20 15:30: put a new one into `cookie` of source {name}"
        )
    clock_of(with_).advance(timedelta(days=30))
    await visit(job(site, weibo(site), with_=with_))
    assert site.count(SEARCH) == 1
    site.page(SEARCH, json.dumps(EMPTY))
    new = weibo(site, cookie=Secret("SUB=s3cret-cookie-2"))
    assert (await visit(job(site, new, with_=with_))).outcome is F.EMPTY
    assert site.headers[-1]["Cookie"] == "SUB=s3cret-cookie-2"


async def test_words_after_a_dead_cookie_are_not_asked_for(site: Farm) -> None:
    site.page(SEARCH, json.dumps(LOGIN))
    own = weibo(site, query=("云杉咖啡", "星澜汽车", "白鹿茶饮"))
    result = await visit(job(site, own, with_=booked(site)))
    assert (result.outcome, site.count(SEARCH)) == (F.LOGIN_REQUIRED, 1)


async def test_new_cookie_in_the_file_is_taken_without_a_restart(site: Farm, tmp_path: Path) -> None:
    site.page(SEARCH, json.dumps(LOGIN))
    path = tmp_path / "cookie"
    path.write_text("SUB=s3cret-cookie-1\n")
    own, with_ = weibo(site, cookie=Secret("SUB=s3cret-cookie-1", path)), booked(site)
    page, book = build_platform("weibo"), with_.credentials
    assert book is not None
    await visit(job(site, own, with_=with_))
    result = await visit(job(site, own, with_=with_))
    assert result.detail.endswith(f"put a new one into `cookie_file` {path}")
    assert not await book.replaced(own, page)
    path.write_text("SUB=s3cret-cookie-2\n")
    os.utime(path, (2_000_000_000, 2_000_000_000))
    site.page(SEARCH, json.dumps(EMPTY))
    assert await book.replaced(own, page)
    assert (await visit(job(site, own, with_=with_))).outcome is F.EMPTY
    assert site.headers[-1]["Cookie"] == "SUB=s3cret-cookie-2"


async def test_cookie_that_a_block_says_nothing_of_is_no_new_one(site: Farm, tmp_path: Path) -> None:
    site.page(SEARCH, "", 432)
    path = tmp_path / "cookie"
    path.write_text("SUB=s3cret-cookie-1\n")
    own, with_ = weibo(site, cookie=Secret("SUB=s3cret-cookie-1", path)), booked(site)
    page, book = build_platform("weibo"), with_.credentials
    assert book is not None
    assert (await visit(job(site, own, with_=with_))).outcome is F.BLOCKED
    assert not await book.replaced(own, page)
    assert not await CredentialBook(with_.clock).replaced(own, page)
    path.write_text("SUB=s3cret-cookie-2\n")
    os.utime(path, (2_000_000_000, 2_000_000_000))
    assert await book.replaced(own, page)


async def test_captcha_lets_all_sources_of_the_cookie_rest_six_hours(site: Farm) -> None:
    site.page(SEARCH, json.dumps(CAPTCHA))
    with_ = booked(site)
    assert (await visit(job(site, weibo(site), with_=with_))).outcome is F.CAPTCHA
    result = await visit(job(site, weibo(site, name="second"), with_=with_))
    assert (result.outcome, result.rest_until, site.count(SEARCH)) == (F.CAPTCHA, T + 6 * HOUR, 1)
    assert result.detail == "the cookie of weibo.com rests until 2026-06-20 21:30, after captcha"
    site.page(SEARCH, json.dumps(EMPTY))
    clock_of(with_).advance(6 * HOUR)
    assert (await visit(job(site, weibo(site), with_=with_))).outcome is F.EMPTY


async def test_being_sent_to_a_login_is_the_end_of_the_cookie_too(site: Farm) -> None:
    site.page(SEARCH, "", 302, Location="https://passport.weibo.com/sso/signin")
    with_ = booked(site)
    for _ in range(2):
        assert (await visit(job(site, weibo(site), with_=with_))).outcome is F.LOGIN_REQUIRED
    assert site.count(SEARCH) == 1


async def test_limit_lets_the_cookie_rest_as_long_as_the_server_asks(site: Farm) -> None:
    site.page(SEARCH, "slow", 429, Retry_After="600")
    with_ = booked(site)
    await visit(job(site, weibo(site), with_=with_))
    result = await visit(job(site, weibo(site, name="second"), with_=with_))
    assert (result.outcome, result.rest_until, site.count(SEARCH)) == (F.RATE_LIMITED, T + 10 * MINUTE, 1)


async def test_state_of_a_cookie_outlives_a_restart_and_is_shared(site: Farm, tmp_path: Path) -> None:
    site.page(SEARCH, json.dumps(LOGIN))
    state = open_state(None, tmp_path)
    try:
        first, second = booked(site, state.credentials), booked(site, state.credentials)
        await visit(job(site, weibo(site), with_=first))
        assert (await visit(job(site, weibo(site), with_=second))).pages == 0
        (known,) = state.credentials.load().values()
        assert (known.host, known.condition, known.why) == ("weibo.com", CredentialCondition.DEAD, F.LOGIN_REQUIRED)
        assert site.count(SEARCH) == 1
    finally:
        state.close()


async def test_browser_with_the_same_cookie_rests_too_and_carries_it_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "cookie"
    path.write_text("SUB=s3cret-cookie-2")
    cookie = Secret("SUB=s3cret-cookie-1", path)
    own = source(platform="weibo", transport="browser", cookie=cookie, query=("云",))
    asked: list[Request] = []

    async def download(request: Request) -> ScrapyResponse:
        asked.append(request)
        return TextResponse("https://passport.weibo.com/sso/signin", body=b"", request=request, status=302, headers={
            "Location": "https://passport.weibo.com/sso/signin"})  # fmt: skip

    async with farm() as unused:
        with_ = booked(unused)
        work = job(unused, own, with_=with_)
        assert await work.cookie() == Secret("SUB=s3cret-cookie-2")
        await Visit(work, download).run()
        assert (work.result.outcome, [b"Cookie" in each.headers for each in asked]) == (F.LOGIN_REQUIRED, [False])
        for again in (own, replace(own, transport="cookie")):
            work = job(unused, again, with_=with_)
            await Visit(work, download).run()
            assert (work.result.outcome, work.result.pages) == (F.LOGIN_REQUIRED, 0)
        assert len(asked) == 1


async def test_open_sources_do_not_rest_for_a_cookie(site: Farm) -> None:
    site.page(SEARCH, json.dumps(LOGIN))
    site.page("/ajax/side/hotSearch", json.dumps({"ok": 1, "data": {"realtime": []}}))
    with_ = booked(site)
    await visit(job(site, weibo(site), with_=with_))
    hot = source(platform="weibo", base_url=site.base)
    assert (await visit(job(site, hot, with_=with_))).pages == 1
    assert "Cookie" not in site.headers[-1]


# --- nowhere else --------------------------------------------------------------------------------------------


@asynccontextmanager
async def sent(own: SourceSettings, moves: Mapping[str, str]) -> AsyncIterator[list[Request]]:
    """Do a visit whose addresses lead on as told, without a network, and give the requests."""
    asked: list[Request] = []

    async def download(request: Request) -> ScrapyResponse:
        asked.append(request)
        await asyncio.sleep(0)
        to = moves.get(request.url.partition("?")[0])
        if to is not None:
            return TextResponse(request.url, status=302, headers={"Location": to}, request=request)
        return TextResponse(request.url, status=200, body=json.dumps(EMPTY).encode(), request=request)

    async with farm() as unused:
        work: Job = job(unused, own, with_=booked(unused))
        await Visit(work, download).run()
        yield asked


EVIL = "https://evil.example.com/"
M = "https://m.weibo.cn/api/container/getIndex"


@pytest.mark.parametrize(
    ("moves", "carrying"),
    [
        ({}, [True]),
        ({M: "https://weibo.com/next"}, [True, True]),
        ({M: f"{EVIL}x"}, [True, False]),
        ({M: "https://weibo.com.evil.example.com/"}, [True, False]),
        ({M: "http://m.weibo.cn/plain"}, [True, False]),
        (
            {M: "https://evil.example.com/x", "https://evil.example.com/x": "https://weibo.com/back"},
            [True, False, False],
        ),
    ],
)
async def test_cookie_follows_no_redirect_to_another_host(moves: dict[str, str], carrying: list[bool]) -> None:
    own = source(platform="weibo", transport="cookie", cookie=Secret("SUB=s3cret-cookie-1"), query=("云",))
    async with sent(own, moves) as asked:
        assert [b"Cookie" in request.headers for request in asked] == carrying


@pytest.mark.parametrize("to", ["https://evil.example.com/x", "https://oauth.reddit.com.evil.example.com/"])
async def test_token_follows_no_redirect_to_another_host(to: str) -> None:
    own = source(platform="reddit", transport="official", token=Secret("st4tic"), query=("云",))
    async with sent(own, {"https://oauth.reddit.com/search": to}) as asked:
        assert [b"Authorization" in request.headers for request in asked] == [True, False]


async def test_planted_secrets_show_nowhere(
    site: Farm, api: Api, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": -100, "msg": request.headers["Cookie"], **LOGIN})

    site.pages[SEARCH] = echo
    state: State = open_state(None, tmp_path / "data")
    clock = ManualClock(T)
    box = EvidenceBox(tmp_path / "evidence", clock)
    with_ = booked(site, state.credentials, evidence=box)
    results = []
    with caplog.at_level(logging.DEBUG):
        results.append(await visit(job(site, reddit(site), with_=with_)))
        api.refuse_all = True  # its answers repeat the token that they refuse
        results += [await visit(job(site, reddit(site), with_=with_)) for _ in range(2)]
        results.append(await visit(job(site, weibo(site), with_=with_)))
        results.append(await visit(job(site, websearch(site), with_=with_)))
    state.close()
    planted = [*api.given, CLIENT_SECRET, "s3cret-cookie-1", "k3y-of-qianfan"]
    assert len(api.given) >= 2
    kept = list((tmp_path / "evidence").iterdir())
    assert len(kept) == 3
    texts = [caplog.text, repr(results), repr(with_), *(gzip.decompress(each.read_bytes()).decode() for each in kept)]
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            texts.append(file.read_bytes().decode("latin-1"))
    assert not [secret for secret in planted for text in texts if secret in text]
