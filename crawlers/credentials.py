"""The credentials of all visits: which may be used now, what a request carries, what an answer says of them."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from config.settings import SourceSettings
from crawlers.base import Parsed, Platform, Response
from crawlers.cookie import (
    after_answer,
    clean_cookie,
    cookie_host,
    cookie_name,
    fingerprint,
    has_cookie,
    local_time,
    place_of,
)
from crawlers.grant import has_key
from crawlers.keyfile import KeyFiles
from crawlers.quota import allowed_at, day_of, next_day, quota_of
from crawlers.token import Ask, TokenBook, TokenRefusal
from crawlers.verdict import retry_after_s
from domain.clock import Clock
from domain.credential import CredentialCondition, CredentialState
from domain.errors import TingfengError
from domain.outcome import FetchOutcome
from domain.ports import CredentialStore
from domain.secret import Secret

__all__ = ["Carried", "CredentialBook", "MemoryCredentials", "Refusal", "hidden"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_SHORTEST_HIDDEN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why no request is made."""

    parsed: Parsed
    """What the visit came to without one."""
    until: datetime | None = None
    """When it may be made, UTC; None = when someone has done something about it, or unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a request carries of its source's credential."""

    headers: Mapping[str, Secret] = field(default_factory=dict)
    """Its headers by name."""
    hide: frozenset[Secret] = frozenset()
    """What no text for people may repeat."""
    once: bool = False
    """It was counted: not to be sent again by itself."""
    key: str = ""
    """Name of the key it counts for; empty = it carries none."""
    granted: str = ""
    """Name of the granted token that it carries; empty = none was."""
    token: Secret | None = None
    """That token."""
    cookie: CredentialState | None = None
    """State of the cookie that it carries; None = it carries none."""


_NOTHING = Carried()


class MemoryCredentials:
    """Implements `domain.ports.CredentialStore` for one process, in memory."""

    def __init__(self) -> None:
        self._states: dict[str, CredentialState] = {}
        self._used: dict[str, tuple[str, int]] = {}

    def salt(self) -> str:
        """Return a salt that is good enough where nothing is written down."""
        return "memory"

    def load(self) -> Mapping[str, CredentialState]:
        """Return the states of all cookies by name."""
        return dict(self._states)

    def save(self, state: CredentialState) -> None:
        """Keep a state; what is dead stays dead."""
        known = self._states.get(state.name)
        if known is None or known.condition is not CredentialCondition.DEAD:
            self._states[state.name] = state

    def spend(self, name: str, *, day: str, most: int) -> int | None:
        """Count one request of a day; None = `most` are used already."""
        used = self.used(name, day=day)
        if used >= most:
            return None
        self._used[name] = (day, used + 1)
        return used + 1

    def used(self, name: str, *, day: str) -> int:
        """Return how many requests of a day were counted."""
        then, used = self._used.get(name, (day, 0))
        return used if then == day else 0


class CredentialBook:
    """What every visit asks before it sends a credential, and tells of what came back.

    Args:
        clock: Domain time.
        store: What all processes know together; None = this one is alone and remembers nothing over a restart.
    """

    def __init__(self, clock: Clock, store: CredentialStore | None = None) -> None:
        self._clock = clock
        self._store: CredentialStore = store if store is not None else MemoryCredentials()
        self._files = KeyFiles()
        self._salt = ""
        self._silent = False
        self._cookies: dict[str, CredentialState] = {}
        self._used: dict[str, str] = {}
        """Name of the cookie that each source was asked with last."""
        self._tokens = TokenBook(clock)
        self._rests: dict[str, datetime] = {}

    # --- before a visit ------------------------------------------------------------------------------------------

    async def admit(self, source: SourceSettings, platform: Platform, requests: int = 1) -> Refusal | None:
        """Say why a visit must not begin; None = it may.

        Args:
            source: The source.
            platform: Its platform.
            requests: Requests that it begins with, at least 1.
        """
        if has_cookie(source):
            stored = await self._ask_store(self._store.load)
            self._cookies.update(stored or {})
            cookie = await self._cookie(source, platform)
            self._used[source.name] = cookie.name
            refusal = _resting(cookie, source, self._clock.now())
            if refusal is not None:
                return refusal
        until, used, quota = await self._next(source, platform, requests)
        return _spent(used, quota, until) if until is not None else None

    async def next_at(self, source: SourceSettings, platform: Platform, requests: int = 1) -> datetime | None:
        """Return when quota and limits let a source be visited next, UTC; None = now."""
        return (await self._next(source, platform, requests))[0]

    async def replaced(self, source: SourceSettings, platform: Platform) -> bool:
        """Say whether a source that rests for its cookie or key has another one now, from its file.

        A cookie in the settings themselves only changes with a restart, so it is none.
        """
        if not has_cookie(source) or source.cookie is None or source.cookie.path is None:
            return False
        cookie, now = await self._cookie(source, platform), self._clock.now()
        before = self._used.get(source.name)
        if before is not None:
            return cookie.usable(now) and cookie.name != before
        # Not asked since the start: it is another one if those of the site that are remembered are no longer good.
        self._cookies.update(await self._ask_store(self._store.load) or {})
        spoiled = any(each.host == cookie.host and not each.usable(now) for each in self._cookies.values())
        return spoiled and cookie.name not in self._cookies

    async def _next(
        self, source: SourceSettings, platform: Platform, requests: int
    ) -> tuple[datetime | None, int, int | None]:
        """Return when, and how many of how many requests are used; no quota = None."""
        now, quota, name = self._clock.now(), quota_of(source, platform), await self._key(source, platform)
        rest = self._rests.get(name)
        until = rest if rest is not None and rest > now else None
        if quota is None:
            return until, 0, None
        used = await self._ask_store(self._store.used, name, day=day_of(now))
        later = allowed_at(quota, used, requests, now) if used is not None else None
        return max((at for at in (until, later) if at is not None), default=None), used or 0, quota

    # --- one request ---------------------------------------------------------------------------------------------

    async def carry(
        self, source: SourceSettings, platform: Platform, ask: Ask, *, sends: bool = True
    ) -> Carried | Refusal:
        """Return what a request to one of the source's own hosts carries, counted against its quota.

        Args:
            source: The source.
            platform: Its platform.
            ask: Asks for an access token where one is needed.
            sends: A credential may go to the address of the request; False = it is counted only.
        """
        carried = _NOTHING
        if sends and has_cookie(source):
            found = await self._carry_cookie(source, platform)
            if isinstance(found, Refusal):
                return found
            carried = found
        elif sends and source.transport == "official" and has_key(source):
            found = await self._carry_key(source, platform, ask)
            if isinstance(found, Refusal):
                return found
            carried = found
        quota = quota_of(source, platform)
        if quota is None:
            return carried
        return await self._count(replace(carried, key=await self._key(source, platform), once=True), quota)

    async def _count(self, carried: Carried, quota: int) -> Carried | Refusal:
        now = self._clock.now()
        try:
            used = await asyncio.to_thread(self._store.spend, carried.key, day=day_of(now), most=quota)
        except TingfengError:
            detail = "quota: the state database does not answer, so that requests cannot be counted"
            return Refusal(parsed=Parsed(outcome=FetchOutcome.ERROR, detail=detail))
        return carried if used is not None else _spent(quota, quota, next_day(now))

    async def _carry_cookie(self, source: SourceSettings, platform: Platform) -> Carried | Refusal:
        cookie = await self._cookie(source, platform)
        refusal = _resting(cookie, source, self._clock.now())
        if refusal is not None or source.cookie is None:
            return refusal or _NOTHING
        text = clean_cookie(await self._files.current(source.cookie))
        if (await self._cookie(source, platform)).name != cookie.name:  # the file changed just now
            return await self._carry_cookie(source, platform)
        values = (pair.partition("=")[2].strip() for pair in text.split(";"))
        hide = frozenset(Secret(each) for each in (text, *values) if len(each) >= _SHORTEST_HIDDEN)
        self._used[source.name] = cookie.name
        headers = {"Cookie": Secret(text)} if source.transport == "cookie" else {}  # a browser adds it by itself
        return Carried(headers=headers, hide=hide, cookie=cookie)

    async def _carry_key(self, source: SourceSettings, platform: Platform, ask: Ask) -> Carried | Refusal:
        name, form = platform.token_header
        key = await self._key(source, platform)
        if source.token:
            token = Secret("".join((await self._files.current(source.token)).split()))
            return Carried(headers={name: Secret(form.format(token.reveal()))}, hide=frozenset({token}), key=key)
        if platform.grant is None or source.client_secret is None:
            detail = f"{platform.name} gives no token for id and secret: set `token`"
            return Refusal(parsed=Parsed(outcome=FetchOutcome.AUTH_REQUIRED, detail=detail))
        secret = Secret(await self._files.current(source.client_secret))
        granted = f"{key}:{source.base_url or ''}"
        fresh = await self._tokens.current(granted, platform.grant, source.client_id or "", secret.reveal(), ask)
        if isinstance(fresh, TokenRefusal):
            return Refusal(parsed=fresh.parsed, until=fresh.until)
        headers = {name: Secret(form.format(fresh.reveal()))}
        return Carried(headers=headers, hide=frozenset({fresh, secret}), key=key, granted=granted, token=fresh)

    def spoil(self, carried: Carried) -> bool:
        """Note that the platform refuses the credential of a request; say whether another token is worth a try."""
        if not carried.granted or carried.token is None:
            return False
        return self._tokens.refused(carried.granted, carried.token)

    async def current(self, secret: Secret) -> Secret:
        """Return a secret as it is now: that of its file where it was read from one."""
        return Secret(await self._files.current(secret), secret.path)

    # --- after an answer -----------------------------------------------------------------------------------------

    async def note(self, carried: Carried, outcome: FetchOutcome, response: Response) -> None:
        """Take note of what an answer says about the credential that its request carried."""
        if carried.token is not None and outcome.proves_life:
            self._tokens.accepted(carried.granted, carried.token)
        if carried.key:
            self._note_limit(carried.key, response.headers)
        if carried.cookie is None:
            return
        now, asked = self._clock.now(), retry_after_s(response.headers, response.now)
        before = self._cookies.get(carried.cookie.name, carried.cookie)
        after = after_answer(before, outcome, now, self._clock.span(asked) if asked is not None else None)
        if after == before:
            return
        self._cookies[after.name] = after
        if after.condition is not before.condition:
            say = logger.info if after.condition is CredentialCondition.OK else logger.warning
            say("cookie changed host=%s condition=%s outcome=%s", after.host, after.condition.value, outcome.value)
        await self._ask_store(self._store.save, after)

    def _note_limit(self, key: str, headers: Mapping[str, str]) -> None:
        """Let a key rest where its headers say that no request is left until a number of seconds from now."""
        left, reset = (headers.get(f"x-ratelimit-{name}", "").strip() for name in ("remaining", "reset"))
        if left.partition(".")[0] == "0" and reset.isascii() and reset.isdigit() and len(reset) <= 6:
            self._rests[key] = self._clock.now() + self._clock.span(float(reset))

    # --- names ---------------------------------------------------------------------------------------------------

    async def _cookie(self, source: SourceSettings, platform: Platform) -> CredentialState:
        """Return the state of a source's present cookie; one that is not known yet is ok."""
        text = await self._files.current(source.cookie) if source.cookie is not None else ""
        host = cookie_host(source, platform)
        name = cookie_name(await self._salted(), host, text)
        fresh = CredentialState(name=name, host=host, since=self._clock.now(), place=place_of(source))
        return self._cookies.get(name, fresh)

    async def _key(self, source: SourceSettings, platform: Platform) -> str:
        """Return the name of what a source's requests are counted for: its key, else the source itself."""
        if source.transport == "official" and source.token:
            text = "".join((await self._files.current(source.token)).split())
        elif source.transport == "official" and source.client_secret:
            text = f"{source.client_id}\n{await self._files.current(source.client_secret)}"
        else:
            brand = source.brands[0] if len(source.brands) == 1 else ""
            return f"source:{source.name.removesuffix(f':{brand}')}"
        return f"key:{platform.name}:{fingerprint(await self._salted(), text)}"

    async def _salted(self) -> str:
        if not self._salt:
            salt = await self._ask_store(self._store.salt)
            if salt is None:
                return "unsaved"
            self._salt = salt
        return self._salt

    async def _ask_store(self, call: Callable[..., T], *args: object, **named: object) -> T | None:
        """Ask the store in a thread; None = it does not answer, which is logged once."""
        try:
            answer = await asyncio.to_thread(call, *args, **named)
        except TingfengError as err:
            if not self._silent:
                logger.warning("credentials are not shared for now error=%s", err)
            self._silent = True
            return None
        self._silent = False
        return answer


def hidden(text: str, secrets: Iterable[Secret]) -> str:
    """Return a text for people with every credential in it replaced."""
    for secret in sorted((each.reveal() for each in secrets), key=len, reverse=True):
        text = text.replace(secret, "***") if secret else text
    return text


def _resting(cookie: CredentialState, source: SourceSettings, now: datetime) -> Refusal | None:
    """Return why a cookie must not be used; None = it may."""
    if cookie.usable(now):
        return None
    why = cookie.why or FetchOutcome.LOGIN_REQUIRED
    if cookie.condition is CredentialCondition.DEAD:
        since = local_time(cookie.since)
        detail = f"the cookie of {cookie.host} is dead since {since}: put a new one into {place_of(source)}"
    else:
        detail = f"the cookie of {cookie.host} rests until {local_time(cookie.until or now)}, after {why.value}"
    return Refusal(parsed=Parsed(outcome=why, detail=detail[:300]), until=cookie.until)


def _spent(used: int, quota: int | None, until: datetime) -> Refusal:
    """Return why a key must wait: its quota, or what the platform said is left."""
    at = local_time(until).rpartition(" ")[2]
    detail = f"quota: {used} of {quota} requests used today, next at {at}"
    if quota is None:
        detail = f"the platform says that no request is left for this key, next at {at}"
    return Refusal(parsed=Parsed(outcome=FetchOutcome.RATE_LIMITED, detail=detail), until=until)
