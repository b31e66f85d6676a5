"""The JSON text of what is stored."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.codec import to_json
from domain.mention import Engagement, Kind, Post
from storage.text import doc_of, encodable

ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(1 << 70), max_value=1 << 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=20),
    lambda part: st.tuples(part, part),
    max_leaves=8,
)


@given(ANY)
def test_every_value_is_written_so_that_every_database_takes_it(value: object) -> None:
    text = doc_of(value)
    text.encode("utf-8")
    assert "\0" not in text
    assert json.loads(text) == json.loads(encodable(to_json(value)))


@pytest.mark.parametrize(
    "value",
    [
        '"\\\n\r\t\b\f\0\x1f\x7f\u2028',
        "云杉\U0001f600",
        (1, "二", None, True),
        "\ud800x",
        Post(platform="weibo", native_id="1", kind=Kind.POST, text="\udfff云杉", engagement=Engagement(likes=1 << 70)),
    ],
)
def test_the_text_is_that_of_earlier_versions(value: object) -> None:
    """Hashes of stored counters and words to erase are compared with it as text."""
    assert doc_of(value) == encodable(to_json(value))
