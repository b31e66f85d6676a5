"""Combines what a list says of a post with what its own page says."""

from dataclasses import replace

from domain.mention import Kind, Post, Trend
from domain.trend import trend_native_id

__all__ = ["is_passing", "merge_page", "merge_text", "post_key", "resolve", "trend_post", "without_link"]


def post_key(post: Post) -> str:
    """Return what one post is known by among those of all sources: a feed may give any guid to its entries."""
    return f"{post.platform} {post.url if post.platform == 'web' and post.url else post.native_id}"


def merge_page(listed: Post, page: Post) -> Post:
    """Return the listed post with the text of its page where that is longer, and its time where it had none."""
    if len(page.text) > len(listed.text):
        listed = replace(listed, text=page.text, truncated=False, links=page.links or listed.links)
    if listed.published_at is None and page.published_at is not None:
        listed = replace(
            listed,
            published_at=page.published_at,
            published_precision=page.published_precision,
            published_raw=page.published_raw,
        )
    author = listed.author
    if page.author.name and page.author.name != page.outlet and author.name in (None, listed.outlet):
        listed = replace(listed, author=replace(author, name=page.author.name))
    return replace(listed, title=listed.title or page.title, extra=page.extra or listed.extra)


def is_passing(post: Post) -> bool:
    """Say whether a post's link expires within hours, so that it must be resolved at once or not be kept."""
    return dict(post.extra).get("url_is_temporary") == "true"


def resolve(listed: Post, page: Post) -> Post:
    """Return a post as the page behind its passing link shows it.

    It takes the page's id and link if these last, and remembers the id under which lists show it as `id_alt`;
    otherwise it stays under the listed id, without a link.
    """
    whole = replace(
        page,
        title=page.title or listed.title,
        text=page.text if len(page.text) > len(listed.text) else listed.text,
        author=page.author if page.author.name else replace(page.author, name=listed.author.name),
        outlet=page.outlet or listed.outlet,
    )
    if page.published_at is None:
        whole = replace(
            whole,
            published_at=listed.published_at,
            published_precision=listed.published_precision,
            published_raw=listed.published_raw,
        )
    names = {value for name, value in page.extra if name == "id_alt"}
    if is_passing(page) or not names:
        return without_link(replace(whole, native_id=listed.native_id))
    if listed.native_id in names | {page.native_id}:
        return whole
    return replace(whole, extra=(*whole.extra, ("id_alt", listed.native_id)))


def without_link(post: Post) -> Post:
    """Return a post without its link if that expires; unchanged otherwise."""
    if not is_passing(post):
        return post
    return replace(post, url=None, raw_url=None)


def merge_text(listed: Post, long_text: str) -> Post:
    """Return a truncated post with its full text; unchanged if that is no longer."""
    if len(long_text) <= len(listed.text):
        return listed
    return replace(listed, text=long_text, truncated=False, needs=None)


def trend_post(trend: Trend, platform: str, outlet: str) -> Post:
    """Return a line of a hot list as a post, so that a brand on the list becomes a mention."""
    return Post(
        platform=platform,
        native_id=trend_native_id(trend),
        kind=Kind.POST,
        text=trend.title,
        url=trend.url,
        outlet=outlet,
        published_at=trend.at,
        extra_counters=(("hot", trend.hot), ("rank", trend.rank)),
        extra=(("label", trend.label),) if trend.label else (),
    )
