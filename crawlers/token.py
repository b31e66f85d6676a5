"""Access tokens that are given for a while: kept in memory alone, renewed before they end, asked for once at a time."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from crawlers.base import Parsed, Response, TokenGrant
from crawlers.cookie import local_time
from crawlers.grant import Granted, grant_request, read_grant
from crawlers.verdict import retry_after_s
from domain.clock import Clock
from domain.outcome import FetchOutcome
from domain.secret import Secret

__all__ = ["Ask", "TokenBook", "TokenRefusal"]

logger = logging.getLogger(__name__)

Ask: TypeAlias = "Callable[[TokenGrant, Mapping[str, Secret], Secret], Awaitable[Response | Parsed]]"
"""Sends headers and a body to where a token is given; returns the answer, or what it came to without one."""

_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)
_RENEW_EARLIER = 0.1
_EARLIEST_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRefusal:
    """Why there is no token."""

    parsed: Parsed
    """What asking for one came to."""
    until: datetime
    """When one is asked for again, UTC."""


@dataclass(slots=True)
class _Tenure:
    """One application's token and what became of asking for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: Secret | None = None
    renew_at: datetime | None = None
    ends_at: datetime | None = None
    refused: int = 0
    """Tokens in a row that were refused as soon as they were used."""
    fails: int = 0
    failure: TokenRefusal | None = None


class TokenBook:
    """The tokens of all applications, by a name that is no credential."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tenures: defaultdict[str, _Tenure] = defaultdict(_Tenure)

    async def current(
        self, name: str, grant: TokenGrant, client_id: str, client_secret: str, ask: Ask
    ) -> Secret | TokenRefusal:
        """Return a token that is good now; one visit asks for it, the others wait for what that brings.

        Args:
            name: Name of the application.
            grant: How the platform gives tokens.
            client_id: Id of the application.
            client_secret: Its secret.
            ask: Sends the request.
        """
        tenure = self._tenures[name]
        async with tenure.lock:
            now = self._clock.now()
            if tenure.ends_at is not None and now >= tenure.ends_at:
                tenure.token = None
            if tenure.token is not None and tenure.renew_at is not None and now < tenure.renew_at:
                return tenure.token
            refusal = self._waited_for(tenure, now) or await self._renew(tenure, grant, client_id, client_secret, ask)
            # Renewing begins before the end: until then the one before still serves.
            return tenure.token or refusal or self._failed(tenure, Parsed(outcome=FetchOutcome.AUTH_FAILED))

    @staticmethod
    def _waited_for(tenure: _Tenure, now: datetime) -> TokenRefusal | None:
        """Return the last failure while it is too early to ask again."""
        failure = tenure.failure
        if failure is None or now >= failure.until:
            return None
        detail = f"{failure.parsed.detail}; not asked again before {local_time(failure.until)}"
        return replace(failure, parsed=replace(failure.parsed, detail=detail))

    async def _renew(
        self, tenure: _Tenure, grant: TokenGrant, client_id: str, client_secret: str, ask: Ask
    ) -> TokenRefusal | None:
        answer = await ask(grant, *grant_request(grant, client_id, client_secret))
        told = answer if isinstance(answer, Parsed) else read_grant(grant, answer)
        if isinstance(told, Granted):
            now, life = self._clock.now(), self._clock.span(told.life_s)
            tenure.token, tenure.ends_at = told.token, now + life
            tenure.renew_at = tenure.ends_at - min(life * _RENEW_EARLIER, self._clock.span(_EARLIEST_S))
            tenure.fails, tenure.failure = 0, None
            logger.info("token given url=%s life_s=%d", grant.url, told.life_s)
            return None
        asked_s = retry_after_s(answer.headers, answer.now) if isinstance(answer, Response) else None
        logger.warning("token not given url=%s outcome=%s detail=%s", grant.url, told.outcome.value, told.detail)
        return self._failed(tenure, told, self._clock.span(asked_s or 0.0))

    def _failed(self, tenure: _Tenure, parsed: Parsed, asked: timedelta = timedelta(0)) -> TokenRefusal:
        wait = min(_FIRST_WAIT * (1 << min(tenure.fails, 10)), _LONGEST_WAIT)
        tenure.fails += 1
        tenure.failure = TokenRefusal(parsed=parsed, until=self._clock.now() + max(wait, asked))
        return tenure.failure

    def accepted(self, name: str, token: Secret) -> None:
        """Note that the platform took a token."""
        tenure = self._tenures[name]
        if tenure.token == token:
            tenure.refused = 0

    def refused(self, name: str, token: Secret) -> bool:
        """Note that the platform refuses a token; say whether the request is worth a try with another one.

        It is where another visit has a newer one already, and once where it was the present one. A fresh one that is
        refused too means that the application may not ask this: that is a failure, and waited for.
        """
        tenure = self._tenures[name]
        if tenure.token is None:  # another visit has said so already
            return tenure.failure is None
        if tenure.token != token:
            return True
        tenure.token = None
        tenure.refused += 1
        if tenure.refused == 1:
            return True
        detail = "the platform refuses tokens that it has just given: see which rights the application has"
        self._failed(tenure, Parsed(outcome=FetchOutcome.AUTH_FAILED, detail=detail))
        return False
