"""The first page: the way in for a newcomer, then what needs attention."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import definition, sign_in
from tests.browser.test_logs import has_ended, run_of
from tests.stack.live import LiveControlPlane


def test_a_newcomer_is_led_to_a_first_run_and_then_told_what_failed(
    page: Page, live_api: LiveControlPlane, agent_process: Any
) -> None:
    sign_in(page, live_api)
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    steps = page.get_by_test_id("first-steps")
    expect(steps.get_by_role("link", name="New task")).to_be_visible()
    expect(page.get_by_test_id("first-agent")).to_have_attribute("data-done", "false")
    assert violations(page) == []

    agent = agent_process(live_api)
    page.goto(f"{live_api.url}/#/")
    page.reload()
    expect(page.get_by_test_id("first-agent")).to_have_attribute(
        "data-done", "true", timeout=30_000
    )

    run_id = run_of(live_api, definition(agent.id, "deploy shop", "echo bad >&2; exit 3"))
    live_api.wait_until(lambda: has_ended(live_api, run_id), 30, "the end of the run")
    expect(steps).to_be_hidden(timeout=30_000)
    concern = page.get_by_test_id("concern-failing")
    expect(concern).to_contain_text("deploy shop failed", timeout=30_000)
    expect(concern).to_contain_text("exit code 3")
    expect(page.get_by_test_id("run-row").first).to_contain_text("deploy shop")
    for scheme in ("light", "dark"):
        # Colours do not fade into each other, of which some would be hard to read.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        assert violations(page) == [], scheme
    concern.get_by_role("link", name="deploy shop failed").click()
    page.wait_for_url(f"**/#/runs/{run_id}")
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_focused()
    page.get_by_test_id("figures").get_by_text("Failed in 24 hours").click()
    expect(page.get_by_test_id("run-row")).to_have_count(1)


def test_who_may_only_look_is_offered_nothing_else(page: Page, live_api: LiveControlPlane) -> None:
    viewer = live_api.call("POST", "/tokens", {"name": "viewer", "role": "viewer"})["secret"]
    page.goto(f"{live_api.url}/#token={viewer}")
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    expect(page.get_by_test_id("nav-runs")).to_be_visible()
    expect(page.get_by_test_id("nav-command")).to_be_hidden()
    page.goto(f"{live_api.url}/#/command")
    expect(page.get_by_text("You may not run commands")).to_be_visible()
    page.goto(f"{live_api.url}/#/runs")
    expect(page.get_by_test_id("export")).to_be_visible()
    expect(page.get_by_test_id("to-command")).to_be_hidden()
