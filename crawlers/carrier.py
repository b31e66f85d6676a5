"""What one visit's requests carry: cookie, key or access token, to the source's own hosts only."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from scrapy import Request
from scrapy.http import Response as ScrapyResponse

from crawlers.base import Parsed, Response, TokenGrant
from crawlers.credentials import Carried, CredentialBook, Refusal, hidden
from crawlers.failure import classify_failure
from crawlers.guard import OWN, check_address
from crawlers.job import Job
from crawlers.proxy import proxy_for
from domain.outcome import FetchOutcome
from domain.secret import Secret

__all__ = ["Carrier"]

Download = Callable[[Request], Awaitable[ScrapyResponse]]


class Carrier:
    """The credentials of one visit.

    Args:
        job: The visit.
        download: Sends a request through the crawl's middlewares.
        answer: Makes what a parser sees of what came back from a public address.
    """

    def __init__(self, job: Job, download: Download, answer: Callable[[ScrapyResponse, str], Response]) -> None:
        self._job, self._download, self._answer = job, download, answer
        self._book = job.shared.credentials or CredentialBook(job.shared.clock)

    async def admit(self, requests: int) -> Refusal | None:
        """Say why the visit must not begin, which is then known without a request; None = it may."""
        return await self._book.admit(self._job.source, self._job.platform, requests)

    async def carry(self, public: str, *, own: bool) -> Carried | Refusal:
        """Return what a request carries.

        Args:
            public: Public address that it asks for.
            own: It is built from the source's own base; anything else carries nothing.
        """
        if not own:
            return Carried()
        sends = self._job.address.may_have_cookie(public)
        return await self._book.carry(self._job.source, self._job.platform, self._ask, sends=sends)

    async def _ask(self, grant: TokenGrant, headers: Mapping[str, Secret], body: Secret) -> Response | Parsed:
        """Ask for an access token the way that the visit's other requests go; redirects are not followed.

        robots.txt is for crawlers and not asked: this is the published door of an API, for a key of the operator's own.
        """
        job = self._job
        url, own = job.address.real(grant.url)
        if not own or not job.address.may_have_cookie(grant.url):
            return Parsed(outcome=FetchOutcome.ERROR, detail="token request: its address is none of the platform's own")
        meta = {
            OWN: own,
            "proxy": proxy_for(url, job.source, job.shared.network),
            "dont_obey_robotstxt": True,
            "dont_retry": True,
        }
        sent = {name: value.reveal() for name, value in headers.items()}
        try:
            check_address(url, job.permit, own=own)
            raw = await self._download(
                Request(url, method="POST", headers=sent, body=body.reveal(), meta=meta, dont_filter=True)
            )
        except Exception as err:  # noqa: BLE001  # border of one fetch, classified and logged there
            failure = classify_failure(err, grant.url)
            return replace(failure, detail=f"token request: {failure.detail}"[:300])
        return self._answer(raw, grant.url)

    async def noted(
        self, carried: Carried, parsed: Parsed, response: Response | None
    ) -> tuple[Parsed, Response | None]:
        """Take note of an answer, and return it with every credential that it repeats hidden."""
        if response is None or not (carried.headers or carried.cookie):
            return parsed, response
        if response.status == 401 and carried.key and parsed.outcome is FetchOutcome.AUTH_REQUIRED:
            parsed = replace(parsed, outcome=FetchOutcome.AUTH_FAILED)  # it had a key: it does not count
        await self._book.note(carried, parsed.outcome, response)
        if parsed.outcome.proves_life:
            return parsed, response
        body = response.body
        for secret in carried.hide:
            body = body.replace(secret.reveal().encode("utf-8", "surrogatepass"), b"***")
        return replace(parsed, detail=hidden(parsed.detail, carried.hide)), replace(response, body=body)

    def worth_another(self, carried: Carried, outcome: FetchOutcome) -> bool:
        """Say whether the same request may go better with another access token, which is told once for each token."""
        return outcome is FetchOutcome.AUTH_FAILED and self._book.spoil(carried)
