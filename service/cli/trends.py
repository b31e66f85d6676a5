"""trends: which brand entered which hot list, when, how high, for how long."""

import sys
from datetime import timedelta
from typing import Annotated

import typer

from service import wiring
from service.cli.app import ConfigOption, JsonOption, app, say, say_json
from service.clock import running_clock
from service.errors import UsageError


@app.command()
def trends(
    config: ConfigOption = None,
    json_lines: JsonOption = False,
    brand: Annotated[str | None, typer.Option("--brand", help="Only lines that name this brand, by its id.")] = None,
    platform: Annotated[str | None, typer.Option("--platform", help="Only this platform, such as weibo.")] = None,
    since: Annotated[str, typer.Option("--since", help="How far back, such as 24h or 7d.")] = "24h",
    everything: Annotated[bool, typer.Option("--all", help="Lines that name no brand too.")] = False,
) -> None:
    """Show which line of which hot list named a brand: since when, how high, how hot, and whether it is still there."""
    from service.trends import TitleMatcher, seen_trends, trend_table, trend_view

    span = _span(since)
    with wiring.opened(config) as (settings, stores):
        ids = [each.id for each in settings.brands]
        if brand is not None and brand not in ids:
            raise UsageError(f"--brand: no brand {brand!r} in {settings.path}; there are: {', '.join(ids) or 'none'}")
        clock = running_clock(settings.data_dir)
        seen = seen_trends(
            stores.state.trends,
            TitleMatcher(settings.brands),
            wiring.health_reader(settings, stores, clock)(),
            since=clock.now() - span,
            platform=platform,
            brand=brand,
            everything=everything,
        )
    if json_lines:
        for each in seen:
            say_json(trend_view(each))
    elif seen:
        from rich.console import Console

        width = None if sys.stdout.isatty() else 160
        Console(highlight=False, markup=False, emoji=False, width=width).print(trend_table(seen, settings))
    else:
        say("没有" if settings.locale == "zh" else "none")


def _span(text: str) -> timedelta:
    from config.values import ValueProblem, parse_duration

    try:
        return parse_duration(text)
    except ValueProblem as err:
        raise UsageError(f"--since: {err.problem}; {err.fix}") from err
