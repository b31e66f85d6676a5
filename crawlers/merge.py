"""Combines what a list says of a post with what its own page says."""

from dataclasses import replace

from domain.mention import Kind, Post, Trend

__all__ = ["merge_page", "merge_text", "post_key", "trend_post"]


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


def merge_text(listed: Post, long_text: str) -> Post:
    """Return a truncated post with its full text; unchanged if that is no longer."""
    if len(long_text) <= len(listed.text):
        return listed
    return replace(listed, text=long_text, truncated=False, needs=None)


def trend_post(trend: Trend, platform: str, outlet: str) -> Post:
    """Return a line of a hot list as a post, so that a brand on the list becomes a mention.

    Its id holds the day on which the line entered the list: the same words on another day
    are another mention, another rank is not.
    """
    day = trend.at.strftime("%Y%m%d") if trend.at else "0"
    return Post(
        platform=platform,
        native_id=f"hot:{day}:{trend.title}"[:200],
        kind=Kind.POST,
        text=trend.title,
        url=trend.url,
        outlet=outlet,
        published_at=trend.at,
        extra_counters=(("hot", trend.hot), ("rank", trend.rank)),
        extra=(("label", trend.label),) if trend.label else (),
    )
