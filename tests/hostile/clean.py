"""What may be in a text of ours, whatever came from outside."""

import json
import re

from domain.codec import to_json
from domain.mention import Post

__all__ = ["FORBIDDEN", "assert_clean"]

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Controls, direction marks, false line ends and halves of characters."""


def assert_clean(post: Post) -> None:
    """Check that a post can be stored, shown and searched: bounded, encodable, nothing invisible in it.

    Raises:
        AssertionError: it cannot.
    """
    told = (post.text, post.title, post.author.name, post.outlet, post.url, post.native_id, post.published_raw)
    for text in (*told, *post.links, *post.tags, *post.at_users):
        if text:
            assert not FORBIDDEN.search(text), repr(text[:80])
    assert len(post.text) <= 100_000
    assert len(post.title or "") <= 500
    assert len(post.author.name or "") <= 200
    assert len(post.native_id.encode()) <= 2_048
    assert post.url is None or post.url.startswith(("http://", "https://"))
    assert "<script" not in post.text or "&lt;" not in post.text
    json.loads(to_json(post).encode("utf-8"))
