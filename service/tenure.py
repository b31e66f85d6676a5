"""Holding a role: of all processes that could do its work, one does, the others stand by."""

import logging
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from domain.clock import Clock
from domain.errors import TingfengError
from domain.ports import Fence, RoleLease

__all__ = ["LEASE_S", "Tenure", "machine_name"]

logger = logging.getLogger(__name__)

LEASE_S = 20.0
"""How long a role is held without a sign of life, real seconds: the longest gap after a machine is lost."""
RENEW_S = 5.0
STANDBY_S = 1.0

Work = Callable[[Fence, threading.Event], None]


class Tenure:
    """Takes a role when it is free and keeps it while the work goes on.

    Args:
        leases: where the role is held.
        role: its name.
        owner: name of this installation; a restarted process takes over from itself at once.
        clock: domain time.
        lease_s: how long the role is held without renewal, real seconds.
        renew_s: time between two renewals, real seconds.
        standby_s: time between two looks while another holds it, real seconds.
    """

    def __init__(
        self,
        leases: RoleLease,
        role: str,
        *,
        owner: str,
        clock: Clock,
        lease_s: float = LEASE_S,
        renew_s: float = RENEW_S,
        standby_s: float = STANDBY_S,
    ) -> None:
        self._leases, self._role, self._owner, self._clock = leases, role, owner, clock
        self._lease_s, self._renew_s, self._standby_s = lease_s, renew_s, standby_s
        self._last_word = ""

    def run(self, stop: threading.Event, work: Work, waiting: Callable[[], None]) -> None:
        """Do `work` whenever the role is ours, until `stop`.

        Args:
            stop: set when the process shall end.
            work: gets the fence to write under and an event that is set when it has to
                return, because of `stop` or because another has taken the role.
            waiting: called on every look while another holds the role.
        """
        while not stop.is_set():
            fence = self._acquire()
            if fence is None:
                waiting()
                stop.wait(self._standby_s)
                continue
            logger.info("role held role=%s owner=%s token=%d", fence.role, fence.owner, fence.token)
            self._last_word = ""
            self._hold(fence, stop, work)

    def _acquire(self) -> Fence | None:
        try:
            fence = self._leases.acquire(
                self._role, owner=self._owner, lease=self._clock.span(self._lease_s), now=self._clock.now()
            )
            word = "another holds it"
        except TingfengError as err:
            fence, word = None, str(err)
        if fence is None and word != self._last_word:
            logger.info("role stands by role=%s why=%s", self._role, word)
            self._last_word = word
        return fence

    def _hold(self, fence: Fence, stop: threading.Event, work: Work) -> None:
        ended = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(fence, stop, ended), daemon=True, name=f"keep {self._role}")
        keeper.start()
        try:
            work(fence, ended)
        finally:
            ended.set()
            try:
                self._leases.release(fence)
            except TingfengError as err:
                logger.warning("role is left to its lease role=%s error=%s", self._role, err)

    def _keep(self, fence: Fence, stop: threading.Event, ended: threading.Event) -> None:
        """Renew until the end; while the store does not answer nobody can take the role either."""
        while not stop.wait(self._renew_s) and not ended.is_set():
            try:
                kept = self._leases.renew(fence, lease=self._clock.span(self._lease_s), now=self._clock.now())
            except TingfengError as err:
                logger.warning("role not renewed, trying again role=%s error=%s", self._role, err)
                continue
            if not kept and not ended.is_set():
                logger.warning("role was taken over by another role=%s token=%d", fence.role, fence.token)
                break
        ended.set()


def machine_name(data_dir: Path) -> str:
    """Return a name of this installation that no other has: the host's and a random part kept in `data_dir`."""
    path = data_dir / "machine"
    if not path.exists() or not path.read_text(encoding="ascii").strip():
        # Moved into place whole: one that died while it wrote leaves no empty name that others might have too.
        part = data_dir / "machine.part"
        part.touch(mode=0o600)
        part.write_text(secrets.token_hex(4), encoding="ascii")
        part.replace(path)
    return f"{os.uname().nodename}:{path.read_text(encoding='ascii').strip()}"
