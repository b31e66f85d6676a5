"""Hints and calls with a hard end."""

from __future__ import annotations

import threading

import pytest

from alerts.call import within
from alerts.hint import hint_of


def test_a_call_that_does_not_end_gives_nothing() -> None:
    never = threading.Event()
    assert within(lambda: never.wait(5), limit_s=0.05) is None
    never.set()
    assert within(lambda: 7, limit_s=5) == 7


def test_what_a_call_raises_is_raised_in_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        within(lambda: 1 // 0, limit_s=5)


def test_hints_name_the_remedy_in_both_languages() -> None:
    assert "invite" in hint_of("slack", "HTTP 200 not_in_channel", "zh")
    assert hint_of("wecom_robot", "errcode 93000: invalid webhook url", "en", receiver="pr").endswith(
        "then run: tingfeng notify test pr"
    )
    assert hint_of("slack", "all is well", "zh") == ""
    assert hint_of("slack", "93000", "zh") == "", "codes belong to their channel"
