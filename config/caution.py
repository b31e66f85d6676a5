"""What works but may not be meant: warnings about settings, in the reader's language."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from config.settings import Settings

__all__ = ["cautions", "file_mode_caution", "is_loopback"]

_SAID: dict[str, tuple[str, str]] = {
    "public_url": (
        "public_url {0} 只指向本机：消息里不会放指向它的链接",
        "public_url {0} is this machine only: messages will not link to it",
    ),
    "kibana": (
        "kibana.url {0} 只指向本机：消息里不会放指向它的链接",
        "kibana.url {0} is this machine only: messages will not link to it",
    ),
    "no_source": (
        "没有配置任何来源：不会自动收集，但可以用 tingfeng import 导入",
        "no source is configured: nothing is collected, but `tingfeng import` works",
    ),
    "no_receiver": (
        "没有配置接收人：告警会保留（tingfeng incidents list），但不会发给任何人",
        "no receiver is configured: alerts are kept (`tingfeng incidents list`) and sent to nobody",
    ),
    "no_route": (
        "没有配置 routes：每个告警都会发给所有接收人",
        "no route is configured: every alert goes to every receiver",
    ),
    "robots": (
        "来源 {0}：不遵守 robots.txt，由运营者自行负责",
        "source {0}: robots.txt is overridden; that is the operator's own responsibility",
    ),
    "tls": ("来源 {0}：不检查服务器证书", "source {0}: the server's certificate is not checked"),
    "unreached": ("接收人 {0}：没有任何 route 会发给它", "receiver {0}: no route leads to it"),
    "secret_mode": (
        "密钥文件 {0} 其他用户可以读（权限 {1}）：请执行 chmod 600 {0}",
        "others may read the secret in {0} (mode {1}): chmod 600 {0}",
    ),
    "mode": (
        "{0} 里写着密钥（{1}），而其他用户可以读它（权限 {2}）：请执行 chmod 600 {0}，或改写成 ${{环境变量}}",
        "{0} holds secrets ({1}) and others may read it (mode {2}): chmod 600 {0}, or write ${{NAME}} instead",
    ),
}


def cautions(settings: Settings) -> Iterator[str]:
    """Give warnings about settings that were read without a mistake, none of them with a secret."""
    if settings.public_url and is_loopback(urlsplit(settings.public_url).hostname):
        yield _say(settings, "public_url", settings.public_url)
    if settings.kibana.url and is_loopback(urlsplit(settings.kibana.url).hostname):
        yield _say(settings, "kibana", settings.kibana.url)
    if not settings.sources:
        yield _say(settings, "no_source")
    if not settings.receivers:
        yield _say(settings, "no_receiver")
    elif not settings.routes:
        yield _say(settings, "no_route")
    for source in settings.sources:
        if source.robots == "override":
            yield _say(settings, "robots", source.name)
        if not source.verify_tls:
            yield _say(settings, "tls", source.name)
    reached: set[str | None] = {step.to for route in settings.routes for step in route.escalate}
    reached |= {route.to for route in settings.routes} | {settings.operator}
    reached |= {receiver.fallback for receiver in settings.receivers}
    for receiver in settings.receivers:
        if settings.routes and receiver.name not in reached:
            yield _say(settings, "unreached", receiver.name)


def file_mode_caution(settings: Settings, path: Path, mode: int, secrets: Sequence[str]) -> str:
    """Warn that others may read the secrets in a file.

    Args:
        settings: for the language.
        path: the settings file, or one that a `*_file` key names.
        mode: its mode.
        secrets: key paths of the secrets in the settings file; empty = the whole file is a secret.
    """
    if not secrets:
        return _say(settings, "secret_mode", str(path), f"{mode:04o}")
    return _say(settings, "mode", str(path), ", ".join(secrets[:3]), f"{mode:04o}")


def _say(settings: Settings, key: str, *values: str) -> str:
    return _SAID[key][0 if settings.locale == "zh" else 1].format(*values)


def is_loopback(host: str | None) -> bool:
    """Say whether a host name or address means this machine itself."""
    if host is None:
        return False
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
