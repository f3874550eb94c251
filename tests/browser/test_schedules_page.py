"""The page of schedules: one is made as one types it, paused, run, removed and brought back."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import definition, sign_in
from tests.stack.live import LiveControlPlane


def test_a_schedule_is_made_for_a_task_and_lives_until_it_is_removed(
    page: Page, live_api: LiveControlPlane, agent_process: Any
) -> None:
    agent = agent_process(live_api)
    source = definition(agent.id, "nightly backup", "echo saved")
    task_id = live_api.call("POST", "/tasks", {"definition": source})["task"]["id"]
    sign_in(page, live_api)
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.get_by_text("There is no schedule yet")).to_be_visible()

    page.goto(f"{live_api.url}/#/schedules/new?task={task_id}")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Task")).to_have_value("nightly backup")
    cron = dialog.get_by_test_id("schedule-cron")
    cron.fill("61 2 * * *")
    expect(dialog.get_by_text("It takes 0-59")).to_be_visible()
    expect(dialog.get_by_test_id("schedule-save")).to_be_disabled()
    cron.fill("30 2 * * MON-FRI")
    zone = dialog.get_by_label("Time zone")
    zone.fill("shanghai")
    page.get_by_role("option", name="Asia/Shanghai").click()
    times = dialog.get_by_test_id("due-times").get_by_role("listitem")
    expect(times).to_have_count(10)
    expect(times.first).to_contain_text(re.compile(r"2:30\sAM GMT\+8"))
    assert violations(page) == []
    dialog.get_by_label("Wait for it").check()
    dialog.get_by_test_id("schedule-save").click()

    page.wait_for_url("**/#/schedules/*")
    (made,) = live_api.call("GET", "/schedules")["items"]
    assert (made["cron"], made["time_zone"]) == ("30 2 * * MON-FRI", "Asia/Shanghai")
    assert (made["overlap"], made["task_id"]) == ("queue", task_id)
    expect(page.get_by_role("heading", level=1)).to_have_text("nightly backup")
    health = page.get_by_test_id("schedule-health")
    expect(health).to_have_text("active")
    page.get_by_test_id("schedule-pause").click()
    expect(health).to_have_text("paused")
    page.get_by_test_id("schedule-edit").click()
    dialog.get_by_test_id("schedule-cron").fill("@hourly")
    dialog.get_by_label("Paused").uncheck()
    dialog.get_by_test_id("schedule-save").click()
    expect(health).to_have_text("active")

    page.get_by_test_id("schedule-run").click()
    page.wait_for_url("**/#/runs/*")
    expect(page.get_by_test_id("run-state")).to_have_text("succeeded")

    page.get_by_test_id("nav-schedules").click()
    row = page.get_by_test_id("schedule-row")
    expect(row).to_contain_text("@hourly")
    row.get_by_test_id("schedule-acts").click()
    page.get_by_role("menuitem", name="Remove").click()
    expect(row).to_have_count(0)
    page.get_by_test_id("undo").last.click()
    expect(row).to_contain_text("@hourly")
    (back,) = live_api.call("GET", "/schedules")["items"]
    assert back["id"] != made["id"]
    assert (back["overlap"], back["time_zone"]) == ("queue", "Asia/Shanghai")


def test_who_may_only_look_is_offered_nothing_to_do(page: Page, live_api: LiveControlPlane) -> None:
    source = 'Name = "seen"\n[[step]]\nTargets = { All = true, AllowEmpty = true }\nCMD = "true"\n'
    task_id = live_api.call("POST", "/tasks", {"definition": source})["task"]["id"]
    body = {"task_id": task_id, "cron": "@daily"}
    made = live_api.call("POST", "/schedules", body)
    token = live_api.call("POST", "/tokens", {"name": "viewer", "role": "viewer"})["secret"]
    page.goto(live_api.url + "/")
    page.get_by_test_id("signin-token").fill(token)
    page.get_by_test_id("signin-submit").click()
    page.get_by_test_id("nav-schedules").click()
    expect(page.get_by_test_id("schedule-row").first).to_be_visible()
    expect(page.get_by_test_id("schedule-new")).to_have_count(0)
    expect(page.get_by_test_id("schedule-acts")).to_have_count(0)
    page.goto(f"{live_api.url}/#/schedules/{made['id']}")
    expect(page.get_by_test_id("due-times")).to_be_visible()
    for act in ("run", "pause", "edit", "remove"):
        expect(page.get_by_test_id(f"schedule-{act}")).to_have_count(0)
