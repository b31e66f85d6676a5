"""Certificates of a cluster: trusted by its authority, refused with the setting to change, or not checked at all."""

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from storage.errors import StoreError
from storage.mentions.elastic.client import ElasticSettings
from storage.mentions.elastic.store import ElasticMentions
from tests.storage.mentions.elastic.cluster import FakeCluster, fake_cluster


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path_factory.mktemp("tls") / "es.pem"
    path.write_bytes(
        made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[FakeCluster]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with fake_cluster(context) as cluster:
        cluster.on("/mentions,mentions-*/_mapping", (200, {}))
        cluster.on("/_index_template", (200, {"index_templates": [{"name": "m", "index_template": {"version": 1}}]}))
        yield cluster


def test_an_unknown_authority_is_refused_with_the_setting_to_change(secure: FakeCluster) -> None:
    with pytest.raises(StoreError, match="elasticsearch_ca") as caught:
        ElasticMentions(ElasticSettings(urls=(secure.url,)))
    assert not caught.value.retryable


def test_the_authority_of_the_settings_is_trusted(secure: FakeCluster, certificate: Path) -> None:
    ElasticMentions(ElasticSettings(urls=(secure.url,), ca=certificate)).close()


def test_an_operator_may_leave_the_certificate_unchecked(secure: FakeCluster) -> None:
    ElasticMentions(ElasticSettings(urls=(secure.url,), verify=False)).close()
