"""How each channel of each receiver is: one line for people and for the health page."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from alerts.hint import hint_of
from config.settings import ReceiverSettings, Settings
from domain.incident import Delivery
from storage.state.figures import ChannelFigures

__all__ = ["CHANNEL_STATES", "channel_lines"]

CHANNEL_STATES = ("ok", "held", "broken", "standby")
"""ok: it takes messages, or nothing was sent yet. held: it asked us to wait. broken: nothing goes there until it is
repaired. standby: only the fallback of others, and nothing was sent there yet."""

_NONE = ChannelFigures(states={})


def channel_lines(
    settings: Settings, figures: Mapping[tuple[str, str], ChannelFigures], now: datetime
) -> list[dict[str, object]]:
    """Return a JSON-ready line per configured channel, in the order of the settings.

    Args:
        settings: receivers, and the language of the hints.
        figures: deliveries by receiver and channel, see `storage.state.figures`.
        now: present moment, UTC.
    """
    spare = _spare(settings.receivers, {route.to for route in settings.routes})
    return [
        _line(settings, receiver, channel, figures.get((receiver.name, channel), _NONE), now, receiver.name in spare)
        for receiver in settings.receivers
        for channel, _ in receiver.channels
    ]


def _spare(receivers: Sequence[ReceiverSettings], routed: set[str]) -> set[str]:
    """Return receivers that nothing reaches but somebody's fallback."""
    return {receiver.fallback for receiver in receivers if receiver.fallback} - routed if routed else set()


def _line(
    settings: Settings, receiver: ReceiverSettings, channel: str, figures: ChannelFigures, now: datetime, spare: bool
) -> dict[str, object]:
    state, since, said = _state(figures, now, spare)
    answer = said.answer if said else ""
    waiting = sum(figures.states.get(each, 0) for each in ("pending", "sending", "held", "uncertain"))
    accepted = figures.last_accepted.sent_at if figures.last_accepted else None
    return {
        "receiver": receiver.name,
        "channel": channel,
        "state": state,
        "ok": state != "broken",
        "since": since.isoformat() if since else None,
        "why": answer if state in ("held", "broken") else "",
        "fix": hint_of(channel, answer, receiver.locale or settings.locale, receiver=receiver.name)
        if state in ("held", "broken")
        else "",
        "last_accepted_at": accepted.isoformat() if accepted else None,
        "pending": waiting,
        "oldest_pending_s": round((now - figures.oldest_waiting_at).total_seconds())
        if figures.oldest_waiting_at
        else None,
        "states": dict(figures.states),
        "last_answer": answer,
    }


def _state(figures: ChannelFigures, now: datetime, spare: bool) -> tuple[str, datetime | None, Delivery | None]:
    """Return the state, since when, and the delivery that shows it."""
    if figures.broken_since is not None:
        return "broken", figures.broken_since, figures.last_broken
    held = figures.last_held
    if held is not None and held.not_before > now:
        return "held", figures.oldest_waiting_at, held
    accepted = figures.last_accepted
    if accepted is None and spare:
        return "standby", None, None
    return "ok", accepted.sent_at if accepted else None, accepted
