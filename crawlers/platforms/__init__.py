"""One module per platform, each with its `SPEC`; wiring lists this package."""

from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules

from crawlers.base import Platform
from crawlers.errors import CrawlError
from domain.spec import Spec

__all__ = ["build_platform", "platform_specs"]


@lru_cache(maxsize=1)
def _specs() -> tuple[Spec, ...]:
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    return tuple(import_module(f"{__name__}.{name}").SPEC for name in names)


def platform_specs() -> dict[str, Spec]:
    """Return the platform modules by name, sorted."""
    return {spec.name: spec for spec in _specs()}


def build_platform(name: str, options: object = None) -> Platform:
    """Return the platform of a name with its settings, None = the defaults.

    Raises:
        CrawlError: no such platform.
    """
    spec = platform_specs().get(name)
    if spec is None:
        known = ", ".join(platform_specs())
        raise CrawlError(f"unknown platform {name[:40]!r}; known are {known}")
    platform: Platform = spec.factory(options if isinstance(options, spec.settings) else spec.settings())
    return platform
