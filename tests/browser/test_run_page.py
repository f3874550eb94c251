"""The page of a run: why it failed, what ran, earlier attempts, and a run of a thousand jobs."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page, Request, expect

from tests.browser.axe import violations
from tests.browser.conftest import definition, sign_in
from tests.browser.test_logs import has_ended, run_of
from tests.stack.live import LiveControlPlane

JOBS = 1_000
OPENED_MS = 1_000
FRAME_MS = 50  # no frame may take longer
SWEEPS = 5  # where a frame is slow once only, another process had its turn
WATCHED_MS = 12_000
CALLS_A_SECOND = 2.0  # of a run that goes on: the run itself, its log, a list of jobs that is open
FLEET = f"""
from datetime import datetime, timezone
from chalicelib.agents.agent import Agent, Facts
from chalicelib.agents.target_index import version
from tests.api.conftest import agent_id
from tests.stack.fleets import build
now = datetime(2026, 1, 1, tzinfo=timezone.utc)
facts = Facts("web", "10.0.0.1", "Ubuntu 24.04", "x86_64", "0.1.0")
build(
    Agent(agent_id(n), f"web-{{n:04}}", now, "0" * 64, facts, {{"role": "wide"}}, None,
          version=version(now))
    for n in range(1, {JOBS} + 1)
)
"""
# Scrolls a list to its end, which is read as one comes near to it; answers how long frames took.
SCROLL = """
async (list) => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const frames = [];
  list.scrollTop = 0;
  let last = await frame();
  for (let n = 0; n < 240; n++) {
    list.scrollTop += 240;
    const now = await frame();
    frames.push(now - last);
    last = now;
  }
  return frames;
}
"""


def calls_of(page: Page) -> list[Request]:
    """The calls that the page makes from now on."""
    made: list[Request] = []
    page.on("request", lambda request: made.append(request) if "/api/v1/" in request.url else None)
    return made


def paths(made: Sequence[Request]) -> list[str]:
    return [request.url.partition("/api/v1")[2] for request in made]


def test_a_failed_run_says_why_and_shows_what_ran_in_each_attempt(
    page: Page, live_api: LiveControlPlane, agent_process: Any
) -> None:
    agent = agent_process(live_api)
    command = 'echo "try $version"; echo no such host >&2; exit 6'
    head = '[Params.version]\nDefault = "1.4"\n'
    source = definition(agent.id, "tells why", command, "echo never")
    source = source.replace("[[step]]", f"{head}[[step]]", 1)
    source = source.replace("Path =", 'Retries = 1\nRetryDelay = "1s"\nPath =', 1)
    run_id = run_of(live_api, source)
    live_api.wait_until(lambda: has_ended(live_api, run_id), 60, "the end of the run")
    sign_in(page, live_api)
    page.goto(f"{live_api.url}/#/runs/{run_id}")
    reason = page.get_by_test_id("run-reason")
    expect(reason).to_contain_text("Step “step 1” failed on")
    expect(reason).to_contain_text("with exit code 6. 1 step was skipped.")
    expect(page.get_by_test_id("log-tail")).to_contain_text("no such host")
    expect(page.get_by_test_id("run-parameters")).to_contain_text("version1.4")
    expect(page.get_by_test_id("step-command")).to_have_text(command)
    expect(page.get_by_test_id("step-2")).to_contain_text("skipped")

    attempts = page.get_by_test_id("log-attempt")
    expect(attempts.locator("option")).to_have_count(2)
    attempts.select_option("1")
    expect(page.get_by_test_id("log-attempt")).to_have_value("1")
    log = page.get_by_test_id("log-view")
    expect(log).to_contain_text("try 1.4")
    log.get_by_role("link", name="Link to line 2").click()
    expect(page.get_by_test_id("log-line")).to_contain_text("Line 2")
    shared = page.url
    assert "attempt=1" in shared
    assert "line=2" in shared
    page.get_by_test_id("step-2").click()
    expect(page.get_by_test_id("step-command")).to_have_text("echo never")
    page.go_back()
    expect(page.get_by_test_id("log-attempt")).to_have_value("1")

    assert violations(page) == []
    page.keyboard.press("r")
    expect(page.get_by_role("menuitem")).to_have_count(3)
    page.keyboard.press("Escape")
    made = calls_of(page)
    page.wait_for_timeout(2_500)
    assert paths(made) == [], "a run that has ended is not asked for"


def test_a_run_of_a_thousand_jobs_opens_at_once_scrolls_and_asks_seldom(
    page: Page, live_api: LiveControlPlane
) -> None:
    environment = {**os.environ, **live_api.environment}
    subprocess.run([sys.executable, "-c", FLEET], env=environment, check=True, timeout=120)
    source = (
        'Name = "everywhere"\n[[step]]\nName = "patch"\nCMD = "true"\nDeliverWithin = "1h"\n'
        'Targets = { Labels = { role = "wide" } }\n'
    )
    run_id = run_of(live_api, source)
    live_api.wait_until(lambda: known(live_api, run_id) == JOBS, 60, "all jobs")
    sign_in(page, live_api)
    opened = min(opening(page, live_api, run_id) for _ in range(3))
    assert opened <= OPENED_MS

    group = page.get_by_test_id("jobs-open")
    expect(group).to_contain_text("1,000")
    rows = group.locator("[data-testid^=job-]")
    expect(rows.first).to_be_visible()
    listed = group.get_by_role("region")
    best = listed.evaluate(SCROLL)
    for _ in range(SWEEPS):
        best = [min(both) for both in zip(best, listed.evaluate(SCROLL), strict=True)]
        if max(best) <= FRAME_MS and group.get_by_text("web-1000").count() > 0:
            break
    expect(group.get_by_text("web-1000")).to_be_visible()
    expect(rows).not_to_have_count(JOBS)
    assert max(best) <= FRAME_MS

    made = calls_of(page)
    page.wait_for_timeout(WATCHED_MS)
    assert 0 < len(made) <= CALLS_A_SECOND * WATCHED_MS / 1_000, paths(made)
    live_api.call("POST", f"/runs/{run_id}/cancel")
    expect(page.get_by_test_id("run-state")).to_have_text("cancelled", timeout=60_000)
    page.wait_for_timeout(500)
    after = calls_of(page)
    page.wait_for_timeout(WATCHED_MS)
    assert paths(after) == []


def known(plane: LiveControlPlane, run_id: str) -> int:
    known_jobs: int = plane.call("GET", f"/runs/{run_id}")["run"]["progress"]["known"]
    return known_jobs


def opening(page: Page, plane: LiveControlPlane, run_id: str) -> float:
    """Milliseconds until the jobs of the run are seen, from another page of the panel."""
    page.goto(f"{plane.url}/#/agents")
    expect(page.get_by_role("heading", level=1, name="Agents")).to_be_visible()
    taken: float = page.evaluate(
        """async (hash) => {
          const begin = performance.now();
          location.hash = hash;
          while (!document.querySelector('[data-testid="jobs-open"] [data-testid^="job-"]'))
            await new Promise((done) => requestAnimationFrame(done));
          return performance.now() - begin;
        }""",
        f"#/runs/{run_id}",
    )
    return taken
