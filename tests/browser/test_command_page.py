"""The page for commands: whom they fit, and what agents said, by groups."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import sign_in
from tests.stack.live import LiveControlPlane


def test_a_command_runs_on_whom_it_fits_and_what_is_the_same_is_one_group(
    page: Page, live_api: LiveControlPlane, agent_process: Any
) -> None:
    agents = [agent_process(live_api, f"agent-{n}") for n in (1, 2, 3)]
    for agent, role in zip(agents, ("web", "web", "db"), strict=True):
        live_api.call("PATCH", f"/agents/{agent.id}", {"labels": {"role": role}})
    sign_in(page, live_api)
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.get_by_test_id("command-text").fill(
        f"echo the same; case $PLUMBER_JOB_ID in *{agents[0].id}) exit 4;; esac"
    )
    selector, match = page.get_by_test_id("command-selector"), page.get_by_test_id("match")
    run = page.get_by_test_id("command-run")
    expect(run).to_be_disabled()
    selector.fill("role=(")
    expect(page.get_by_role("alert")).to_contain_text("is not understood")
    assert violations(page) == []
    selector.fill("role in (web)")
    expect(match).to_contain_text("2 agents fit")
    page.get_by_test_id("target-all").check()
    expect(match).to_contain_text("3 agents fit")
    expect(run).to_have_text("Run on 3 agents")

    page.get_by_test_id("command-text").press("Control+Enter")
    expect(page).to_have_url(re.compile(r"#/command\?run="))
    groups = page.get_by_test_id("output-group")
    expect(groups).to_have_count(2, timeout=30_000)
    result = page.get_by_test_id("command-result")
    expect(result.get_by_role("status").first).to_have_text("failed")
    expect(groups.nth(0)).to_contain_text("exit code 4")
    expect(groups.nth(1)).to_contain_text("2 jobs")
    assert violations(page) == []
    first = page.url

    run.click()  # again, as it stands
    expect(page).not_to_have_url(first)
    expect(groups).to_have_count(2, timeout=30_000)
    page.go_back()
    expect(page).to_have_url(first)

    page.goto(f"{live_api.url}/#/command")
    page.reload()
    page.get_by_test_id("recent-commands").get_by_role("link").first.click()
    expect(page.get_by_test_id("command-text")).to_have_value(re.compile("echo the same"))
    expect(page.get_by_test_id("target-all")).to_be_checked()
