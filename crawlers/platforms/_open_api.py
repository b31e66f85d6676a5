"""What platforms with a published API share: their answers, their refusals and their lists."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from crawlers.base import Parsed, Response
from crawlers.decode import decode_body
from crawlers.platforms._gather import MAX_ENTRIES, gather
from crawlers.shape import entries, load_json, text_of
from crawlers.text import clean_line, html_to_text
from crawlers.verdict import status_outcome
from domain.mention import Post
from domain.outcome import Drop, FetchOutcome

__all__ = [
    "Answer",
    "Rules",
    "asked",
    "collect",
    "http_link",
    "only_asked",
    "read_answer",
    "refusal",
    "unexpected",
]

Rules: TypeAlias = "Sequence[tuple[re.Pattern[str], FetchOutcome]]"
"""What a platform's own words mean, the first that matches."""

_HEAD = 4_000
_CHALLENGE = re.compile(
    r"just a moment|challenge-platform|cf-chl|enable javascript and cookies|making sure you.{1,6}re not a bot",
    re.IGNORECASE,
)
_TOO_MANY = re.compile(r"rate.?limit|too many requests|limit exceeded", re.IGNORECASE)
_QUOTA = ("x-rate-limit-remaining", "x-ratelimit-remaining")
_WORDS = "words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer before a platform reads it."""

    text: str
    """The decoded body."""
    body: Any
    """Its JSON value; None also where it is no JSON."""
    is_json: bool
    """Whether it is JSON."""
    by_status: FetchOutcome | None
    """What the status means; None = it refuses nothing."""
    words: str
    """What it says in words where it may be a refusal, at most 200 characters."""
    used_up: bool
    """The headers say that no request is left."""


def read_answer(response: Response) -> Answer:
    """Decode an answer and read its JSON, whatever its status."""
    text = decode_body(response.body, response.headers.get("content-type")).strip()
    try:
        body, is_json = load_json(text), True
    except ValueError:
        body, is_json = None, False
    left = next((response.headers[name].strip() for name in _QUOTA if name in response.headers), "")
    return Answer(
        text=text,
        body=body,
        is_json=is_json,
        by_status=status_outcome(response.status, response.headers),
        words=_told(body) if is_json else clean_line(html_to_text(text[:_HEAD]).text, 200) or "",
        used_up=left in ("0", "0.0"),
    )


def _told(body: object) -> str:
    if not isinstance(body, Mapping):
        return ""
    said = (text_of(body.get(name)) for name in ("error", "error_description", "message", "reason"))
    return clean_line(" ".join(each[:200] for each in said if each), 200) or ""


def refusal(answer: Answer, rules: Rules = ()) -> Parsed | None:
    """Return what a status or a page instead of JSON refuses; None = the answer is an answer."""
    if answer.is_json and answer.by_status is None:
        return None
    outcome = _meant(answer, rules) or answer.by_status or FetchOutcome.PARSE_ERROR
    return Parsed(outcome=outcome, detail=answer.words or ("refused" if answer.text else "empty answer"))


def unexpected(answer: Answer, missing: str, rules: Rules = ()) -> Parsed:
    """Return what JSON with status 200 means that lacks what it should hold.

    Args:
        answer: The answer.
        missing: What it lacks, for the operator.
        rules: What the platform's own words mean.
    """
    if not answer.words:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail=missing)
    return Parsed(outcome=_meant(answer, rules) or FetchOutcome.ERROR, detail=answer.words)


def _meant(answer: Answer, rules: Rules) -> FetchOutcome | None:
    if answer.by_status is FetchOutcome.RATE_LIMITED:
        return answer.by_status
    if not answer.is_json and _CHALLENGE.search(answer.text[:_HEAD]):
        return FetchOutcome.JS_CHALLENGE
    if _TOO_MANY.search(answer.words) or (answer.by_status is FetchOutcome.BLOCKED and answer.used_up):
        return FetchOutcome.RATE_LIMITED
    return next((outcome for pattern, outcome in rules if pattern.search(answer.words)), None)


def collect(
    raw: list[Any],
    read: Callable[[Mapping[str, Any]], Post | None],
    *,
    gone: Callable[[Mapping[str, Any]], bool] = lambda _: False,
    step: tuple[tuple[str, str | int], ...] = (),
) -> Parsed:
    """Return the posts of a list; entries of which none can be read are a schema error, not an empty list.

    Args:
        raw: The list as found.
        read: Reads one entry; None = there is nothing to know it by.
        gone: Says of an entry that it is deleted; such are passed over.
        step: How to ask for the next page.
    """
    alive = [each for each in raw if not (isinstance(each, Mapping) and gone(each))]
    found = entries(alive)
    posts, drops = gather((read(each) for each in found[:MAX_ENTRIES]), unread=max(len(found) - MAX_ENTRIES, 0))
    if posts:
        return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=step)
    if alive:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, drops=drops, detail="no entry of the list can be read")
    return Parsed(outcome=FetchOutcome.EMPTY)


def asked(words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the context that makes `only_asked` keep posts with these words only; empty for none."""
    return ((_WORDS, "\n".join(words)),) if words else ()


def only_asked(parsed: Parsed, context: Mapping[str, str]) -> Parsed:
    """Return the answer without posts that hold none of the asked words; all parts of a word must be there.

    The outcome stays: posts were read, and the next page may hold what this one does not.
    """
    words = [word.casefold().split() for word in context.get(_WORDS, "").split("\n") if word.strip()]
    if not words or not parsed.posts:
        return parsed
    kept = tuple(post for post in parsed.posts if _holds(post, words))
    left = len(parsed.posts) - len(kept)
    drops = (*parsed.drops, (Drop.NOT_QUERIED, left)) if left else parsed.drops
    return replace(parsed, posts=kept, drops=drops)


def _holds(post: Post, words: list[list[str]]) -> bool:
    text = f"{post.title or ''}\n{post.text}\n{' '.join(post.tags)}".casefold()
    return any(all(part in text for part in word) for word in words)


def http_link(raw: object) -> str | None:
    """Return an absolute http(s) link on one line, at most 2,048 characters; None if it is none."""
    link = clean_line(text_of(raw)[:4_096], 2_049)
    if not link or len(link) > 2_048 or not link.lower().startswith(("http://", "https://")):
        return None
    return link
