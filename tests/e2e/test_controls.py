"""Nothing of this is a crisis: nobody is told, whatever comes in.

One run, 120 times as fast as the wall clock, with the default rules: history imported at
once, everything read again, 400 positive posts in half an hour, all sources dark for two hours.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.moment import from_rfc3339
from service.demo.told import told
from tests.e2e.conftest import Prepared
from tests.e2e.corpus import Corpus
from tests.e2e.harness import store_id
from tests.e2e.stand import Stand, open_stand

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


class Quiet:
    """What each scene of the run left behind."""

    def __init__(self) -> None:
        self.messages: dict[str, list[str]] = {}
        self.incidents: list[dict[str, Any]] = []
        self.before: list[str] = []
        self.after: list[str] = []
        self.imported_again = ""
        self.positive_stored = 0
        self.positive = 0

    def note(self, scene: str, stand: Stand) -> None:
        """Keep what was told during a scene."""
        known = sum(len(lines) for lines in self.messages.values())
        self.messages[scene] = [one.first_line for one in told(stand.sink.ledger)[known:]]


@pytest.fixture(scope="module")
def quiet(corpus: Corpus, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quiet]:
    seen = Quiet()
    with open_stand(tmp_path_factory.mktemp("quiet"), prepared.data_dir, corpus, seed=77) as stand:
        stand.begin()
        seen.note("history", stand)
        recrawl(stand, seen, prepared)
        seen.note("recrawl", stand)
        positive(stand, seen)
        seen.note("positive", stand)
        darkness(stand, seen)
        seen.note("dark", stand)
        seen.incidents = [one for one in stand.service.incidents() if one["deliveries"]]
        yield seen


def recrawl(stand: Stand, seen: Quiet, prepared: Prepared) -> None:
    """Let every answer look new, with other counters, and import the whole history again."""
    settled = stand.farm.now() - timedelta(minutes=30)
    seen.before = ids_until(stand, settled)
    stand.farm.retouch()
    stand.pass_time(timedelta(minutes=20))
    done = stand.service.command("import", str(prepared.file))
    assert done.returncode == 0, done.stdout + done.stderr
    seen.imported_again = done.stdout
    stand.pass_time(timedelta(minutes=20))
    seen.after = ids_until(stand, settled)


def ids_until(stand: Stand, moment: datetime) -> list[str]:
    """Ids of all mentions of brands up to a moment, sorted."""
    found = stand.service.search("brand: *")
    return sorted(one["id"] for one in found if from_rfc3339(one["event_at"]) < moment)


def positive(stand: Stand, seen: Quiet) -> None:
    """Publish 400 positive posts in half an hour."""
    start = stand.farm.now() + timedelta(minutes=5)
    wave = stand.timeline.evenly(stand.corpus.positive, start, timedelta(minutes=30), mark="positive")
    stand.add(wave)
    ids = {post.id for post in wave}
    stand.wait("the positive wave is shown", lambda: ids <= set(stand.farm.first_shown_s("positive")), 90)
    stand.pass_time(timedelta(minutes=60))
    stored = {one["id"] for one in stand.service.search("brand: jd")}
    seen.positive = len(wave)
    seen.positive_stored = sum(store_id(post, stand.farm.bases) in stored for post in wave)


def darkness(stand: Stand, seen: Quiet) -> None:
    """Let all sources be dark for two hours, each in its own way, and come back."""
    stand.farm.go_dark("503", "weibo")
    stand.farm.go_dark("drop", "news")
    stand.farm.go_dark("html", "forum")
    stand.farm.go_dark("truncated", "blog")
    stand.pass_time(timedelta(hours=2))
    stand.farm.go_dark("")
    stand.pass_time(timedelta(hours=1))


@pytest.mark.parametrize("scene", ["history", "recrawl", "positive", "dark"])
def test_nobody_is_told_anything(quiet: Quiet, scene: str) -> None:
    assert quiet.messages[scene] == []


def test_no_incident_was_opened(quiet: Quiet) -> None:
    assert quiet.incidents == []


def test_reading_everything_again_stores_nothing_again(quiet: Quiet, prepared: Prepared) -> None:
    assert quiet.before
    assert quiet.after == quiet.before
    assert "new 0" in quiet.imported_again


def test_positive_posts_were_really_heard(quiet: Quiet) -> None:
    assert quiet.positive_stored == quiet.positive == 400
