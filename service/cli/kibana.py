"""kibana: dashboards for Kibana, written, installed, verified, linked to."""

from pathlib import Path
from typing import Annotated

import typer

from service import wiring
from service.cli.app import ConfigOption, app, say

kibana = typer.Typer(help="Dashboards and saved searches for Kibana 8.14 and newer.", no_args_is_help=True)
app.add_typer(kibana, name="kibana")

UrlOption = Annotated[str | None, typer.Option("--url", help="Address of Kibana; default: kibana.url.")]


@kibana.command()
def export(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; default: standard output.")] = None,
    index: Annotated[
        str, typer.Option("--index", help="Read alias of the mentions, as storage.index_prefix.")
    ] = "mentions",
) -> None:
    """Write the objects as NDJSON, ready for Stack Management → Saved Objects → Import."""
    from service.kibana import export as write

    raise typer.Exit(write(out, index=index, say=say))


@kibana.command()
def install(
    url: UrlOption = None,
    config: ConfigOption = None,
    keep: Annotated[bool, typer.Option("--keep", help="Do not replace objects that are there.")] = False,
    check: Annotated[bool, typer.Option("--verify", help="Then read them back and ask every panel's query.")] = False,
) -> None:
    """Import data view, saved searches and dashboards into Kibana; says what became of each."""
    from service.kibana import install as bring

    settings = wiring.load_settings(wiring.find_config(config))
    raise typer.Exit(bring(settings, url=url, overwrite=not keep, check=check, say=say))


@kibana.command()
def verify(url: UrlOption = None, config: ConfigOption = None) -> None:
    """Read the installed objects back from Kibana and ask Elasticsearch every panel's query."""
    from service.kibana import verify as look

    settings = wiring.load_settings(wiring.find_config(config))
    raise typer.Exit(look(settings, url=url, say=say))


@kibana.command()
def link(
    query: Annotated[str, typer.Argument(help="Query in the query language, without NEAR; '' = all.")] = "",
    url: UrlOption = None,
    config: ConfigOption = None,
    board: Annotated[
        str | None, typer.Option("--board", help="Dashboard, such as crisis-room; default: Discover.")
    ] = None,
    hours: Annotated[float, typer.Option("--hours", min=0.1, help="Length of the window up to now, hours.")] = 24.0,
) -> None:
    """Print a link to Discover or a dashboard with absolute times: it shows the same tomorrow."""
    from service.kibana import link as make

    settings = wiring.load_settings(wiring.find_config(config))
    say(make(settings, query, url=url, board=board, hours=hours))
