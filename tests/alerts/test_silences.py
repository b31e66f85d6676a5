"""Which incidents a silence mutes."""

from dataclasses import replace

import pytest

from alerts.silences import silenced
from alerts.teller import route_labels
from domain.incident import Silence
from tests.alerts.test_incidents import NOW, opened


def silence(matcher: str) -> Silence:
    return Silence(id=matcher or "all", matcher=matcher, starts_at=NOW, ends_at=NOW, by="王敏", comment="发布会")


@pytest.mark.parametrize(
    ("matcher", "mutes"),
    [
        ("", True),
        ("brand: b", True),
        ("severity: high and rule: negative-burst", True),
        ("brand: other", False),
        ("severity: critical", False),
        ("brand: (", False),
    ],
)
def test_it_matches_by_labels_and_an_unreadable_one_mutes_nothing(matcher: str, mutes: bool) -> None:
    assert silenced(opened(), [silence(matcher)]) is mutes


def test_without_silences_nothing_is_muted() -> None:
    assert not silenced(opened(), [])


def test_the_risk_of_a_match_is_a_label() -> None:
    assert route_labels(replace(opened(), reason='{"risk":"fraud"}'))["risk"] == "fraud"
    assert "risk" not in route_labels(replace(opened(), reason="no json"))
