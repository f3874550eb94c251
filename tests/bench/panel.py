"""The panel in a real browser: what the first load weighs and how soon it can be used on a slow
phone, a run of a thousand jobs, a log of a million lines."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from tests.bench.rows import Figure, Row, Scaling, at_most, percentile, row
from tests.bench.stack import Stack, stack
from tests.browser.conftest import started
from tests.screenshots import contents

TIMES = 5
# Of a middling phone on 4G, as Chrome's developer tools have it ("Fast 4G"): bytes a second, and
# milliseconds that each request takes more; and a processor so many times slower than this one.
DOWN, UP, LATENCY_MS, SLOWER = 8.1e6 / 8, 1.35e6 / 8, 165, 4
LINES = 1_000_000
OUTPUT = f"""awk 'BEGIN {{ for (n = 1; n <= {LINES}; n++) printf "line %d\\n", n }}'"""
WATCHED_SECONDS = 10
TIMEOUT_MS = 60_000
# Layout shifts, and what keeps the page from listening for longer than 50 ms (long tasks).
OBSERVED = """
window.seen = { shift: 0, blocked: 0 };
new PerformanceObserver((list) => list.getEntries().forEach((each) => {
  if (!each.hadRecentInput) window.seen.shift += each.value;
})).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => list.getEntries().forEach((each) => {
  window.seen.blocked += each.duration - 50;
})).observe({ type: "longtask", buffered: true });
"""
# Scrolls what is scrolled, as a wheel does; answers how long each frame took.
SCROLL = """
async () => {
  const frames = [];
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  let last = await frame();
  for (let n = 0; n < 200; n++) {
    window.scrollBy(0, 60);
    const now = await frame();
    frames.push(now - last);
    last = now;
  }
  return frames;
}
"""


def measure() -> list[Row]:
    """Three minutes, on the default stack."""
    with started() as browser:
        with stack() as running:
            run_id = contents.large(running.plane).run
            rows = [*_first_load(browser, running), *_slow(browser, running)]
            rows += _wide_run(browser, running, run_id)
        with stack() as running:
            return [*rows, *_long_log(browser, running)]


@contextmanager
def _page(browser: Browser, running: Stack) -> Iterator[Page]:
    """One that has loaded nothing yet, in a browser that has nothing in its cache."""
    context = browser.new_context(viewport={"width": 1_440, "height": 900})
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.add_init_script(OBSERVED)
    yield page
    context.close()


def _open(page: Page, running: Stack) -> float:
    """Signs in by the link; answers after how many seconds the first run is there."""
    began = time.perf_counter()
    page.goto(running.plane.way_in.sign_in_link)
    page.locator('main a[href*="/runs/0"]').first.wait_for()
    return time.perf_counter() - began


def _first_load(browser: Browser, running: Stack) -> list[Row]:
    received = [0]
    with _page(browser, running) as page:
        tab = page.context.new_cdp_session(page)
        tab.send("Network.enable")

        def note(event: Any) -> None:
            received[0] += event["encodedDataLength"]

        tab.on("Network.loadingFinished", note)
        _open(page, running)
        page.wait_for_load_state("networkidle")
    figure = Figure("{:.0f} KB", (received[0] / 1_024,), " with the data of the first page")
    return [row("first load, over the wire", figure, at_most(250))]


def _slow(browser: Browser, running: Stack) -> list[Row]:
    asked, took, shifts, blocked = [], [], [], []
    for _ in range(TIMES):
        with _page(browser, running) as page:
            _slow_down(page)
            began = time.perf_counter()
            page.goto(running.plane.url)
            page.get_by_test_id("signin-token").wait_for()
            asked.append(time.perf_counter() - began)
        with _page(browser, running) as page:
            page.add_init_script(
                f"sessionStorage.setItem('plumber.token', '{running.plane.token}')"
            )
            _slow_down(page)
            began = time.perf_counter()
            page.goto(running.plane.url)
            page.locator('main a[href*="/runs/0"]').first.wait_for()
            took.append(time.perf_counter() - began)
            page.wait_for_load_state("networkidle")
            seen = page.evaluate("window.seen")
            shifts.append(seen["shift"])
            blocked.append(seen["blocked"])
    usable = Figure("{:.1f} s", (percentile(asked, 50),), f" ({TIMES} times)", Scaling.TIME)
    shown = Figure("{:.1f} s", (percentile(took, 50),), f" ({TIMES} times)", Scaling.TIME)
    phone = f"on 4G, with a processor {SLOWER} times slower"
    return [
        row(f"{phone}: the sign-in page can be used", usable, at_most(2)),
        row(f"{phone}: the first run is there, for who is signed in", shown, at_most(2)),
        row(f"{phone}: layout shift", Figure("{:.3f}", (max(shifts),)), at_most(0.1)),
        row(
            f"{phone}: tasks beyond 50 ms, together",
            Figure("{:.0f} ms", (percentile(blocked, 50),), "", Scaling.TIME),
        ),
    ]


def _slow_down(page: Page) -> None:
    tab = page.context.new_cdp_session(page)
    tab.send("Network.enable")
    speed = {"downloadThroughput": DOWN, "uploadThroughput": UP, "latency": LATENCY_MS}
    tab.send("Network.emulateNetworkConditions", {"offline": False, **speed})
    tab.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})


def _wide_run(browser: Browser, running: Stack, run_id: str) -> list[Row]:
    calls: list[str] = []
    with _page(browser, running) as page:
        _open(page, running)
        page.on("request", lambda request: calls.append(request.url))
        began = time.perf_counter()
        page.goto(f"{running.plane.url}/#/runs/{run_id}")
        page.get_by_text("web-0006.hall-1").first.wait_for()  # of those that failed
        opened = time.perf_counter() - began
        frames = page.evaluate(SCROLL)
        calls.clear()
        page.wait_for_timeout(WATCHED_SECONDS * 1_000)
    what = f"a run of {contents.MACHINES:,} jobs under way"
    late = percentile(frames, 95)
    return [
        row(f"{what}: opened", Figure("{:.2f} s", (opened,), "", Scaling.TIME), at_most(1)),
        row(f"{what}: a frame of scrolling", Figure("p95 {:.0f} ms", (late,)), at_most(34)),
        row(
            f"{what}: calls a second while one looks",
            Figure("{:.1f}", (len(calls) / WATCHED_SECONDS,)),
            at_most(2),
        ),
    ]


def _long_log(browser: Browser, running: Stack) -> list[Row]:
    agent = running.agent("agent-1")
    step = f'[[step]]\nServerID = "{agent.id}"\nCMD = {json.dumps(OUTPUT)}\n'
    run_id, job_id = running.trigger(running.save(f'Name = "long"\n{step}')), f"1-{agent.id}"
    running.plane.wait_until(
        lambda: running.run(run_id)["ended_at"] is not None, 120, "the end of the output"
    )
    running.wait_until_compacted(f"/runs/{run_id}/jobs/{job_id}/log")
    address, middle = f"runs/{run_id}?job={job_id}", LINES // 2
    what = f"a log of {LINES:,} lines"
    return [
        _seconds(f"{what}: its first lines", _seen(browser, running, address, ""), 1),
        _seconds(f"{what}: its end", _seen(browser, running, address, f'="{LINES}"'), 2),
        _seconds(
            f"{what}: a line in the middle",
            _seen(browser, running, f"{address}&line={middle}", f'="{middle}"'),
            2,
        ),
    ]


def _seen(browser: Browser, running: Stack, address: str, line: str) -> list[float]:
    """After how many seconds it is there, each time in a page that is new."""
    took = []
    for _ in range(TIMES):
        with _page(browser, running) as page:
            _open(page, running)
            began = time.perf_counter()
            page.goto(f"{running.plane.url}/#/{address}")
            page.get_by_test_id("log-view").locator(f"[data-line{line}]").first.wait_for()
            took.append(time.perf_counter() - began)
    return took


def _seconds(what: str, took: list[float], most: float) -> Row:
    p50, p95 = percentile(took, 50), percentile(took, 95)
    figure = Figure("p50 {:.2f}, p95 {:.2f} s", (p50, p95), f" ({len(took)} times)", Scaling.TIME)
    return row(what, figure, at_most(most, most))
