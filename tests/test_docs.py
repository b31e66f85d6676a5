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
    for name in ("configuration.md", "commands.md", "metrics.md"):
        text = (DOCS / name).read_text(encoding="utf-8")
        assert text.count(BEGIN) == text.count(END) == 1


_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_CALL = re.compile(r"(?:^|bin/|[\s(;`])tingfeng (?=([a-z][^\n`]*))", re.MULTILINE)
_END = re.compile(r"\s(?:&&|\||#|;)|\)")


def calls(text: str) -> list[str]:
    """Return what follows `tingfeng` wherever a page quotes a command, up to a pipe or comment."""
    return [_END.split(call)[0].strip() for code in _CODE.findall(text) for call in _CALL.findall(code)]


def mistakes(call: str, known: dict[str, set[str]]) -> list[str]:
    """Return what is wrong with a call: no such command, or an option that it has not."""
    words = call.split()
    name = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in known), "")
    if not name:
        group = [each for each in known if each.startswith(f"{words[0]} ")]
        return [] if group and len(words) == 1 else [call]
    options = {word.partition("=")[0].rstrip("`.,:") for word in words if word.startswith("--")}
    return sorted(f"{name} {option}" for option in options - known[name] - {"--help"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_quotes_exists_with_its_options(page: Path) -> None:
    known = {
        name.removeprefix("tingfeng "): {opt for one in command.params for opt in one.opts}
        for name, command in commands()
    }
    found = calls(page.read_text(encoding="utf-8"))
    assert [mistake for call in found for mistake in mistakes(call, known)] == []


def test_a_command_that_does_not_exist_would_be_found() -> None:
    text = (
        "Say `tingfeng fly --high`.\n```sh\nsudo -u x .venv/bin/tingfeng run --fast && tingfeng store melt  # no\n```"
    )
    assert calls(text) == ["fly --high", "run --fast", "store melt"]
    known = {"run": {"--role"}, "store setup": set()}
    assert [mistakes(call, known) for call in calls(text)] == [["fly --high"], ["run --fast"], ["store melt"]]
    assert mistakes("store", known) == [] and calls("`systemctl restart tingfeng`, `docker build -t tingfeng .`") == []
