"""What answers of several platforms have in common: where they send us, and JSON that may be none."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from crawlers.base import Parsed, Response
from crawlers.platforms._gather import MAX_ENTRIES
from crawlers.shape import load_json
from crawlers.tree import Node
from crawlers.verdict import status_outcome, url_outcome
from domain.outcome import FetchOutcome

__all__ = ["json_object", "query_of", "sent_away", "visible_text", "with_query"]


def sent_away(response: Response) -> Parsed | None:
    """Return the verdict on an answer that came from, or points to, a login or captcha page; None = it did not."""
    outcome = url_outcome(response.url)
    location = response.headers.get("location")
    if outcome is None and location and 300 <= response.status < 400:
        try:
            outcome = url_outcome(urljoin(response.url, location))
        except ValueError:
            outcome = None
    return Parsed(outcome=outcome, detail="sent to a login or captcha page") if outcome is not None else None


def json_object(text: str, response: Response) -> Mapping[str, Any] | Parsed:
    """Return the JSON object of an answer, or what it came to instead."""
    by_status = status_outcome(response.status, response.headers)
    try:
        body = load_json(text)
    except ValueError:
        detail = f"HTTP {response.status}" if by_status is not None else "no JSON" if text.strip() else "empty answer"
        return Parsed(outcome=by_status or FetchOutcome.PARSE_ERROR, detail=detail)
    if not isinstance(body, Mapping):
        return Parsed(outcome=by_status or FetchOutcome.SCHEMA_ERROR, detail="no JSON object")
    return body


def query_of(url: str) -> dict[str, str]:
    """Return the parameters of an address by name, last value each; empty where there are none."""
    try:
        return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    except ValueError:
        return {}


def with_query(url: str, **changes: str | int) -> str:
    """Return an address with parameters set anew, in the order given, behind those that stay."""
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in changes]
    return urlunsplit(parts._replace(query=urlencode([*kept, *changes.items()])))


def visible_text(tree: Node) -> str:
    """Return the words of a page's body without scripts, at most 20,000 characters."""
    parts = tree.xpath("//body/descendant::text()[not(ancestor::script or ancestor::style or ancestor::noscript)]")
    return " ".join(str(each).strip() for each in parts[:MAX_ENTRIES])[:20_000]
