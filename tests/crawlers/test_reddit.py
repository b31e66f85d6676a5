import html
import json
from datetime import datetime
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms.reddit import RedditPage, RedditSettings
from domain.mention import Kind
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.pages import NOW, parse, source

THREAD = "https://www.reddit.com/r/ev/comments/1a/title_words/"
TAIL = (
    ' &#32; submitted by &#32; <a href="https://www.reddit.com/user/a"> /u/a </a> &#32; to &#32; '
    '<a href="https://www.reddit.com/r/ev/"> r/ev </a> <br/> <span><a href="{link}">[link]</a></span> &#32; '
    f'<span><a href="{THREAD}">[comments]</a></span>'
)


def entry(name: str = "t3_1a", *, content: str = "", author: str = "/u/a", title: str = "T", link: str = THREAD,
          at: str = "2025-12-31T16:30:00+00:00") -> str:  # fmt: skip
    person = f"<author><name>{author}</name></author>" if author else ""
    return (
        f'<entry>{person}<category term="ev" label="r/ev"/><content type="html">{html.escape(content)}</content>'
        f'<id>{name}</id><link href="{link}"/><published>{at}</published><title>{title}</title></entry>'
    )


def feed(*found: str) -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>reddit.com: search</title>{"".join(found)}</feed>'


def thing(kind: str = "t3", **more: Any) -> dict[str, Any]:
    data = {"name": f"{kind}_1a", "permalink": "/r/ev/comments/1a/t/", "title": "T", "author": "a",
            "created_utc": 1781925600.0, "subreddit_name_prefixed": "r/ev", "is_self": True, **more}  # fmt: skip
    return {"kind": kind, "data": data}


def listing(*things: Any, after: str | None = None) -> str:
    return json.dumps({"kind": "Listing", "data": {"children": things, "after": after}})


@pytest.mark.parametrize(
    ("endpoint", "body", "http", "outcome"),
    [
        ("reddit.rss", feed(), 200, F.EMPTY),
        ("reddit.rss", "<html>whoa there, pardner! far too many requests</html>", 429, F.RATE_LIMITED),
        ("reddit.rss", "<html>You've been blocked by network security.</html>", 403, F.BLOCKED),
        ("reddit.rss", "<html>You've been blocked by network security.</html>", 200, F.BLOCKED),
        ("reddit.rss", "<html><title>Log in to Reddit</title></html>", 200, F.LOGIN_REQUIRED),
        ("reddit.rss", "<html><title>Reddit</title></html>", 200, F.PARSE_ERROR),
        ("reddit.rss", '{"message": "Not Found", "error": 404}', 404, F.GONE),
        ("reddit.rss", "{}", 200, F.SCHEMA_ERROR),
        ("reddit.rss", "", 200, F.PARSE_ERROR),
        ("reddit.json", "{}", 403, F.AUTH_REQUIRED),
        ("reddit.oauth", '{"message": "Unauthorized", "error": 401}', 401, F.AUTH_REQUIRED),
        ("reddit.oauth", '{"message": "Too Many Requests", "error": 429}', 429, F.RATE_LIMITED),
        ("reddit.oauth", listing(), 200, F.EMPTY),
        ("reddit.oauth", listing({"kind": "t3", "data": {}}), 200, F.SCHEMA_ERROR),
        ("reddit.oauth", listing({"kind": "t5", "data": {}}), 200, F.EMPTY),
        ("reddit.oauth", "{}", 200, F.SCHEMA_ERROR),
        ("reddit.oauth", "<html></html>", 200, F.PARSE_ERROR),
    ],
)
def test_refusals_are_told_from_empty_searches(endpoint: str, body: str, http: int, outcome: F) -> None:
    assert parse(endpoint, body, status=http).outcome is outcome


def test_login_page_and_unknown_endpoints_are_named() -> None:
    assert parse("reddit.rss", feed(), url="https://www.reddit.com/login/?dest=x").outcome is F.LOGIN_REQUIRED
    assert parse("reddit.rss", feed(), url="https://[x").outcome is F.EMPTY
    assert parse("reddit.wall", feed()).detail == "unknown endpoint reddit.wall"


def test_feed_that_breaks_off_is_no_empty_one() -> None:
    assert parse("reddit.rss", feed(entry())[:-60]).outcome is F.PARSE_ERROR


def test_own_words_stay_and_the_line_of_the_feed_goes() -> None:
    content = '<div class="md"><p>It was submitted by <a href="https://n.example/a">us</a></p></div>'
    (post,) = parse("reddit.rss", feed(entry(content=content + TAIL.format(link=THREAD)))).posts
    assert (post.text, post.links) == ("It was submitted by us", ("https://n.example/a",))
    (bare,) = parse("reddit.rss", feed(entry(content=content))).posts
    assert bare.text == "It was submitted by us"
    assert post.published_at == datetime(2026, 1, 1, 0, 30, tzinfo=SHANGHAI)
    assert (post.extra, post.tags, post.outlet) == ((("forum", "r/ev"),), (), None)


def test_link_post_has_its_target_and_no_text() -> None:
    table = f'<table><tr><td><a href="{THREAD}"><img src="x" alt="T"/></a></td><td>{TAIL}</td></tr></table>'
    (post,) = parse("reddit.rss", feed(entry(content=table.format(link="https://n.example/a")))).posts
    assert (post.text, post.links) == ("", ("https://n.example/a",))


def test_comment_knows_its_thread() -> None:
    link = "https://old.reddit.com/r/ev/comments/1a/title_words/2b/"
    body = feed(entry("t1_2b", title="/u/b on Title", author="/u/b", link=link, content="<p>Yes</p>"))
    (post,) = parse("reddit.comments_rss", body).posts
    assert (post.kind, post.title, post.parent_id, post.root_id) == (Kind.COMMENT, "Title", "t3_1a", "t3_1a")
    assert post.url == link.replace("old.", "www.")
    (known,) = parse("reddit.rss", body, context={"parent_id": "t1_9"}).posts
    assert (known.parent_id, known.root_id) == ("t1_9", "t3_1a")


def test_entries_without_name_are_known_by_their_link() -> None:
    forum = entry("t5_x", link="https://www.reddit.com/r/ev/")
    comment = entry("", link=f"{THREAD}2b/")
    posts = parse("reddit.rss", feed(forum, entry("x"), comment)).posts
    assert [post.native_id for post in posts] == ["t3_1a", "t1_2b"]


def test_deleted_author_is_nobody() -> None:
    for author in ("", "/u/[deleted]"):
        (post,) = parse("reddit.rss", feed(entry(author=author))).posts
        assert post.author.name is None


def test_removed_texts_are_passed_over() -> None:
    removed = entry("t3_1b", content="<p>[removed]</p>")
    titled = entry("t3_1c", title="[ Removed by moderator ]")
    assert [post.native_id for post in parse("reddit.rss", feed(removed, titled, entry())).posts] == ["t3_1a"]
    assert parse("reddit.rss", feed(removed)).outcome is F.EMPTY
    for gone in (thing(removed_by_category="moderator"), thing(selftext="[removed]"), thing("t1", body="[deleted]")):
        assert parse("reddit.oauth", listing(gone)).outcome is F.EMPTY


def test_listing_of_the_api_has_counts_and_pages() -> None:
    markup = html.escape('<!-- SC_OFF --><div class="md"><p>A &amp; <b>B</b></p></div>')
    found = thing(selftext_html=markup, score=0, num_comments=4, author_fullname="t2_z", title="X &amp; Y")
    linked = thing(name="t3_1b", is_self=False, url="https://n.example/?a=1&amp;b=2", permalink="/r/ev/comments/1b/t/")
    gallery = thing(name="t3_1c", is_self=False, url="https://www.reddit.com/r/ev/comments/1c/t/", author="[deleted]",
                    permalink="/r/ev/comments/1c/t/", selftext="a &lt; b")  # fmt: skip
    parsed = parse("reddit.oauth", listing(found, linked, gallery, found, after="t3_1c"))
    first, second, third = parsed.posts
    assert (first.title, first.text, first.author.id) == ("X & Y", "A & B", "t2_z")
    assert (first.engagement.likes, first.engagement.comments) == (0, 4)
    assert first.url == "https://www.reddit.com/r/ev/comments/1a/t/"
    assert first.published_at == datetime(2026, 6, 20, 11, 20, tzinfo=SHANGHAI)
    assert second.links == ("https://n.example/?a=1&b=2",)
    assert (third.links, third.text, third.author.name) == ((), "a < b", None)
    assert dict(parsed.next) == {"after": "t3_1c"}
    assert dict(parsed.drops) == {Drop.DUPLICATE_IN_BATCH: 1}


def test_comment_of_the_api_knows_its_parent() -> None:
    found = thing(
        "t1", body="Yes", parent_id="t1_9", link_id="t3_1a", link_title="T", permalink="/r/ev/comments/1a/t/1a/"
    )
    (post,) = parse("reddit.oauth", listing(found)).posts
    assert (post.kind, post.text, post.title) == (Kind.COMMENT, "Yes", "T")
    assert (post.parent_id, post.root_id) == ("t1_9", "t3_1a")


def test_search_asks_for_each_word() -> None:
    page = build_platform("reddit")
    first, second = page.start(source(platform="reddit", query=("云杉", "Blue Cup")), NOW)
    assert first.url == "https://www.reddit.com/search.rss?q=%E4%BA%91%E6%9D%89&sort=new"
    assert second.url == "https://www.reddit.com/search.rss?q=%22Blue%20Cup%22&sort=new"
    parsed = parse("reddit.rss", feed(entry()))
    assert page.following(first, parsed) is None
    assert page.detail(source(), parsed.posts[0]) is None
    step = page.following(first, parse("reddit.oauth", listing(thing(), after="t3_1a")))
    assert step is not None
    assert step.url.endswith("&after=t3_1a")
    with pytest.raises(SourceError, match="the transports `open`"):
        page.start(source(platform="reddit", transport="cookie"), NOW)
    with pytest.raises(SourceError, match="`client_id` and `client_secret`"):
        page.start(source(platform="reddit", transport="official", client_id="id"), NOW)


def test_api_is_asked_for_words_and_for_forums() -> None:
    own = {"platform": "reddit", "transport": "official", "client_id": "id", "client_secret": Secret("s")}
    (fetch,) = build_platform("reddit").start(source(query=("Blue Cup",), **own), NOW)
    assert fetch.endpoint == "reddit.oauth_search"
    assert fetch.url == "https://oauth.reddit.com/search?q=%22Blue%20Cup%22&sort=new&limit=100&raw_json=1"
    page = RedditPage(RedditSettings(forums=("r/ev",)))
    (fetch,) = page.start(source(query=("xinglan",), platform="reddit", transport="official", token=Secret("t")), NOW)
    assert fetch.url == "https://oauth.reddit.com/r/ev/new?limit=100&raw_json=1"
    found = [thing(title="Xinglan S7"), thing(name="t3_1b")]
    parsed = parse(fetch.endpoint, listing(*found, after="t3_1b"), context=dict(fetch.context))
    assert [post.native_id for post in parsed.posts] == ["t3_1a"]
    step = page.following(fetch, parsed)
    assert step is not None
    assert (step.page, step.url) == (2, fetch.url + "&after=t3_1b")


def test_ended_token_is_told_from_a_missing_one() -> None:
    said = {"www_authenticate": 'Bearer realm="reddit", error="invalid_token"'}
    assert parse("reddit.oauth_search", '{"message": "Unauthorized"}', status=401, **said).outcome is F.AUTH_FAILED
    assert parse("reddit.oauth_search", '{"message": "Unauthorized"}', status=401).outcome is F.AUTH_REQUIRED


def test_forums_are_read_and_words_looked_for_there() -> None:
    page = RedditPage(RedditSettings(forums=("r/ev", "cars")))
    first, second = page.start(source(platform="reddit", query=("xinglan",)), NOW)
    assert (first.url, second.url) == ("https://www.reddit.com/r/ev/new/.rss", "https://www.reddit.com/r/cars/new/.rss")
    parsed = parse("reddit.rss", feed(entry(title="Xinglan S7"), entry("t3_1b")), context=dict(first.context))
    assert [post.native_id for post in parsed.posts] == ["t3_1a"]
    assert dict(parsed.drops) == {Drop.NOT_QUERIED: 1}
    with pytest.raises(SourceError, match="names of subreddits"):
        RedditPage(RedditSettings(forums=("a/b/c",))).start(source(platform="reddit"), NOW)
