"""Who hears of an incident: routes in order over its labels."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from alerts.errors import RouteError
from config.marks import LABELS
from config.settings import EscalationStep, ReceiverSettings, RouteSettings
from domain.query import FieldType, Matcher, QueryError, compile_matcher, parse, unknown_fields

__all__ = ["escalation_of", "receivers_of"]

_FIELDS = dict.fromkeys(LABELS, FieldType.KEYWORD)


def receivers_of(
    labels: Mapping[str, str], routes: Sequence[RouteSettings], receivers: Sequence[ReceiverSettings]
) -> tuple[str, ...]:
    """Return the names of the receivers of an incident, in order of the routes, each once.

    The first route that matches wins, unless it says to go on. Without any route every
    receiver hears of everything.

    Raises:
        RouteError: a route's match is no query, or is no query over labels.
    """
    if not routes:
        return tuple(receiver.name for receiver in receivers)
    return tuple(dict.fromkeys(route.to for route in _taken(labels, routes)))


def escalation_of(labels: Mapping[str, str], routes: Sequence[RouteSettings]) -> tuple[EscalationStep, ...]:
    """Return the steps of all routes that an incident takes, in order of `after`; empty = none.

    Raises:
        RouteError: as `receivers_of`.
    """
    steps = [step for route in _taken(labels, routes) for step in route.escalate]
    return tuple(sorted(steps, key=lambda step: step.after))


def _taken(labels: Mapping[str, str], routes: Sequence[RouteSettings]) -> Iterator[RouteSettings]:
    for place, route in enumerate(routes):
        if not _matcher(route.match, place)(labels):
            continue
        yield route
        if not route.proceed:
            return


@lru_cache(maxsize=1_024)
def _matcher(query: str, place: int) -> Matcher:
    if not query.strip():
        return lambda labels: True
    try:
        node = parse(query)
        matcher = compile_matcher(node, fields=_FIELDS)
    except QueryError as err:
        raise RouteError(f"routes[{place}].match: {err}", route=place) from err
    if strangers := unknown_fields(node, _FIELDS):
        raise RouteError(
            f"routes[{place}].match: no label is called {strangers[0]!r}; there are {', '.join(LABELS)}", route=place
        )
    return matcher
