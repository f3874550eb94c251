"""Starts, and what is deployed: the import of app.py, Lambda's INIT, the first result of `make up`,
package size, the panel's first load."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from infra.local import dynalite
from infra.local.backends import endpoints, start_sqs
from infra.local.environment import ROOT, base
from infra.local.processes import Processes
from tests.bench.rows import DEFAULT, Figure, Row, Scaling, at_most, percentile
from tests.bench.stack import COLUMNS, stack
from tests.bench.up import up
from tests.browser.conftest import started

TIMES = 15
UP_TIMES = 3
IMPORT_GOAL_MS, INIT_GOAL_MS, UP_GOAL_SECONDS = 200, 600, 5
PACKAGE_GOAL_MB, PANEL_GOAL_KB, USABLE_GOAL_SECONDS = 25, 250, 2
# Chromium's own "Fast 4G" is 9 Mbit/s; this is the slower "4G" of Lighthouse.
FOUR_G = {"downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8, "latency": 150}
SCRIPT = """
from time import perf_counter, process_time
began = perf_counter(), process_time()
import app
print(perf_counter() - began[0], process_time() - began[1])
"""


def measure() -> list[Row]:
    """Two minutes."""
    return [importing(), _init(), _up(), _package(), *_panel()]


def importing() -> Row:
    """Of app.py."""
    found = _imports({})
    return Row("import of app.py", {DEFAULT: found}, at_most(IMPORT_GOAL_MS))


def _init() -> Row:
    """As Lambda does it before the first call: the import, then keys and connections. Lambda's INIT
    has a whole processor. The local store speaks no TLS."""
    with tempfile.TemporaryDirectory(prefix="plumber-bench-") as directory:
        own = base(os.environ)
        processes = Processes(Path(directory) / "logs", own)
        try:
            _, store = dynalite.start(processes, Path(directory) / "dynamodb")
            sqs = start_sqs(processes, Path(directory) / "sqs")
            where = endpoints(dynamodb=store, s3=store, sqs=sqs)
            keys = {name: text for name, text in own.items() if name.startswith("AWS_")}
            found = _imports({**keys, **where, "AWS_LAMBDA_FUNCTION_NAME": "plumber"})
        finally:
            processes.stop()
    what = "Lambda's INIT: import of app.py and warmed clients, without TLS"
    return Row(what, {DEFAULT: found}, at_most(INIT_GOAL_MS))


def _imports(environment: Mapping[str, str]) -> Figure:
    """In new processes, whose files are in the page cache and whose bytecode is compiled."""
    took: list[float] = []
    used: list[float] = []
    for _ in range(TIMES + 1):
        said = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=ROOT,
            env={"AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for each, text in zip((took, used), said.split(), strict=True):
            each.append(float(text) * 1_000)
    p50, p95 = percentile(took[1:], 50), percentile(took[1:], 95)
    note = f" (p95 {p95:.0f}, {TIMES} times; of a processor {percentile(used[1:], 50):.0f})"
    return Figure("p50 {:.0f} ms", (p50,), note, Scaling.TIME)


def _up() -> Row:
    """From the command to the success of the sample task, nothing being kept from before."""
    found = {column: _first_result(backend) for column, backend in COLUMNS.items()}
    return Row("`make up`, installed: first result", found, at_most(UP_GOAL_SECONDS))


def _first_result(backend: str) -> Figure:
    took = []
    for _ in range(UP_TIMES):
        with up(backend) as running:
            took.append(running.seconds)
    note = f" (median of {UP_TIMES})"
    return Figure("{:.1f} s", (percentile(took, 50),), note, Scaling.TIME)


def _package() -> Row:
    subprocess.run(["make", "-s", "package"], cwd=ROOT, check=True, capture_output=True)
    size = (ROOT / ".build" / "package" / "deployment.zip").stat().st_size / 1e6
    return _one("deployment package", Figure("{:.1f} MB", (size,)), PACKAGE_GOAL_MB)


def _one(what: str, figure: Figure, goal: float) -> Row:
    return Row(what, {DEFAULT: figure}, at_most(goal))


def _panel() -> list[Row]:
    """Its first load over 4G, with nothing cached, until one can sign in."""
    with stack() as running, started() as browser:
        took, sizes = [], []
        for _ in range(5):
            page = browser.new_context().new_page()
            network = page.context.new_cdp_session(page)
            network.send("Network.enable")
            network.send("Network.emulateNetworkConditions", {"offline": False, **FOUR_G})
            received: list[float] = []
            network.on(
                "Network.loadingFinished",
                lambda event, received=received: received.append(event["encodedDataLength"]),
            )
            began = time.monotonic()
            page.goto(running.plane.url + "/")
            page.get_by_test_id("signin-token").wait_for()
            took.append(time.monotonic() - began)
            sizes.append(sum(received) / 1_000)
            page.context.close()
    seconds, note = percentile(took, 50), f" (median of {len(took)})"
    return [
        _one("panel, first load over the wire", Figure("{:.0f} KB", (max(sizes),)), PANEL_GOAL_KB),
        _one(
            "panel, usable on 4G (1.6 Mbit/s, 150 ms)",
            Figure("{:.2f} s", (seconds,), note),
            USABLE_GOAL_SECONDS,
        ),
    ]
