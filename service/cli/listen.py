"""init, check, sources, run, demo, doctor: setting up and listening."""

import os
from pathlib import Path
from typing import Annotated

import typer

from domain.moment import moment_text
from service import wiring
from service.cli.app import ConfigOption, JsonOption, app, console, say, say_json
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
    from crawlers.account_roads import account_lines
    from crawlers.errors import SourceError
    from crawlers.plan import expand_sources

    settings = wiring.load_settings(wiring.find_config(config))
    for line in explain(settings):
        say(line)
    if missing := wiring.browser_problem(settings):
        say(f"! {missing}")
    try:
        expand_sources(settings)
        for line in account_lines(settings):
            say(line)
    except SourceError as err:
        raise UsageError(f"{settings.path}: {err}") from err


sources = typer.Typer(help="Show how every source is, and try one.")
app.add_typer(sources, name="sources")


@sources.callback(invoke_without_command=True)
def show_sources(context: typer.Context, config: ConfigOption = None, json_lines: JsonOption = False) -> None:
    """Show in one line per source how it is, why it is blind, and what to do."""
    if context.invoked_subcommand is not None:
        context.obj = config
        return
    from crawlers.account_roads import account_lines
    from service.advice import advice_lines
    from service.overview import partner_health, source_view, traffic_lines, traffic_of

    settings = wiring.load_settings(wiring.find_config(config))
    stores = wiring.open_stores(settings)
    clock = running_clock(settings.data_dir)
    try:
        visits = stores.state.visits.load()
        health = (*wiring.health_reader(settings, stores, clock)(), *partner_health(settings, visits))
        states = list(visits.values())
        now = clock.now()
        if json_lines:
            for each in health:
                say_json(source_view(each))
            return
        for each in health:
            newest = f"{moment_text(each.newest_at)} +0800" if each.newest_at else "-"
            success = f"{moment_text(each.last_success_at)} +0800" if each.last_success_at else "-"
            tail = f"  {each.why} → {each.fix}" if each.why else ""
            say(f"{each.state.value:7} {each.source}  {success}  {newest}{tail}")
        for line in [
            *wiring.credential_reader(settings, stores, clock)(),
            *account_lines(settings),
            *traffic_lines(traffic_of(states, now), [], settings.locale),
            *advice_lines(settings),
        ]:
            say(line)
    finally:
        stores.close()


@sources.command(name="test")
def test_source(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the source, as `tingfeng sources` prints it.")],
    config: ConfigOption = None,
    record: Annotated[
        Path | None, typer.Option("--record", help="New folder for the answers, without names, ids and credentials.")
    ] = None,
    json_lines: JsonOption = False,
) -> None:
    """Make one polite visit to a source with its real credential; say what it brought and what to do next.

    Stores no posts. Exit code 0 if the source answered as it should.
    """
    from service import trying

    settings = wiring.load_settings(wiring.find_config(config or context.obj))
    if record is not None:
        trying.check_folder(record)
    stores = wiring.open_stores(settings)
    try:
        job, road = wiring.make_trial(settings, stores, running_clock(settings.data_dir), name)
        with console.status(job.source.name):
            trial = trying.try_source(job, road, settings)
    finally:
        stores.close()
    recorded = trying.record(trial, record, settings, job.platform.hosts) if record is not None else None
    if json_lines:
        say_json(trying.trial_view(trial, recorded, record))
    else:
        for line in trying.trial_lines(trial, settings.locale, recorded, record):
            say(line)
    raise typer.Exit(0 if trial.outcome.proves_life else 1)


@app.command()
def run(
    config: ConfigOption = None,
    role: Annotated[str, typer.Option("--role", help="Roles of this process: crawl,browse,analyse,watch,ingest.")] = "",
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
