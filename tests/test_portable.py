"""The product runs on Linux and macOS: what only Linux has stands behind a guard."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import REPOSITORY
from tests.test_packages import PACKAGES

LINUX_CALLS = {
    "fork", "sched_getaffinity", "sched_setaffinity", "memfd_create", "eventfd", "posix_fadvise", "posix_fallocate",
    "pidfd_open", "prctl", "splice", "copy_file_range", "sendfile", "epoll", "getrandom", "SO_PEERCRED",
}  # fmt: skip
"""Names of `os`, `select` and `socket` that macOS lacks, or has with another meaning."""


def unguarded(source: str) -> list[str]:
    """Return what only Linux has and no guard stands before: /proc and /sys paths, and calls.

    A guard is, in the same function, an `except …Error`, `hasattr`, `exists()`, or a look at `sys.platform`.
    """
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    guarded = {id(inner) for each in functions if _is_guarded(each) for inner in ast.walk(each)}
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = []
    for node in ast.walk(tree):
        if id(node) in guarded or id(node) in docstrings:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(("/proc", "/sys/")):
            found.append(node.value)
        if isinstance(node, ast.Attribute) and node.attr in LINUX_CALLS:
            found.append(node.attr)
    return found


def _is_guarded(function: ast.AST) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.ExceptHandler) and "Error" in ast.unparse(node.type or ast.Constant("Error")):
            return True
        if isinstance(node, ast.Attribute) and node.attr in ("platform", "exists", "is_file"):
            return True
        if isinstance(node, ast.Name) and node.id in ("hasattr", "getattr"):
            return True
    return False


MODULES = [path for name in PACKAGES for path in sorted((REPOSITORY / name).rglob("*.py"))]


@pytest.mark.parametrize("package", PACKAGES)
def test_what_only_linux_has_stands_behind_a_guard(package: str) -> None:
    paths = [path for path in MODULES if path.is_relative_to(REPOSITORY / package)]
    assert paths
    found = {path.name: names for path in paths if (names := unguarded(path.read_text("utf-8")))}
    assert found == {}


def test_a_call_without_a_guard_is_found() -> None:
    assert unguarded("import os\ndef f():\n    return os.sched_getaffinity(0), open('/proc/self/stat')\n") == [
        "sched_getaffinity",
        "/proc/self/stat",
    ]
    assert unguarded("def f():\n    try:\n        open('/proc/self/stat')\n    except OSError:\n        pass\n") == []
    assert unguarded('"""/proc is Linux\'s."""\n') == []


def test_processes_are_spawned_the_same_way_everywhere() -> None:
    users = [path for path in MODULES if "multiprocessing" in path.read_text("utf-8")]
    assert users
    assert all('get_context("spawn")' in path.read_text("utf-8") for path in users), [path.name for path in users]
