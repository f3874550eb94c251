"""What is served for browsers: the panel, and the page to try the API."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from chalice.test import Client

from chalicelib.api import openapi, panel

BROWSER = {"Accept": "*/*"}
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A panel as the build leaves it."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>page")
    (assets / "index-1a2b.js").write_text("plain")
    (assets / "index-1a2b.js.gz").write_bytes(gzip.compress(b"plain"))
    (assets / "index-1a2b.js.br").write_bytes(b"brotli")
    (assets / "secret.txt").write_text("no")
    monkeypatch.setattr(panel, "PANEL", tmp_path)
    return tmp_path


def get(client: Client, path: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.http.get(path, headers={**BROWSER, **named})


def test_the_page_is_revalidated_and_strict(client: Client, built: Path) -> None:
    answer = get(client, "/")
    assert (answer.status_code, answer.body) == (200, b"<!doctype html>page")
    assert answer.headers["Cache-Control"] == "no-cache"
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-eval" not in policy
    again = get(client, "/", If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("accepts", "encoding", "body"),
    [
        ("br, gzip", "br", b"brotli"),
        ("gzip, deflate", "gzip", gzip.compress(b"plain", mtime=0)),
        ("br;q=0, gzip", "gzip", gzip.compress(b"plain", mtime=0)),
        ("", None, b"plain"),
    ],
)
def test_assets_are_sent_compressed_and_kept_for_ever(
    client: Client, built: Path, accepts: str, encoding: str | None, body: bytes
) -> None:
    (built / "assets" / "index-1a2b.js.gz").write_bytes(gzip.compress(b"plain", mtime=0))
    answer = get(client, "/assets/index-1a2b.js", Accept_Encoding=accepts)
    assert (answer.status_code, answer.body) == (200, body)
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "name", ["secret.txt", "missing.js", "..%2Findex.html", ".hidden.js", "index-1a2b.js.gz"]
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
