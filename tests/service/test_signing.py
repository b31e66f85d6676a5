from collections.abc import Callable

import pytest

from config.settings import IngestPartner
from domain.secret import Secret
from service.signing import HEADERS, Keyring, signature_of

SECRET = "of-the-partner-0123456789abcdef"
BODY = b'{"platform":"weibo"}'
STAMP, NONCE = "1781940600", "0123456789abcdef"

Headers = dict[str, str]


def headers(secret: str = SECRET, *, partner: str = "shuju", path: str = "/v1/mentions", body: bytes = BODY) -> Headers:
    signed = signature_of(secret, stamp=STAMP, nonce=NONCE, method="POST", path=path, body=body)
    return dict(zip(HEADERS, (partner, STAMP, NONCE, signed), strict=True))


def keyring(*partners: tuple[str, str]) -> Keyring:
    named = partners or (("shuju", SECRET), ("other", "another-secret-0123456789abcdef"))
    return Keyring([IngestPartner(name=name, secret=Secret(secret)) for name, secret in named])


def test_signature_is_what_the_documentation_says() -> None:
    # printf 'v1\n1781940600\n0123456789abcdef\nPOST\n/v1/mentions\n{"platform":"weibo"}' | openssl dgst -sha256 -hmac …
    assert headers()["X-Tingfeng-Signature"] == ("v1=91c75b97b71d738341a5ad047998c3621e14e2088400d15ff09a9e5d077dbd37")


def test_a_partner_is_known_by_its_signature() -> None:
    signed = keyring().check(headers(), method="POST", path="/v1/mentions", body=BODY)
    assert signed is not None and (signed.partner, signed.at_s, signed.nonce) == ("shuju", int(STAMP), NONCE)


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h | {"X-Tingfeng-Partner": "other"},
        lambda h: h | {"X-Tingfeng-Partner": "nobody"},
        lambda h: h | {"X-Tingfeng-Partner": ""},
        lambda h: h | {"X-Tingfeng-Timestamp": "1781940601"},
        lambda h: h | {"X-Tingfeng-Timestamp": "now"},
        lambda h: h | {"X-Tingfeng-Nonce": "0123456789abcdeg"},
        lambda h: h | {"X-Tingfeng-Nonce": "short"},
        lambda h: h | {"X-Tingfeng-Signature": h["X-Tingfeng-Signature"][3:]},
        lambda h: h | {"X-Tingfeng-Signature": h["X-Tingfeng-Signature"].upper()},
        lambda h: h | {"X-Tingfeng-Signature": "v1=é\udc80"},
        lambda h: h | {"X-Tingfeng-Signature": ""},
        lambda h: headers("another-secret-0123456789abcdef"),
        lambda h: headers(path="/v1/other"),
        lambda h: headers(body=BODY + b" "),
        lambda h: {},
    ],
)
def test_anything_else_is_nobody(change: Callable[[Headers], Headers]) -> None:
    assert keyring().check(change(headers()), method="POST", path="/v1/mentions", body=BODY) is None


def test_the_method_is_signed_too() -> None:
    assert keyring().check(headers(), method="PUT", path="/v1/mentions", body=BODY) is None


def test_headers_cannot_be_moved_into_each_other() -> None:
    """A nonce with a line break would sign the same bytes as another pair of headers."""
    joined = signature_of(SECRET, stamp=STAMP, nonce=f"{NONCE}\nPOST", method="/v1", path="x", body=b"")
    given = dict(zip(HEADERS, ("shuju", STAMP, f"{NONCE}\nPOST", joined), strict=True))
    assert keyring().check(given, method="/v1", path="x", body=b"") is None


def test_while_a_secret_changes_both_are_good() -> None:
    ring = keyring(("shuju", SECRET), ("shuju", "its-new-secret-0123456789abcdef"), ("other", "o" * 30))
    for secret in (SECRET, "its-new-secret-0123456789abcdef"):
        assert ring.check(headers(secret), method="POST", path="/v1/mentions", body=BODY)
    assert ring.check(headers("o" * 30, partner="other"), method="POST", path="/v1/mentions", body=BODY)
    assert ring.check(headers("o" * 30), method="POST", path="/v1/mentions", body=BODY) is None


def test_as_many_secrets_are_tried_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = keyring(("shuju", SECRET), ("shuju", "its-new-secret-0123456789abcdef"), ("other", "o" * 30))
    tried: list[str] = []

    def counted(secret: str, **what: object) -> str:
        tried.append(secret)
        return "v1=no"

    monkeypatch.setattr("service.signing.signature_of", counted)
    for partner in ("shuju", "other", "nobody"):
        tried.clear()
        assert ring.check(headers(partner=partner), method="POST", path="/v1/mentions", body=BODY) is None
        assert len(tried) == 2


def test_secrets_are_not_shown() -> None:
    assert SECRET not in repr(keyring()) and SECRET not in repr(IngestPartner(name="a", secret=Secret(SECRET)))
