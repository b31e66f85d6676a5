"""Counts what passes: mentions on their way into the store, deliveries as they are saved."""

from collections.abc import Callable, Sequence
from datetime import datetime

from alerts.delivery import report_of
from domain.errors import DomainError
from domain.incident import Delivery, DeliveryKind
from domain.mention import Flag, Mention
from domain.ports import MentionWriter, PutResult
from service.metrics.figures import Figures

__all__ = ["Observed", "on_saved"]

_LAG = "tingfeng_lag_seconds"


class Observed:
    """Implements `domain.ports.MentionWriter`: passes on to another writer and notes how late mentions are."""

    def __init__(self, inner: MentionWriter, figures: Figures) -> None:
        self._inner, self._figures = inner, figures

    def put(self, mentions: Sequence[Mention], *, now: datetime) -> PutResult:
        """Store mentions, see the protocol; new ones that are no history are measured."""
        result = self._inner.put(mentions, now=now)
        for mention in mentions:
            if mention.id in result.created and Flag.BACKFILL not in mention.flags:
                collected = mention.first_collected_at
                late_s = (collected - mention.event_at).total_seconds()
                self._figures.observe(_LAG, late_s, stage="event_to_collected")
                self._figures.observe(_LAG, (now - collected).total_seconds(), stage="collected_to_stored")
        return result

    def delete_before(self, moment: datetime, *, candidates: bool) -> int:
        """Delete old mentions, see the protocol."""
        return self._inner.delete_before(moment, candidates=candidates)

    def erase_author(self, *, platform: str, author_id: str | None = None, name: str | None = None) -> int:
        """Delete the mentions of one author, see the protocol."""
        return self._inner.erase_author(platform=platform, author_id=author_id, name=name)


def on_saved(figures: Figures) -> Callable[[Delivery], None]:
    """Return what counts a delivery's new state, and how long it took where the channel accepted it."""

    def saved(delivery: Delivery) -> None:
        figures.count("tingfeng_delivery_outcomes_total", channel=delivery.channel, outcome=delivery.state.value)
        if delivery.sent_at is None:
            return
        figures.observe(_LAG, (delivery.sent_at - delivery.created_at).total_seconds(), stage="queued_to_accepted")
        began = _began(delivery) if delivery.kind is DeliveryKind.FIRING else None
        if began is not None:
            figures.observe(_LAG, (delivery.sent_at - began).total_seconds(), stage="event_to_accepted")

    return saved


def _began(delivery: Delivery) -> datetime | None:
    try:
        return report_of(delivery).started_at
    except DomainError:
        return None
