"""search and import: mentions out, mentions in."""

from pathlib import Path
from typing import Annotated

import typer

from domain.moment import moment_text
from service import wiring
from service.cli.app import ConfigOption, JsonOption, app, say, say_json
from service.clock import running_clock


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="Query in the query language; '' or * finds everything.")],
    config: ConfigOption = None,
    json_lines: JsonOption = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most mentions shown, newest first.")] = 50,
) -> None:
    """Search every stored mention, newest first."""
    from domain.document import public_document
    from service.finding import find_mentions

    settings = wiring.load_settings(wiring.find_config(config))
    stores = wiring.open_stores(settings)
    now = running_clock(settings.data_dir).now()
    try:
        for mention in find_mentions(stores.mentions, query, now=now, limit=limit):
            if json_lines:
                say_json(public_document(mention))
                continue
            sentiment = mention.tags.sentiment.polarity.value if mention.tags else "-"
            text = " ".join(f"{mention.post.title or ''} {mention.post.text}".split())[:100]
            brands = ",".join(mention.brands) or "-"
            when = moment_text(mention.event_at)
            say(f"{when} {mention.post.platform} {sentiment} {brands} {text} {mention.post.url or ''}")
    finally:
        stores.close()


@app.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="NDJSON or CSV file of posts.")],
    config: ConfigOption = None,
    source: Annotated[str, typer.Option("--source", help="Name of the source they are stored under.")] = "import",
) -> None:
    """Store posts from a file as history: they are searchable and counted, and never page anyone."""
    from service.importing import import_posts

    settings = wiring.load_settings(wiring.find_config(config))
    raise typer.Exit(import_posts(settings, file, source=source, say=say))
