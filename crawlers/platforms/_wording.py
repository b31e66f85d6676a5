"""What Chinese refusals say, where a platform's code says nothing."""

import re

from crawlers.text import clean_line
from domain.outcome import FetchOutcome

__all__ = ["wording_outcome"]

_HEAD = 500
_MEANINGS = (
    (re.compile(r"验证码|安全验证|滑动验证|完成验证|captcha|verify_check", re.IGNORECASE), FetchOutcome.CAPTCHA),
    (re.compile(r"未登录|登录后|请(?:先)?登录|登录(?:态)?(?:已)?(?:失效|过期)|need.?login|not.?login", re.IGNORECASE),
     FetchOutcome.LOGIN_REQUIRED),
    (re.compile(r"频繁|太快|过快|稍后再试|稍微休息|超出.{0,6}限制|quota|rate.?limit|too many requests", re.IGNORECASE),
     FetchOutcome.RATE_LIMITED),
    (re.compile(r"签名(?:错误|无效|失败|校验)|invalid signature|signature (?:error|invalid)", re.IGNORECASE),
     FetchOutcome.SIGNATURE_REJECTED),
    (re.compile(r"(?:评论.{0,6}(?:关闭|禁止)|(?:关闭|禁止|不允许|无法).{0,4}评论)"), FetchOutcome.COMMENTS_CLOSED),
    (re.compile(r"不存在|已(?:被)?(?:作者)?删除|已下架|已失效|不可见"), FetchOutcome.GONE),
)  # fmt: skip


def wording_outcome(words: str) -> FetchOutcome | None:
    """Return what a refusal's words mean, the first that fits; None = they say nothing known."""
    line = clean_line(words[:_HEAD], _HEAD)
    if not line:
        return None
    return next((outcome for pattern, outcome in _MEANINGS if pattern.search(line)), None)
