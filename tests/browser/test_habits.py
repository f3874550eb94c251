"""The command palette, keys, and a connection that is lost and comes back."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import definition, sign_in
from tests.stack.live import LiveControlPlane


def save(plane: LiveControlPlane, agent_id: str, name: str) -> str:
    body = {"definition": definition(agent_id, name, "echo found")}
    return str(plane.call("POST", "/tasks", body)["task"]["id"])


def test_the_palette_opens_what_was_found_and_starts_only_what_was_chosen(
    page: Page, live_api: LiveControlPlane, agent_process: Any
) -> None:
    agent = agent_process(live_api)
    task_id = save(live_api, agent.id, "release the kraken")
    sign_in(page, live_api)
    page.keyboard.press("Control+k")
    palette = page.get_by_test_id("palette")
    expect(palette.get_by_role("option", name="Agents")).to_be_visible()
    assert violations(page) == []
    page.keyboard.type("what nothing is called")
    page.keyboard.press("Enter")  # what was found before this was typed is not meant by it
    expect(palette.get_by_text("Nothing fits")).to_be_visible()
    assert page.url.endswith("#/")
    palette.get_by_role("textbox").fill("kraken")
    expect(palette.get_by_role("option", name="release the kraken", exact=True)).to_be_visible()
    page.keyboard.press("Enter")  # opens, and starts nothing
    page.wait_for_url(f"**/#/tasks/{task_id}")
    assert live_api.call("GET", f"/tasks/{task_id}/executions")["items"] == []

    page.get_by_test_id("open-palette").click()
    palette.get_by_role("textbox").fill("KRAK")
    palette.get_by_role("option", name="Run release the kraken").click()
    page.wait_for_url("**/#/runs/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("release the kraken")
    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_keys_lead_everywhere_until_they_are_turned_off(
    page: Page, live_api: LiveControlPlane, agent_process: Any
) -> None:
    agent = agent_process(live_api)
    for name in ("first of the keys", "second of the keys"):
        save(live_api, agent.id, name)
    sign_in(page, live_api)
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/#/tasks")
    expect(page.get_by_role("heading", level=1, name="Tasks")).to_be_focused()
    rows = page.locator("main tbody tr")
    expect(rows.nth(1)).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows.nth(1).locator("a").first).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(0).locator("a").first).to_be_focused()

    page.keyboard.press("?")
    expect(page.get_by_test_id("shortcut-list")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("switch").click()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.keyboard.press("?")
    expect(page.get_by_test_id("shortcut-list")).to_be_hidden()
    assert page.url.endswith("#/tasks")
    page.keyboard.press("Control+k")
    expect(page.get_by_test_id("palette")).to_be_visible()


def test_what_was_missed_while_the_connection_was_lost_is_caught_up_with(
    page: Page, live_api: LiveControlPlane, agent_process: Any
) -> None:
    agent = agent_process(live_api)
    sign_in(page, live_api)
    page.get_by_test_id("nav-tasks").click()
    expect(page.get_by_role("heading", level=1, name="Tasks")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_test_id("connection-lost")).to_be_visible()
    save(live_api, agent.id, "made meanwhile")
    page.context.set_offline(False)
    expect(page.get_by_text("made meanwhile")).to_be_visible()
    expect(page.get_by_text("Connected again")).to_be_visible()
    expect(page.get_by_test_id("connection-lost")).to_be_hidden()
