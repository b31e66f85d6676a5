"""Asking a platform for an access token: what is sent, and what the answer means. Pure."""

import base64
import json
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from config.settings import SourceSettings
from crawlers.base import Parsed, Response, TokenGrant
from crawlers.decode import decode_body
from crawlers.shape import load_json, obj, text_of
from crawlers.verdict import status_outcome
from domain.outcome import FetchOutcome
from domain.secret import Secret

__all__ = ["Granted", "grant_request", "has_key", "read_grant"]

_LIFE_S = 3_600
_SHORTEST_S, _LONGEST_S = 30, 30 * 86_400
_NUMBER = re.compile(r"\d{1,10}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_WORDS = {
    **dict.fromkeys(
        ("invalid_client", "invalid_grant", "unauthorized_client", "access_denied"), FetchOutcome.AUTH_FAILED
    ),
    **dict.fromkeys(("unsupported_grant_type", "invalid_scope", "invalid_request"), FetchOutcome.AUTH_REQUIRED),
    "temporarily_unavailable": FetchOutcome.ERROR,
}
"""Error words of OAuth 2.0 (RFC 6749, section 5.2); no other word of an answer is repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """An access token."""

    token: Secret
    """The token."""
    life_s: int
    """How long it is good from now, real seconds, 30 s to 30 days."""


def has_key(source: SourceSettings) -> bool:
    """Say whether a source has what transport `official` needs: a token, or id and secret of an application."""
    return bool(source.token or (source.client_id and source.client_secret))


def grant_request(grant: TokenGrant, client_id: str, client_secret: str) -> tuple[dict[str, Secret], Secret]:
    """Return headers and body of the POST that asks for a token."""
    asked = {"grant_type": grant.grant_type}
    headers = {"Accept": Secret("application/json")}
    if grant.form == "json":
        headers["Content-Type"] = Secret("application/json")
        body = {grant.id_key: client_id, "client_secret": client_secret, **asked}
        return headers, Secret(json.dumps(body, ensure_ascii=False))
    pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode("ascii")
    headers |= {"Content-Type": Secret("application/x-www-form-urlencoded"), "Authorization": Secret(f"Basic {pair}")}
    return headers, Secret(urlencode(asked))


def read_grant(grant: TokenGrant, response: Response) -> Granted | Parsed:
    """Return the token of an answer, else what the refusal means; the words of an answer are never repeated.

    An answer of a platform that refuses may hold what it was sent.
    """
    by_status = status_outcome(response.status, response.headers)
    try:
        body = load_json(decode_body(response.body, response.headers.get("content-type")))
    except ValueError:
        outcome = FetchOutcome.AUTH_FAILED if response.status == 401 else by_status or FetchOutcome.PARSE_ERROR
        return Parsed(outcome=outcome, detail=f"token request: HTTP {response.status}, no JSON")
    told = obj(body, grant.within) if grant.within else obj(body)
    token = text_of(told.get("access_token")).strip()
    if by_status is None and _TOKEN.fullmatch(token):
        return Granted(token=Secret(token), life_s=_life_s(told.get("expires_in")))
    code = text_of(told.get("error_code"))
    if code in grant.busy:
        return Parsed(outcome=FetchOutcome.RATE_LIMITED, detail=f"token request: error_code {code}")
    return _refused(response.status, by_status, text_of(obj(body).get("error")), code)


def _refused(status: int, by_status: FetchOutcome | None, word: str, code: str) -> Parsed:
    """Return what a refusal means: the status of a limit, else the word, else the status or the code."""
    outcome = by_status if by_status is FetchOutcome.RATE_LIMITED else _WORDS.get(word)
    if outcome is None and (status == 401 or (by_status is None and _NUMBER.fullmatch(code) and code != "0")):
        outcome = FetchOutcome.AUTH_FAILED
    shown = [f"HTTP {status}", word if word in _WORDS else "", f"error_code {code}" if _NUMBER.fullmatch(code) else ""]
    detail = "token request: " + " ".join(each for each in shown if each)
    return Parsed(outcome=outcome or by_status or FetchOutcome.SCHEMA_ERROR, detail=detail)


def _life_s(told: object) -> int:
    """Return for how long a token is good; an hour where the answer does not say."""
    raw = text_of(told).strip().partition(".")[0]
    return min(max(int(raw), _SHORTEST_S), _LONGEST_S) if _NUMBER.fullmatch(raw) else _LIFE_S
