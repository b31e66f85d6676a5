"""One analyse worker that empties an inbox: `python -m tests.benchmarks.worker STATE MENTIONS NAME ROWS`.

STATE is `memory` (an inbox of its own, filled with ROWS mentions) or the URL of a shared one that others
fill; MENTIONS is `memory` or `URL PREFIX` of Elasticsearch.
"""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from analysis.tagger import Tagger, TaggerSettings
from config.loader import default_settings
from domain.clock import ManualClock
from service.pipeline import Pipeline
from service.wiring import specs
from storage import open_state
from storage.memory import MemoryMentions
from storage.mentions.store import MentionStore
from tests.analysis.builders import BAILU, YUNSHAN
from tests.benchmarks.texts import some_mentions
from tests.elasticsearch_node.fixture import open_elastic

NOW = datetime(2026, 6, 20, 8, tzinfo=UTC)
BATCH = 200


def main(address: str, where: str, name: str, rows: int) -> None:
    """Say `ready`, wait for a line, work until nothing is left, then say how many rows in what time."""
    own = address == "memory"
    state = open_state("sqlite://" if own else address, Path.cwd())
    mentions: MentionStore = MemoryMentions() if where == "memory" else open_elastic(*where.split(), refresh_s=1.0)
    if own:
        state.inbox.append(some_mentions(rows, seed=name), now=NOW)
    settings = default_settings(specs(), folder=Path())
    tagger = Tagger(TaggerSettings(brands=(YUNSHAN, BAILU), topics=settings.topics, risks=settings.risks))
    tagger.tag(some_mentions(BATCH, seed="warm"))
    pipeline = Pipeline(
        inbox=state.inbox, visits=state.visits, stories=state.stories, mentions=mentions, tag=tagger.tag,
        clock=ManualClock(NOW), owner=name, batch=BATCH,
    )  # fmt: skip
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    stored, began = 0, time.perf_counter()
    while (done := pipeline.step()).leased:
        stored += done.stored
    sys.stdout.write(json.dumps({"stored": stored, "wall_s": time.perf_counter() - began}) + "\n")
    mentions.close()
    state.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
