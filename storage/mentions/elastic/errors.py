"""Answers of Elasticsearch as errors of the store: what may be tried again, and what a person must do."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from elasticsearch import ApiError, ConnectionTimeout, SSLError, TransportError, UnsupportedProductError

from storage.errors import RejectedError, StoreError

__all__ = ["CLOSED_TYPES", "answered", "api_error", "item_error", "reason_of"]

CLOSED_TYPES = frozenset(
    {
        "cluster_block_exception",
        "es_rejected_execution_exception",
        "circuit_breaking_exception",
        "no_shard_available_action_exception",
        "unavailable_shards_exception",
        "master_not_discovered_exception",
        "process_cluster_event_timeout_exception",
        "node_closed_exception",
        "index_not_found_exception",
    }
)
"""Kinds of error that pass by themselves: full, blocked, no master, a shard or an index on its way."""

_REFUSED_TYPES = frozenset({"document_parsing_exception", "mapper_parsing_exception"})
"""Kinds of error of one document of a bulk that lie in what it holds."""

_ACTION = re.compile(r"action \[(\S{1,120})\] is")
_GRANTED = re.compile(r"granted by the (\w+) privileges? \[([^\]]{1,200})\]")
_MAX_REASON = 300


@contextmanager
def answered(action: str) -> Iterator[None]:
    """Turn what the client raises into errors of the store.

    Args:
        action: what was being done, for the message, such as `search`.

    Raises:
        StoreError: retryable while the cluster is away, full or blocked; not retryable for
            refused credentials, a missing privilege, a bad certificate or a bad request.
    """
    try:
        yield
    except UnsupportedProductError as err:
        raise StoreError(f"elasticsearch: cannot {action}: the address answers, but is no Elasticsearch") from err
    except ApiError as err:
        raise api_error(err, action) from err
    except SSLError as err:
        raise StoreError(
            f"elasticsearch: cannot {action}: the certificate is not trusted; "
            "name its authority in storage.elasticsearch_ca"
        ) from err
    except ConnectionTimeout as err:
        raise StoreError(f"elasticsearch: cannot {action}: no answer in time", retryable=True) from err
    except (RecursionError, MemoryError) as err:
        raise StoreError(f"elasticsearch: cannot {action}: no honest answer, but a giant one", retryable=True) from err
    except TransportError as err:
        raise StoreError(
            f"elasticsearch: cannot {action}: not reachable ({_short(err.message)})", retryable=True
        ) from err


def api_error(err: ApiError, action: str) -> StoreError:
    """Return an answer with an error status as an error of the store."""
    kind, reason = reason_of(err.body)
    return _error(err.meta.status, kind, reason, action)


def item_error(status: int, kind: str, reason: str, action: str) -> StoreError:
    """Return one failed item of a bulk as an error of the store; it may concern that item alone."""
    error = _error(status, kind, reason, action)
    return RejectedError(str(error)) if status == 400 and kind in _REFUSED_TYPES else error


def _error(status: int, kind: str, reason: str, action: str) -> StoreError:
    if status == 401:
        return StoreError(
            f"elasticsearch: cannot {action}: user, password or API key refused (wrong or expired); "
            "set storage.elasticsearch_api_key, or storage.elasticsearch_user and storage.elasticsearch_password"
        )
    if kind in CLOSED_TYPES or status in (408, 429) or status >= 500:
        return StoreError(f"elasticsearch: cannot {action} now: {kind} {_short(reason)}".rstrip(), retryable=True)
    if status == 403:
        return StoreError(f"elasticsearch: cannot {action}: {_missing(reason)}")
    return StoreError(f"elasticsearch: cannot {action}: {status} {kind} {_short(reason)}".rstrip())


def reason_of(body: object) -> tuple[str, str]:
    """Return kind and reason of an error answer; empty where it has none.

    A search that failed on its shards names the shards' reason.
    """
    error: Any = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, str):
        return "", error
    if not isinstance(error, Mapping):
        return "", ""
    causes = error.get("root_cause") or [error]
    cause = causes[0] if isinstance(causes[0], Mapping) else error
    kind = str(error.get("type", ""))
    if kind in ("search_phase_execution_exception", "") and cause.get("type"):
        kind = str(cause["type"])
    return kind, str(cause.get("reason") or error.get("reason") or "")


def _missing(reason: str) -> str:
    action, granted = _ACTION.search(reason), _GRANTED.search(reason)
    if granted is None or action is None:
        return f"not allowed; give its role the privileges of docs/elasticsearch.md ({_short(reason)})"
    level, names = granted.groups()
    return f"missing {level} privilege for {action.group(1)}: one of {names}; see the role in docs/elasticsearch.md"


def _short(text: object) -> str:
    return " ".join(str(text).split())[:_MAX_REASON]
