"""The panel in a real browser, on the real control plane with a real agent."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import definition, sign_in
from tests.stack.live import LiveControlPlane


def write(page: Page, text: str) -> None:
    """Replaces what is in the editor."""
    page.get_by_test_id("face-toml").click()
    editor = page.get_by_test_id("task-editor")
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)


def test_a_wrong_token_is_not_let_in(page: Page, live_api: LiveControlPlane) -> None:
    page.goto(live_api.url + "/")
    page.get_by_test_id("signin-token").fill("plb_x_" + "0" * 64)
    page.get_by_test_id("signin-submit").click()
    expect(page.get_by_text("This token is not known")).to_be_visible()


def test_a_task_is_saved_run_and_its_output_read_live(
    page: Page, live_api: LiveControlPlane, agent_process: Any, tmp_path: Path
) -> None:
    agent = agent_process(live_api)
    gate = tmp_path / "gate"
    waiting = (
        "printf '\\033[31mred\\033[0m line\\n'; "
        f"while [ ! -e {gate} ]; do sleep 0.05; done; echo last line; exit 4"
    )
    sign_in(page, live_api)

    page.get_by_test_id("nav-agents").click()
    row = page.get_by_test_id("agent-row").filter(has=page.locator(f'a[href$="{agent.id}"]'))
    expect(row).to_contain_text("online")

    page.get_by_test_id("nav-tasks").click()
    page.get_by_test_id("task-new").first.click()
    write(page, definition(agent.id, "from the panel", "echo one").replace("CMD", "CDM"))
    page.get_by_test_id("task-save").click()
    expect(page.get_by_test_id("toml-error").first).to_contain_text("Did you mean CMD?")
    write(page, definition(agent.id, "from the panel", "echo one", waiting, "echo never"))
    page.get_by_test_id("task-save").click()
    page.get_by_test_id("task-run").first.click()

    expect(page.get_by_test_id("run-state")).to_contain_text("running")
    page.get_by_test_id(f"job-2-{agent.id}").first.click()
    log = page.get_by_test_id("log-view")
    expect(log).to_contain_text("red line")
    expect(log.get_by_text("red", exact=True)).to_have_attribute("style", re.compile("--ansi-red"))
    expect(log).not_to_contain_text("last line")
    gate.touch()
    expect(log).to_contain_text("last line")
    expect(page.get_by_test_id("run-state")).to_contain_text("failed")
    expect(page.get_by_test_id(f"job-2-{agent.id}")).to_contain_text("exit code 4")
    expect(page.get_by_test_id("step-3")).to_contain_text("skipped")

    page.get_by_test_id("nav-runs").click()
    expect(page.get_by_text("from the panel").first).to_be_visible()


def test_parameters_are_asked_for_planned_and_a_failed_run_is_retried(
    page: Page, live_api: LiveControlPlane, agent_process: Any, tmp_path: Path
) -> None:
    agent = agent_process(live_api)
    gate = tmp_path / "gate"
    command = f"echo deploying ${{version}}; test -e {gate}"
    head = 'Description = "Deploys."\n[Params.version]\nPattern = "[0-9.]+"\n'
    source = definition(agent.id, "with parameters", command)
    sign_in(page, live_api)
    page.get_by_test_id("nav-tasks").click()
    page.get_by_test_id("task-new").first.click()
    write(page, source.replace("[[step]]", head + "[[step]]", 1))
    page.get_by_test_id("task-save").click()
    page.get_by_test_id("task-run").first.click()

    field = page.get_by_test_id("param-version")
    field.fill("$(id)")
    page.get_by_test_id("launch-run").click()
    expect(page.get_by_text("does not match the pattern")).to_be_visible()
    field.fill("1.2")
    page.get_by_test_id("launch-plan").click()
    expect(page.get_by_test_id("plan")).to_contain_text("echo deploying ${version}")
    page.get_by_test_id("launch-run").click()

    expect(page.get_by_test_id("run-state")).to_contain_text("failed")
    expect(page.get_by_test_id("log-view")).to_contain_text("deploying 1.2")
    gate.touch()
    page.get_by_test_id("run-retry").click()
    page.get_by_text("Only where it did not succeed").click()
    expect(page.get_by_text("Retry of")).to_be_visible()
    expect(page.get_by_test_id("run-state")).to_contain_text("succeeded")


def test_a_new_task_may_start_from_a_template(page: Page, live_api: LiveControlPlane) -> None:
    sign_in(page, live_api)
    page.get_by_test_id("nav-tasks").click()
    page.get_by_test_id("task-new").first.click()
    page.get_by_test_id("face-toml").click()
    page.get_by_test_id("template-disk-cleanup").click()
    expect(page.get_by_test_id("task-editor")).to_contain_text("disk clean-up")
    page.get_by_test_id("task-save").click()
    expect(page.get_by_test_id("task-run").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_is_wider_than_the_window(
    page: Page, live_api: LiveControlPlane, width: int, scheme: Any
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    sign_in_narrow(page, live_api)
    addresses = ("", "agents", "tasks", "tasks/new", "schedules", "runs", "command", "tokens")
    for address in addresses:
        page.goto(f"{live_api.url}/#/{address}")
        page.wait_for_load_state("networkidle")
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, address


def sign_in_narrow(page: Page, plane: LiveControlPlane) -> None:
    page.goto(plane.url + "/")
    page.get_by_test_id("signin-token").fill(plane.token)
    page.get_by_test_id("signin-submit").click()
    expect(page.get_by_test_id("signin-token")).to_be_hidden()


def test_the_page_to_try_the_api_answers(page: Page, live_api: LiveControlPlane) -> None:
    page.goto(f"{live_api.url}/api/v1/docs")
    page.get_by_label("Access token").fill(live_api.token)
    operation = page.locator("#list_agents")
    operation.locator("summary").click()
    operation.get_by_role("button", name="Send").click()
    expect(operation.locator("pre")).to_contain_text('"code": 0')


def test_a_token_is_narrowed_to_a_task_and_agents(page: Page, live_api: LiveControlPlane) -> None:
    sign_in(page, live_api)
    page.get_by_test_id("nav-tasks").click()
    page.get_by_test_id("task-new").first.click()
    source = '[[step]]\nTargets = { All = true, AllowEmpty = true }\nCMD = "true"\n'
    write(page, f'Name = "narrow"\n{source}')
    page.get_by_test_id("task-save").click()
    expect(page.get_by_test_id("task-run").first).to_be_visible()

    page.goto(f"{live_api.url}/#/tokens")
    page.get_by_test_id("token-new").click()
    page.get_by_label("Name: who or what uses it").fill("narrowed")
    page.get_by_label("trigger").check()
    page.get_by_label("These tasks").fill("narrow")
    page.get_by_role("option", name="narrow", exact=True).click()
    page.get_by_label("Agents with all labels").fill("env=prod")
    page.get_by_label("in one of the groups").fill("web, db")
    page.get_by_role("button", name="Create token").click()
    secret = page.get_by_test_id("token-secret").inner_text()
    page.get_by_role("button", name="Done").click()
    row = page.get_by_test_id("token-row").filter(has_text="narrowed")
    expect(row).to_contain_text("task narrow, env=prod, group web, group db")
    expect(row).to_contain_text("bootstrap (token)")

    page.evaluate("sessionStorage.clear(); localStorage.clear()")
    page.goto(live_api.url + "/#/tasks")
    page.reload()
    page.get_by_test_id("signin-token").fill(secret)
    page.get_by_test_id("signin-submit").click()
    expect(page.get_by_text("narrow", exact=True)).to_be_visible()
    expect(page.get_by_text("from the panel")).to_be_hidden()
