"""The flat packages are ours, complete, and layered as promised."""

from __future__ import annotations

import ast
import configparser
import fnmatch
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("alerts", "analysis", "config", "crawlers", "dashboards", "domain", "service", "storage")


def modules(package: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@cache
def imports(package: str) -> list[tuple[Path, str]]:
    """Return every module of a package with each name that it imports."""
    return [(path, name) for path, tree in modules(package) for name in _imported(tree)]


@cache
def distributions() -> Mapping[str, Sequence[str]]:
    return importlib.metadata.packages_distributions()


@pytest.mark.parametrize("package", PACKAGES)
def test_package_belongs_to_our_distribution(package: str) -> None:
    owners = set(distributions().get(package, []))
    assert owners <= {"tingfeng"}, f"{package} is also shipped by {owners - {'tingfeng'}}"
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    assert Path(spec.origin).resolve() == REPOSITORY / package / "__init__.py"


def test_command_is_declared_once() -> None:
    scripts = importlib.metadata.entry_points(group="console_scripts", name="tingfeng")
    assert {script.value for script in scripts} == {"service.cli:main"}


def test_tests_are_not_shipped() -> None:
    assert "tests" not in _declared_packages()
    assert set(PACKAGES) == {name for name in _declared_packages() if "." not in name and "*" not in name}


def _declared_packages() -> list[str]:
    section = (REPOSITORY / "setup.cfg").read_text(encoding="utf-8").partition("[options.packages.find]")[2]
    return section.partition("\n[")[0].partition("include =")[2].split()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_with_modules_is_a_package(package: str) -> None:
    folders = {path.parent for path in (REPOSITORY / package).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_domain_imports_the_standard_library_only() -> None:
    allowed = sys.stdlib_module_names | {"domain"}
    strangers = {
        f"{path.relative_to(REPOSITORY)}: {name}"
        for path, name in imports("domain")
        if name.partition(".")[0] not in allowed
    }
    assert strangers == set()


def test_no_spider_defines_start_requests() -> None:
    """Scrapy 2.19 starts with `start`; `start_requests` would silently never be called."""
    found = [
        f"{path.relative_to(REPOSITORY)}: {node.name}"
        for path, tree in modules("crawlers")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "start_requests"
    ]
    assert found == []


def test_snownlp_is_imported_by_training_alone() -> None:
    """Its import costs seconds and 400 MB, so no running role may pay for it."""
    found = {
        str(path.relative_to(REPOSITORY))
        for package in PACKAGES
        for path, name in imports(package)
        if name.partition(".")[0] == "snownlp" and path.stem not in ("fitting", "training")
    }
    assert found == set()


_MODULES_OF = {  # where the name of the distribution is not that of its module
    "charset-normalizer": "charset_normalizer",
    "opencc": "opencc",
    "psycopg": "psycopg",
    "pyyaml": "yaml",
    "readability-lxml": "readability",
    "scikit-learn": "sklearn",
    "slack-sdk": "slack_sdk",
}
_WITHOUT_IMPORT = {"elasticsearch", "scrapy", "tzdata"}  # the mention store on a cluster; scrapy.cfg; read by zoneinfo


def _requirements(section: str, key: str) -> set[str]:
    parser = configparser.ConfigParser()
    parser.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    names = (
        re.split(r"[\[<>=;\s]", line.strip())[0].lower() for line in parser[section][key].split("\n") if line.strip()
    )
    return {_MODULES_OF.get(name, name.replace("-", "_")) for name in names}


def test_every_library_that_is_imported_is_declared() -> None:
    declared = _requirements("options", "install_requires")
    for extra in ("fast", "postgres", "browser", "reports"):
        declared |= _requirements("options.extras_require", extra)
    allowed = declared | sys.stdlib_module_names | set(PACKAGES) | {"twisted", "itemadapter", "parsel"}  # Scrapy's own
    strangers = {
        f"{path.relative_to(REPOSITORY)}: {name}"
        for package in PACKAGES
        for path, name in imports(package)
        if name.partition(".")[0] not in allowed
    }
    assert strangers == set()


def test_every_file_beside_the_modules_is_shipped() -> None:
    parser = configparser.ConfigParser()
    parser.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    patterns = [pattern.removeprefix("**/") for pattern in parser["options.package_data"]["*"].split()]
    left = [
        str(path.relative_to(REPOSITORY))
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
        if not any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns)
    ]
    assert left == []


def test_every_declared_library_is_imported() -> None:
    used = {name.partition(".")[0] for package in PACKAGES for _, name in imports(package)}
    assert _requirements("options", "install_requires") - used - _WITHOUT_IMPORT == set()


def test_who_only_looks_at_sources_does_not_load_the_crawl() -> None:
    code = "import sys, crawlers.health, crawlers.plan; sys.exit('scrapy' in sys.modules or 'aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY).returncode == 0
