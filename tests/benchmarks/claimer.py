"""One worker that claims rows of the inbox until none is left: `python -m tests.benchmarks.claimer URL NAME LIMIT`."""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from storage import open_state
from tests.storage.sample import NOW

ACK = 20
"""Rows that are acknowledged together."""


def main(url: str, name: str, limit: int) -> None:
    """Say `ready`, wait for a line, claim and acknowledge, then say what each claim took, in ms."""
    state = open_state(url, Path.cwd())
    state.inbox.depth()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    claims: list[float] = []
    done: list[int] = []
    rows = 0
    began, busy = time.perf_counter(), time.process_time()
    while True:
        start = time.perf_counter()
        taken = state.inbox.lease(owner=name, limit=limit, lease=timedelta(hours=1), now=NOW)
        if not taken:
            break
        claims.append((time.perf_counter() - start) * 1000)
        rows += len(taken)
        done += [row.row for row in taken]
        if len(done) >= ACK:
            state.inbox.ack(done, [], owner=name, now=NOW)
            done = []
    state.inbox.ack(done, [], owner=name, now=NOW)
    took = {"claims": claims, "rows": rows, "wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - busy}
    sys.stdout.write(json.dumps(took) + "\n")
    state.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
