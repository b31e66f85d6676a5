"""What is looked at, in the order of the report."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from config.settings import Settings
from domain.errors import TingfengError
from service import wiring
from service.doctor import folder, machine, network, running, stores
from service.doctor.base import Finding, Look, fail, fine, look_at_all, warn

__all__ = ["examine"]

_OF_SETTINGS: tuple[tuple[str, Callable[[Settings], Iterable[Finding]]], ...] = (
    ("data_dir", folder.data_dir),
    ("disk", folder.disk),
    ("browser", machine.browser),
    ("port", running.port),
    ("service", running.service),
    ("receivers", running.receivers),
    ("state", stores.state),
    ("mentions", stores.mentions),
)
_OF_NETWORK: tuple[tuple[str, Callable[[Settings], Iterable[Finding]]], ...] = (
    ("certificates", network.certificates),
    ("proxy", network.proxies),
    ("reach", network.channels),
)


def examine(config: Path | None, *, offline: bool = False) -> list[Finding]:
    """Look at the machine, then at the settings, stores, service and network, if there are settings.

    Args:
        config: settings file; None = `tingfeng.yaml` here.
        offline: reach no proxy and no channel.
    """
    looks = [Look(check=check, look=look) for check, look in machine.LOOKS]
    try:
        path = wiring.find_config(config)
        settings = wiring.load_settings(path)
    except TingfengError as err:
        fix = "each line above says what to write" if config or Path("tingfeng.yaml").exists() else _START
        return [*look_at_all(looks), *_settings_faults(err, fix)]
    looks.append(Look(check="settings", look=partial(_settings, settings, path)))
    asked = _OF_SETTINGS + (() if offline else _OF_NETWORK)
    looks += [Look(check=check, look=partial(look, settings)) for check, look in asked]
    return look_at_all(looks)


_START = "tingfeng init --brand NAME writes a file that works"


def _settings_faults(err: TingfengError, fix: str) -> list[Finding]:
    from config.errors import ConfigError

    if not isinstance(err, ConfigError):
        return [fail("settings", str(err), fix)]
    return [
        fail(
            "settings",
            str(problem).partition("\n")[0],
            problem.fix or "correct this line; tingfeng check says if it is right",
        )
        for problem in err.problems
    ]


def _settings(settings: Settings, path: Path) -> Iterator[Finding]:
    yield fine("settings", f"settings {path}: {len(settings.brands)} brands, {len(settings.sources)} sources")
    for said in settings.warnings:
        if settings.receivers or "tingfeng incidents list" not in said:
            yield warn("settings", said, "tingfeng check explains the settings")
