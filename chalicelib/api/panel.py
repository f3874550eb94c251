"""The panel: a static page and its assets, served by the same function as the API.

`/` is never cached but revalidated; everything it names carries a hash of its content and is cached
for ever. Where the caller takes brotli or gzip, the files that the build compressed are sent.

The app must list these content types as binary (`app.api.binary_types`), so that API Gateway
passes compressed bytes on unharmed.
"""

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from chalice.app import Blueprint, Response

PANEL = Path(__file__).parent.parent / "panel"
ASSET_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
BINARY_TYPES = sorted({kind.partition(";")[0] for kind in CONTENT_TYPES.values()})
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))  # best first
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
NOT_BUILT = (
    "<!doctype html><title>Plumber</title><p>The panel has not been built. "
    "<code>make panel</code> builds it; the API at <code>api/v1</code> works without."
)

api = Blueprint(__name__)


@api.route("/", methods=["GET"])
def index() -> Response:
    """The page."""
    page = PANEL / "index.html"
    if not page.is_file():
        return _respond(503, NOT_BUILT.encode(), {"Content-Type": CONTENT_TYPES[".html"]})
    etag = _etag(page, page.stat().st_mtime_ns)
    headers = {"Cache-Control": "no-cache", "ETag": etag, "Vary": "Accept-Encoding"}
    if api.current_request.headers.get("if-none-match") == etag:
        return _respond(304, "", headers)
    return _file(page, headers)


@api.route("/assets/{name}", methods=["GET"])
def asset(name: str) -> Response:
    """A file that the page names."""
    path = PANEL / "assets" / name
    if not ASSET_NAME.fullmatch(name) or path.suffix not in CONTENT_TYPES or not path.is_file():
        return _respond(404, "There is no such file.", {"Content-Type": "text/plain"})
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    return _file(path, headers)


def _file(path: Path, headers: dict[str, str]) -> Response:
    accepted = _accepted(api.current_request.headers.get("accept-encoding", ""))
    headers = {**headers, "Content-Type": CONTENT_TYPES[path.suffix]}
    for encoding, suffix in ENCODINGS:
        compressed = path.with_name(path.name + suffix)
        if encoding in accepted and compressed.is_file():
            return _respond(200, compressed.read_bytes(), {**headers, "Content-Encoding": encoding})
    return _respond(200, path.read_bytes(), headers)


def _accepted(header: str) -> set[str]:
    """The encodings that the caller takes."""
    parts = (part.strip().lower().replace(" ", "").partition(";q=") for part in header.split(","))
    return {name for name, _, weight in parts if name and weight not in ("0", "0.0", "0.00")}


def _respond(status: int, body: bytes | str, headers: dict[str, str]) -> Response:
    """Bytes go with a binary content type only, as Chalice wants it."""
    return Response(body, {**headers, **SECURITY_HEADERS}, status)


@lru_cache(maxsize=4)
def _etag(path: Path, changed_at: int) -> str:
    return f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}"'
