"""add: what a colleague forwards becomes a mention."""

from pathlib import Path
from typing import Annotated

import typer

from service import wiring
from service.cli.app import ConfigOption, JsonOption, app, say, say_json


@app.command()
def add(
    text: Annotated[list[str], typer.Argument(help="Link, or the whole text that the app copied; quote it.")],
    config: ConfigOption = None,
    brand: Annotated[str | None, typer.Option("--brand", help="Count it for this brand whatever it says.")] = None,
    incident: Annotated[str | None, typer.Option("--incident", help="Note it with this incident.")] = None,
    screenshot: Annotated[
        Path | None, typer.Option("--screenshot", help="Picture of it: PNG, JPEG or WebP, 10 MB at most.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Your name; default: the system's user.")] = "",
    json_lines: JsonOption = False,
) -> None:
    """Store a post that somebody forwarded: a link, a short link, or a share text with one in it.

    Exit code 0: stored, or known already; 1: nothing could be stored, or nothing could be added to it yet.
    """
    from service.adding import Wanted, add_mention, added_lines, added_view

    settings = wiring.load_settings(wiring.find_config(config))
    wanted = Wanted(text=" ".join(text), by=by, brand=brand, incident=incident, screenshot=screenshot)
    added = add_mention(settings, wanted)
    if json_lines:
        say_json(added_view(added))
    else:
        for line in added_lines(added, settings.locale):
            say(line)
    raise typer.Exit(1 if added.status == "failed" or added.waits else 0)
