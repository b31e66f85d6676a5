"""Look at a cluster without changing anything: does it answer, is it of a kind we know, may we work on it."""

from collections.abc import Mapping
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from config.settings import StorageSettings
from storage.look import StoreLook
from storage.mentions.elastic.client import connect, settings_of
from storage.mentions.elastic.errors import answered
from storage.mentions.elastic.role import RUN

__all__ = ["look_at_cluster"]

MAJORS = (8, 9)
_NO_SECURITY = (400, 404, 405)


def look_at_cluster(storage: StorageSettings, *, timeout_s: float = 5.0) -> StoreLook:
    """Look at the cluster: its version, and whether our account has what the least role needs.

    Raises:
        StoreError: it does not answer, is no Elasticsearch, or refuses the login.
    """
    with connect(settings_of(storage)) as client:
        asking = client.options(request_timeout=timeout_s, max_retries=0)
        with answered("look at the cluster"):
            found = asking.info()
        version = str(found["version"]["number"])
        what = f"Elasticsearch {version} at {storage.elasticsearch_url}"
        if int(version.partition(".")[0]) not in MAJORS:
            return StoreLook(what=what, problem="its version is not known", fix="use Elasticsearch 8 or 9")
        if missing := _missing(asking, storage.index_prefix):
            return StoreLook(
                what=what,
                problem=f"our account lacks {', '.join(missing)}",
                fix="give its role the privileges of docs/elasticsearch.md",
            )
        return StoreLook(what=what)


def _missing(client: Elasticsearch, prefix: str) -> list[str]:
    """Return the privileges that the account lacks, sorted; none where the cluster has no logins."""
    names = [prefix, f"{prefix}-*"]
    privileges = RUN["indices"][0]["privileges"]
    try:
        answer: Mapping[str, Any] = client.security.has_privileges(
            cluster=RUN["cluster"], index=[{"names": names, "privileges": privileges}]
        ).body
    except ApiError as err:
        if err.meta.status in _NO_SECURITY:
            return []
        with answered("ask for its privileges"):
            raise
    lacking = {name for name, has in answer.get("cluster", {}).items() if not has}
    for granted in answer.get("index", {}).values():
        lacking |= {name for name, has in granted.items() if not has}
    return sorted(lacking)
