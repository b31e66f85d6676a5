from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms.wechat import WechatPage, WechatSettings
from domain.mention import Precision
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source

SEARCH = "https://weixin.sogou.com/weixin?type=2&query=x&page=1"
SHORT = "https://mp.weixin.qq.com/s/AbCdEfGhIjKlMnOpQrStUv"
NUMBERS = 'var biz = "MzA=="; var mid = "" || "22"; var idx = "1" || ""; var sn = "9f3c";'


def item(n: int = 0, link: str = "/link?url=a&amp;type=2", title: str = "题", meta: str = "", text: str = "文") -> str:
    return (
        f"<li id='sogou_vr_11002601_box_{n}'><h3><a href='{link}'>{title}</a></h3>"
        f"<p class='txt-info'>{text}</p><div class='s-p'>{meta}</div></li>"
    )


def results(*items: str, more: str = "") -> str:
    return f"<html><body><ul class='news-list'>{''.join(items)}</ul>{more}</body></html>"


def notice(title: str, text: str = "", head: str = "") -> str:
    return (
        f"<html><head>{head}</head><body><div class='weui-msg'><h2 class='weui-msg__title'>{title}</h2>"
        f"<p>{text}</p></div></body></html>"
    )


def article(content: str | None = "<p>正文</p>", script: str = NUMBERS, head: str = "", title: str = "题") -> str:
    body = f"<div id='js_content'>{content}</div>" if content is not None else ""
    name = f"<h1 id='activity-name'>{title}</h1>" if title else ""
    return f"<html><head>{head}</head><body>{name}{body}<script>{script}</script></body></html>"


@pytest.mark.parametrize(
    ("body", "http", "outcome"),
    [
        (results(item()), 200, F.OK),
        (results(item(title="请输入验证码：网络中存在异常访问请求")), 200, F.OK),
        (results(), 200, F.EMPTY),
        ("<html><body><p>没有找到相关的微信公众号文章。</p></body></html>", 200, F.EMPTY),
        ("<html><body>找到约0条结果<!--resultbarnum:0--></body></html>", 200, F.EMPTY),
        ("<html><body><p>用户您好，您的网络中存在异常访问请求。</p></body></html>", 200, F.CAPTCHA),
        ("<html><body><form id='seccodeForm'></form></body></html>", 200, F.CAPTCHA),
        (results(item(title="", link="")), 200, F.SCHEMA_ERROR),
        ("<html><body>搜狗</body></html>", 200, F.SCHEMA_ERROR),
        (results(item()), 403, F.BLOCKED),
        ("", 200, F.PARSE_ERROR),
        ("", 429, F.RATE_LIMITED),
    ],
)
def test_search_tells_results_nothing_and_captcha_apart(body: str, http: int, outcome: F) -> None:
    parsed = parse("wechat.sogou_search", body, url=SEARCH, status=http)
    assert parsed.outcome is outcome
    assert bool(parsed.posts) is (outcome is F.OK)


@pytest.mark.parametrize(
    ("body", "http", "outcome"),
    [
        (notice("该内容已被发布者删除"), 200, F.GONE),
        (notice("此内容因违规无法查看", "由用户投诉并经平台审核"), 200, F.GONE),
        (notice("此内容被投诉且经审核涉嫌侵权，无法查看。"), 200, F.GONE),
        (notice("该公众号已迁移", "该公众号已迁移至新的帐号"), 200, F.GONE),
        (notice("此帐号已自主注销，内容无法查看"), 200, F.GONE),
        (notice("链接已过期"), 200, F.EXPIRED_LINK),
        (notice("环境异常", "完成验证后即可继续访问"), 200, F.CAPTCHA),
        (notice("访问过于频繁，请用微信扫描二维码进行访问"), 200, F.RATE_LIMITED),
        (notice("请在微信客户端打开链接"), 200, F.LOGIN_REQUIRED),
        (notice("参数错误"), 200, F.BAD_QUERY),
        (notice("系统出错"), 200, F.ERROR),
        (notice("该内容已被发布者删除", head="<meta property='og:title' content='题'>"), 200, F.GONE),
        ("<html><body><p>该内容已被发布者删除</p></body></html>", 200, F.GONE),
        ("<html><body>x<script>/*secitptpage/verify.html*/</script></body></html>", 200, F.CAPTCHA),
        ("<html><body>x</body></html>", 200, F.SCHEMA_ERROR),
        (article(), 404, F.GONE),
        (article(title="", content=""), 200, F.SCHEMA_ERROR),
        ("", 200, F.PARSE_ERROR),
        ("", 502, F.ERROR),
    ],
)
def test_each_state_of_an_article_has_its_outcome(body: str, http: int, outcome: F) -> None:
    parsed = parse("wechat.mp_article", body, url=SHORT, status=http)
    assert parsed.outcome is outcome
    assert parsed.posts == ()


@pytest.mark.parametrize("words", ["该内容已被发布者删除", "环境异常，完成验证后即可继续访问", "链接已过期"])
def test_article_about_a_state_is_an_article(words: str) -> None:
    parsed = parse("wechat.mp_article", article(f"<p>{words}</p>", title=words), url=SHORT)
    assert parsed.outcome is F.OK
    assert (parsed.posts[0].text, dict(parsed.extras)) == (words, {"long_text": words})


@pytest.mark.parametrize(
    "url",
    [
        "https://weixin.sogou.com/antispider/?from=%2fweixin",
        "https://mp.weixin.qq.com/mp/wappoc_appmsgcaptcha?poc_token=X",
    ],
)
def test_being_sent_to_a_captcha_is_one(url: str) -> None:
    assert parse("wechat.sogou_search", results(item()), url=url).outcome is F.CAPTCHA
    assert parse("wechat.sogou_link", "", url=SEARCH, status=302, location=url).outcome is F.CAPTCHA


def test_result_is_known_by_account_and_title_or_by_its_numbers() -> None:
    old = "<a class='account'>甲</a>"
    permanent = "http://mp.weixin.qq.com/s?__biz=MzA==&amp;mid=22&amp;idx=1&amp;sn=9f&amp;chksm=1#rd"
    page = results(item(0, meta=old), item(1, meta=old), item(2, permanent), item(3, meta="<span>乙</span>"))
    parsed = parse("wechat.sogou_search", page, url=SEARCH)
    first, numbered, other = parsed.posts
    assert first.native_id.startswith("sogou:")
    assert first.native_id != other.native_id
    assert (first.author.name, other.author.name) == ("甲", "乙")
    assert (numbered.native_id, dict(numbered.extra)) == ("MzA==:22:1", {})
    assert numbered.url == "https://mp.weixin.qq.com/s?__biz=MzA==&mid=22&idx=1&sn=9f"
    assert first.url == "https://weixin.sogou.com/link?url=a&type=2"
    assert dict(first.extra) == {"url_is_temporary": "true"}
    assert parsed.drops == ((Drop.DUPLICATE_IN_BATCH, 1),)


@pytest.mark.parametrize(
    ("meta", "local", "precision"),
    [
        ("<span class='s2'><script>document.write(timeConvert('1767196798'))</script></span>",
         datetime(2025, 12, 31, 23, 59, 58, tzinfo=SHANGHAI), Precision.SECOND),
        ("<span class='s2'>12-31</span>", datetime(2025, 12, 31, tzinfo=SHANGHAI), Precision.DAY),
        ("<span class='s2'>5分钟前</span>", datetime(2025, 12, 31, 23, 56, tzinfo=SHANGHAI), Precision.MINUTE),
    ],
)  # fmt: skip
def test_time_of_a_result_on_new_years_night(meta: str, local: datetime, precision: Precision) -> None:
    now = datetime(2026, 1, 1, 0, 1, tzinfo=SHANGHAI)
    (post,) = parse("wechat.sogou_search", results(item(meta=meta)), url=SEARCH, now=now).posts
    assert (post.published_at, post.published_precision) == (local, precision)


def test_result_pages_go_on_to_the_tenth() -> None:
    more = "<a id='sogou_next' href='?query=x&type=2&page={}&ie=utf8'>下一页</a><!--resultbarnum:1,287-->"
    parsed = parse("wechat.sogou_search", results(item(), more=more.format(2)), url=SEARCH)
    assert (dict(parsed.next), dict(parsed.extras)) == ({"page": 2}, {"total": 1_287})
    for page in (1, 11):
        assert parse("wechat.sogou_search", results(item(), more=more.format(page)), url=SEARCH).next == ()
    assert parse("wechat.sogou_search", results(item()), url=SEARCH).next == ()


@pytest.mark.parametrize(
    ("body", "outcome", "url"),
    [
        ("<script>var url='';url += 'http://mp.wei@xin';\nurl += \"qq\";</script>", F.SCHEMA_ERROR, None),
        ("<script>var url=\"\";url+='http://mp.wei@xin.qq.';\nurl += \"com/s?src=11\";</script>", F.OK,
         "http://mp.weixin.qq.com/s?src=11"),
        ("<script>window.location.replace('https://mp.weixin.qq.com/s?src=3')</script>", F.OK,
         "https://mp.weixin.qq.com/s?src=3"),
        ("<script>url += 'https://evil.example.cn/mp.weixin.qq.com/';</script>", F.SCHEMA_ERROR, None),
        ("请输入验证码", F.CAPTCHA, None),
        ("<p>链接已过期</p>", F.EXPIRED_LINK, None),
        ("", F.PARSE_ERROR, None),
    ],
)  # fmt: skip
def test_jump_leads_to_an_article_or_nowhere(body: str, outcome: F, url: str | None) -> None:
    parsed = parse("wechat.sogou_link", body, url="https://weixin.sogou.com/link?url=x")
    assert (parsed.outcome, dict(parsed.extras).get("resolved_url")) == (outcome, url)


def test_redirect_of_a_jump_is_its_address() -> None:
    parsed = parse("wechat.sogou_link", "", status=302, location="https://mp.weixin.qq.com/s?src=11")
    assert dict(parsed.extras) == {"resolved_url": "https://mp.weixin.qq.com/s?src=11"}


def test_article_of_words_or_pictures_is_in_its_description() -> None:
    head = (
        "<meta property='og:title' content='第一行\\x0a第二行'>"
        "<meta name='description' content='第一行\\x0a第二行 \\x26amp; a&lt;b #话题# @甲'>"
    )
    for kind in ("8", "10", "17"):
        script = f"{NUMBERS} var nickname = htmlDecode('甲\\x26amp;乙'); var item_show_type = '{kind}';"
        (post,) = parse("wechat.mp_article", article(None, script, head, title=""), url=SHORT).posts
        assert (post.title, post.text) == ("第一行 第二行", "第一行\n第二行 & a<b #话题# @甲")
        assert (post.author.name, post.tags, post.at_users) == ("甲&乙", ("话题",), ("甲",))


def test_video_message_without_body_takes_its_description() -> None:
    head = "<meta name='description' content='简介'>"
    (post,) = parse("wechat.mp_article", article("", f"{NUMBERS} var item_show_type = '5';", head), url=SHORT).posts
    assert (post.title, post.text) == ("题", "简介")
    (post,) = parse("wechat.mp_article", article("<p>正文</p>", NUMBERS, head), url=SHORT).posts
    assert post.text == "正文"


def test_object_of_the_newer_page_says_the_same() -> None:
    script = (
        "window.cgiDataNew = { biz: JsDecode('MzA\\x3d\\x3d'), mid: '22' * 1, idx: '' * 1 || '2', "
        "user_name: JsDecode('gh_1'), nick_name: JsDecode('甲\\x26amp;乙'), item_show_type: '10' * 1, "
        "create_time: JsDecode('2026-06-20 10:26'), content_noencode: JsDecode('第一行\\x3cbr\\x3e第二行') };"
    )
    (post,) = parse("wechat.mp_article", article(None, script), url=SHORT).posts
    assert (post.native_id, post.author.id, post.author.name) == ("MzA==:22:2", "gh_1", "甲&乙")
    assert post.text == "第一行\n第二行"
    assert post.url == SHORT
    assert (post.published_at, post.published_precision) == (
        datetime(2026, 6, 20, 10, 26, tzinfo=SHANGHAI),
        Precision.MINUTE,
    )


@pytest.mark.parametrize(
    ("script", "url", "native_id", "link"),
    [
        ("", SHORT + "?scene=1", None, SHORT),
        ("", "https://mp.weixin.qq.com/s?__biz=MzA==&mid=22&idx=2&sn=9f&chksm=1&scene=2#rd", "MzA==:22:2",
         "https://mp.weixin.qq.com/s?__biz=MzA==&mid=22&idx=2&sn=9f"),
        ('var msg_link = "http://mp.weixin.qq.com/s?__biz=MzA==&amp;mid=22&amp;idx=1&amp;sn=9f&amp;chksm=0#rd";', SHORT,
         "MzA==:22:1", "https://mp.weixin.qq.com/s?__biz=MzA==&mid=22&idx=1&sn=9f"),
        ("var biz = 'MzA=='; var mid = 22;", SHORT, "MzA==:22:1", SHORT),
        ("var biz = 'MzA=='; var mid = '22'; var other = {mid: '33', biz: 'Mz0='};", SHORT, "MzA==:22:1", SHORT),
    ],
)  # fmt: skip
def test_article_is_known_by_its_numbers_wherever_they_stand(
    script: str, url: str, native_id: str | None, link: str
) -> None:
    (post,) = parse("wechat.mp_article", article(script=script), url=url).posts
    assert post.url == link
    if native_id is None:
        found = parse("wechat.sogou_search", results(item()), url=SEARCH).posts[0]
        assert post.native_id == found.native_id
    else:
        assert post.native_id == native_id


def test_article_behind_a_temporary_link_says_so() -> None:
    url = "https://mp.weixin.qq.com/s?src=11&timestamp=1&ver=1&signature=x"
    (post,) = parse("wechat.mp_article", article(script=""), url=url).posts
    assert (post.url, dict(post.extra)) == (url, {"url_is_temporary": "true"})


def test_source_link_that_is_none_is_left_out() -> None:
    head = "<meta name='author' content='陈小夏'>"
    for link, told in (("javascript:x", {}), ("https://n.cn/1", {"source_url": "https://n.cn/1"})):
        script = f"{NUMBERS} var msg_source_url = '{link}';"
        (post,) = parse("wechat.mp_article", article(script=script, head=head), url=SHORT).posts
        assert dict(post.extra) == {"byline": "陈小夏", **told}


def test_unknown_endpoint_is_an_error() -> None:
    assert parse("wechat.other", "<html></html>").outcome is F.ERROR


def test_words_are_searched_at_sogou_and_an_address_is_an_article() -> None:
    wechat = build_platform("wechat")
    first, second = wechat.start(source(platform="wechat", query=("云杉 咖啡", "乙")), NOW)
    assert "query=%E4%BA%91%E6%9D%89%20%E5%92%96%E5%95%A1&ie=utf8&tsn=2&page=1" in first.url
    assert second.endpoint == "wechat.sogou_search"
    (any_age,) = WechatPage(WechatSettings(within="any")).start(source(platform="wechat", query=("乙",)), NOW)
    assert "tsn" not in any_age.url
    (page,) = wechat.start(source(platform="wechat", url=SHORT), NOW)
    assert (page.endpoint, page.url) == ("wechat.mp_article", SHORT)
    problems: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "needs `query`"),
        ({"url": "https://n.cn/1"}, "article of mp.weixin.qq.com"),
        ({"transport": "cookie", "query": ("乙",)}, "no transport 'cookie'"),
    )
    for more, problem in problems:
        with pytest.raises(SourceError, match=problem):
            wechat.start(source(platform="wechat", **more), NOW)


def test_next_page_and_article_of_a_result() -> None:
    wechat = build_platform("wechat")
    (fetch,) = wechat.start(source(platform="wechat", query=("乙",)), NOW)
    more = "<a id='sogou_next' href='?page=2'>下一页</a>"
    parsed = parse("wechat.sogou_search", results(item(link="http://mp.weixin.qq.com/s?src=3&amp;signature=x"),
                                                  item(1, title="另"), more=more), url=fetch.url)  # fmt: skip
    step = wechat.following(fetch, parsed)
    assert step is not None
    assert (step.page, step.url.endswith("page=2"), step.url.count("page=")) == (2, True, 1)
    assert wechat.following(fetch, replace(parsed, next=())) is None
    direct, jump = parsed.posts
    page = wechat.detail(source(), direct)
    assert page is not None
    assert (page.endpoint, page.url) == ("wechat.mp_article", "https://mp.weixin.qq.com/s?src=3&signature=x")
    step = wechat.detail(source(), jump)
    assert step is not None
    assert (step.endpoint, step.url) == ("wechat.sogou_link", "https://weixin.sogou.com/link?url=a&type=2")
    target = "http://mp.weixin.qq.com/s?src=11&signature=x"
    onward = wechat.following(step, replace(parsed, extras=(("resolved_url", target),)))
    assert onward is not None
    assert (onward.endpoint, onward.url) == ("wechat.mp_article", "https://mp.weixin.qq.com/s?src=11&signature=x")
    assert wechat.following(step, replace(parsed, extras=())) is None
    assert wechat.detail(source(), replace(jump, url=None)) is None
    assert wechat.detail(source(), replace(jump, url="https://elsewhere.example.cn/1")) is None


def test_article_remembers_the_id_under_which_searches_show_it() -> None:
    listed = parse("wechat.sogou_search", results(item(meta="<a class='account'>甲</a>")), url=SEARCH).posts[0]
    named = f"{NUMBERS} var nickname = '甲';"
    (post,) = parse("wechat.mp_article", article(script=named), url=SHORT).posts
    assert (post.native_id, dict(post.extra)) == ("MzA==:22:1", {"id_alt": listed.native_id})
    (unnumbered,) = parse("wechat.mp_article", article(script="var nickname = '甲';"), url=SHORT).posts
    assert (unnumbered.native_id, dict(unnumbered.extra)) == (listed.native_id, {})


def test_jump_that_was_followed_to_its_article_is_read_as_one() -> None:
    parsed = parse("wechat.sogou_link", article(), url="https://mp.weixin.qq.com/s?src=11&signature=x")
    assert (parsed.outcome, parsed.posts[0].native_id) == (F.OK, "MzA==:22:1")
