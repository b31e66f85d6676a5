"""V2EX: the latest topics, those of nodes and the hot ones; it has no search, words are looked for here."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.cn_time import parse_cn_time
from crawlers.errors import SourceError
from crawlers.number import parse_number
from crawlers.platforms._answer import query_of, with_query
from crawlers.platforms._feed_json import is_json_feed, read_json_feed
from crawlers.platforms._gather import gather
from crawlers.platforms._open_api import (
    Answer,
    asked,
    collect,
    only_asked,
    read_answer,
    refusal,
    unexpected,
)
from crawlers.shape import engagement, number_id, obj, text_of
from crawlers.text import Rich, at_names, clean, clean_line, html_to_text
from domain.mention import Author, Kind, Post
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "V2exPage", "V2exSettings"]

_BASE = "https://www.v2ex.com/"
_TOPICS = frozenset(
    {"latest", "hot", "show", "node", "nodes", "topic", "topics", "node_topics", "v2_topics", "v2_topic"}
)
_REPLIES = frozenset({"replies", "v2_replies"})
_TOPIC_PATH = re.compile(r"/t/(\d{1,20})(?!\d)")
_RULES = (
    (re.compile(r"(?:invalid|expired|bad) (?:access )?token|token (?:is )?(?:invalid|expired)", re.IGNORECASE),
     FetchOutcome.AUTH_FAILED),
    (re.compile(r"需要先登录|请先登录|sign in to view", re.IGNORECASE), FetchOutcome.LOGIN_REQUIRED),
    (re.compile(r"object not found|not found|does not exist", re.IGNORECASE), FetchOutcome.GONE),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class V2exSettings:
    """Settings that only V2EX knows."""

    nodes: tuple[str, ...] = ()
    """Nodes to read, by the name in their address, such as car; empty = the latest topics of all."""
    hot: bool = False
    """Read the hot topics too."""


class V2exPage(Platform):
    """Addresses and parsers of V2EX."""

    name = "v2ex"
    hosts = ("www.v2ex.com", "v2ex.com")
    prefixes = ("v2ex",)
    pace = timedelta(seconds=30)
    floor = timedelta(minutes=2)

    def __init__(self, options: V2exSettings | None = None) -> None:
        self._options = options or V2exSettings()

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the latest topics or those of each node; of words asked for, only topics that hold one are kept.

        Raises:
            SourceError: a transport that V2EX has not, or one without what it needs.
        """
        if source.transport == "official":
            return self._official(source)
        if source.transport != "open":
            raise SourceError(source.name, "v2ex has the transports `open` and `official`; its topics need no token")
        roads = [("v2ex.show", f"show.json?node_name={quote(node, safe='')}") for node in self._options.nodes]
        roads = roads or [("v2ex.latest", "latest.json")]
        if self._options.hot:
            roads.append(("v2ex.hot", "hot.json"))
        context = asked(source.query)
        return tuple(Fetch(endpoint=name, url=f"{_BASE}api/topics/{path}", context=context) for name, path in roads)

    def _official(self, source: SourceSettings) -> tuple[Fetch, ...]:
        """Return the topics of each node by version 2 of the API, which has more pages and more requests an hour.

        Raises:
            SourceError: no token, or no nodes: that version lists the topics of nodes only.
        """
        if not source.token:
            raise SourceError(source.name, "transport `official` needs `token`, made at v2ex.com/settings/tokens")
        if not self._options.nodes:
            raise SourceError(source.name, "transport `official` needs `nodes`; the latest of all are read by `open`")
        context = asked(source.query)
        roads = [f"{_BASE}api/v2/nodes/{quote(node, safe='')}/topics?p=1" for node in self._options.nodes]
        return tuple(Fetch(endpoint="v2ex.v2_topics", url=road, context=context) for road in roads)

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next list page, which only version 2 of the API has."""
        page = dict(parsed.next).get("p")
        return replace(fetch, url=with_query(fetch.url, p=page), page=fetch.page + 1) if page else None

    def timeline(self, source: SourceSettings, platform: str, account: str) -> Fetch | None:
        """Return the request for the newest topics of a member, by the name he is known by."""
        if source.transport != "open" or platform != "v2ex":
            return None
        return Fetch(endpoint="v2ex.show", url=f"{_BASE}api/topics/show.json?username={quote(account, safe='')}")

    def comments(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the replies to a topic."""
        number = number_id(post.native_id)
        if source.transport != "open" or post.platform != "v2ex" or post.kind is Kind.COMMENT or not number:
            return None
        url = f"{_BASE}api/replies/show.json?topic_id={number}"
        return Fetch(endpoint="v2ex.replies", url=url, context=(("parent_id", number),))

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for one topic."""
        number = number_id(post.native_id)
        if post.platform != "v2ex" or post.kind is Kind.COMMENT or not number:
            return None
        if source.transport == "official":
            return Fetch(endpoint="v2ex.v2_topic", url=f"{_BASE}api/v2/topics/{number}")
        url = f"{_BASE}api/topics/show.json?id={number}"
        return Fetch(endpoint="v2ex.show", url=url) if source.transport == "open" else None

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read topics, replies or a JSON Feed; of words asked for, only posts that hold one."""
        kind = endpoint.removeprefix("v2ex.")
        if kind not in _TOPICS | _REPLIES | {"feed"}:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        answer = read_answer(response)
        refused = refusal(answer, _RULES)
        if refused is not None:
            return refused
        parsed = _read_feed(answer, response) if kind == "feed" else _read_list(answer, response, kind)
        return only_asked(parsed, response.context)


def _read_list(answer: Answer, response: Response, kind: str) -> Parsed:
    listed: Any = answer.body
    if isinstance(listed, Mapping):
        listed = listed.get("result") if listed.get("success") is True else None
        listed = [listed] if isinstance(listed, Mapping) else listed
    if not isinstance(listed, list):
        return unexpected(answer, "no list of topics or replies", _RULES)
    query = query_of(response.url)
    if kind in _REPLIES:
        topic = number_id(query.get("topic_id")) or number_id(response.context.get("parent_id"))
        topic = topic or number_id(_after_topics(response.url))
        return collect(listed, lambda each: _reply(each, topic, response.now), step=_step(answer, query))
    if not listed and "id" in query:
        return Parsed(outcome=FetchOutcome.GONE, detail="no such topic")
    parsed = collect(listed, lambda each: _topic(each, response.now), gone=_is_deleted, step=_step(answer, query))
    if parsed.outcome is FetchOutcome.EMPTY and "id" in query:
        return Parsed(outcome=FetchOutcome.GONE, detail="the topic is deleted")
    return parsed


def _after_topics(url: str) -> str:
    return url.partition("/topics/")[2].partition("/")[0].partition("?")[0]


def _step(answer: Answer, query: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    pages = parse_number(obj(answer.body, "pagination").get("pages")).value or 0
    page = parse_number(query.get("p", "1")).value or 1
    return (("p", page + 1),) if page < pages else ()


def _is_deleted(topic: Mapping[str, Any]) -> bool:
    return topic.get("deleted") is True or text_of(topic.get("deleted")) == "1"


def _rich(raw: Mapping[str, Any]) -> Rich:
    """Return the text as shown; links to members are names, not links."""
    rendered = text_of(raw.get("content_rendered"))
    if not rendered.strip():
        return Rich(text=clean(text_of(raw.get("content"))))
    rich = html_to_text(rendered, _BASE)
    return replace(rich, links=tuple(link for link in rich.links if not link.startswith(f"{_BASE}member/")))


def _author(raw: Mapping[str, Any]) -> Author:
    member = obj(raw.get("member"))
    return Author(name=clean_line(text_of(member.get("username")), 100), id=number_id(member.get("id")) or None)


def _topic(topic: Mapping[str, Any], now: datetime) -> Post | None:
    number = number_id(topic.get("id"))
    if not number:
        return None
    rich, stamp = _rich(topic), parse_cn_time(topic.get("created"), now)
    node = obj(topic.get("node"))
    forum = clean_line(text_of(node.get("title")) or text_of(node.get("name")), 100)
    return Post(
        platform="v2ex",
        native_id=number,
        kind=Kind.POST,
        title=clean_line(html.unescape(text_of(topic.get("title")))),
        text=rich.text,
        url=f"{_BASE}t/{number}",
        author=_author(topic),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(topic.get("created")), 60),
        engagement=engagement(comments=topic.get("replies")),
        at_users=at_names(rich.text),
        links=rich.links,
        extra=(("forum", forum),) if forum else (),
    )


def _reply(reply: Mapping[str, Any], topic: str, now: datetime) -> Post | None:
    number = number_id(reply.get("id"))
    topic = topic or number_id(reply.get("topic_id"))
    if not number or not topic:
        return None
    rich, stamp = _rich(reply), parse_cn_time(reply.get("created"), now)
    thanks = parse_number(reply.get("thanks")).value
    return Post(
        platform="v2ex",
        native_id=number,
        kind=Kind.COMMENT,
        text=rich.text,
        url=f"{_BASE}t/{topic}#r_{number}",
        author=_author(reply),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(reply.get("created")), 60),
        extra_counters=(("thanks", thanks),) if thanks is not None else (),
        parent_id=topic,
        root_id=topic,
        at_users=at_names(rich.text),
        links=rich.links,
    )


def _read_feed(answer: Answer, response: Response) -> Parsed:
    if not isinstance(answer.body, Mapping) or not is_json_feed(answer.body):
        return unexpected(answer, "no JSON Feed", _RULES)
    found, drops = read_json_feed(answer.body, response.url, response.now)
    posts, more = gather(_of_feed(post) for post in found)
    outcome = FetchOutcome.OK if posts else FetchOutcome.SCHEMA_ERROR if found or drops else FetchOutcome.EMPTY
    return Parsed(outcome=outcome, posts=posts, drops=(*drops, *more))


def _of_feed(post: Post) -> Post | None:
    match = _TOPIC_PATH.search(post.url or post.native_id)
    if match is None:
        return None
    name = post.author.name if post.author.name != post.outlet else None
    return replace(
        post,
        platform="v2ex",
        native_id=match[1],
        kind=Kind.POST,
        url=f"{_BASE}t/{match[1]}",
        raw_url=None,
        author=Author(name=name),
        outlet=None,
        at_users=at_names(post.text),
        links=tuple(link for link in post.links if not link.startswith(f"{_BASE}member/")),
    )


SPEC = Spec(name="v2ex", settings=V2exSettings, factory=V2exPage, title="V2EX")
