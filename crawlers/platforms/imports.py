"""Files that the operator drops: NDJSON or CSV, one file or a watched folder."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "ImportPage", "ImportSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """Settings that only the import knows."""

    path: str | None = None
    """File or folder; new *.ndjson, *.jsonl and *.csv are taken once they stop growing."""


class ImportPage(Platform):
    """Stands for the import among the platforms; it fetches nothing."""

    name = "import"
    hosts: tuple[str, ...] = ()
    prefixes = ("import",)
    pace = timedelta(0)

    def __init__(self, options: ImportSettings | None = None) -> None:
        self.options = options or ImportSettings()

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return no request: files are read by the importer."""
        return ()

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Return an error: payloads of an import are read by the importer."""
        return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")


SPEC = Spec(name="import", settings=ImportSettings, factory=ImportPage, title="文件导入")
