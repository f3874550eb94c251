"""The panel: a static page and its assets, served by the same function as the API.

`/` is never cached but revalidated; everything it names carries a hash of its content and is cached
for ever.

All of it is text, and goes out as text: API Gateway decodes a binary answer only for callers whose
`Accept` begins with a type that is listed as binary, and browsers fetch scripts with `*/*`. The
gateway compresses it on its way (`minimum_compression_size`).
"""

import hashlib
import html
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
}  # of text; the build refuses to make other files, see frontend/scripts/weigh.mjs
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; base-uri {base}; frame-ancestors 'none'; "
    "form-action 'self'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": POLICY.format(base="'none'"),
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
    """The page. Its addresses are relative, so that it works below a stage's prefix."""
    path = PANEL / "index.html"
    if not path.is_file():
        return _respond(503, NOT_BUILT, {"Content-Type": CONTENT_TYPES[".html"]})
    page, headers = path.read_text("utf-8"), {"Cache-Control": "no-cache"}
    asked = str(api.current_request.context.get("path") or "/")
    if not asked.endswith("/"):  # `…/api`: relative addresses would leave the stage
        page = page.replace("<head>", f'<head><base href="{html.escape(asked)}/">', 1)
        headers["Content-Security-Policy"] = POLICY.format(base="'self'")
    headers["ETag"] = etag = _etag(page)
    if api.current_request.headers.get("if-none-match") in (etag, f"W/{etag}"):
        return _respond(304, "", headers)
    return _respond(200, page, {**headers, "Content-Type": CONTENT_TYPES[".html"]})


@api.route("/assets/{name}", methods=["GET"])
def asset(name: str) -> Response:
    """A file that the page names."""
    path = PANEL / "assets" / name
    if not ASSET_NAME.fullmatch(name) or path.suffix not in CONTENT_TYPES or not path.is_file():
        return _respond(404, "There is no such file.", {"Content-Type": "text/plain"})
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Type": CONTENT_TYPES[path.suffix],
    }
    return _respond(200, path.read_text("utf-8"), headers)


def _respond(status: int, body: str, headers: dict[str, str]) -> Response:
    return Response(body, {**SECURITY_HEADERS, **headers}, status)


@lru_cache(maxsize=4)
def _etag(page: str) -> str:
    return f'"{hashlib.sha256(page.encode()).hexdigest()[:32]}"'
