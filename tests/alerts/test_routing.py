from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.errors import RouteError
from alerts.routing import escalation_of, receivers_of
from config.settings import EscalationStep, ReceiverSettings, RouteSettings

RECEIVERS = (ReceiverSettings(name="duty"), ReceiverSettings(name="head"))
LABELS = {"rule": "negative-burst", "brand": "yunshan", "severity": "critical", "risk": "food_safety"}
LATER = EscalationStep(after=timedelta(minutes=30), to="boss")
SOON = EscalationStep(after=timedelta(minutes=15), to="head")


def test_without_routes_every_receiver_hears_of_everything() -> None:
    assert receivers_of(LABELS, (), RECEIVERS) == ("duty", "head")
    assert escalation_of(LABELS, ()) == ()


def test_the_first_route_that_matches_wins() -> None:
    routes = (
        RouteSettings(match="severity: info", to="nobody"),
        RouteSettings(match="severity: critical and not brand: other", to="duty", escalate=(LATER, SOON)),
        RouteSettings(to="head"),
    )
    assert receivers_of(LABELS, routes, RECEIVERS) == ("duty",)
    assert escalation_of(LABELS, routes) == (SOON, LATER)


def test_a_route_that_proceeds_lets_later_ones_match_too() -> None:
    routes = (
        RouteSettings(match="risk: food_*", to="duty", proceed=True, escalate=(LATER,)),
        RouteSettings(match="topic: price", to="nobody"),
        RouteSettings(to="duty", proceed=True),
        RouteSettings(match="brand: (yunshan or bailu)", to="head", escalate=(SOON,)),
        RouteSettings(to="nobody"),
    )
    assert receivers_of(LABELS, routes, RECEIVERS) == ("duty", "head")
    assert escalation_of(LABELS, routes) == (SOON, LATER)


def test_no_matching_route_tells_nobody() -> None:
    assert receivers_of(LABELS, (RouteSettings(match="brand: other", to="duty"),), RECEIVERS) == ()


@pytest.mark.parametrize("query", ["severity: (critical", "severty: critical"])
def test_a_match_that_is_no_query_over_labels_names_its_route(query: str) -> None:
    with pytest.raises(RouteError) as caught:
        receivers_of(LABELS, (RouteSettings(match="brand: x", to="a"), RouteSettings(match=query, to="b")), RECEIVERS)
    assert caught.value.route == 1
    assert "routes[1].match" in str(caught.value)
