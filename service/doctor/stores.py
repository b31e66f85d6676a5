"""The two stores: there, readable, of a form and version that this program knows."""

from collections.abc import Iterator

from config.settings import Settings
from service import wiring
from service.clock import running_clock
from service.doctor.base import Finding, fail, fine, warn
from service.doctor.running import listening
from storage.errors import StoreError
from storage.look import StoreLook, look_at_mentions, look_at_state
from storage.state.store import open_state

__all__ = ["mentions", "state"]

_SERVER_FIX = "start the server; check the address, password and firewall in storage.state (docs/postgresql.md)"
_CLUSTER_FIX = "start the cluster; check the address and login under storage (docs/elasticsearch.md)"


def state(settings: Settings) -> Iterator[Finding]:
    """Look at the state database and, where it can be read, at what it knows of sources and channels."""
    try:
        look = look_at_state(settings.storage, settings.data_dir)
    except StoreError as err:
        yield fail("state", str(err), _SERVER_FIX)
        return
    yield _told("state", look)
    if look.exists and not look.problem and not look.behind:
        url = settings.storage.state.reveal() if settings.storage.state else None
        found = open_state(url, settings.data_dir)
        try:
            yield from listening(settings, found, running_clock(settings.data_dir))
        finally:
            found.close()


def mentions(settings: Settings) -> Iterator[Finding]:
    """Look at the mention store."""
    if settings.storage.mentions == "memory":
        yield warn("mentions", "mentions are kept in memory only", "set storage.mentions to sqlite or elasticsearch")
    elif settings.storage.mentions == "sqlite":
        yield _told("mentions", look_at_mentions(settings.data_dir))
    else:
        try:
            yield _told("mentions", wiring.look_at_cluster(settings))
        except StoreError as err:
            yield fail("mentions", str(err), _CLUSTER_FIX)


def _told(check: str, look: StoreLook) -> Finding:
    if look.problem:
        return fail(check, f"{look.what}: {look.problem}", look.fix)
    more = " is made at the first start" if not look.exists else ""
    return fine(
        check, look.what + (more or (" is brought to the present form at the next start" if look.behind else ""))
    )
