from datetime import UTC, datetime

import pytest

from crawlers.base import retryable
from crawlers.verdict import retry_after_s, status_outcome, url_outcome
from domain.outcome import FetchOutcome as F

NOW = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, None), (204, None), (304, None), (400, F.ERROR), (401, F.AUTH_REQUIRED), (403, F.BLOCKED), (404, F.GONE),
        (410, F.GONE), (412, F.IP_BLOCKED), (418, F.BLOCKED), (429, F.RATE_LIMITED), (432, F.BLOCKED),
        (461, F.CAPTCHA), (471, F.CAPTCHA), (500, F.ERROR), (503, F.ERROR), (999, F.ERROR),
    ],
)  # fmt: skip
def test_status_says_what_it_says(status: int, outcome: F | None) -> None:
    assert status_outcome(status, {}) is outcome


def test_503_with_a_date_to_come_back_is_a_limit() -> None:
    assert status_outcome(503, {"retry-after": "5"}) is F.RATE_LIMITED


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("https://passport.weibo.com/visitor/visitor?a=enter", F.LOGIN_REQUIRED),
        ("https://visitor.passport.weibo.cn/x", F.LOGIN_REQUIRED),
        ("https://weixin.sogou.com/antispider/?from=x", F.CAPTCHA),
        ("https://wappass.baidu.com/static/captcha", F.CAPTCHA),
        ("https://mp.weixin.qq.com/mp/wappoc_appmsgcaptcha?x", F.CAPTCHA),
        ("https://www.zhihu.com/signin?next=x", F.LOGIN_REQUIRED),
        ("https://www.zhihu.com/account/unhuman", F.CAPTCHA),
        ("https://m.weibo.cn/captcha/show?x", F.CAPTCHA),
        ("https://news.example.cn/a", None),
        ("http://[bad", None),
    ],
)
def test_where_we_are_sent_is_a_verdict(url: str, outcome: F | None) -> None:
    assert url_outcome(url) is outcome


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "99999999999"}, 86_400.0),
        ({"retry-after": "Sat, 20 Jun 2026 07:31:00 GMT"}, 60.0),
        ({"retry-after": "Sat, 20 Jun 2026 08:31:00 GMT", "date": "Sat, 20 Jun 2026 08:30:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 20 Jun 2020 07:31:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 20 Jun 2026 07:31:00"}, None),
        ({"x-ratelimit-reset": "30"}, 30.0),
        ({"x-ratelimit-reset": "1781940600"}, None),
        ({}, None),
    ],
)
def test_server_says_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOW) == seconds


def test_only_what_heals_by_itself_is_retryable() -> None:
    assert retryable(F.RATE_LIMITED)
    assert retryable(F.PARSE_ERROR)
    assert not retryable(F.LOGIN_REQUIRED)
    assert not retryable(F.CAPTCHA)
    assert not retryable(F.GONE)
    assert not retryable(F.BAD_QUERY)
