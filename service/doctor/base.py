"""What a look at the installation gives, and how long it may take."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.errors import redact
from domain.errors import TingfengError

__all__ = ["Finding", "Level", "Look", "fail", "fine", "look_at_all", "warn"]

logger = logging.getLogger(__name__)

LIMIT_S = 20.0
"""No look takes longer, real seconds; waits on the network end well before."""


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    check: str
    """Which look found it, such as `port`; stable for machines."""
    level: Level
    """`fail` = it does not work so; `warn` = a person may care."""
    what: str
    """What was found, in words, on one line; no secrets."""
    fix: str = ""
    """What to do; empty = nothing."""

    def view(self) -> dict[str, object]:
        """Return it JSON-ready."""
        return {
            "check": self.check,
            "level": self.level.value,
            "ok": self.level is Level.OK,
            "what": self.what,
            "fix": self.fix,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the installation."""

    check: str
    """Its name."""
    look: Callable[[], Iterable[Finding]]
    """Gives what it found, in order."""


def fine(check: str, what: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check=check, level=Level.OK, what=_clean(what))


def warn(check: str, what: str, fix: str) -> Finding:
    """Return a finding that a person may care about."""
    return Finding(check=check, level=Level.WARN, what=_clean(what), fix=_clean(fix))


def fail(check: str, what: str, fix: str) -> Finding:
    """Return a fault."""
    return Finding(check=check, level=Level.FAIL, what=_clean(what), fix=_clean(fix))


def _clean(text: str) -> str:
    return " ".join(redact(text).split())


def look_at_all(looks: Sequence[Look], *, limit_s: float = LIMIT_S) -> list[Finding]:
    """Look at everything at the same time and return the findings in the order of the looks.

    A look that has not ended after `limit_s` real seconds is a fault of its own; its thread
    is left behind and ends with the process.
    """
    found: dict[int, list[Finding]] = {}

    def work(number: int, one: Look) -> None:
        found[number] = _looked(one)

    threads = [
        threading.Thread(target=work, args=(number, one), daemon=True, name=f"look {one.check}")
        for number, one in enumerate(looks)
    ]
    for thread in threads:
        thread.start()
    deadline_s = time.monotonic() + limit_s
    for thread in threads:
        thread.join(max(0.0, deadline_s - time.monotonic()))
    findings: list[Finding] = []
    for number, one in enumerate(looks):
        late = [
            fail(
                one.check, f"{one.check}: no answer within {limit_s:.0f} s", "try again; is the disk or network stuck?"
            )
        ]
        findings += found.get(number, late)
    return findings


def _looked(one: Look) -> list[Finding]:
    findings: list[Finding] = []
    try:
        findings += one.look()
    except TingfengError as err:
        findings.append(fail(one.check, str(err), "the message says what to change"))
    except Exception as err:
        logger.debug("look failed check=%s", one.check, exc_info=True)
        findings.append(
            fail(one.check, f"{one.check}: the look itself failed: {type(err).__name__}: {err}", "report this")
        )
    return findings
