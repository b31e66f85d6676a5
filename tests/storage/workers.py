"""Processes that use one store together; `python -m tests.storage.workers WHAT FOLDER NAME`."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

from domain.mention import Engagement
from domain.ports import Change, DeskChange, StoryItem
from storage import open_mentions, open_state
from storage.errors import ConflictError
from tests.storage.desk_sample import delivery, incident
from tests.storage.sample import NOW, N, mention


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def put(folder: Path, name: str) -> None:
    """Store for ever, naming each batch once it is stored; every second batch changes the one before."""
    store = open_mentions("sqlite", folder)
    for n in count():
        ids = [f"{name}{n // 2}x{each}" for each in range(5)]
        engagement = Engagement(likes=n % 2)
        text = f"{name} 批{n}"
        store.put([mention(id, text, brands={"y": N}, minutes=n % 9, engagement=engagement) for id in ids], now=NOW)
        say(n, *ids)


def append(folder: Path, name: str) -> None:
    """Queue for ever, naming each id once it is queued."""
    state = open_state(os.environ.get("STATE_URL"), folder)
    for n in count():
        state.inbox.append([mention(f"{name}{n}")], now=NOW)
        say(f"{name}{n}")


def drain(folder: Path, name: str) -> None:
    """Lease and ack until nothing is left, naming each row."""
    state = open_state(os.environ.get("STATE_URL"), folder)
    while rows := state.inbox.lease(owner=name, limit=3, lease=timedelta(hours=1), now=NOW):
        changes = [Change(mention=row.mention.id, brand="y", bucket=NOW, at=NOW) for row in rows]
        state.inbox.ack([row.row for row in rows], changes, owner=name, now=NOW)
        say(*(row.row for row in rows))


def link(folder: Path, name: str) -> None:
    """Link the same hundred texts of ten stories, each process in its own order."""
    state = open_state(os.environ.get("STATE_URL"), folder)
    order = range(100) if name == "a" else range(99, -1, -1)
    for n in order:
        item = StoryItem(id=f"m{n}", bands=(f"b{n % 10}", f"c{n}"), signature=(n % 10,) * 4, event_at=NOW)
        state.stories.link([item], now=NOW)


def bump(folder: Path, name: str) -> None:
    """Change one incident fifty times, reading it again after each conflict."""
    state = open_state(os.environ.get("STATE_URL"), folder)
    done = conflicts = 0
    while done < 50:
        incident = state.desk.incident("AB2CD")
        if incident is None:
            raise SystemExit("the incident is missing")
        try:
            state.desk.commit(DeskChange(incidents=(replace(incident, value=incident.value + 1),)), now=NOW)
            done += 1
        except ConflictError:
            conflicts += 1
    say(done, conflicts)


def claim(folder: Path, name: str) -> None:
    """Claim deliveries until nothing is left, naming each."""
    state = open_state(os.environ.get("STATE_URL"), folder)
    while taken := state.desk.claim_deliveries(owner=name, limit=2, lease=timedelta(hours=1), now=NOW):
        say(*(each.id for each in taken))


def start(folder: Path, name: str) -> None:
    """Open both stores, new or not, and store something of one's own."""
    state, store = open_state(os.environ.get("STATE_URL"), folder), open_mentions("sqlite", folder)
    state.inbox.append([mention(name)], now=NOW)
    store.put([mention(name)], now=NOW)
    state.desk.commit(DeskChange(deliveries=(delivery(1, incident=name),)), now=NOW)
    store.close()
    state.close()


def live(folder: Path, name: str) -> None:
    """Send mentions down the whole line for ever, with an incident and a message for every tenth; name each id."""
    state, store = open_state(os.environ.get("STATE_URL"), folder), open_mentions("sqlite", folder)
    for n in count():
        state.inbox.append([mention(f"{name}{n}", brands={"y": N})], now=NOW)
        say(f"{name}{n}")
        rows = state.inbox.lease(owner=name, limit=3, lease=timedelta(minutes=5), now=NOW)
        items = [StoryItem(id=row.mention.id, bands=(), signature=(), event_at=NOW) for row in rows]
        state.stories.link(items, now=NOW)
        store.put([row.mention for row in rows], now=NOW)
        changes = [Change(mention=row.mention.id, brand="y", bucket=NOW, at=NOW) for row in rows]
        state.inbox.ack([row.row for row in rows], changes, owner=name, now=NOW)
        if n % 10 == 0:
            told = delivery(1, incident=f"{name}{n}")
            state.desk.commit(DeskChange(incidents=(incident(f"{name}{n}"),), deliveries=(told,)), now=NOW)


WORK: dict[str, Callable[[Path, str], None]] = {
    each.__name__: each for each in (put, append, drain, link, bump, claim, start, live)
}

if __name__ == "__main__":
    WORK[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
