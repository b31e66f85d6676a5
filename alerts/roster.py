"""Every receiver's notifiers and the lanes that they share."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from alerts.lane import Lane
from alerts.notifiers.base import Notifier
from alerts.notifiers.road import Road
from alerts.words import Locale
from config.settings import NetworkSettings, ReceiverSettings
from domain.clock import Clock
from domain.incident import Delivery
from domain.spec import Spec

__all__ = ["Roster", "road_of"]

Key = tuple[str, str]


def road_of(receiver: ReceiverSettings, network: NetworkSettings, *, limit_s: float) -> Road:
    """Return the way to a receiver's channels: its own proxy, else the global one.

    Args:
        receiver: Whose channels.
        network: Global settings.
        limit_s: Longest wait on the socket, real seconds.
    """
    proxy = network.proxy if receiver.proxy is None else receiver.proxy
    timeout_s = min(network.timeout.total_seconds(), limit_s)
    return Road(proxy=proxy, no_proxy=network.no_proxy, ca=network.ca, timeout_s=timeout_s)


class Roster:
    """Built once from the settings; knows no delivery."""

    def __init__(
        self,
        receivers: Sequence[ReceiverSettings],
        *,
        specs: Mapping[str, Spec],
        network: NetworkSettings,
        clock: Clock,
        per_hour: int,
        limit_s: float,
    ) -> None:
        self.receivers: Mapping[str, ReceiverSettings] = {one.name: one for one in receivers}
        """Receivers by name."""
        self.lanes: dict[Key, Lane] = {}
        """Lanes by channel and target."""
        self._notifiers: dict[Key, Notifier] = {}
        self._targets: dict[Key, str] = {}
        for receiver in receivers:
            road = road_of(receiver, network, limit_s=limit_s)
            for channel, options in receiver.channels:
                notifier: Notifier = specs[channel].factory(options, road=road)
                self._notifiers[receiver.name, channel] = notifier
                self._targets[receiver.name, channel] = options.target
                key = (channel, options.target)
                if key not in self.lanes:
                    self.lanes[key] = Lane(key, limit=notifier.limit, per_hour=per_hour, clock=clock)

    def place(self, delivery: Delivery) -> Delivery:
        """Return the delivery with the target that its receiver's channel has now.

        A repaired key or another channel id is used for what still waits.
        """
        target = self._targets.get((delivery.receiver, delivery.channel), delivery.target)
        return delivery if target == delivery.target else replace(delivery, target=target)

    def notifier(self, delivery: Delivery) -> Notifier | None:
        """Return what sends a delivery; None = its receiver or channel is gone."""
        return self._notifiers.get((delivery.receiver, delivery.channel))

    def locale(self, receiver: str, default: Locale) -> Locale:
        """Return a receiver's language."""
        one = self.receivers.get(receiver)
        return (one.locale if one else None) or default
