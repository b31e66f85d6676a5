"""The pages say what the code does: every key, every command, no dead link."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import BEGIN, DOCS, END, REPOSITORY, commands, generated

PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *DOCS.glob("*.md")])


def test_generated_parts_are_current() -> None:
    stale = [path.name for path, text in generated().items() if not path.exists() or path.read_text("utf-8") != text]
    assert stale == [], "run `make docs`"


def test_every_command_is_documented() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    missing = [name for name, _ in commands() if f"### `{name}" not in page]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    dead = [target for target in targets if target and "://" not in target and not (page.parent / target).exists()]
    assert dead == []


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in readme] == []


def test_generated_parts_are_marked() -> None:
    for name in ("configuration.md", "commands.md"):
        text = (DOCS / name).read_text(encoding="utf-8")
        assert text.count(BEGIN) == text.count(END) == 1
