"""A real browser: the Chromium of this machine, or the one in .venv, driven by Playwright."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from infra.local import programs
from tests.stack.live import LiveControlPlane

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Chromium calls home otherwise; as root it has no sandbox of its own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def program() -> str:
    """The path of a Chromium."""
    found = programs.find(*NAMES)
    if found is None:
        pytest.fail("Chromium is missing; `make test-deps` gets it, or says how.")
    return found


@contextmanager
def started() -> Iterator[Browser]:
    """A Chromium that runs until the end of the block."""
    # Playwright's own Node needs libatomic, which is not on every machine.
    if node := programs.find("node"):
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program(), args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with started() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of which nothing that `complaints` knows may come."""
    expect.set_options(timeout=15_000)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    found = complaints(opened)
    yield opened
    context.close()
    assert found == []


def complaints(page: Page) -> list[str]:
    """What goes wrong on a page from now on: scripts that raise, what the console calls an error,
    what its policy forbids, requests that fail and answers of 500. What is refused with 4xx is
    between the panel and the control plane; what was given up or is offline is meant."""
    found: list[str] = []

    def console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            found.append(message.text)

    def failed(request: Request) -> None:
        if request.failure not in ("net::ERR_ABORTED", "net::ERR_INTERNET_DISCONNECTED"):
            found.append(f"{request.url}: {request.failure}")

    def answered(response: Response) -> None:
        if response.status >= 500:
            found.append(f"{response.url}: {response.status}")

    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", console)
    page.on("requestfailed", failed)
    page.on("response", answered)
    return found


def sign_in(page: Page, plane: LiveControlPlane) -> None:
    page.goto(plane.url + "/")
    page.get_by_test_id("signin-token").fill(plane.token)
    page.get_by_test_id("signin-submit").click()
    expect(page.get_by_test_id("nav-tasks")).to_be_visible()


def definition(agent_id: str, name: str, *commands: str) -> str:
    return f'Name = "{name}"\n' + "".join(
        f'[[step]]\nServerID = "{agent_id}"\nPath = "/tmp"\nCMD = {json.dumps(command)}\n'
        for command in commands
    )
