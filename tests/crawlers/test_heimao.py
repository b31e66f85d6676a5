import json
from datetime import datetime
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from domain.mention import Kind
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source

PAGER = {"page_amount": 12, "item_count": 118, "current": 1, "next": 2}


def complaint(author: Any = None, **more: Any) -> dict[str, Any]:
    main = {"sn": "17389000001", "title": "题", "summary": "文", "timestamp": "1781936469", **more}
    return {"main": main, "author": author or {"title": "匿名"}}


def answer(*listed: Any, pager: Any = None, code: Any = 0, msg: str = "succ") -> str:
    data = {"lists": list(listed), "pager": PAGER if pager is None else pager}
    return json.dumps({"result": {"status": {"code": code, "msg": msg}, "data": data}})


def read(*listed: Any, **more: Any) -> Any:
    return parse("heimao.search", answer(*listed, **more))


def test_a_complaint_names_the_company_and_what_is_asked_for() -> None:
    (post,) = read(
        complaint(
            title='<span class="code-red">云杉</span>不退款',
            cotitle="<b>云杉咖啡</b>",
            issue="食品安全，虚假宣传",
            appeal="退款、赔偿,退款,",
            status=7,
            upvote_amount="1.2万",
            url="//tousu.sina.com.cn/complaint/view/17389000001/?from=x",
        )
    ).posts
    assert (post.platform, post.kind, post.title, post.text) == ("heimao", Kind.POST, "云杉不退款", "文")
    assert post.tags == ("食品安全", "虚假宣传", "退款", "赔偿")
    assert dict(post.extra) == {"company": "云杉咖啡", "status": "已完成"}
    assert post.url == "https://tousu.sina.com.cn/complaint/view/17389000001/"
    assert post.published_at == datetime(2026, 6, 20, 14, 21, 9, tzinfo=SHANGHAI)
    assert post.engagement.likes == 12_000
    assert post.engagement.approx == {"likes"}


@pytest.mark.parametrize(
    ("more", "native_id"),
    [
        ({"sn": 17389000001}, "17389000001"),
        ({"sn": "", "url": "//tousu.sina.com.cn/complaint/view/173890/"}, "173890"),
        ({"sn": None, "id": "17389"}, "17389"),
    ],
)
def test_ids_come_from_the_number_or_the_link(more: dict[str, Any], native_id: str) -> None:
    (post,) = read(complaint(**more)).posts
    assert post.native_id == native_id
    assert post.url == f"https://tousu.sina.com.cn/complaint/view/{native_id}/"


def test_what_has_no_number_is_counted_and_left_out() -> None:
    parsed = read(complaint(), complaint(), complaint(sn="../x"), {"main": 3}, {})
    assert len(parsed.posts) == 1
    assert dict(parsed.drops) == {Drop.DUPLICATE_IN_BATCH: 1, Drop.NO_ID: 3}


def test_a_nameless_author_has_no_id() -> None:
    hidden, named = read(
        complaint({"title": "匿名用户", "uid": 5}), complaint({"title": "乙", "uid": 6}, sn="17389000002")
    ).posts
    assert (hidden.author.name, hidden.author.id) == ("匿名用户", None)
    assert (named.author.name, named.author.id) == ("乙", "6")
    assert hidden.engagement.likes is None


def test_a_time_as_text_is_beijing_time_and_new_years_night_keeps_its_year() -> None:
    now = datetime(2026, 1, 1, 0, 5, tzinfo=SHANGHAI)
    body = answer(complaint(timestamp="12-31 23:50"), complaint(sn="17389000002", timestamp="2025-12-31 23:51:02"))
    first, second = parse("heimao.search", body, now=now).posts
    assert first.published_at == datetime(2025, 12, 31, 23, 50, tzinfo=SHANGHAI)
    assert second.published_at == datetime(2025, 12, 31, 23, 51, 2, tzinfo=SHANGHAI)
    assert read(complaint(timestamp="0")).posts[0].published_at is None


def test_a_summary_with_dots_at_its_end_is_cut() -> None:
    assert read(complaint(summary="门店只同意退…")).posts[0].truncated
    assert not read(complaint(summary="门店只同意退款。")).posts[0].truncated


@pytest.mark.parametrize(
    ("pager", "step"),
    [
        (PAGER, {"page": 2}),
        ({"page_amount": 12, "current": 12, "next": 12}, {}),
        ({"page_amount": 12, "current": 12, "next": 13}, {}),
        ({"page_amount": 12, "current": 3, "next": None}, {}),
        ({"page_amount": "12", "current": "3"}, {"page": 4}),
        ({"page_amount": 3, "current": 3}, {}),
        ([], {}),
    ],
)
def test_the_next_page_is_after_this_one_and_exists(pager: Any, step: dict[str, int]) -> None:
    assert dict(read(complaint(), pager=pager).next) == step


def test_the_number_of_complaints_is_kept() -> None:
    assert dict(read(complaint()).extras) == {"total": 118}


@pytest.mark.parametrize(
    ("body", "http", "outcome"),
    [
        (answer(), 200, F.EMPTY),
        ('{"result": {"status": {"code": 0}, "data": {"lists": null, "pager": {"item_count": 0}}}}', 200, F.EMPTY),
        ('{"result": {"status": {"code": 0}, "data": {"lists": null}}}', 200, F.SCHEMA_ERROR),
        (answer({"other": 1}), 200, F.SCHEMA_ERROR),
        ('{"result": {}}', 200, F.SCHEMA_ERROR),
        ("[]", 200, F.SCHEMA_ERROR),
        ("{", 200, F.PARSE_ERROR),
        ("", 200, F.PARSE_ERROR),
        (answer(code=1, msg="请先登录"), 200, F.LOGIN_REQUIRED),
        (answer(code=2, msg="签名错误"), 200, F.SIGNATURE_REJECTED),
        (answer(code=2, msg="signature invalid"), 200, F.SIGNATURE_REJECTED),
        (answer(code="3", msg="操作过于频繁"), 200, F.RATE_LIMITED),
        (answer(code=4, msg="请输入验证码"), 200, F.CAPTCHA),
        (answer(code=-1, msg="系统错误"), 200, F.ERROR),
        (answer(complaint(summary="登录后被要求输入验证码")), 200, F.OK),
        (r'{"url": "https:\/\/passport.weibo.com\/sso\/signin"}', 200, F.LOGIN_REQUIRED),
        ("<script>location.replace('https://passport.weibo.com/sso/signin')</script>", 200, F.LOGIN_REQUIRED),
        ("<html><title>Sina Visitor System</title></html>", 200, F.LOGIN_REQUIRED),
        ("<html><title>维护中</title><a href='https://login.sina.com.cn'>登录</a></html>", 200, F.PARSE_ERROR),
        ("<html>no</html>", 404, F.GONE),
        ("no", 403, F.BLOCKED),
        ("{}", 429, F.RATE_LIMITED),
    ],
)
def test_refusals_are_told_apart(body: str, http: int, outcome: F) -> None:
    assert parse("heimao.search", body, status=http).outcome is outcome


def test_a_redirect_to_the_login_is_one() -> None:
    to = "https://passport.weibo.com/sso/signin?entry=x"
    assert parse("heimao.search", "", status=302, location=to).outcome is F.LOGIN_REQUIRED
    assert parse("heimao.search", "{}", url=to).outcome is F.LOGIN_REQUIRED


def test_it_cannot_be_asked_and_says_what_works_instead() -> None:
    heimao = build_platform("heimao")
    with pytest.raises(SourceError, match="platform `import`"):
        heimao.start(source(platform="heimao", query=("云杉",)), NOW)
    assert parse("heimao.other", "{}").detail == "unknown endpoint heimao.other"
    parsed = read(complaint())
    (asked,) = build_platform("baidu").start(source(platform="baidu"), NOW)
    assert heimao.following(asked, parsed) is None
    assert heimao.detail(source(), parsed.posts[0]) is None
