"""Tasks in a real browser: built of steps without TOML, as two faces of one text, with drafts."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import definition, sign_in
from tests.browser.test_panel import write
from tests.stack.live import LiveControlPlane

COMMENTED = """# why there is this task
Name = "{name}"   # as people say it

[[step]]
Name = "first" # of two
Targets = {{ All = true, AllowEmpty = true }}
CMD = "true"

# the second one
[[step]]
Name = "second"
Targets = {{ All = true, AllowEmpty = true }}
CMD = "true"
"""


def _open(page: Page, plane: LiveControlPlane, address: str) -> None:
    page.goto(f"{plane.url}/#/{address}")
    expect(page.locator("main h1")).to_have_count(1)


def _saved(plane: LiveControlPlane, name: str) -> str:
    source = {"definition": COMMENTED.format(name=name)}
    task_id: str = plane.call("POST", "/tasks", source)["task"]["id"]
    return task_id


def _source(plane: LiveControlPlane, task_id: str) -> str:
    text: str = plane.call("GET", f"/tasks/{task_id}")["definition"]
    return text


def _save(page: Page, revision: int) -> None:
    page.get_by_test_id("task-save").click()
    expect(page.locator("main")).to_contain_text(f"Revision {revision}")


def _part(page: Page, key: str) -> Locator:
    return page.locator(f"[data-key={key}]")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_task_of_two_steps_is_built_without_toml_and_run(
    page: Page, live_api: LiveControlPlane, agent_process: Any, language: str
) -> None:
    agent = agent_process(live_api)
    name = live_api.call("GET", f"/agents/{agent.id}")["name"]
    sign_in(page, live_api)
    page.get_by_test_id("language").select_option(language)
    page.get_by_test_id("nav-tasks").click()
    page.get_by_test_id("task-new").first.click()
    page.get_by_test_id("part-task").click()
    _part(page, "Name").fill(f"built in {language}")

    page.get_by_test_id("outline-step").first.get_by_role("button").nth(1).click()
    _part(page, "Name").fill("look")
    _part(page, "CMD").fill("echo one")
    page.get_by_test_id("outline-step").nth(1).get_by_role("button").nth(1).click()
    _part(page, "CMD").fill("")
    expect(page.get_by_test_id("faults")).to_be_visible()
    _part(page, "CMD").fill("echo two; exit 3")
    page.get_by_test_id("targets-all").check()
    expect(page.get_by_test_id("match-count")).to_contain_text(name)
    expect(page.get_by_test_id("no-faults")).to_be_visible()

    page.get_by_test_id("task-save").click()
    page.get_by_test_id("task-run").click()
    expect(page.get_by_test_id("run-state")).to_be_visible()
    assert violations(page) == []
    task_id = live_api.call("GET", f"/tasks?name=built in {language}")["items"][0]["id"]
    steps = live_api.call("GET", f"/tasks/{task_id}")["steps"]
    assert [step["command"] for step in steps] == ["echo one", "echo two; exit 3"]
    assert (steps[0]["targets"]["agent_ids"], steps[1]["targets"]["all"]) == ([agent.id], True)


def test_steps_change_places_by_keyboard_and_by_drag_and_no_comment_is_lost(
    page: Page, live_api: LiveControlPlane
) -> None:
    task_id = _saved(live_api, "moved about")
    sign_in(page, live_api)
    _open(page, live_api, f"tasks/{task_id}")
    rows = page.get_by_test_id("outline-step")
    expect(rows).to_have_count(2)
    rows.first.locator("[data-handle]").focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_contain_text("first")
    expect(rows.nth(1).locator("[data-handle]")).to_be_focused()
    page.get_by_test_id("undo").click()
    expect(rows.first).to_contain_text("first")

    handle = rows.first.locator("[data-handle]").bounding_box()
    last = rows.nth(1).bounding_box()
    assert handle and last
    page.mouse.move(handle["x"] + 5, handle["y"] + 5)
    page.mouse.down()
    page.mouse.move(handle["x"] + 5, last["y"] + last["height"] - 2, steps=5)
    page.mouse.up()
    expect(rows.first).to_contain_text("second")
    _save(page, 2)
    before, after = COMMENTED.format(name="moved about"), _source(live_api, task_id)
    assert sorted(after.split("\n")) == sorted(before.split("\n"))
    assert after.index("# the second one") < after.index("# of two")


def test_a_step_that_is_removed_is_brought_back(page: Page, live_api: LiveControlPlane) -> None:
    task_id = _saved(live_api, "removed and back")
    sign_in(page, live_api)
    _open(page, live_api, f"tasks/{task_id}")
    rows = page.get_by_test_id("outline-step")
    rows.first.get_by_role("button", name="What can be done").click()
    page.get_by_role("menuitem", name="Duplicate").click()
    expect(rows).to_have_count(3)
    rows.nth(1).get_by_role("button", name="What can be done").click()
    page.get_by_role("menuitem", name="Remove").click()
    expect(rows).to_have_count(2)
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(3)
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("task-save")).to_be_disabled()


def test_what_was_typed_is_there_again_after_a_session_that_ended(
    page: Page, live_api: LiveControlPlane
) -> None:
    task_id = _saved(live_api, "a draft")
    made = live_api.call("POST", "/tokens", {"name": "brief", "role": "operator"})
    page.goto(live_api.url + "/")
    page.get_by_test_id("signin-token").fill(made["secret"])
    page.get_by_test_id("signin-submit").click()
    expect(page.get_by_test_id("nav-tasks")).to_be_visible()
    _open(page, live_api, f"tasks/{task_id}")
    page.get_by_test_id("part-task").click()
    _part(page, "Description").fill("typed")
    live_api.call("DELETE", f"/tokens/{made['token']['id']}")
    _part(page, "Description").fill("typed and not saved")  # looking at it, the panel is refused

    page.get_by_test_id("signin-token").fill(live_api.token)
    page.get_by_test_id("signin-submit").click()
    expect(page.get_by_test_id("draft-restored")).to_be_visible()
    expect(page).to_have_url(re.compile(f"#/tasks/{task_id}"))
    page.get_by_test_id("part-task").click()
    expect(_part(page, "Description")).to_have_value("typed and not saved")
    _save(page, 2)
    expect(page.get_by_test_id("draft-restored")).to_be_hidden()
    assert 'Description = "typed and not saved"' in _source(live_api, task_id)


def test_the_toml_completes_keys_says_what_they_do_and_marks_what_is_wrong(
    page: Page, live_api: LiveControlPlane
) -> None:
    sign_in(page, live_api)
    _open(page, live_api, "tasks/new")
    write(page, 'Name = "completed"\n[[step]]\nTargets = { All = true, AllowEmpty = true }\n')
    page.keyboard.type("CM")
    expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("CMD")
    page.keyboard.press("Enter")
    page.keyboard.type("true")
    page.keyboard.press("Control+End")
    page.keyboard.press("Enter")
    page.keyboard.type('When = "never"')
    page.keyboard.press("Escape")
    expect(page.locator(".cm-lintRange-error")).to_have_count(1)
    page.locator(".cm-line", has_text="CMD").get_by_text("CMD").hover()
    expect(page.locator(".cm-help")).to_contain_text("Runs with sh")


def test_a_revision_is_compared_and_restored(page: Page, live_api: LiveControlPlane) -> None:
    task_id = _saved(live_api, "of two revisions")
    changed = COMMENTED.format(name="of two revisions").replace('"true"', '"false"', 1)
    live_api.call("PUT", f"/tasks/{task_id}", {"definition": changed, "revision": 1})
    sign_in(page, live_api)
    _open(page, live_api, f"tasks/{task_id}?tab=revisions")
    diff = page.get_by_test_id("definition-diff")
    expect(diff).to_contain_text('CMD = "false"')
    assert violations(page) == []
    page.get_by_test_id("revision").nth(1).click()
    page.get_by_test_id("restore").click()
    _save(page, 3)
    assert _source(live_api, task_id) == COMMENTED.format(name="of two revisions")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_in_any_part_of_a_task(
    page: Page, live_api: LiveControlPlane, width: int, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    source = definition("00000000-0000-4000-8000-000000000000", "x", "true")
    name = f"seen {width} {scheme}"
    task_id = _saved(live_api, name)
    sign_in(page, live_api)
    page.set_viewport_size({"width": width, "height": 900})
    for query in ("", "?view=toml", "?tab=runs", "?tab=revisions", "?tab=schedules"):
        _open(page, live_api, f"tasks/{task_id}{query}")
        page.wait_for_load_state("networkidle")
        assert violations(page) == [], query
    _open(page, live_api, f"tasks/{task_id}?view=builder")
    page.get_by_test_id("part-params").click()
    page.get_by_test_id("param-add").click()
    assert violations(page) == [], "parameters"
    page.get_by_test_id("part-task").click()
    assert violations(page) == [], "task"
    write(page, source)
    expect(page.get_by_test_id("faults")).to_be_visible()
    page.get_by_test_id("face-builder").click()
    page.get_by_test_id("outline-step").first.get_by_role("button").nth(0).click()
    assert violations(page) == [], "faults"
