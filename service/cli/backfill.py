"""backfill: read the sources of a brand back, and watch how far it is."""

import sys
import time
from datetime import datetime, timedelta
from typing import Annotated

import typer

from service import wiring
from service.cli.app import ConfigOption, JsonOption, app, say, say_json
from service.clock import running_clock
from service.errors import UsageError


@app.command()
def backfill(
    brand: Annotated[
        str | None, typer.Argument(help="Brand to read back for, by its id; none = show what goes on.")
    ] = None,
    config: ConfigOption = None,
    json_lines: JsonOption = False,
    since: Annotated[
        str | None, typer.Option("--from", help="How far back: a day such as 2026-06-01, or a span such as 30d.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option("--source", help="Only these sources; repeat it.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay and show how far it is.")] = True,
) -> None:
    """Read the searches of a brand back to a day; the running service does it behind everything that is new.

    What comes in is history: it can be searched, and never pages anyone.
    """
    from service.backfill import ask, backfill_line, backfill_view

    with wiring.opened(config) as (settings, stores):
        clock = running_clock(settings.data_dir)
        book = stores.state.backfills
        if brand is not None:
            if since is None:
                raise UsageError("backfill: say how far back: --from 2026-06-01, or --from 30d")
            asked = ask(settings, book, brand, _moment(since, clock.now()), sources=source or (), now=clock.now())
            names = {each.id for each in asked.requests}
            for line in asked.left_out if not json_lines else ():
                say(line)
        else:
            names = {each.id for each in book.all()}

        def look() -> tuple[bool, list[str]]:
            found = [each for each in book.all() if each.id in names]
            if json_lines:
                for each in found:
                    say_json(backfill_view(each))
            return all(each.state.final for each in found), [backfill_line(each, settings.locale) for each in found]

        over, lines = look()
        if json_lines:
            return
        if not (wait and brand is not None and sys.stdout.isatty()):
            for line in lines or ["没有" if settings.locale == "zh" else "none"]:
                say(line)
            return
        from rich.live import Live
        from rich.text import Text

        with Live(Text("\n".join(lines)), refresh_per_second=2) as live:
            while not over:
                time.sleep(1.0)
                over, lines = look()
                live.update(Text("\n".join(lines)))


def _moment(text: str, now: datetime) -> datetime:
    from config.values import ValueProblem, parse_duration
    from domain.moment import SHANGHAI

    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=SHANGHAI)
    except ValueError:
        try:
            day = now - parse_duration(text)
        except ValueProblem as err:
            raise UsageError(f"--from {text!r}: write a day such as 2026-06-01, or a span such as 30d") from err
    if day >= now:
        raise UsageError(f"--from {text!r} lies in the future")
    if now - day > timedelta(days=3_660):
        raise UsageError(f"--from {text!r}: at most ten years back")
    return day.astimezone(now.tzinfo)
