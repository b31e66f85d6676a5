import json
from typing import Any

import pytest

from crawlers.base import Parsed, Platform, Response
from crawlers.grant import Granted, grant_request, has_key, read_grant
from crawlers.platforms import build_platform
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.pages import NOW, source


def grant(name: str) -> Any:
    platform: Platform = build_platform(name)
    assert platform.grant is not None
    return platform.grant


def read(name: str, body: object, status: int = 200, **headers: str) -> Granted | Parsed:
    raw = body if isinstance(body, str) else json.dumps(body)
    return read_grant(grant(name), Response(url="u", status=status, headers=headers, body=raw.encode(), now=NOW))


def test_reddit_is_asked_with_basic_and_a_form() -> None:
    headers, body = grant_request(grant("reddit"), "id", "s:3cret")
    assert headers["Authorization"].reveal() == "Basic aWQ6czozY3JldA=="
    assert headers["Content-Type"].reveal() == "application/x-www-form-urlencoded"
    assert body.reveal() == "grant_type=client_credentials"
    assert "s:3cret" not in f"{headers} {body}"


def test_douyin_is_asked_with_json_and_its_own_names() -> None:
    headers, body = grant_request(grant("douyin"), "key", "s3cret")
    assert headers["Content-Type"].reveal() == "application/json"
    asked = {"client_key": "key", "client_secret": "s3cret", "grant_type": "client_credential"}
    assert json.loads(body.reveal()) == asked
    assert grant("douyin").url == "https://open.douyin.com/oauth/client_token/"


@pytest.mark.parametrize(
    ("name", "body", "life_s"),
    [
        ("reddit", {"access_token": "eyJ.a-b_c", "token_type": "bearer", "expires_in": 86400, "scope": "*"}, 86_400),
        ("reddit", {"access_token": "eyJ.a-b_c"}, 3_600),
        ("reddit", {"access_token": "eyJ.a-b_c", "expires_in": "nonsense"}, 3_600),
        ("reddit", {"access_token": "eyJ.a-b_c", "expires_in": 0}, 30),
        ("reddit", {"access_token": "eyJ.a-b_c", "expires_in": 10**9}, 30 * 86_400),
        ("douyin", {"data": {"access_token": "eyJ.a-b_c", "expires_in": 7200, "error_code": 0}, "message": "success"},
         7_200),
    ],
)  # fmt: skip
def test_token_and_its_life_are_read(name: str, body: object, life_s: int) -> None:
    assert read(name, body) == Granted(token=Secret("eyJ.a-b_c"), life_s=life_s)


@pytest.mark.parametrize(
    ("name", "body", "status", "outcome"),
    [
        ("reddit", {"message": "Unauthorized", "error": 401}, 401, F.AUTH_FAILED),
        ("reddit", {"error": "invalid_client"}, 400, F.AUTH_FAILED),
        ("reddit", {"error": "invalid_grant"}, 200, F.AUTH_FAILED),
        ("reddit", {"error": "unsupported_grant_type"}, 200, F.AUTH_REQUIRED),
        ("reddit", {"message": "Too Many Requests", "error": 429}, 429, F.RATE_LIMITED),
        ("reddit", "<html>whoa there, pardner</html>", 429, F.RATE_LIMITED),
        ("reddit", "<html>down</html>", 503, F.ERROR),
        ("reddit", "", 200, F.PARSE_ERROR),
        ("reddit", "", 401, F.AUTH_FAILED),
        ("reddit", {}, 200, F.SCHEMA_ERROR),
        ("reddit", [], 200, F.SCHEMA_ERROR),
        ("reddit", {"access_token": "two words"}, 200, F.SCHEMA_ERROR),
        ("reddit", {"access_token": "a\r\nX-Evil: 1"}, 200, F.SCHEMA_ERROR),
        ("reddit", {"access_token": {"a": 1}}, 200, F.SCHEMA_ERROR),
        ("douyin", {"data": {"error_code": 10013, "description": "client_secret错误"}, "message": "error"}, 200,
         F.AUTH_FAILED),
        ("douyin", {"data": {"error_code": 2100004, "description": "系统繁忙"}}, 200, F.RATE_LIMITED),
        ("douyin", {"data": "x"}, 200, F.SCHEMA_ERROR),
    ],
)  # fmt: skip
def test_refusals_have_their_outcome(name: str, body: object, status: int, outcome: F) -> None:
    parsed = read(name, body, status)
    assert isinstance(parsed, Parsed)
    assert parsed.outcome is outcome
    assert parsed.detail.startswith("token request: ")


@pytest.mark.parametrize("status", [200, 400, 401])
def test_words_that_repeat_what_was_sent_are_not_told(status: int) -> None:
    body = {"error": "s3cret-of-ours", "error_description": "s3cret-of-ours is wrong", "message": "s3cret-of-ours"}
    for form in (body, {"data": {"description": "s3cret-of-ours", "error_code": "s3cret-of-ours"}}, "s3cret-of-ours"):
        for name in ("reddit", "douyin"):
            assert "s3cret" not in repr(read(name, form, status))


def test_token_or_both_of_id_and_secret_are_a_key() -> None:
    assert has_key(source(token=Secret("t")))
    assert has_key(source(client_id="a", client_secret=Secret("s")))
    assert not has_key(source(client_id="a"))
    assert not has_key(source(client_secret=Secret("s")))
