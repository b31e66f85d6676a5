"""backup, restore, erase: a copy of everything, the way back, and one author out of everything."""

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


@app.command()
def erase(
    platform: Annotated[str, typer.Option("--platform", help="Platform of the author, such as weibo.")],
    author_id: Annotated[str | None, typer.Option("--author-id", help="Native id on that platform.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Shown name, exactly as printed.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Erase; without it only the numbers are shown.")] = False,
    config: ConfigOption = None,
) -> None:
    """Erase everything of one author, his name and words in what others wrote and in our records included."""
    from service.erase import Asked
    from service.erase import erase as forget

    settings = wiring.load_settings(wiring.find_config(config))
    raise typer.Exit(forget(settings, Asked(platform=platform, author_id=author_id, name=name), say, yes=yes))
