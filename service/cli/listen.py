"""init, check, sources, run, demo, doctor: setting up and listening."""

import os
from pathlib import Path
from typing import Annotated

import typer

from service import wiring
from service.cli.app import ConfigOption, JsonOption, app, say, say_json
from service.clock import clock_order, running_clock
from service.errors import UsageError


@app.command()
def init(
    brand: Annotated[str, typer.Option("--brand", "-b", help="Name of the brand to watch, such as 云杉咖啡.")],
    query: Annotated[str | None, typer.Option("--query", help="Definition in the query language.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path("tingfeng.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a commented starter file that listens without any key."""
    from config.starter import starter

    text = starter(brand, query)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        fd = os.open(out, flags, 0o600)
    except FileExistsError as err:
        raise UsageError(f"{out} is already here; edit it, choose --out, or replace it with --force") from err
    except OSError as err:
        raise UsageError(f"{out} cannot be written: {err.strerror}") from err
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
    wiring.load_settings(out)
    say(f"已写好 {out}（品牌：{brand}）。下一步：tingfeng check -c {out}，然后 tingfeng run -c {out}")


@app.command()
def check(config: ConfigOption = None) -> None:
    """Explain what the settings would do: brands, sources and tiers, rules, routes, warnings."""
    from config.explain import explain
    from crawlers.errors import SourceError
    from crawlers.plan import expand_sources

    settings = wiring.load_settings(wiring.find_config(config))
    for line in explain(settings):
        say(line)
    try:
        expand_sources(settings)
    except SourceError as err:
        raise UsageError(f"{settings.path}: {err}") from err


@app.command()
def sources(config: ConfigOption = None, json_lines: JsonOption = False) -> None:
    """Show in one line per source how it is, why it is blind, and what to do."""
    from service.overview import closed_lines, source_view, traffic_lines, traffic_of

    settings = wiring.load_settings(wiring.find_config(config))
    stores = wiring.open_stores(settings)
    clock = running_clock(settings.data_dir)
    try:
        health = wiring.health_reader(settings, stores, clock)()
        states = list(stores.state.visits.load().values())
        now = clock.now()
        if json_lines:
            for each in health:
                say_json(source_view(each))
            return
        for each in health:
            newest = f"{each.newest_at:%m-%d %H:%M} UTC" if each.newest_at else "-"
            success = f"{each.last_success_at:%m-%d %H:%M} UTC" if each.last_success_at else "-"
            tail = f"  {each.why} → {each.fix}" if each.why else ""
            say(f"{each.state.value:7} {each.source}  {success}  {newest}{tail}")
        for line in traffic_lines(traffic_of(states, now), [], settings.locale) + closed_lines(settings):
            say(line)
    finally:
        stores.close()


@app.command()
def run(
    config: ConfigOption = None,
    role: Annotated[str, typer.Option("--role", help="Roles of this process: crawl,analyse,watch.")] = "",
    clock_start: Annotated[str | None, typer.Option(hidden=True)] = None,
    clock_scale: Annotated[float | None, typer.Option(hidden=True)] = None,
    clock_epoch: Annotated[float | None, typer.Option(hidden=True)] = None,
) -> None:
    """Listen day and night: visit sources, tag, store, watch, tell. Stop with Ctrl-C."""
    from service.role import ROLES
    from service.run import run_service

    roles = tuple(part.strip() for part in role.split(",") if part.strip()) if role else ROLES
    order = clock_order(clock_start, clock_scale, clock_epoch)
    raise typer.Exit(run_service(wiring.find_config(config), roles=roles, order=order, say=say))


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the message page open at the end.")] = False,
    screenshot: Annotated[
        Path | None, typer.Option("--screenshot", help="Save a picture of the page (needs Chromium).")
    ] = None,
) -> None:
    """Show a whole crisis offline: an invented brand, three sources, both channels."""
    from service.demo.run import run_demo

    raise typer.Exit(run_demo(keep=keep, screenshot=screenshot))


@app.command()
def doctor(
    config: ConfigOption = None,
    json_lines: JsonOption = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not try to reach proxies and channels.")] = False,
) -> None:
    """Look for the likely faults of this installation and say the fix for each; writes and sends nothing.

    Exit code 1 when something fails, 0 when all is well or only warnings are left.
    """
    from service.doctor import Level, examine

    marks = {Level.OK: "ok  ", Level.WARN: "WARN", Level.FAIL: "FAIL"}
    findings = examine(config, offline=offline)
    for finding in findings:
        if json_lines:
            say_json(finding.view())
        else:
            say(f"{marks[finding.level]} {finding.what}" + (f"  → {finding.fix}" if finding.fix else ""))
    raise typer.Exit(1 if any(finding.level is Level.FAIL for finding in findings) else 0)
