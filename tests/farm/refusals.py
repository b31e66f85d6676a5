"""How the sites of the farm refuse, and what each refusal asks of us (contracts: platforms, sections 3.2 and 3.6)."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import Enum

__all__ = ["ODD", "REFUSALS", "Asks", "Refusal"]


class Asks(Enum):
    """What a refusal asks of us."""

    SIX_HOURS = "nothing for six hours"
    BACK_OFF = "five minutes, twice as long each time, two hours at most"
    TOLD = "as long as it says"
    SOMEONE = "nothing until somebody has done something"
    NOTHING = "it is no refusal that we can see, or says nothing"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One way to refuse."""

    asks: Asks
    """What it asks of us."""
    status: int = 200
    """HTTP status."""
    body: str = ""
    """The body."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of the answer."""
    told: timedelta | None = None
    """How long it says to wait; None = it does not."""
    as_date: bool = False
    """It says so as a date."""
    whole_site: bool = False
    """Nobody may ask the site meanwhile, not only the source that was refused."""

    def headers_at(self, now: datetime) -> dict[str, str]:
        """Return the headers of an answer given now."""
        if self.as_date and self.told is not None:
            return {**self.headers, "Retry-After": format_datetime(now + self.told, usegmt=True)}
        return self.headers


def _six(body: str = "", status: int = 200, **headers: str) -> Refusal:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Refusal(asks=Asks.SIX_HOURS, status=status, body=body, headers=named, whole_site=True)


def _json(**value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_TEN, _HALF = timedelta(minutes=10), timedelta(minutes=30)
_PASSPORT = "https://visitor.passport.weibo.cn/visitor/visitor?entry=sinawap&a=enter&url=https%3A%2F%2Fm.weibo.cn%2F"
_UNHUMAN = "https://www.zhihu.com/account/unhuman?type=unhuman&need_login=true"

REFUSALS: dict[str, Refusal] = {
    "visitor": Refusal(asks=Asks.SOMEONE, status=302, headers={"Location": _PASSPORT}, whole_site=True),
    "ok-100": Refusal(
        asks=Asks.SOMEONE,
        body=_json(ok=-100, url="https://passport.weibo.com/sso/signin?entry=wapsso", msg="请先登录"),
        whole_site=True,
    ),
    "visitor-page": Refusal(asks=Asks.SOMEONE, body="<html><title>Sina Visitor System</title></html>"),
    "ok-100-captcha": _six(_json(ok=-100, url="https://m.weibo.cn/captcha/show?id=x", errno="-100")),
    "432": Refusal(asks=Asks.BACK_OFF, status=432),
    "token": Refusal(
        asks=Asks.BACK_OFF, body=_json(err_no=28001003, err_msg="access_token无效", data={}),
    ),
    "empty-body": Refusal(asks=Asks.SOMEONE),
    "verify_check": _six(_json(status_code=5, status_msg="verify_check", data={})),
    "result-2": Refusal(asks=Asks.BACK_OFF, body=_json(result=2, error_msg="操作太快了"), whole_site=True),
    "result-400002": _six(_json(result=400002, captcha={"url": "https://captcha.zt.kuaishou.com/x"})),
    "412": Refusal(
        asks=Asks.BACK_OFF, status=412, body=_json(code=-412, message="请求被拦截", ttl=1), whole_site=True
    ),
    "-352": _six(_json(code=-352, message="风控校验失败", ttl=1, data={"v_voucher": "voucher_x"})),
    "40362": Refusal(
        asks=Asks.SOMEONE, status=403, body=_json(error={"code": 40362, "message": "您当前请求存在异常"})
    ),
    "unhuman": _six(_json(error={"code": 40352, "need_login": True, "redirect": _UNHUMAN}), 403),
    "wappass": _six(status=302, Location="https://wappass.baidu.com/static/captcha/tuxing.html?ak=x"),
    "verify-page": _six("<html><head><title>百度安全验证</title></head><body>网络不给力，请稍后重试</body></html>"),
    "js": _six("<html><script>window.byted_acrawler.init({aid:99999999,dfp:0});location.reload()</script></html>"),
    "429": Refusal(asks=Asks.BACK_OFF, status=429, body="Too Many Requests", whole_site=True),
    "429-after": Refusal(
        asks=Asks.TOLD, status=429, headers={"Retry-After": "600"}, told=_TEN, whole_site=True
    ),
    "429-date": Refusal(
        asks=Asks.TOLD, status=429, body=_json(error="Too many requests"), told=_HALF, as_date=True, whole_site=True
    ),
    "429-reset": Refusal(
        asks=Asks.TOLD, status=429, headers={"X-RateLimit-Reset": "1800"}, told=_HALF, whole_site=True
    ),
    "503-after": Refusal(
        asks=Asks.TOLD, status=503, headers={"Retry-After": "600"}, told=_TEN, whole_site=True
    ),
    "gdelt-limit": Refusal(
        asks=Asks.BACK_OFF, body="Please limit requests to one every 5 seconds or contact us.", whole_site=True
    ),
    "login-page": Refusal(
        asks=Asks.SOMEONE, body="<html><head><title>Log in to Reddit</title></head><body>Log in</body></html>"
    ),
    "captcha-page": _six("<html><head><title>安全验证</title></head><body><p>请完成验证后继续访问</p></body></html>"),
    "html": Refusal(asks=Asks.NOTHING, body="<html><head><title>登录</title></head><body>请登录</body></html>"),
    "empty-route": Refusal(
        asks=Asks.BACK_OFF,
        status=503,
        body="<!DOCTYPE html><html><head><title>Welcome to RSSHub!</title></head><body><h1>Looks like something went "
        "wrong</h1><p>Error Message: this route is empty, please check the original site</p></body></html>",
    ),
    "antispider": _six(status=302, Location="/antispider/?from=%2Fweixin%3Ftype%3D2"),
    "1302": Refusal(
        asks=Asks.BACK_OFF, status=429, body=_json(error={"code": "1302", "message": "达到速率限制"}), whole_site=True
    ),
    "1113": _six(_json(error={"code": "1113", "message": "您的账户已欠费，请充值后重试"}), 400),
    "461": _six(_json(success=True, code=0, msg="成功", data={}), 461, Verifytype="301", Verifyuuid="x"),
    "silent": Refusal(asks=Asks.NOTHING),
    "layout": Refusal(asks=Asks.NOTHING),
    "refused": Refusal(asks=Asks.NOTHING),
    "slow": Refusal(asks=Asks.NOTHING),
}  # fmt: skip
"""Every way by its name."""
ODD = frozenset({"silent", "layout", "refused", "slow"})
"""Those that are no answer of their own: finds nothing, lacks a field, no connection, no answer in time."""
