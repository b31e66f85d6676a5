"""Whether a person has muted an incident."""

import logging
from collections.abc import Sequence
from functools import lru_cache

from alerts.teller import route_labels
from config.marks import LABELS
from domain.incident import Incident, Silence
from domain.query import FieldType, Matcher, QueryError, compile_matcher, parse

__all__ = ["silenced"]

logger = logging.getLogger(__name__)


def silenced(incident: Incident, silences: Sequence[Silence]) -> bool:
    """Say whether one of the silences in force matches the incident's labels.

    A silence whose matcher cannot be read mutes nothing: better one message too many.
    """
    labels = route_labels(incident)
    return any(_matcher(silence.matcher, silence.id)(labels) for silence in silences)


@lru_cache(maxsize=256)
def _matcher(query: str, silence: str) -> Matcher:
    if not query.strip():
        return lambda labels: True
    try:
        return compile_matcher(parse(query), fields=dict.fromkeys(LABELS, FieldType.KEYWORD))
    except QueryError as err:
        logger.warning("a silence cannot be read and mutes nothing silence=%s error=%s", silence, err)
        return lambda labels: False
