"""Connect to a cluster."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from config.settings import StorageSettings
from domain.secret import Secret
from storage.errors import StoreError
from storage.mentions.elastic.errors import answered

__all__ = ["ElasticSettings", "connect", "settings_of"]

REQUEST_TIMEOUT_S = 30.0
"""An answer that takes longer is an error that is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticSettings:
    """How to reach a cluster, and the form of the indices."""

    urls: tuple[str, ...]
    """Addresses of nodes of one cluster, at least one."""
    api_key: Secret | None = None
    """Encoded API key; goes before user and password."""
    user: str | None = None
    """User name; None = no login."""
    password: Secret | None = None
    """Password of the user."""
    ca: Path | None = None
    """File with the certificate authority; None = those of the system."""
    verify: bool = True
    """Whether the certificate is checked."""
    prefix: str = "mentions"
    """Name of the read alias; indices are `<prefix>-YYYY.MM`."""
    shards: int = 1
    """Primary shards of a new index."""
    replicas: int = 1
    """Most copies of each shard."""
    refresh_s: float = 1.0
    """Seconds after which what was written can be found; a put waits so long."""
    timeout_s: float = REQUEST_TIMEOUT_S
    """Seconds after which an answer is given up."""


def settings_of(storage: StorageSettings) -> ElasticSettings:
    """Return the part of the settings file that is about Elasticsearch.

    Raises:
        StoreError: no address is given.
    """
    if storage.elasticsearch_url is None:
        raise StoreError("storage.elasticsearch_url is missing: write the address, such as https://es.example.com:9200")
    return ElasticSettings(
        urls=(storage.elasticsearch_url, *storage.elasticsearch_nodes),
        api_key=storage.elasticsearch_api_key,
        user=storage.elasticsearch_user,
        password=storage.elasticsearch_password,
        ca=storage.elasticsearch_ca,
        verify=storage.elasticsearch_verify,
        prefix=storage.index_prefix,
        shards=storage.index_shards,
        replicas=storage.index_replicas,
        refresh_s=storage.index_refresh.total_seconds(),
    )


def connect(settings: ElasticSettings) -> Elasticsearch:
    """Return a client; nothing is asked of the cluster yet. Safe to use from several threads.

    Raises:
        StoreError: the settings cannot be used.
    """
    # Each failed request is told by our own errors, once.
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)
    options: dict[str, Any] = {
        "request_timeout": settings.timeout_s,
        "max_retries": max(1, len(settings.urls)),
        "retry_on_timeout": False,
        "retry_on_status": (502, 504),
        "connections_per_node": 10,
    }
    if settings.api_key is not None:
        options["api_key"] = settings.api_key.reveal()
    elif settings.user is not None:
        options["basic_auth"] = (settings.user, settings.password.reveal() if settings.password else "")
    if any(url.startswith("https") for url in settings.urls):
        options["verify_certs"] = settings.verify
        if not settings.verify:
            options["ssl_show_warn"] = False
        elif settings.ca is not None:
            if not settings.ca.is_file():
                raise StoreError(f"storage.elasticsearch_ca: {settings.ca} is no file")
            options["ca_certs"] = str(settings.ca)
    try:
        with answered("connect"):
            return Elasticsearch(list(settings.urls), **options)
    except (ValueError, OSError) as err:
        raise StoreError(f"storage.elasticsearch: cannot be used: {err}") from err
