"""`GET /api/v1/docs`: a page to read the API and to try it, served by us to the last byte."""

from pathlib import Path

from chalice.app import Blueprint, Response

from chalicelib.api.routing import PREFIX

ASSETS = Path(__file__).parent / "assets"
FILES = {
    "docs.js": "text/javascript; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
}
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

api = Blueprint(__name__)


@api.route(f"{PREFIX}/docs", methods=["GET"])
def page() -> Response:
    """The page. Its addresses are relative, so that it works below a stage's prefix."""
    return _respond("docs.html", "text/html; charset=utf-8")


@api.route(f"{PREFIX}/docs-assets/{{name}}", methods=["GET"])
def asset(name: str) -> Response:
    """The page's script and style."""
    if name not in FILES:
        return Response("There is no such file.", {"Content-Type": "text/plain"}, 404)
    return _respond(name, FILES[name])


def _respond(name: str, content_type: str) -> Response:
    return Response(
        (ASSETS / name).read_text("utf-8"), {**SECURITY, "Content-Type": content_type}, 200
    )
