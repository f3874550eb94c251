"""What is served for browsers: the panel, and the page to try the API."""

import re
from pathlib import Path
from typing import Any

import pytest
from chalice.test import Client

from chalicelib.api import openapi, panel
from tests.stack.gateway import Gateway

BROWSER = {"Accept": "*/*"}
ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "chalicelib" / "api" / "assets"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A panel as the build leaves it."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><head></head>page")
    (assets / "index-1a2b.js").write_text("plain")
    (assets / "index-1a2b.css").write_text("body {}")
    (assets / "icon.svg").write_text("<svg/>")
    (assets / "secret.txt").write_text("no")
    monkeypatch.setattr(panel, "PANEL", tmp_path)
    return tmp_path


@pytest.fixture
def gateway() -> Gateway:
    from app import app

    return Gateway(app)


def get(client: Client, path: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.http.get(path, headers={**BROWSER, **named})


def test_the_page_is_revalidated_and_strict(client: Client, built: Path) -> None:
    answer = get(client, "/")
    assert (answer.status_code, answer.body) == (200, b"<!doctype html><head></head>page")
    assert answer.headers["Cache-Control"] == "no-cache"
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-eval" not in policy
    again = get(client, "/", If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.body) == (304, b"")


def test_assets_are_kept_for_ever(client: Client, built: Path) -> None:
    answer = get(client, "/assets/index-1a2b.js")
    assert (answer.status_code, answer.body) == (200, b"plain")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


# What browsers ask with, for pages, module scripts, styles and images.
NAVIGATION = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
SCRIPT, STYLE, IMAGE = "*/*", "text/css,*/*;q=0.1", "image/avif,image/webp,image/*,*/*;q=0.8"
FILES = [
    ("/api/", NAVIGATION, "<!doctype html><head></head>page"),
    ("/api/assets/index-1a2b.js", SCRIPT, "plain"),
    ("/api/assets/index-1a2b.js", "text/javascript", "plain"),
    ("/api/assets/index-1a2b.css", STYLE, "body {}"),
    ("/api/assets/icon.svg", IMAGE, "<svg/>"),
    ("/api/api/v1/docs-assets/docs.js", SCRIPT, (DOCS / "docs.js").read_text()),
    ("/api/api/v1/docs-assets/docs.css", STYLE, (DOCS / "docs.css").read_text()),
    ("/api/api/v1/docs", NAVIGATION, (DOCS / "docs.html").read_text()),
]


@pytest.mark.parametrize(("path", "accept", "text"), FILES)
@pytest.mark.parametrize("encoding", ["gzip, deflate, br", "identity"])
def test_behind_api_gateway_browsers_read_what_was_built(
    gateway: Gateway, built: Path, path: str, accept: str, text: str, encoding: str
) -> None:
    answer = gateway.get(path, accept=accept, accept_encoding=encoding)
    assert (answer.status, answer.text) == (200, text)


def test_callers_without_an_accept_header_are_answered_too(gateway: Gateway, built: Path) -> None:
    for path in ("/api/", "/api/assets/index-1a2b.js", "/api/api/v1/docs"):
        assert gateway.get(path).status == 200, path


def test_the_gateway_compresses_what_is_long(gateway: Gateway, built: Path) -> None:
    (built / "assets" / "index-1a2b.js").write_text("plain " * 1_000)
    answer = gateway.get("/api/assets/index-1a2b.js", accept="*/*", accept_encoding="gzip, br")
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.body) < 200


def test_the_page_below_a_stage_finds_its_files_with_and_without_a_slash(
    gateway: Gateway, built: Path
) -> None:
    slashed, bare = gateway.get("/api/"), gateway.get("/api")
    assert "<base" not in slashed.text
    assert "base-uri 'none'" in slashed.headers["content-security-policy"]
    assert '<head><base href="/api/">' in bare.text
    assert "base-uri 'self'" in bare.headers["content-security-policy"]
    assert gateway.get("/api", if_none_match=bare.headers["etag"]).status == 304
    assert gateway.get("/api", if_none_match=slashed.headers["etag"]).status == 200


@pytest.mark.parametrize(
    "name", ["secret.txt", "missing.js", "..%2Findex.html", ".hidden.js", "index-1a2b.js.br"]
)
def test_nothing_else_is_served(client: Client, built: Path, name: str) -> None:
    assert get(client, f"/assets/{name}").status_code == 404


def test_a_panel_that_was_not_built_says_how(
    client: Client, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(panel, "PANEL", tmp_path)
    answer = get(client, "/")
    assert answer.status_code == 503
    assert b"make panel" in answer.body


def test_the_page_to_try_the_api_is_all_our_own(client: Client) -> None:
    answer = get(client, "/api/v1/docs")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    named = re.findall(r'(?:src|href)="(docs-assets/[^"]+)"', answer.body.decode())
    assert len(named) == 2
    for path in named:
        assert get(client, f"/api/v1/{path}").status_code == 200
    assert b"//" not in re.sub(rb"/\*.*?\*/", b"", answer.body)
    assert get(client, "/api/v1/docs-assets/other.js").status_code == 404


def test_the_description_in_the_docs_is_the_codes() -> None:
    written = (ROOT / "docs" / "openapi.json").read_text()
    assert written == openapi.text(), "run: make openapi"
