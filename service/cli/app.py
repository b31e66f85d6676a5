"""The command tree and what every command shares: exit codes, settings, output."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from domain.errors import TingfengError
from service.errors import UsageError
from service.logs import configure_logging
from service.printing import harmless, json_line
from service.private import keep_private

__all__ = ["ConfigOption", "JsonOption", "app", "console", "main", "say", "say_json", "whole_app"]

app = typer.Typer(
    name="tingfeng",
    help="听风 Tingfeng: brand sentiment and crisis monitoring. Start with `tingfeng demo` or `tingfeng init`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

console = Console(stderr=True, soft_wrap=True, highlight=False)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file; default: tingfeng.yaml in this folder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="NDJSON on standard output, one object per line.")]


def say(text: str) -> None:
    """Print one line for people on standard output: no markup in it, and nothing that commands a terminal."""
    print(harmless(text), flush=True)


def say_json(value: object) -> None:
    """Print one object as a line of NDJSON, the same value for every reader, harmless on a terminal.

    Raises:
        ValueError: a number is infinite or none; no value of ours is.
    """
    print(json_line(value), flush=True)


def whole_app() -> typer.Typer:
    """Return the command tree with every command in it."""
    import service.cli.accounts
    import service.cli.add
    import service.cli.backfill
    import service.cli.desk
    import service.cli.find
    import service.cli.keep
    import service.cli.kibana
    import service.cli.listen
    import service.cli.queue
    import service.cli.store
    import service.cli.text
    import service.cli.trends  # noqa: F401 - these modules add their commands to `app`

    return app


def main() -> None:
    """Run the command line; exit code 0 done, 1 failed, 2 usage or settings error."""
    from config.errors import ConfigError
    from domain.query import QueryError

    configure_logging("tingfeng")
    keep_private()
    try:
        whole_app()(standalone_mode=True)
    except (ConfigError, UsageError, QueryError) as err:
        _fail(str(err), 2)
    except TingfengError as err:
        _fail(str(err), 1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _fail(message: str, code: int) -> None:
    print(harmless(message), file=sys.stderr)
    sys.exit(code)
