"""A Kibana on loopback that keeps saved objects and refuses what the real one refuses.

What it refuses follows contracts known of Kibana 8.14: the xsrf header, the form of an import,
versions, types, references, unknown attributes. It renders nothing.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]

KNOWN = {"dashboard": (10, 2, 0), "search": (10, 3, 0), "index-pattern": (8, 0, 0), "tag": (8, 0, 0)}
"""Newest version of each type that 8.14 knows."""
STRINGS = {
    "dashboard": ("panelsJSON", "optionsJSON", "title", "description"),
    "search": ("title", "description"),
    "index-pattern": ("title", "fieldAttrs", "fieldFormatMap", "runtimeFieldMap", "timeFieldName"),
}
ATTRIBUTES = {
    "dashboard": {
        "title",
        "description",
        "panelsJSON",
        "optionsJSON",
        "controlGroupInput",
        "kibanaSavedObjectMeta",
        "timeRestore",
        "timeFrom",
        "timeTo",
        "refreshInterval",
        "version",
        "hits",
    },
    "search": {
        "title",
        "description",
        "columns",
        "sort",
        "grid",
        "hideChart",
        "isTextBasedQuery",
        "kibanaSavedObjectMeta",
        "timeRestore",
        "timeRange",
    },
    "index-pattern": {
        "title",
        "name",
        "type",
        "typeMeta",
        "timeFieldName",
        "fields",
        "fieldAttrs",
        "fieldFormatMap",
        "runtimeFieldMap",
        "sourceFilters",
        "allowNoIndex",
        "allowHidden",
    },
}
CONTROLS = {"controlStyle", "chainingSystem", "panelsJSON", "ignoreParentSettingsJSON"}


class RefusedError(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class FakeKibana:
    """What the fake knows and how it behaves."""

    version: str = "8.14.3"
    api_key: str | None = None
    password: tuple[str, str] | None = None
    spaces: tuple[str, ...] = ("",)
    base_path: str = ""
    forbidden: bool = False
    objects: dict[tuple[str, str], Json] = field(default_factory=dict)
    default_view: str | None = None
    raw: tuple[int, str] | None = None
    """An answer for every call, whatever is asked; None = its own."""
    lose: set[str] = field(default_factory=set)
    """Types that an import reports as taken and forgets."""
    broken: set[str] = field(default_factory=set)
    """Types that fail for a reason of its own."""
    calls: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> str:
        parts = urlsplit(target)
        self.calls.append(f"{method} {unquote(parts.path)}")
        if self.raw is not None:
            raise RefusedError(*self.raw)
        path = self._inside(unquote(parts.path))
        if method == "POST" and "kbn-xsrf" not in headers:
            raise RefusedError(400, "Request must contain a kbn-xsrf header.")
        self._log_in(headers)
        if (method, path) == ("GET", "/api/status"):
            return json.dumps({"name": "fake", "version": {"number": self.version}} if self.version else {"name": "x"})
        if self.forbidden:
            raise RefusedError(403, "Unable to bulk_create dashboard,index-pattern,search")
        match method, path:
            case "POST", "/api/saved_objects/_import":
                return json.dumps(self._import(parse_qs(parts.query), headers, body))
            case "POST", "/api/saved_objects/_export":
                return self._export(json.loads(body))
            case "POST", "/api/data_views/default":
                given = json.loads(body)
                if self.default_view is None or given.get("force"):
                    self.default_view = given["data_view_id"]
                return json.dumps({"acknowledged": True})
        raise RefusedError(404, "Not Found")

    def _inside(self, path: str) -> str:
        if not path.startswith(self.base_path):
            raise RefusedError(404, "Not Found")
        path = path.removeprefix(self.base_path)
        found = re.match(r"/s/([^/]+)(/.*)", path)
        space, rest = (found[1], found[2]) if found else ("", path)
        if space not in self.spaces:
            raise RefusedError(404, "Not Found")
        return rest

    def _log_in(self, headers: Any) -> None:
        given = headers.get("Authorization")
        if self.api_key is not None and given != f"ApiKey {self.api_key}":
            raise RefusedError(401, "[security_exception]: unable to authenticate with provided credentials")
        if self.password is not None:
            wanted = base64.b64encode(":".join(self.password).encode()).decode()
            if given != f"Basic {wanted}":
                raise RefusedError(401, "Unauthorized")

    # --- import and export -----------------------------------------------------------------------------------

    def _import(self, query: dict[str, list[str]], headers: Any, body: bytes) -> Json:
        if "overwrite" in query and "createNewCopies" in query:
            raise RefusedError(400, "cannot use [overwrite] with [createNewCopies]")
        lines = _file_of(headers, body)
        objects = [json.loads(line) for line in lines if line.strip()]
        keys = [(each["type"], each["id"]) for each in objects]
        if len(set(keys)) != len(keys):
            raise RefusedError(400, "Non-unique import objects detected")
        for each in objects:
            self._check_version(each)
        errors, taken = [], []
        for each in objects:
            error = self._check(each, set(keys), overwrite="overwrite" in query)
            if error is not None:
                meta = {"title": each["attributes"].get("title")}
                errors.append({"id": each["id"], "type": each["type"], "meta": meta, "error": error})
                continue
            taken.append({"id": each["id"], "type": each["type"]})
            if each["type"] not in self.lose:
                self.objects[each["type"], each["id"]] = each
        answer: Json = {"success": not errors, "successCount": len(taken), "successResults": taken}
        return answer | ({"errors": errors} if errors else {})

    def _check_version(self, each: Json) -> None:
        version = each.get("typeMigrationVersion")
        if version is None or each.get("coreMigrationVersion") is None:
            raise RefusedError(500, "Internal Server Error")
        known = KNOWN.get(each["type"])
        if known and tuple(int(part) for part in version.split(".")) > known:
            last = ".".join(str(part) for part in known)
            raise RefusedError(
                422,
                f'Document "{each["id"]}" belongs to a more recent version of Kibana [{version}] '
                f"when the last known version is [{last}].",
            )

    def _check(self, each: Json, here: set[tuple[str, str]], *, overwrite: bool) -> Json | None:
        type, attributes = each["type"], each["attributes"]
        if type not in ATTRIBUTES:
            return {"type": "unsupported_type"}
        missing = [
            {"type": reference["type"], "id": reference["id"]}
            for reference in each["references"]
            if (reference["type"], reference["id"]) not in here | set(self.objects)
            and reference["type"] in ("index-pattern", "search")
        ]
        if missing:
            return {"type": "missing_references", "references": missing}
        if (type, each["id"]) in self.objects and not overwrite:
            return {"type": "conflict"}
        strange = set(attributes) - ATTRIBUTES[type]
        strange |= set(attributes.get("controlGroupInput", ())) - CONTROLS
        loose = [name for name in STRINGS[type] if not isinstance(attributes.get(name), str)]
        if strange or loose or type in self.broken:
            said = f"[attributes.{[*strange, *loose, 'x'][0]}]: definition for this key is missing"
            return {"type": "unknown", "message": said, "statusCode": 400}
        return None

    def _export(self, asked: Json) -> str:
        found = []
        for each in asked["objects"]:
            kept = self.objects.get((each["type"], each["id"]))
            error = {"error": {"statusCode": 404, "message": "Not found"}}
            found.append(kept if kept is not None else {"type": each["type"], "id": each["id"], **error})
        if any("error" in each for each in found):
            raise RefusedError(400, "Bad Request")
        return "\n".join(json.dumps(each) for each in found)


def _file_of(headers: Any, body: bytes) -> list[str]:
    kind = headers.get("Content-Type", "")
    found = re.fullmatch(r"multipart/form-data; boundary=(\S+)", kind)
    if found is None:
        raise RefusedError(415, "Unsupported Media Type")
    parts = body.split(b"--" + found[1].encode())
    assert parts[-1] in (b"--\r\n", b"--")
    head, _, content = parts[1].removeprefix(b"\r\n").partition(b"\r\n\r\n")
    name = re.search(rb'name="file"; filename="([^"]+)"', head)
    if name is None:
        raise RefusedError(400, "[request body.file]: expected value of type [Stream] but got [undefined]")
    if not name[1].endswith(b".ndjson"):
        raise RefusedError(400, "Invalid file extension")
    return content.removesuffix(b"\r\n").decode().split("\n")


@contextmanager
def serving(kibana: FakeKibana) -> Iterator[FakeKibana]:
    """Answer on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, text = 200, kibana.answer(self.command, self.path, self.headers, body)
            except RefusedError as refused:
                status, text = refused.status, str(refused)
                if kibana.raw is None:
                    text = json.dumps({"statusCode": status, "error": "x", "message": text})
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/login?next=%2F")
            raw = text.encode()
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def do_GET(self) -> None:
            self._do()

        def do_POST(self) -> None:
            self._do()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    kibana.url = f"http://127.0.0.1:{server.server_address[1]}{kibana.base_path}"
    try:
        yield kibana
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
