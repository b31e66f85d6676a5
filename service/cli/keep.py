"""backup and restore: a copy of everything, and the way back."""

from pathlib import Path
from typing import Annotated

import typer

from config.values import ValueProblem, parse_duration
from service import wiring
from service.cli.app import ConfigOption, app, say
from service.errors import UsageError


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="Folder to be made; it appears whole or not at all.")],
    config: ConfigOption = None,
    with_config: Annotated[
        bool, typer.Option("--with-config", help="Copy the settings file too; never files with secrets.")
    ] = False,
) -> None:
    """Copy both stores while the service runs, and check the copies."""
    from service.backup import back_up

    settings = wiring.load_settings(wiring.find_config(config))
    raise typer.Exit(back_up(settings, folder, say, with_config=with_config))


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="Folder that `tingfeng backup` wrote.")],
    config: ConfigOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Move what lies in data_dir aside first; nothing is deleted.")
    ] = False,
    tell_within: Annotated[
        str, typer.Option("--tell-within", help="Unfinished messages older than this are not sent any more.")
    ] = "1d",
) -> None:
    """Put a backup in place; refuses a running service, a damaged or newer backup, a folder in use."""
    from service.restore import put_back

    try:
        span = parse_duration(tell_within)
    except ValueProblem as err:
        raise UsageError(f"--tell-within: {err.problem}; {err.fix}") from err
    settings = wiring.load_settings(wiring.find_config(config))
    raise typer.Exit(put_back(settings, folder, say, force=force, tell_within=span))
