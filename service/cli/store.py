"""store: Elasticsearch set up, filled from SQLite, and rebuilt."""

from pathlib import Path
from typing import Annotated

import typer

from service import wiring
from service.cli.app import ConfigOption, app, say

store = typer.Typer(help="Set up Elasticsearch, move mentions there, rebuild its indices.", no_args_is_help=True)
app.add_typer(store, name="store")


@store.command()
def setup(config: ConfigOption = None) -> None:
    """Write the index template; needs an account that may manage index templates, once per version."""
    from service.store import set_up

    raise typer.Exit(set_up(wiring.load_settings(wiring.find_config(config)), say))


@store.command()
def migrate(
    config: ConfigOption = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Data folder with the SQLite store; default: data_dir."),
    ] = None,
) -> None:
    """Move all mentions from SQLite to Elasticsearch; stopped at any moment, the same command goes on."""
    from service.store import migrate as move

    raise typer.Exit(move(wiring.load_settings(wiring.find_config(config)), say, source=source))


@store.command()
def reindex(
    config: ConfigOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Also indices that have the present mapping.")] = False,
) -> None:
    """Bring the indices to the present mapping while the service runs."""
    from service.store import rebuild

    raise typer.Exit(rebuild(wiring.load_settings(wiring.find_config(config)), say, everything=everything))
