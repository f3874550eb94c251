"""API Gateway before the app, by the rules that Chalice's local server does not know.

A REST API with Lambda's proxy integration:
- answers are JSON of at most 6 MB; a body in base64 is decoded only where the *first* type of the
  caller's `Accept` is a binary media type of the API, else the caller gets the base64 text
  (docs.aws.amazon.com/apigateway: "lambda-proxy-binary-media", "Content type conversions");
- text of `minimum_compression_size` or more is sent as gzip to who takes it; brotli is not known;
- a body comes to the function as text, and not at all when it is empty;
- everything lies below the stage's name, with and without a trailing slash.
"""

import base64
import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalice.app import Chalice

from infra.local.connections import GatewayRefusal
from infra.local.environment import ROOT
from infra.local.gateway import Matcher

ANSWER_BYTES = 6 << 20
CONFIG = json.loads((ROOT / ".chalice" / "config.json").read_text())
STAGE = "/" + CONFIG["stages"]["dev"]["api_gateway_stage"]


@dataclass(frozen=True)
class Answer:
    """What the caller gets. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """As a browser reads it."""
        is_packed = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.body) if is_packed else self.body).decode()


class Gateway:
    """One stage of a deployed app."""

    def __init__(self, app: Chalice) -> None:
        self._app = app
        self._matcher = Matcher(list(app.routes))

    def get(self, path: str, **headers: str) -> Answer:
        """`path` with the stage's prefix; headers such as `accept_encoding`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("GET", path, named)

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """`headers` have lower-case names."""
        below = path.partition("?")[0].removeprefix(STAGE) or "/"
        if not path.startswith(STAGE):
            return Answer(403, {}, b'{"message":"Forbidden"}')
        try:
            found = self._matcher.match_route(below)
        except GatewayRefusal as refused:
            return Answer(refused.CODE, {}, refused.body)
        event = {
            "httpMethod": method,
            "path": below,
            "headers": dict(headers),
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "multiValueQueryStringParameters": found.query_params or None,
            "pathParameters": found.captured or None,
            "stageVariables": None,
            "body": body.decode() or None,
            "isBase64Encoded": False,
            "requestContext": {
                "httpMethod": method,
                "resourcePath": found.route,
                "path": path.partition("?")[0],
                "stage": STAGE[1:],
                "identity": {"sourceIp": "192.0.2.1"},
                "requestId": "from-the-gateway",
            },
        }
        said = json.dumps(self._app(event, None))
        if len(said) > ANSWER_BYTES:
            return Answer(502, {}, b'{"message": "Internal server error"}')
        return self._handed_on(json.loads(said), headers)

    def _handed_on(self, answer: Mapping[str, Any], asked: Mapping[str, str]) -> Answer:
        headers = {name.lower(): str(value) for name, value in answer["headers"].items()}
        body = answer["body"].encode()
        if answer.get("isBase64Encoded"):
            first = asked.get("accept", "").partition(",")[0].partition(";")[0].strip()
            if {first, "*/*"} & set(self._app.api.binary_types) and first:
                body = base64.b64decode(body)
        takes_gzip = "gzip" in asked.get("accept-encoding", "")
        is_long = len(body) >= CONFIG["minimum_compression_size"]
        if takes_gzip and is_long and "content-encoding" not in headers:
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body)
        return Answer(answer["statusCode"], headers, body)


@contextmanager
def served(app: Chalice) -> Iterator[str]:
    """The stage's address, without a trailing slash, for a browser."""
    gateway = Gateway(app)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = gateway.send("GET", self.path, headers)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{STAGE}"
        finally:
            server.shutdown()
            thread.join()
