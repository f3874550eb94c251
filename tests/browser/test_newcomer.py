"""A person who has never seen the panel: from the sign-in page to a schedule, without a line of
TOML, in English and in Chinese. Each click is counted."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import complaints
from tests.stack.live import LiveControlPlane

_PROGRAM = Path(sys.executable).parent / "plumber-agent"
CLICKS_AT_MOST = 27  # from the sign-in page until everything is done


class Person:
    """What somebody does with a mouse and a keyboard."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1

    def press(self, test_id: str) -> None:
        self.click(self.page.get_by_test_id(test_id))

    def type(self, where: Locator, text: str) -> None:
        self.click(where)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
def test_somebody_new_comes_from_the_sign_in_page_to_a_schedule(
    browser: Browser, control_plane: Any, live_processes: Any, tmp_path: Path, language: str
) -> None:
    plane: LiveControlPlane = control_plane()
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale=language)
    page = context.new_page()
    wrong = complaints(page)
    person = Person(page)
    name = f"deploy in {language}"

    page.goto(plane.url)
    person.type(page.get_by_test_id("signin-token"), plane.token)
    person.press("signin-submit")

    # An agent joins by the line that is shown.
    person.press("nav-agents")
    person.press("agent-add")
    person.type(page.get_by_test_id("enroll-name"), f"machine-{language}")
    person.press("enroll-create")
    line = page.get_by_test_id("enroll-command").inner_text()
    _on_a_new_machine(line, live_processes, tmp_path)
    news = page.get_by_test_id("enroll-news")
    expect(news).to_have_attribute("data-state", "connected", timeout=60_000)
    page.keyboard.press("Escape")

    # A task of two steps is built, of which the second one fails.
    person.press("nav-tasks")
    person.press("task-new")
    person.press("part-task")
    person.type(page.locator('[data-key="Name"]').first, name)
    for step, command in enumerate(("echo fetched", "echo starting; cat /nowhere/config")):
        _write_step(person, step, command)
    expect(page.get_by_test_id("no-faults")).to_be_visible()
    person.press("task-save")
    person.press("task-run")
    page.wait_for_url("**/#/runs/*")

    # It says why it failed.
    expect(page.get_by_test_id("run-reason")).to_be_visible(timeout=60_000)
    expect(page.locator("main")).to_contain_text("/nowhere/config")

    # Mended, it runs again.
    person.press("nav-tasks")
    person.click(page.get_by_role("link", name=name, exact=True))
    _write_step(person, 1, "echo started")
    expect(page.get_by_test_id("no-faults")).to_be_visible()
    person.press("task-run")  # which saves it first
    page.wait_for_url("**/#/runs/*")
    expect(page.get_by_test_id("run-state")).to_have_text(
        re.compile("^(succeeded|成功)$"), timeout=60_000
    )

    # And every night from now on.
    person.press("nav-schedules")
    person.press("schedule-new")
    person.type(page.get_by_role("dialog").get_by_test_id("schedule-task"), name)
    person.click(page.get_by_role("option", name=name))
    person.type(page.get_by_test_id("schedule-cron"), "30 2 * * *")
    expect(page.get_by_test_id("due-times").get_by_role("listitem")).to_have_count(10)
    person.press("schedule-save")
    expect(page.get_by_test_id("schedule-health")).to_be_visible()

    tasks = plane.call("GET", f"/tasks?name={name}")["items"]
    (schedule,) = plane.call("GET", f"/schedules?task_id={tasks[0]['id']}")["items"]
    assert (schedule["cron"], schedule["task_id"]) == ("30 2 * * *", tasks[0]["id"])
    assert person.clicks <= CLICKS_AT_MOST
    assert wrong == []
    context.close()


def _on_a_new_machine(line: str, processes: Any, directory: Path) -> None:
    programs, home = directory / "bin", directory / "home"
    for each in (programs, home):
        each.mkdir(mode=0o700)
    program = programs / "plumber-agent"  # the line leaves the work directory to the agent
    program.write_text(f'#!/bin/sh\nexec {_PROGRAM} "$@" --workdir {home}\n')
    program.chmod(0o700)
    processes.start("joining", ["sh", "-c", f"PATH={programs}:$PATH; {line}"], cwd=home)


def _write_step(person: Person, step: int, command: str) -> None:
    """Of the two that a new task begins with, on the agent that is there."""
    person.click(
        person.page.get_by_test_id("outline-step").nth(step).locator("button.marks-current")
    )
    form = person.page.get_by_test_id("step-form")
    expect(form).to_contain_text("machine-")
    person.type(form.locator('[data-key="CMD"]'), command)
