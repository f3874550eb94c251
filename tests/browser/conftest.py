"""A real browser: the Chromium of this machine, or the one in .venv, driven by Playwright."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

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
    """A page whose script errors fail the test."""
    expect.set_options(timeout=15_000)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    errors: list[Any] = []
    opened.on("pageerror", lambda error: errors.append(error))
    yield opened
    context.close()
    assert errors == []


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
