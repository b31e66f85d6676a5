import logging
from email.utils import formatdate

import pytest

from crawlers.skew import SkewBook

NOW_S = 1_800_000_000.0


def date(ahead_s: float = 0.0) -> dict[str, str]:
    """Return the headers of a server whose clock is ahead of ours."""
    return {"date": formatdate(NOW_S + ahead_s, usegmt=True)}


def book(*ahead_s: float) -> SkewBook:
    made = SkewBook(lambda: NOW_S)
    for number, each in enumerate(ahead_s):
        made.note(f"h{number}.example", date(each))
    return made


def test_fewer_than_three_hosts_prove_nothing() -> None:
    made = book(900, 900)
    for _ in range(9):
        made.note("H0.example", date(900))
    assert made.offset_s() is None


def test_the_median_lets_single_liars_lie() -> None:
    assert book(0, 1, 86_400).offset_s() == pytest.approx(0, abs=2)
    assert book(95, 96, -86_400).offset_s() == pytest.approx(-95, abs=2)


@pytest.mark.parametrize(
    "headers",
    [
        date(900) | {"age": "12"},
        date(900) | {"x-cache": "HIT from edge"},
        {},
        {"date": "yesterday"},
        {"date": "Mon, 99 Foo 99999 99:99:99 GMT"},
    ],
)
def test_what_tells_no_present_time_is_not_taken(headers: dict[str, str]) -> None:
    made = book(0, 0)
    made.note("c.example", headers)
    assert made.offset_s() is None


def test_age_zero_is_fresh() -> None:
    made = book(0, 0)
    made.note("c.example", date() | {"age": "0"})
    assert made.offset_s() is not None


def test_old_answers_and_answers_of_another_clock_are_forgotten() -> None:
    now = [NOW_S]
    made = SkewBook(lambda: now[0])
    for number in range(3):
        made.note(f"h{number}", date())
    for away_s in (7 * 3600.0, -7 * 3600.0):
        now[0] = NOW_S + away_s
        assert made.offset_s() is None


def test_many_hosts_are_bounded() -> None:
    made = book(*[0.0] * 500)
    assert len(made._hosts) == 200


def test_a_change_is_logged_once_each_way(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "crawlers.skew"):
        made = book(100, 100, 100)
        for _ in range(3):
            made.offset_s()
        for number in range(3):
            made.note(f"h{number}.example", date())
        for _ in range(3):
            made.offset_s()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
