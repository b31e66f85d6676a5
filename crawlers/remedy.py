"""Why a source does not answer and what a person can do, in Chinese and English."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from config.settings import SourceSettings
from crawlers.platforms import build_platform
from domain.outcome import FetchOutcome
from domain.source import VisitState

__all__ = ["CUT", "canary_remedy", "changed_remedy", "remedy", "sibling_remedy"]

CUT = "more was new than one visit reads"
"""Detail of a visit that could not read on to what was known."""

_Texts = tuple[str, str, str, str]

_WEIBO_LOGIN: _Texts = (
    "微博要求登录：Cookie 缺失或已过期",
    "在浏览器登录 weibo.com，复制请求头中的 Cookie，写入该来源的 cookie_file，会自动生效；写在 cookie 里的要重启",
    "Weibo asks to log in: the cookie is missing or has expired",
    "log in at weibo.com, copy the Cookie request header into the source's `cookie_file`, it is taken at once; "
    "one in `cookie` needs a restart",
)
_ROBOTS: _Texts = (
    "robots.txt 不允许抓取",
    "改用官方接口或 RSSHub；确认有权抓取时，可为该来源设置 robots: override（责任自负）",
    "robots.txt forbids it",
    "use the official API or RSSHub; if you have the right, set `robots: override` for this source at your own risk",
)
_UNREACHABLE: _Texts = (
    "连接不上",
    "检查网络、域名与代理设置；恢复后会自动继续监听",
    "cannot be reached",
    "check network, name and proxy; listening goes on by itself once it is back",
)
_INTERNAL: _Texts = (
    "地址指向内网，已拒绝访问",
    "若确为自有服务器，把 主机:端口 加入 network.allow_internal",
    "the address is internal and was refused",
    "if the server is yours, add its host:port to network.allow_internal",
)
_CERTIFICATE: _Texts = (
    "对方的证书不可信",
    "公司代理若会解密 TLS，把它的 CA 文件写进 network.ca；确为自签名的自有服务器时，可设置 verify_tls: false",
    "its certificate is not trusted",
    "where a company proxy opens TLS, name its CA file in network.ca; for a server of your own set `verify_tls: false`",
)
_CUT: _Texts = (
    "新内容多于一次能读的量，较旧的可能漏掉",
    "调大该来源的 pages 与 limit，或缩短 interval",
    "more was new than one visit reads: older posts may be missed",
    "raise the source's `pages` and `limit`, or shorten its `interval`",
)
_SILENT: _Texts = (
    "超过三个间隔没有成功访问",
    "确认采集进程在运行、收件箱没有积压、磁盘未满",
    "no successful visit for three intervals",
    "see that the crawl role runs, the inbox is not full and the disk has space",
)
_CANARY: _Texts = (
    "检验词“{word}”也搜不到任何内容：对方可能不再给我们看结果",
    "在浏览器里用同样的方式搜索；检查登录与通道，或改用其他来源",
    "even the test word {word!r} finds nothing: the site may show us nothing any more",
    "search the same way in a browser; check login and road, or use another source",
)
_SIBLING: _Texts = (
    "同一网站的来源 {source} 被拦：{why}",
    "{fix}",
    "source {source} at the same site is blocked: {why}",
    "{fix}",
)
_LAYOUT: _Texts = (
    "页面结构有变：{fields} 不再出现",
    "内容仍在采集，但这些字段缺失；升级版本，或用 tingfeng sources test {source} --record 留下样本",
    "the page's layout has changed: {fields} missing",
    "posts still come in without them; upgrade, or keep a sample with `tingfeng sources test {source} --record DIR`",
)
_LOW: _Texts = (
    "新内容远少于往常（{low}）",
    "在浏览器中打开看看：可能改版、限流，或确实没有新内容",
    "far less is new than is usual ({low})",
    "open it in a browser: it may have changed, hide results from us, or really be quiet",
)
_STALE: _Texts = (
    "最新一条已是 {days} 天前",
    "确认该地址仍在更新；停用的来源请删除",
    "its newest post is {days} days old",
    "see whether it is still kept up; remove it if not",
)
_STALE_AFTER = timedelta(days=14)
_FIELDS_ZH = {"time": "时间", "author": "作者", "text": "正文", "url": "链接"}
_BY_OUTCOME: dict[FetchOutcome, _Texts] = {
    FetchOutcome.LOGIN_REQUIRED: (
        "需要登录", "更新 cookie_file（自动生效）或 cookie（需重启），或改用其他通道",
        "a login is required", "renew `cookie_file` (taken at once) or `cookie` (and restart), or use another road",
    ),
    FetchOutcome.AUTH_REQUIRED: (
        "需要授权", "为该来源填写 token 或 cookie", "authorisation is required", "give the source a token or cookie",
    ),
    FetchOutcome.AUTH_FAILED: (
        "授权失败：token 无效或已过期", "更新该来源的 token",
        "authorisation failed: the token is wrong or expired", "renew the source's token",
    ),
    FetchOutcome.CAPTCHA: (
        "触发验证码，已暂停", "不要强行重试；在浏览器中完成验证，或降低频率、改用官方接口",
        "a captcha came up; paused", "do not force it; solve it in a browser, slow down, or use the official API",
    ),
    FetchOutcome.JS_CHALLENGE: (
        "触发浏览器校验，已暂停", "改用官方接口、RSSHub 或文件导入",
        "a browser check came up; paused", "use the official API, RSSHub or file import",
    ),
    FetchOutcome.SIGNATURE_REJECTED: (
        "请求签名被拒绝", "该通道不再可用：改用官方接口、RSSHub 或文件导入",
        "the request's signature was rejected", "this road is closed: use the official API, RSSHub or file import",
    ),
    FetchOutcome.RATE_LIMITED: (
        "访问过于频繁，对方要求等待", "会自动恢复；可调大该来源的 interval",
        "asked too often; the site wants us to wait", "it recovers by itself; a longer `interval` helps",
    ),
    FetchOutcome.BLOCKED: (
        "被对方拒绝", "检查 cookie、代理与访问频率；必要时改用官方接口",
        "the site refuses us", "check cookie, proxy and pace; use the official API if need be",
    ),
    FetchOutcome.IP_BLOCKED: (
        "本机 IP 被限制", "会自动重试；可调大 interval 或更换出口",
        "this machine's address is limited", "it is retried by itself; a longer `interval` or another exit helps",
    ),
    FetchOutcome.ACCOUNT_RESTRICTED: (
        "账号被限制，已暂停", "在浏览器中检查该账号状态",
        "the account is restricted; paused", "look at the account in a browser",
    ),
    FetchOutcome.GONE: (
        "地址不存在", "检查 url 是否已变更", "the address does not exist", "see whether the url has changed",
    ),
    FetchOutcome.SCHEMA_ERROR: (
        "页面结构已变化", "升级版本；急用时改用其他来源",
        "the page's structure has changed", "upgrade; use another source meanwhile",
    ),
    FetchOutcome.PARSE_ERROR: (
        "返回内容无法解析", "在浏览器打开该地址，确认它仍是订阅源或正常页面",
        "what came back cannot be read", "open the address in a browser: is it still a feed or page?",
    ),
    FetchOutcome.BAD_QUERY: (
        "查询词不被接受", "换用更长或不含特殊符号的词（query）",
        "the query is not accepted", "use a longer word or one without special characters in `query`",
    ),
}  # fmt: skip
_OTHER: _Texts = (
    "访问出错", "会自动重试；持续出现时查看日志",
    "the visit failed", "it is retried by itself; see the log if it goes on",
)  # fmt: skip


def remedy(source: SourceSettings, state: VisitState, locale: Literal["zh", "en"]) -> tuple[str, str]:
    """Return why a source is blind, paused or read in part only, and what to do about it.

    Args:
        source: The source.
        state: Its state.
        locale: Language of both texts.
    """
    why_zh, fix_zh, why_en, fix_en = _texts(source, state)
    why, fix = (why_zh, fix_zh) if locale == "zh" else (why_en, fix_en)
    detail = state.last_detail if state.fails else ""
    return (f"{why} ({detail})" if detail and detail not in why else why), fix


def canary_remedy(source: SourceSettings, canary: VisitState, locale: Literal["zh", "en"]) -> tuple[str, str]:
    """Return why a source counts as blind that its canary speaks for, and what to do about it."""
    if canary.last_outcome is not FetchOutcome.EMPTY_OR_UPSTREAM_BLOCKED:
        return remedy(source, canary, locale)
    word = source.canary or build_platform(source.platform, source.options).canary
    return _said(_CANARY, locale, word=word)


def sibling_remedy(source: SourceSettings, banned: VisitState, locale: Literal["zh", "en"]) -> tuple[str, str]:
    """Return why a source rests because another one at its site was blocked, and what to do about it."""
    why, fix = remedy(source, banned, locale)
    return _said(_SIBLING, locale, source=banned.source, why=why, fix=fix)


def changed_remedy(
    source: SourceSettings, state: VisitState, lost: Sequence[str], locale: Literal["zh", "en"]
) -> tuple[str, str]:
    """Return what is odd about a source that answers, and what to do about it; empty texts = nothing.

    Args:
        source: The source.
        state: Its state.
        lost: Fields that its posts have no more.
        locale: Language of both texts.
    """
    if lost:
        fields = "、".join(_FIELDS_ZH[each] for each in lost) if locale == "zh" else ", ".join(lost)
        return _said(_LAYOUT, locale, fields=fields, source=source.name)
    if state.last_detail == CUT:
        return _said(_CUT, locale)
    if state.low_since is not None:
        return _said(_LOW, locale, low=state.low_detail)
    searches = build_platform(source.platform, source.options).searches(source)
    if not searches and state.newest_at is not None and state.last_success_at is not None:
        age = state.last_success_at - state.newest_at
        if age > max(_STALE_AFTER, 20 * source.interval):
            return _said(_STALE, locale, days=age.days)
    return "", ""


def _said(texts: _Texts, locale: Literal["zh", "en"], **values: object) -> tuple[str, str]:
    why, fix = texts[:2] if locale == "zh" else texts[2:]
    return why.format(**values), fix.format(**values)


def _texts(source: SourceSettings, state: VisitState) -> _Texts:
    outcome = state.last_outcome
    if state.fails == 0 or outcome is None:
        return _SILENT
    if outcome is FetchOutcome.LOGIN_REQUIRED and source.platform == "weibo":
        return _WEIBO_LOGIN
    if outcome is FetchOutcome.BLOCKED and state.last_detail.startswith("robots.txt"):
        return _ROBOTS
    if outcome is FetchOutcome.ERROR and state.last_detail.startswith("refused"):
        return _INTERNAL
    if outcome is FetchOutcome.ERROR and "certificate" in state.last_detail:
        return _CERTIFICATE
    words = ("cannot connect", "no such host", "no answer", "connection broke")
    if outcome is FetchOutcome.ERROR and any(word in state.last_detail for word in words):
        return _UNREACHABLE
    return _BY_OUTCOME.get(outcome, _OTHER)
