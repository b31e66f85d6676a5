import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.printing import harmless, json_line


def test_a_terminal_is_moved_by_nothing_that_is_said() -> None:
    assert harmless("红\x1b[31m\x9b2J\x07\u202e反\r\n下\t一\ud800") == "红[31m2J反\n下\t一"


@given(st.text(alphabet=st.characters(), max_size=40))
def test_every_text_is_one_line_and_comes_back_the_same(text: str) -> None:
    line = json_line({"text": text})
    assert line.splitlines() == [line]
    assert json.loads(line) == {"text": text}
    assert line == harmless(line)
    line.encode()


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_line({"score": float("nan")})
