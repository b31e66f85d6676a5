"""How an operator's cookie stands after an answer, and how people are told. Pure."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from config.settings import SourceSettings
from crawlers.base import Platform
from crawlers.ledger import pause_after
from crawlers.link import origin
from crawlers.platforms import build_platform
from domain.credential import CredentialCondition, CredentialState
from domain.moment import SHANGHAI
from domain.outcome import FetchOutcome

__all__ = [
    "after_answer",
    "clean_cookie",
    "configured_states",
    "cookie_host",
    "cookie_name",
    "credential_lines",
    "fingerprint",
    "has_cookie",
    "local_time",
    "place_of",
]

_DIES = frozenset({FetchOutcome.LOGIN_REQUIRED, FetchOutcome.AUTH_FAILED})
_COOLS = frozenset(
    {
        FetchOutcome.CAPTCHA,
        FetchOutcome.ACCOUNT_RESTRICTED,
        FetchOutcome.JS_CHALLENGE,
        FetchOutcome.RATE_LIMITED,
        FetchOutcome.IP_BLOCKED,
    }
)
_OF = "`cookie` of source "


def clean_cookie(text: str) -> str:
    """Return a cookie as one line, as it goes into the header."""
    return "".join(text.split("\n")).replace("\r", "").strip()


def fingerprint(salt: str, text: str) -> str:
    """Return what a credential is known by, 32 hexadecimal digits that tell nothing of it."""
    return hmac.new(salt.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


def cookie_host(source: SourceSettings, platform: Platform) -> str:
    """Return the host by which a source's cookie is called: the platform's first, else that of its url."""
    if platform.hosts:
        return platform.hosts[0]
    try:
        return origin(source.url or "")[1]
    except ValueError:
        return platform.name


def cookie_name(salt: str, host: str, cookie: str) -> str:
    """Return the name of a cookie's state."""
    return f"cookie:{host}:{fingerprint(salt, clean_cookie(cookie))}"


def has_cookie(source: SourceSettings) -> bool:
    """Say whether a source's requests carry the operator's cookie."""
    return source.transport in ("cookie", "browser") and bool(source.cookie)


def place_of(source: SourceSettings) -> str:
    """Return where a source's cookie is configured, for the operator."""
    path = source.cookie.path if source.cookie else None
    return f"`cookie_file` {path}"[:300] if path is not None else f"{_OF}{source.name}"[:300]


def after_answer(
    state: CredentialState, outcome: FetchOutcome, now: datetime, retry_after: timedelta | None
) -> CredentialState:
    """Return how a cookie stands after an answer to a request that carried it.

    A login page means that it is dead: only another cookie helps. A captcha, a restricted account or a browser check
    lets it rest for six hours, a limit as long as the source rests for it.

    Args:
        state: How it stood before.
        outcome: What the answer came to.
        now: When it came.
        retry_after: What the server asked for; None = nothing.
    """
    if state.condition is CredentialCondition.DEAD:
        return state
    if outcome in _DIES:
        dead = CredentialCondition.DEAD
        return replace(state, condition=dead, since=now, until=None, why=outcome, fails=state.fails + 1)
    resting = not state.usable(now)
    if outcome in _COOLS:
        fails = state.fails if resting else state.fails + 1  # answers to requests that were under way count once
        until = now + (pause_after(outcome, max(fails, 1), retry_after) or timedelta(0))
        if resting and state.until is not None and state.until >= until:
            return state
        since = state.since if resting else now
        cooling = CredentialCondition.COOLING
        return replace(state, condition=cooling, since=since, until=until, why=outcome, fails=fails)
    if outcome.proves_life and not resting and state.condition is not CredentialCondition.OK:
        return replace(state, condition=CredentialCondition.OK, since=now, until=None, why=None, fails=0)
    return state


def configured_states(
    sources: Sequence[SourceSettings], stored: Mapping[str, CredentialState], salt: str, now: datetime
) -> tuple[CredentialState, ...]:
    """Return the states of the cookies that are configured now and cannot be used, each once, by host.

    Args:
        sources: The sources.
        stored: All stored states by name.
        salt: Salt of the store.
        now: The present moment.
    """
    found: dict[str, CredentialState] = {}
    for source in sources:
        if not has_cookie(source) or source.cookie is None:
            continue
        host = cookie_host(source, build_platform(source.platform, source.options))
        state = stored.get(cookie_name(salt, host, source.cookie.reveal()))
        if state is not None and not state.usable(now):
            found.setdefault(state.name, replace(state, place=place_of(source)))
    return tuple(sorted(found.values(), key=lambda state: (state.host, state.name)))


def credential_lines(states: Sequence[CredentialState], locale: Literal["zh", "en"]) -> tuple[str, ...]:
    """Return one line for each cookie that is dead or rests: which, since or until when, and what to do."""
    return tuple(_line(state, locale) for state in states if state.condition is not CredentialCondition.OK)


def _line(state: CredentialState, locale: Literal["zh", "en"]) -> str:
    why = state.why.value if state.why is not None else "?"
    if state.condition is CredentialCondition.DEAD:
        at = local_time(state.since)
        if locale == "zh":
            place = f"来源 {state.place.removeprefix(_OF)} 的 `cookie`" if state.place.startswith(_OF) else state.place
            return f"{state.host} 的 Cookie 自 {at} 起失效（{why}）：请把新的写入 {place}"
        return f"cookie of {state.host}: dead since {at} ({why}), put a new one into {state.place}"
    at = local_time(state.until or state.since)
    if locale == "zh":
        return f"{state.host} 的 Cookie 暂停使用至 {at}（{why}）：会自动恢复，不要强行重试"
    return f"cookie of {state.host}: rests until {at} ({why}), it is used again by itself"


def local_time(moment: datetime) -> str:
    """Return a moment as people in Beijing read it, to the minute."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
