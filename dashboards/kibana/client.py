"""Talks to Kibana's saved objects API, and says what an answer means and what to do."""

import base64
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from dashboards.errors import KibanaError
from dashboards.kibana.saved import DATA_VIEW_ID, Json, read_ndjson
from domain.secret import Secret

__all__ = ["ImportAnswer", "ImportProblem", "Kibana", "KibanaAccess"]

OLDEST = (8, 14)
"""Oldest Kibana that reads the objects."""
_LIMIT_BYTES = 64_000_000
_SAID_CHARS = 300
_FIXES: Mapping[str, str] = {
    "conflict": "an object of that id is there and may not be replaced: run install again without --keep",
    "ambiguous_conflict": "several copies from other spaces are there: delete them in Stack Management → Saved Objects",
    "missing_references": "objects it needs are missing: import the whole file, not a part of it",
    "unsupported_type": "this Kibana does not know such objects: it needs 8.14 or newer with dashboards and Discover",
    "unknown": "Kibana did not say why: look into its log at the time of the import",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KibanaAccess:
    """Where Kibana is and who asks."""

    url: str
    """Address, with the base path if Kibana has one."""
    space: str = ""
    """Space; empty = the default one."""
    api_key: Secret | None = None
    """Encoded API key; goes before a password."""
    user: str | None = None
    """User name; None = none."""
    password: Secret | None = None
    """Password; None = none."""
    ca: Path | None = None
    """File with the authority that signed Kibana's certificate; None = the system's."""
    verify: bool = True
    """Check the certificate."""
    timeout_s: float = 60.0
    """Limit of one call, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProblem:
    """An object that was not taken."""

    type: str
    """Its type."""
    id: str
    """Its id."""
    title: str
    """Its title; empty = not said."""
    kind: str
    """Kibana's kind of error."""
    fix: str
    """What it means and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportAnswer:
    """What an import did."""

    success: bool
    """Whether every object was taken; the HTTP status says nothing about it."""
    taken: int
    """Objects that were taken."""
    problems: tuple[ImportProblem, ...] = field(default=())
    """Objects that were not."""


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow nothing: a redirect leads to a login page, and credentials must not go elsewhere."""


class Kibana:
    """The parts of Kibana's API that installing and checking need; every call may block."""

    def __init__(self, access: KibanaAccess) -> None:
        self._access = access
        space = f"/s/{quote(access.space, safe='')}" if access.space else ""
        self._root = access.url.rstrip("/")
        self._base = self._root + space
        self._opener = _opener(access)

    def version(self) -> tuple[int, ...] | None:
        """Return Kibana's version; None = it does not say (an anonymous caller is not told).

        Raises:
            KibanaError: no answer, refused, or it is older than 8.14.
        """
        status = self._json("GET", f"{self._root}/api/status")
        version = status.get("version")
        number = str(version.get("number") or "")[:40] if isinstance(version, dict) else ""
        parts = tuple(int(part) for part in number.split("-")[0].split(".") if part.isdecimal())
        if not parts:
            return None
        if parts < OLDEST:
            raise KibanaError(f"Kibana {number} is too old: these objects need 8.14 or newer")
        return parts

    def import_objects(self, ndjson: str, *, overwrite: bool = True) -> ImportAnswer:
        """Import objects and read what became of each.

        Raises:
            KibanaError: no answer, or the whole import was refused.
        """
        boundary = "tingfeng-7d1f0b1c5f8e4b6a"
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="tingfeng.ndjson"\r\n'
            f"Content-Type: application/ndjson\r\n\r\n{ndjson}\r\n--{boundary}--\r\n"
        ).encode()
        path = f"{self._base}/api/saved_objects/_import{'?overwrite=true' if overwrite else ''}"
        answer = self._json("POST", path, body=body, kind=f"multipart/form-data; boundary={boundary}")
        if "success" not in answer:
            raise KibanaError("Kibana's answer to the import does not say whether it worked; nothing is known of it")
        return ImportAnswer(
            success=answer["success"] is True and not answer.get("errors"),
            taken=taken if isinstance(taken := answer.get("successCount"), int) else 0,
            problems=tuple(_problem(each) for each in _objects(answer.get("errors"))),
        )

    def export_objects(self, objects: Sequence[tuple[str, str]]) -> Sequence[Json]:
        """Return objects by (type, id) as Kibana keeps them.

        Raises:
            KibanaError: no answer, or one of them is missing.
        """
        asked = {
            "excludeExportDetails": True,
            "includeReferencesDeep": False,
            "objects": [{"id": id, "type": type} for type, id in objects],
        }
        raw = self._call("POST", f"{self._base}/api/saved_objects/_export", body=json.dumps(asked).encode())
        try:
            found = read_ndjson(raw.decode("utf-8"))
        except (ValueError, RecursionError) as err:
            raise KibanaError(f"Kibana's export cannot be read: {err}") from err
        failed = [each for each in found if each.get("error")]
        if failed:
            raise KibanaError(f"Kibana could not export {failed[0].get('type')} {failed[0].get('id')}; install again")
        return found

    def make_default(self) -> None:
        """Make ours the default data view where the space has none yet.

        Raises:
            KibanaError: no answer, or refused.
        """
        body = json.dumps({"data_view_id": DATA_VIEW_ID, "force": False}).encode()
        self._json("POST", f"{self._base}/api/data_views/default", body=body)

    def _json(self, method: str, url: str, *, body: bytes | None = None, kind: str = "application/json") -> Json:
        raw = self._call(method, url, body=body, kind=kind)
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError) as err:
            raise KibanaError(f"{self._root} answers, but not as Kibana does; is the address right?") from err
        if not isinstance(answer, dict):
            raise KibanaError(f"{self._root} answers, but not as Kibana does; is the address right?")
        return answer

    def _call(self, method: str, url: str, *, body: bytes | None = None, kind: str = "application/json") -> bytes:
        request = Request(url, data=body, method=method)
        request.add_header("kbn-xsrf", "true")
        request.add_header("User-Agent", "tingfeng")
        if body is not None:
            request.add_header("Content-Type", kind)
        credentials = _credentials(self._access)
        if credentials:
            request.add_unredirected_header("Authorization", credentials)
        try:
            with self._opener.open(request, timeout=self._access.timeout_s) as answer:
                return bytes(answer.read(_LIMIT_BYTES))
        except HTTPError as err:
            with err:
                raise _refused(self._root, err.code, err.read(_LIMIT_BYTES)) from err
        except URLError as err:
            raise _unreachable(self._root, err.reason) from err
        except (OSError, HTTPException) as err:
            raise _unreachable(self._root, err) from err


def _opener(access: KibanaAccess) -> OpenerDirector:
    try:
        context = ssl.create_default_context(cafile=str(access.ca) if access.ca else None)
    except (OSError, ssl.SSLError) as err:
        raise KibanaError(f"kibana.ca: {access.ca} cannot be used: {err}") from err
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return build_opener(ProxyHandler({}), _NoRedirect(), HTTPSHandler(context=context))


def _credentials(access: KibanaAccess) -> str:
    if access.api_key is not None:
        return f"ApiKey {access.api_key.reveal()}"
    if access.user is None:
        return ""
    password = access.password.reveal() if access.password else ""
    return "Basic " + base64.b64encode(f"{access.user}:{password}".encode()).decode()


def _problem(error: Mapping[str, Any]) -> ImportProblem:
    told = error.get("error")
    told = told if isinstance(told, dict) else {}
    kind = str(told.get("type", "unknown"))
    fix = _FIXES.get(kind, _FIXES["unknown"])
    if kind == "missing_references":
        missing = ", ".join(f"{each.get('type')} {each.get('id')}" for each in _objects(told.get("references")))
        fix = f"{fix} ({missing})" if missing else fix
    if kind == "unknown" and told.get("message"):
        fix = f"{_one_line(str(told['message']))} → {fix}"
    meta = error.get("meta")
    title = (meta.get("title") if isinstance(meta, dict) else None) or error.get("title") or ""
    return ImportProblem(
        type=str(error.get("type", "")), id=str(error.get("id", "")), title=str(title), kind=kind, fix=fix
    )


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _refused(root: str, status: int, body: bytes) -> KibanaError:
    try:
        answer = json.loads(body)
        said = _one_line(str(answer.get("message", ""))) if isinstance(answer, dict) else ""
    except (ValueError, RecursionError):
        said = ""
    fixes = {
        400: "Kibana did not take the request",
        401: "the API key or password is wrong or expired: make a new one in Stack Management → API keys",
        403: "the login needs the privilege All on Dashboard, Discover and Saved Objects Management in the space",
        404: "there is no such page or space: check the address, its base path, and kibana.space",
        413: "the file is larger than savedObjects.maxImportPayloadBytes in kibana.yml",
        422: "the objects are of a newer Kibana than this one, which needs to be 8.14 or newer",
        429: "Kibana is busy; try again later",
        503: "Kibana is not ready; try again in a minute",
    }
    if 300 <= status < 400:
        what = "it redirects, mostly to a login page: give kibana.api_key, and the address people use"
    else:
        what = fixes.get(status, "try again, and look into Kibana's log if it stays")
    tail = f" (Kibana says: {said})" if said else ""
    return KibanaError(f"Kibana {root} answered {status}: {what}{tail}", status=status, retryable=status >= 429)


def _unreachable(root: str, reason: object) -> KibanaError:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return KibanaError(f"Kibana {root}: its certificate is not trusted ({reason.verify_message}); set kibana.ca")
    if isinstance(reason, ssl.SSLError):
        return KibanaError(f"Kibana {root}: no TLS there ({reason.reason}); is it http:// instead of https://?")
    said = _one_line(str(reason)) or type(reason).__name__
    return KibanaError(f"Kibana {root} cannot be reached: {said}", retryable=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_SAID_CHARS]
