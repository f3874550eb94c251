"""The pages of agents: joining, one agent, and many at once."""

import itertools
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import sign_in
from tests.stack.live import LiveControlPlane

_PROGRAM = Path(sys.executable).parent / "plumber-agent"
_numbers = itertools.count(1)


def enroll(plane: LiveControlPlane, *names: str, **given: Any) -> list[str]:
    """Agents that have joined and were never heard of; their ids."""
    made = plane.call("POST", "/enrollments", {"max_uses": len(names), **given})
    ids = [f"00000000-0000-4000-8000-{next(_numbers):012x}" for _ in names]
    for agent_id, name in zip(ids, names, strict=True):
        params = {
            "join_token": made["join_token"],
            "agent_id": agent_id,
            "secret": "0" * 64,
            "name": name,
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": "agent.enroll", "params": params}
        assert "result" in requests.post(f"{plane.url}/rpc", json=body, timeout=30).json()
    return ids


def row(page: Page, agent_id: str) -> Locator:
    return page.get_by_test_id("agent-row").filter(has=page.locator(f'a[href$="{agent_id}"]'))


def test_an_agent_joins_by_the_line_that_is_shown(
    page: Page, live_api: LiveControlPlane, live_processes: Any, tmp_path: Path
) -> None:
    sign_in(page, live_api)
    page.keyboard.press("Control+k")
    page.keyboard.type("add agent")
    page.get_by_role("option", name="Add agent").click()
    page.get_by_test_id("enroll-name").fill("web-9")
    page.get_by_role("dialog").get_by_label("Group", exact=True).fill("prod")
    page.get_by_role("dialog").get_by_label("Labels", exact=True).fill("role=web")
    page.get_by_test_id("enroll-create").click()
    news = page.get_by_test_id("enroll-news")
    expect(news).to_have_attribute("data-state", "waiting")
    assert violations(page) == []

    line = page.get_by_test_id("enroll-command").inner_text()
    programs, home = tmp_path / "bin", tmp_path / "home"
    for directory in (programs, home):
        directory.mkdir(mode=0o700)
    program = programs / "plumber-agent"  # the line leaves the work directory to the agent
    program.write_text(f'#!/bin/sh\nexec {_PROGRAM} "$@" --workdir {home}\n')
    program.chmod(0o700)
    live_processes.start("joining", ["sh", "-c", f"PATH={programs}:$PATH; {line}"], cwd=home)

    expect(news).to_have_attribute("data-state", "connected")
    expect(news).to_contain_text("web-9 is connected.")
    assert (home / "agent.json").stat().st_mode & 0o077 == 0
    page.get_by_test_id("enroll-agent").click()
    expect(page.get_by_role("heading", level=1, name="web-9")).to_be_visible()
    expect(page.locator("main")).to_contain_text("role=web")
    page.locator("main").get_by_role("link", name="prod").click()
    expect(page).to_have_url(re.compile(r"#/agents\?group=prod$"))
    expect(page.get_by_test_id("agent-row")).to_have_count(1)


def test_several_agents_are_changed_at_once_and_back(
    page: Page, live_api: LiveControlPlane
) -> None:
    one, two, three = enroll(live_api, "bulk-1", "bulk-2", "bulk-3", labels={"set": "bulk"})
    sign_in(page, live_api)
    page.goto(f"{live_api.url}/#/agents?label=set%3Dbulk")
    expect(page.get_by_test_id("agent-row")).to_have_count(3)
    for key in "jxjx":  # the next row, and choose it
        page.keyboard.press(key)
    expect(page.get_by_text("Chosen: 2")).to_be_visible()
    assert violations(page) == []
    page.get_by_test_id("bulk-disable").click()
    expect(page.get_by_text("2 agents are changed.")).to_be_visible()
    expect(row(page, two)).to_contain_text("disabled")
    expect(row(page, three)).not_to_contain_text("disabled")
    page.get_by_test_id("undo").click()
    expect(row(page, two)).not_to_contain_text("disabled")

    page.get_by_role("button", name="Labels").click()
    page.get_by_label("Add or set").fill("zone=a")
    page.get_by_role("dialog").get_by_label("Remove").fill("set")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_test_id("agent-row")).to_have_count(1)  # the filter is by what they had
    assert live_api.call("GET", f"/agents/{one}")["labels"] == {"zone": "a"}
    assert live_api.call("GET", f"/agents/{three}")["labels"] == {"set": "bulk"}


def test_the_filters_are_in_the_address_and_back_brings_them_again(
    page: Page, live_api: LiveControlPlane
) -> None:
    (one,) = enroll(live_api, "filtered-1", group="filters")
    sign_in(page, live_api)
    page.goto(f"{live_api.url}/#/agents")
    page.get_by_label("Filter by group").fill("filters")
    expect(page).to_have_url(re.compile(r"#/agents\?group=filters$"))
    page.get_by_label("Filter by status").select_option("never_seen")
    expect(page).to_have_url(re.compile(r"#/agents\?group=filters&status=never_seen$"))
    expect(page.get_by_test_id("agent-row")).to_have_count(1)
    row(page, one).get_by_role("link", name="filtered-1").click()
    expect(page.get_by_role("heading", level=1, name="filtered-1")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Filter by group")).to_have_value("filters")
    expect(page.get_by_test_id("agent-row")).to_have_count(1)


def test_what_waits_for_an_agent_that_is_away_is_shown_with_its_end(
    page: Page, live_api: LiveControlPlane
) -> None:
    (one,) = enroll(live_api, "away-1")
    body = {"command": "uptime", "agent_ids": [one], "deliver_within": "2h"}
    run_id = live_api.call("POST", "/commands", body)["id"]
    sign_in(page, live_api)
    page.goto(f"{live_api.url}/#/agents/{one}")
    pending = page.get_by_test_id("agent-pending")
    expect(pending.get_by_test_id("open-job")).to_contain_text("is delivered until")
    pending.get_by_role("link").click()
    expect(page).to_have_url(re.compile(rf"#/runs/{run_id}\?job=1-{one}$"))


def test_the_output_of_a_job_leads_to_its_agent_and_the_agent_to_its_runs(
    page: Page, live_api: LiveControlPlane, agent_process: Any
) -> None:
    agent = agent_process(live_api, "led-to")
    body = {"command": "echo here", "agent_ids": [agent.id]}
    run_id = live_api.call("POST", "/commands", body)["id"]
    sign_in(page, live_api)
    page.goto(f"{live_api.url}/#/runs/{run_id}?job=1-{agent.id}")
    page.locator("main").get_by_role("link", name="led-to", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="led-to")).to_be_visible()
    expect(page.get_by_test_id("agent-run")).to_contain_text("succeeded")
    page.get_by_test_id("agent-run").get_by_role("link").click()
    expect(page).to_have_url(re.compile(rf"#/runs/{run_id}"))


def test_an_agent_is_edited_disabled_and_removed(page: Page, live_api: LiveControlPlane) -> None:
    (one,) = enroll(live_api, "edited-1", labels={"role": "web"})
    sign_in(page, live_api)
    page.goto(f"{live_api.url}/#/agents/{one}")
    page.get_by_test_id("agent-edit").click()
    page.get_by_role("dialog").get_by_label("Name").fill("renamed-1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1, name="renamed-1")).to_be_visible()
    page.get_by_test_id("agent-toggle").click()
    expect(page.get_by_text("The agent is disabled")).to_be_visible()
    page.get_by_test_id("undo").last.click()
    expect(page.get_by_text("The agent is disabled")).to_be_hidden()
    page.get_by_role("button", name="What can be done with renamed-1").click()
    page.get_by_role("menuitem", name="Remove").click()
    page.get_by_test_id("confirm").click()
    expect(page).to_have_url(re.compile(r"#/agents$"))
    page.goto(f"{live_api.url}/#/agents/{one}")
    expect(page.get_by_text(f"There is no agent with the id '{one}'")).to_be_visible()


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_not_change_agents_is_offered_nothing_of_it(
    page: Page, live_api: LiveControlPlane, role: str
) -> None:
    (one,) = enroll(live_api, f"seen-by-{role}")
    token = live_api.call("POST", "/tokens", {"name": role, "role": role})["secret"]
    page.goto(live_api.url + "/")
    page.get_by_test_id("signin-token").fill(token)
    page.get_by_test_id("signin-submit").click()
    page.get_by_test_id("nav-agents").click()
    expect(row(page, one)).to_be_visible()
    expect(page.get_by_test_id("agent-add")).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(
        0 if role == "viewer" else page.get_by_test_id("agent-row").count() + 1
    )
    row(page, one).get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1, name=f"seen-by-{role}")).to_be_visible()
    expect(page.get_by_test_id("agent-edit")).to_have_count(0 if role == "viewer" else 1)
