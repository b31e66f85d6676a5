"""Names of the indices, the template that forms them, and which of them there are."""

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from storage.errors import SchemaError, StoreError
from storage.mentions.elastic.client import ElasticSettings
from storage.mentions.elastic.errors import answered, api_error
from storage.mentions.elastic.mapping import FORM, index_settings, index_template

__all__ = ["Index", "Indices", "month_end", "month_of"]

logger = logging.getLogger(__name__)

_LISTED_S = 30.0
_SETUP = "run `tingfeng store setup` once with an account that may manage index templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index of one month."""

    name: str
    """Its own name, no alias."""
    month: str
    """Month of first collection, `YYYY.MM`, UTC."""
    form: int | None
    """Version of its mapping; None = made without our template."""


def month_of(moment: datetime) -> str:
    """Return the month of a moment as indices write it, `YYYY.MM`, UTC."""
    utc = moment.astimezone(UTC)
    return f"{utc.year:04}.{utc.month:02}"


def month_end(month: str) -> datetime:
    """Return the first moment after a month `YYYY.MM`, UTC."""
    year, number = (int(part) for part in month.split("."))
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


class Indices:
    """The indices of one installation."""

    def __init__(
        self, client: Elasticsearch, settings: ElasticSettings, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._settings = settings
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._ready: set[str] = set()
        self._listed: tuple[float, list[Index]] | None = None

    @property
    def alias(self) -> str:
        """The read alias, which stands for every index."""
        return self._settings.prefix

    def name_of(self, month: str) -> str:
        """Return the name under which a month is written: an index, or an alias of one."""
        return f"{self._settings.prefix}-{month}"

    def setup(self) -> None:
        """Write the index template; needs the cluster privilege `manage_index_templates`.

        Raises:
            SchemaError: a newer program wrote it.
            StoreError: not allowed, or the cluster does not answer.
        """
        known = self._template_form()
        if known is not None and known > FORM:
            raise _newer(f"index template {self.alias}", known)
        settings = self._settings
        with answered("write the index template"):
            form = index_settings(shards=settings.shards, replicas=settings.replicas, refresh_s=settings.refresh_s)
            self._client.indices.put_index_template(name=self.alias, **index_template(self.alias, form))
        for index in self.all(fresh=True):
            if index.form is None:
                self._replace_formless(index)

    def prepare(self) -> None:
        """Set up if that is allowed; a running role need not be.

        Raises:
            SchemaError: a newer program wrote the indices.
            StoreError: the cluster refuses the login.
        """
        for index in self.all(fresh=True):
            if index.form is not None and index.form > FORM:
                raise _newer(f"index {index.name}", index.form)
        try:
            if self._template_form() == FORM:
                return
            self.setup()
        except SchemaError:
            raise
        except StoreError as err:
            if err.retryable:
                raise
            logger.info("index template left as it is cause=%s", err)

    def ready(self, month: str) -> str:
        """Return the name to write a month to, making its index where it is missing.

        Raises:
            StoreError: it cannot be made, or was made without our template.
        """
        name = self.name_of(month)
        with self._lock:
            if name in self._ready:
                return name
        index = self._of(month)
        if index is not None:
            self._await(name)
        else:
            self._make(name)
            index = self._of(month)
        if index is None or index.form is None:
            raise StoreError(f"elasticsearch: index {name} has not our mapping; {_SETUP}")
        if index.form > FORM:
            raise _newer(f"index {name}", index.form)
        with self._lock:
            self._ready.add(name)
        return name

    def _of(self, month: str) -> Index | None:
        return next((each for each in self.all(fresh=True) if each.month == month), None)

    def forget(self) -> None:
        """Look again at everything; an index was dropped or replaced."""
        with self._lock:
            self._ready.clear()
            self._listed = None

    def all(self, *, fresh: bool = False) -> list[Index]:
        """Return the indices, oldest month first; at most 30 s old unless `fresh`."""
        with self._lock:
            if not fresh and self._listed is not None and self._monotonic() - self._listed[0] < _LISTED_S:
                return self._listed[1]
        with answered("list the indices"):
            found = self._client.indices.get_mapping(
                index=f"{self.alias},{self.alias}-*", ignore_unavailable=True, allow_no_indices=True
            )
        indices = [index for name, body in found.body.items() if (index := self._index(name, body)) is not None]
        indices.sort(key=lambda each: (each.month, each.name))
        with self._lock:
            self._listed = (self._monotonic(), indices)
        return indices

    def _index(self, name: str, body: Any) -> Index | None:
        found = re.fullmatch(rf"{re.escape(self.alias)}[-.](\d{{4}}\.\d{{2}})(?:\.r\d+)?", name)
        if found is None:
            return None
        form = body["mappings"].get("_meta", {}).get("tingfeng", {}).get("form")
        return Index(name=name, month=found.group(1), form=form)

    def _make(self, name: str) -> None:
        if self._template_form(unknown=FORM) is None:
            raise StoreError(f"elasticsearch: index template {self.alias} is missing; {_SETUP}")
        try:
            self._client.indices.create(index=name)
        except ApiError as err:
            if err.error != "resource_already_exists_exception":
                raise api_error(err, f"make index {name}") from err
            self._await(name)
        except Exception:
            with answered(f"make index {name}"):
                raise

    def _await(self, name: str) -> None:
        """Wait a while for an index that another writer is just making; what still lacks then is told by the write."""
        with answered(f"wait for index {name}"):
            self._client.options(ignore_status=(403, 408)).cluster.health(
                index=name, wait_for_status="yellow", timeout="10s"
            )

    def _template_form(self, *, unknown: int | None = None) -> int | None:
        """Return the version of the template, None = missing; `unknown` where we may not look."""
        try:
            with answered("read the index template"):
                found = self._client.indices.get_index_template(name=self.alias)
        except StoreError as err:
            cause = err.__cause__
            status = cause.meta.status if isinstance(cause, ApiError) else 0
            if status == 404:
                return None
            if status == 403:
                return unknown
            raise
        return int(found["index_templates"][0]["index_template"].get("version", 0))

    def _replace_formless(self, index: Index) -> None:
        """Make an index anew that came to be before the template; only an empty one."""
        with answered(f"replace index {index.name}"):
            if self._client.count(index=index.name)["count"]:
                raise StoreError(
                    f"elasticsearch: index {index.name} has documents but not our mapping; remove it first"
                )
            self._client.indices.delete(index=index.name)
            self._client.indices.create(index=index.name)


def _newer(what: str, form: int) -> SchemaError:
    return SchemaError(
        f"{what} has form {form}, this program knows {FORM}: a newer Tingfeng wrote it. Install that version again."
    )
