"""Makes a restored state fit to go on: nothing that was sent since goes out again unmarked."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, select, update

from domain.codec import from_json
from domain.incident import Delivery, DeliveryState, Incident, IncidentState
from domain.moment import to_rfc3339
from storage.state.database import Database
from storage.state.marks import RESTORED, put_mark
from storage.state.tables import CHANGED, DELIVERIES, INBOX, INCIDENTS, LEASES, VISITS
from storage.text import doc_of

__all__ = ["SEQ_GAP", "Revived", "revive"]

logger = logging.getLogger(__name__)

SEQ_GAP = 100
"""The messages of an incident go on with numbers that no message sent after the backup can have."""
_FINAL = tuple(state.value for state in DeliveryState if state.final)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revived:
    """What became of the messages that were not finished."""

    uncertain: int
    """May have been sent since the backup: looked up, or sent once more and marked."""
    too_old: int
    """Too old to be told now: dropped, and said so."""


def revive(database: Database, *, now: datetime, backup_at: datetime, tell_within: timedelta) -> Revived:
    """Free what processes held that are gone, and mark the messages whose outcome nobody knows.

    One transaction.

    Args:
        database: restored, in the newest form.
        now: the present moment, UTC.
        backup_at: the instant that the backup shows, UTC.
        tell_within: a message that was queued longer ago is not sent any more.
    """
    uncertain = too_old = 0
    with database.write() as connection:
        _free(connection)
        for delivery in _unfinished(connection):
            after = _after(delivery, now=now, backup_at=backup_at, tell_within=tell_within)
            too_old += after.state is DeliveryState.DROPPED
            uncertain += after.state is DeliveryState.UNCERTAIN
            row = {"state": after.state.value, "not_before": to_rfc3339(after.not_before), "doc": doc_of(after)}
            connection.execute(update(DELIVERIES).where(DELIVERIES.c.id == delivery.id).values(row))
        _leave_gaps(connection)
        put_mark(database, connection, RESTORED, at=now, doc=json.dumps({"backup_at": to_rfc3339(backup_at)}))
    logger.info("state revived backup_at=%s uncertain=%d too_old=%d", backup_at, uncertain, too_old)
    return Revived(uncertain=uncertain, too_old=too_old)


def _free(connection: Connection) -> None:
    for table in (INBOX, CHANGED):
        connection.execute(update(table).where(table.c.owner.is_not(None)).values(owner=None, free_at=""))
    for held in (VISITS, DELIVERIES):
        _give_up(connection, held)
    # The token grows, so that a holder that still lives somewhere writes nothing any more.
    connection.execute(update(LEASES).values(owner=None, token=LEASES.c.token + 1))


def _give_up(connection: Connection, table: Table) -> None:
    connection.execute(update(table).where(table.c.owner.is_not(None)).values(owner=None, leased_until=None))


def _unfinished(connection: Connection) -> Iterator[Delivery]:
    wanted = select(DELIVERIES.c.doc).where(DELIVERIES.c.state.not_in(_FINAL)).order_by(DELIVERIES.c.id)
    for doc in connection.scalars(wanted).all():
        yield from_json(Delivery, doc)


def _after(delivery: Delivery, *, now: datetime, backup_at: datetime, tell_within: timedelta) -> Delivery:
    if now - delivery.created_at > tell_within:
        said = f"outcome unknown: restored from a backup of {to_rfc3339(backup_at)}, too old to be sent now"
        return replace(delivery, state=DeliveryState.DROPPED, answer=said)
    # From its first call on a message is looked up or repeated with a mark; one call may have been made.
    return replace(delivery, state=DeliveryState.UNCERTAIN, attempts=max(1, delivery.attempts))


def _leave_gaps(connection: Connection) -> None:
    running = select(INCIDENTS.c.doc, INCIDENTS.c.version).where(INCIDENTS.c.state != IncidentState.RESOLVED.value)
    for doc, version in connection.execute(running).all():
        incident = replace(from_json(Incident, doc), version=version + 1)
        if incident.seq == 0:  # nobody was told yet; its first message is the same one
            continue
        after = replace(incident, seq=incident.seq + SEQ_GAP)
        row = {"version": after.version, "doc": doc_of(after)}
        connection.execute(update(INCIDENTS).where(INCIDENTS.c.id == incident.id).values(row))
