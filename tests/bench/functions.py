"""What the functions need: memory at their most, and processor time per request. From that, what
each memory setting of Lambda would cost and take: .chalice/config.json has the one that is best.

Lambda gives a function processor time in proportion to its memory, one core at 1,769 MB
(docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html); a call of DynamoDB takes about
5 ms from there, whatever the memory.
"""

import time
from collections.abc import Callable
from typing import Any

import psutil

from tests.api.conftest import RpcAgent
from tests.bench.calls import save
from tests.bench.cost import GB_SECOND
from tests.bench.logs import Peak
from tests.bench.product import product
from tests.bench.rows import Figure, Row, Scaling, row
from tests.bench.stack import Stack, stack
from tests.simulation.schedule import Laboratory

MEMORIES = (128, 256, 512, 1_024, 1_769)
FULL_CORE_MB, CALL_MS, CALLS_OF_A_TRIGGER, CALLS_OF_A_BEAT = 1_769, 5, 6, 2
TIMES = 200
LOG_MB = 256
IDLE_SECONDS = 2.0


def measure() -> list[Row]:
    """About a minute."""
    with product() as (lab, _):
        one = lab.agent(1001)
        path = save(lab, "functions", f'[[step]]\nCMD = "true"\nServerID = "{one.id}"\n')
        beat = _cpu_ms(lambda: _beat(lab, one))
        trigger = _cpu_ms(lambda: _job(lab, one, path)) / 4  # trigger, poll, start, end
    rows = [
        row("processor time of a heartbeat with a poll", _ms(beat)),
        row("processor time of a call about a job, on average", _ms(trigger)),
    ]
    for memory in MEMORIES:
        rows.append(_setting(memory, beat, trigger))
    return rows + _peaks()


def _ms(milliseconds: float) -> Figure:
    return Figure("{:.1f} ms", (milliseconds,), "", Scaling.TIME)


def _setting(memory: int, beat_ms: float, trigger_ms: float) -> Row:
    share = max(1.0, FULL_CORE_MB / memory)
    times = [
        cpu * share + calls * CALL_MS
        for cpu, calls in ((beat_ms, CALLS_OF_A_BEAT), (trigger_ms, CALLS_OF_A_TRIGGER))
    ]
    dollars = times[0] * memory / 1_024 / 1_000 * GB_SECOND * 1e6
    what = f"Lambda with {memory:,} MB: heartbeat, call about a job; a million heartbeats"
    return row(what, f"{times[0]:.0f} ms, {times[1]:.0f} ms; {dollars:.2f} $")


def _cpu_ms(work: Callable[[], Any]) -> float:
    for _ in range(20):
        work()
    began = time.process_time()
    for _ in range(TIMES):
        work()
    return (time.process_time() - began) / TIMES * 1_000


def _beat(lab: Laboratory, one: RpcAgent) -> None:
    one.result("agent.heartbeat", metrics={"cpu_percent": 1.0}, doorbell="listening")
    one.poll()


def _job(lab: Laboratory, one: RpcAgent, path: str) -> None:
    lab.people.data("POST", path)
    (job,) = one.poll()["jobs"]
    one.result("job.start", **{key: job[key] for key in ("run_id", "job_id", "lease")})
    one.finish(job)


def _peaks() -> list[Row]:
    """Of the processes that stand for the functions: the API while a long log is read, searched
    and downloaded, and the schedules while it is compacted."""
    with stack() as running:
        api, ticker = (psutil.Process(child.process.pid) for child in running.plane.children)
        idle = Peak(api)
        time.sleep(IDLE_SECONDS)
        idle.stop()
        of_api, of_ticker = Peak(api), Peak(ticker)
        _read_a_long_log(running)
    return [
        _peak("the API, idle", idle),
        _peak("the API, reading and searching a long log", of_api.stop()),
        _peak(f"the schedules, compacting {LOG_MB} MiB", of_ticker.stop()),
    ]


def _peak(what: str, most: Peak) -> Row:
    """Lambda counts what is resident: a function shares with nobody there."""
    note = f", resident {most.resident / 1e6:.0f}"
    return row(f"memory (PSS) at its most: {what}", Figure("{:.0f} MB", (most.pss / 1e6,), note))


def _read_a_long_log(running: Stack) -> None:
    agent = running.agent("agent-1")
    command = f"head -c {LOG_MB << 20} /dev/urandom | base64 -w 200 | head -c {LOG_MB << 20}"
    source = f'Name = "long"\n[[step]]\nServerID = "{agent.id}"\nCMD = "{command}"\n'
    run_id = running.trigger(running.save(source))
    job = running.wait(run_id, 300)
    path = f"/runs/{run_id}/jobs/{job['id']}/log"
    cursor = ""
    for _ in range(40):
        cursor = running.plane.call("GET", f"{path}?cursor={cursor}")["next"]
    running.plane.call("GET", f"{path}/search?pattern=no-such-thing")
    running.wait_until_compacted(path)
