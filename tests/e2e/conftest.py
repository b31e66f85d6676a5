"""What the end-to-end tests share: the texts and a data folder with two weeks of history."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.demo.pages import SITES, post_url
from service.demo.post import FarmPost, write_import
from tests.e2e.corpus import Corpus, Timeline, read_corpus
from tests.e2e.harness import Service
from tests.e2e.stand import START, Stand, open_stand, settings_text

# History was read somewhere long ago: its links belong to no server of today.
HISTORY_BASES = {name: f"https://{name}.example.cn" for name in SITES}


@dataclass(frozen=True)
class Prepared:
    """Two weeks of history, imported once for all runs."""

    data_dir: Path
    file: Path
    posts: list[FarmPost]
    said: str


@pytest.fixture(scope="session")
def corpus(shared_dir: Path) -> Corpus:
    """Real posts; skips where they are not."""
    return read_corpus(shared_dir / "data" / "sentiment")


@pytest.fixture(scope="session")
def prepared(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A data folder into which the command `tingfeng import` took the history."""
    folder = tmp_path_factory.mktemp("prepared")
    posts = Timeline(1).history(corpus.history, START)
    path = folder / "history.ndjson"
    write_import(path, posts, lambda post: post_url(post, HISTORY_BASES))
    bases = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(SITES, start=18_101)}
    service = Service(folder, settings_text(folder / "data", bases, "http://127.0.0.1:18100"))
    done = service.command("import", str(path), limit_s=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return Prepared(folder / "data", path, posts, done.stdout)


@pytest.fixture
def stand(corpus: Corpus, prepared: Prepared, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stand]:
    """Sources, channels and the service over the prepared history."""
    seed = sum(map(ord, request.node.name)) % 90
    with open_stand(tmp_path, prepared.data_dir, corpus, seed=seed) as one:
        yield one
