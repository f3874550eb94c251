"""The panel's ground: accessible in both themes, in two languages, with the keyboard, offline."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import definition, sign_in
from tests.browser.test_logs import run_of
from tests.stack.live import LiveControlPlane

PAGES = (
    "",
    "runs",
    "command",
    "tasks",
    "tasks/new",
    "schedules",
    "agents",
    "enrollments",
    "tokens",
    "nowhere",
)
SCHEMES = ("light", "dark")


@pytest.fixture
def chinese(browser: Browser) -> Iterator[Page]:
    """A page in a browser whose person reads Chinese first."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    yield context.new_page()
    context.close()


def open_page(page: Page, plane: LiveControlPlane, address: str) -> None:
    page.goto(f"{plane.url}/#/{address}")
    expect(page.locator("main h1")).to_have_count(1)
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_on_the_gallery_and_what_it_opens(
    page: Page, live_api: LiveControlPlane, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    sign_in(page, live_api)
    open_page(page, live_api, "gallery")
    expect(page.locator("html")).to_have_attribute("data-theme", scheme)
    expect(page.locator(".uplot canvas")).to_be_visible()
    assert violations(page) == []
    for opener, role in (("dialog", "dialog"), ("drawer", "dialog"), ("question", "alertdialog")):
        page.get_by_test_id(f"gallery-{opener}").click()
        expect(page.get_by_role(role)).to_be_visible()  # type: ignore[arg-type]
        assert violations(page) == [], opener
        page.keyboard.press("Escape")
        expect(page.get_by_role(role)).to_be_hidden()  # type: ignore[arg-type]
        expect(page.get_by_test_id(f"gallery-{opener}")).to_be_focused()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_on_any_page(
    page: Page, live_api: LiveControlPlane, agent_process: Any, width: int, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    agent = agent_process(live_api)
    commands = ("echo fine", "echo bad >&2; exit 3", "echo never")
    run_id = run_of(live_api, definition(agent.id, f"seen {width} {scheme}", *commands))
    page.goto(live_api.url)
    assert violations(page) == []
    sign_in(page, live_api)
    page.set_viewport_size({"width": width, "height": 900})
    task_id = live_api.call("GET", f"/runs/{run_id}")["run"]["task_id"]
    shown = (f"tasks/{task_id}", f"runs/{run_id}", f"agents/{agent.id}")
    unknown = ("runs/nothing", "tasks/nothing", "agents/nothing")
    for address in (*PAGES, *shown, *unknown):
        open_page(page, live_api, address)
        assert violations(page) == [], address


def test_the_keyboard_skips_to_the_content_and_comes_to_the_heading_of_a_page(
    page: Page, live_api: LiveControlPlane
) -> None:
    sign_in(page, live_api)
    page.reload()
    expect(page.locator("main h1")).to_have_text("Overview")
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main#main")).to_be_focused()
    page.get_by_test_id("nav-agents").click()
    expect(page.get_by_role("heading", level=1, name="Agents")).to_be_focused()
    assert page.title() == "Agents · Plumber"


def test_the_heading_of_a_run_has_the_focus_when_the_run_has_come(
    page: Page, live_api: LiveControlPlane
) -> None:
    source = (
        'Name = "nobody"\n[[step]]\nTargets = { All = true, AllowEmpty = true }\nCMD = "true"\n'
    )
    run_id = run_of(live_api, source)
    sign_in(page, live_api)
    page.locator(f'main a[href$="/runs/{run_id}"]').first.click()
    expect(page.get_by_role("heading", level=1, name="nobody")).to_be_focused()
    assert page.title().endswith(" nobody · Plumber")


def test_the_language_is_the_browsers_until_another_is_chosen(
    chinese: Page, live_api: LiveControlPlane
) -> None:
    said: list[str] = []
    chinese.on("console", lambda message: said.append(message.text))
    sign_in(chinese, live_api)
    expect(chinese.locator("html")).to_have_attribute("lang", "zh-CN")
    for address in PAGES:
        open_page(chinese, live_api, address)
        heading = chinese.locator("main h1").inner_text()
        assert re.search(r"[\u4e00-\u9fff]", heading), (address, heading)
    chinese.get_by_test_id("language").select_option("en")
    expect(chinese.locator("html")).to_have_attribute("lang", "en")
    chinese.reload()
    expect(chinese.get_by_test_id("nav-runs")).to_have_text("Runs")
    assert [text for text in said if "Content Security Policy" in text or "intlify" in text] == []


def test_the_theme_is_the_systems_until_another_is_chosen(
    page: Page, live_api: LiveControlPlane
) -> None:
    page.emulate_media(color_scheme="light")
    sign_in(page, live_api)
    root = page.locator("html")
    page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-theme", "dark")
    page.get_by_test_id("theme").select_option("light")
    expect(root).to_have_attribute("data-theme", "light")
    page.reload()
    expect(root).to_have_attribute("data-theme", "light")


def test_a_lost_connection_is_said_and_caught_up_with(
    page: Page, live_api: LiveControlPlane
) -> None:
    sign_in(page, live_api)
    open_page(page, live_api, "tasks")
    page.context.set_offline(True)
    expect(page.get_by_test_id("connection-lost")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_test_id("connection-lost")).to_be_hidden()
