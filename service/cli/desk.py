"""incidents and notify: what people do about an alert."""

from typing import Annotated, Literal

import typer

from service import wiring
from service.cli.app import ConfigOption, JsonOption, app, say, say_json

incidents = typer.Typer(help="List, show and handle incidents.", no_args_is_help=True)
notify = typer.Typer(help="Test the way to a receiver.", no_args_is_help=True)
app.add_typer(incidents, name="incidents")
app.add_typer(notify, name="notify")

Action = Literal["ack", "close", "note", "false_alarm"]
ByOption = Annotated[str, typer.Option("--by", help="Your name; it stands in the record.")]
IdArgument = Annotated[str, typer.Argument(help="Number of the incident, as in the message.")]
TextOption = Annotated[str, typer.Option("--text", help="What to record.")]


@incidents.command(name="list")
def list_incidents(
    config: ConfigOption = None,
    json_lines: JsonOption = False,
    active: Annotated[bool, typer.Option("--active", help="Only those that are not resolved.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most incidents shown.")] = 200,
) -> None:
    """List incidents, newest first."""
    from service.desk import incident_line, incident_link, incident_view, read_incidents

    with wiring.opened(config) as (settings, stores):
        for incident, deliveries in read_incidents(stores, active_only=active, limit=limit):
            if json_lines:
                view = incident_view(incident, deliveries, stores.mentions, incident_link(incident, settings))
                say_json(view)
            else:
                say(incident_line(incident, deliveries, settings))


@incidents.command()
def show(incident: IdArgument, config: ConfigOption = None, json_lines: JsonOption = False) -> None:
    """Show one incident with its reason, stories, deliveries and notes."""
    from service.desk import incident_lines, incident_link, incident_view, read_incident

    with wiring.opened(config) as (settings, stores):
        found, deliveries = read_incident(stores, incident)
        if json_lines:
            view = incident_view(found, deliveries, stores.mentions, incident_link(found, settings))
            say_json(view)
            return
        for line in incident_lines(found, deliveries, stores.mentions, settings):
            say(line)


def _act(action: Action, incident: str, by: str, text: str, config: ConfigOption) -> None:
    from service.desk import act_on

    with wiring.opened(config) as (settings, stores):
        say(act_on(settings, stores, incident, action=action, by=by, text=text))


@incidents.command()
def ack(incident: IdArgument, by: ByOption, text: TextOption = "", config: ConfigOption = None) -> None:
    """Take an incident: escalation stops until the acknowledgement expires (4 h)."""
    _act("ack", incident, by, text, config)


@incidents.command()
def close(incident: IdArgument, by: ByOption, text: TextOption = "", config: ConfigOption = None) -> None:
    """Close an incident by hand; the summary goes out."""
    _act("close", incident, by, text, config)


@incidents.command()
def note(incident: IdArgument, by: ByOption, text: TextOption, config: ConfigOption = None) -> None:
    """Record a remark with an incident."""
    _act("note", incident, by, text, config)


@incidents.command(name="false-alarm")
def false_alarm(incident: IdArgument, by: ByOption, text: TextOption = "", config: ConfigOption = None) -> None:
    """Close an incident as a false alarm; it is marked so for good."""
    _act("false_alarm", incident, by, text, config)


@notify.command(name="test")
def notify_test(
    receiver: Annotated[str, typer.Argument(help="Name of a receiver in the settings.")], config: ConfigOption = None
) -> None:
    """Send a marked test to a receiver; says what each channel answered and what to do."""
    from service.desk import test_receiver

    with wiring.opened(config) as (settings, stores):
        lines, ok = test_receiver(settings, stores, receiver)
    for line in lines:
        say(line)
    raise typer.Exit(0 if ok else 1)
