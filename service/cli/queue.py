"""inbox: posts that were set aside, and putting them back."""

import json
from typing import Annotated

import typer

from service import wiring
from service.cli.app import ConfigOption, JsonOption, app, say
from service.clock import running_clock
from service.errors import UsageError

inbox = typer.Typer(help="Posts that were set aside because they could not be stored.", no_args_is_help=True)
app.add_typer(inbox, name="inbox")


@inbox.command(name="list")
def list_letters(
    config: ConfigOption = None,
    json_lines: JsonOption = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most posts shown, newest first.")] = 100,
) -> None:
    """List what was set aside: number, post, reason."""
    with wiring.opened(config) as (_, stores):
        letters = stores.inbox.dead_letters(limit)
        waiting = stores.inbox.depth()
    for row, mention, reason in letters:
        if json_lines:
            say(json.dumps({"row": row, "mention": mention, "reason": reason}, ensure_ascii=False))
        else:
            say(f"{row:>8}  {mention}  {reason}")
    if not json_lines:
        say(f"{len(letters)} set aside, {waiting} waiting in the inbox")


@inbox.command()
def requeue(
    rows: Annotated[list[int] | None, typer.Argument(help="Numbers as `tingfeng inbox list` shows them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that were set aside.")] = False,
    config: ConfigOption = None,
) -> None:
    """Put posts back into the queue once their cause is gone; they are tried anew, in order."""
    if bool(rows) is everything:
        raise UsageError("name the numbers that `tingfeng inbox list` shows, or --all")
    with wiring.opened(config) as (settings, stores):
        now = running_clock(settings.data_dir).now()
        moved = stores.state.inbox.requeue(None if everything else rows, now=now)
    say(f"{moved} put back into the inbox")
    raise typer.Exit(0 if moved or everything else 1)
