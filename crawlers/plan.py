"""From what is configured to what is visited: one source per search word or brand."""

from dataclasses import replace

from config.settings import Settings, SourceSettings
from crawlers.address import address_of
from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.quota import fit_intervals
from domain.moment import from_rfc3339

__all__ = ["expand_sources", "searches"]

_ANY_TIME = from_rfc3339("2026-01-01T00:00:00Z")


def searches(source: SourceSettings) -> bool:
    """Say whether a source asks for words, so that without any it is made once per brand."""
    return build_platform(source.platform, source.options).searches(source)


def expand_sources(settings: Settings) -> tuple[SourceSettings, ...]:
    """Return the sources that are really visited, in the order of the file.

    A search without words becomes one source for each brand it is for, named
    `<source>:<brand id>`, which searches the brand's name. Intervals are made as long as the
    quota of their key demands.

    Raises:
        CrawlError: a platform is unknown.
        SourceError: a source lacks what its platform needs; the message says what to write.
    """
    expanded: list[SourceSettings] = []
    for source in settings.sources:
        if not searches(source) or source.query:
            expanded.append(source)
            continue
        for brand in settings.brands:
            if not source.brands or brand.id in source.brands:
                named = replace(source, name=f"{source.name}:{brand.id}", query=(brand.name,), brands=(brand.id,))
                expanded.append(named)
    for source in expanded:
        _check(source, settings)
    return fit_intervals(expanded)


def _check(source: SourceSettings, settings: Settings) -> None:
    platform = build_platform(source.platform, source.options)
    if source.platform == "import":
        if not getattr(source.options, "path", None):
            raise SourceError(source.name, "platform `import` needs `path`, a file or a folder to watch")
        return
    address_of(source, platform.hosts, settings.network)
    platform.start(source, _ANY_TIME)
