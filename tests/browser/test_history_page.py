"""The history: filters in the address, and what they find as a file."""

import csv
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import sign_in
from tests.browser.test_logs import has_ended, run_of
from tests.stack.live import LiveControlPlane

EMPTY = '[[step]]\nTargets = { All = true, AllowEmpty = true }\nCMD = "true"\n'


def test_filters_are_in_the_address_and_back_undoes_them(
    page: Page, live_api: LiveControlPlane
) -> None:
    ids = [run_of(live_api, f'Name = "{name}"\n{EMPTY}') for name in ("shop", "مهمة النشر")]
    for run_id in ids:
        live_api.wait_until(lambda run_id=run_id: has_ended(live_api, run_id), 30, "the end")  # type: ignore[misc]
    rows = page.get_by_test_id("run-row")
    sign_in(page, live_api)
    page.get_by_test_id("nav-runs").click()
    expect(rows).to_have_count(2)

    page.get_by_test_id("filter-state").get_by_role("button").first.click()
    page.get_by_role("option", name="failed").click()
    page.get_by_role("option", name="timed out").click()
    expect(page).to_have_url(re.compile(r"#/runs\?state=failed(,|%2C)timed_out$"))
    page.keyboard.press("Escape")
    expect(page.get_by_text("No run fits the filter")).to_be_visible()
    page.go_back()
    page.go_back()
    expect(rows).to_have_count(2)

    page.keyboard.press("/")
    expect(page.get_by_test_id("run-search")).to_be_focused()
    page.keyboard.type("SHOP")
    expect(page).to_have_url(re.compile(r"\?q=SHOP$"))
    expect(rows).to_have_count(1)
    page.get_by_test_id("run-search").fill("")
    expect(rows).to_have_count(2)

    page.get_by_test_id("filter-task").get_by_role("button").first.click()
    page.get_by_role("option", name="مهمة النشر").click()
    expect(rows).to_have_count(1)
    page.get_by_test_id("filter-time").get_by_role("button").first.click()
    page.get_by_role("option", name="the last hour").click()
    page.get_by_test_id("filter-who").get_by_role("button").first.click()
    page.get_by_role("option", name="bootstrap").click()
    expect(page).to_have_url(re.compile(r"by=bootstrap"))
    assert violations(page) == []
    page.reload()  # as whoever is sent the link sees it
    expect(page.get_by_test_id("filter-task")).to_contain_text("مهمة النشر")
    expect(rows).to_have_count(1)
    page.get_by_label("Remove the filter Task").click()
    expect(rows).to_have_count(2)
    page.get_by_test_id("filter-clear").click()
    expect(page).to_have_url(f"{live_api.url}/#/runs")


def test_what_the_filter_finds_is_exported_page_by_page(
    page: Page, live_api: LiveControlPlane, tmp_path: Path
) -> None:
    task = live_api.call("POST", "/tasks", {"definition": f'Name = "=many"\n{EMPTY}'})["task"]["id"]
    for _ in range(103):
        live_api.call("POST", f"/tasks/{task}/execute")
    sign_in(page, live_api)
    page.goto(f"{live_api.url}/#/runs?task={task}")
    expect(page.get_by_test_id("run-row")).to_have_count(20)
    page.get_by_test_id("load-more").click()
    expect(page.get_by_test_id("run-row")).to_have_count(103)
    page.get_by_test_id("export").click()
    with page.expect_download() as coming:
        page.get_by_role("menuitem", name="As a table (CSV)").click()
    saved = tmp_path / coming.value.suggested_filename
    coming.value.save_as(saved)
    assert saved.name == "plumber-runs.csv"
    with saved.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    assert len({each["id"] for each in found}) == 103
    assert {each["task_name"] for each in found} == {"'=many"}
