"""Calls of AWS per operation, and per job of a rolling step, beside the budgets."""

import json
from collections.abc import Callable

from chalicelib import clock
from chalicelib.dynamo import runs
from chalicelib.operations.logs.compaction import compact_due
from chalicelib.operations.runs.sweep import sweep
from chalicelib.operations.shift import Shift
from chalicelib.operations.tasks.schedules import fire_due
from chalicelib.runs.job import JobState
from infra.local.backends import durable
from tests.api.conftest import RpcAgent
from tests.bench.product import Meter, Used, product
from tests.bench.rows import Row, Wish, row
from tests.simulation.schedule import Laboratory

WIDTHS = (30, 300)
BUDGETS = {  # design §3: writes, reads
    "trigger, one step on one agent": (4, 2),
    "heartbeat": (1, 0),
    "poll, nothing to do": (0, 1),
    "heartbeat and poll in one request": (1, 1),
    "claim": (2, 2),
    "report of the start": (1, 0),
    "report the end of a job in the middle of a run": (4, 2),
    "view a run": (0, 1),
    "view a run of 300 jobs under way": (0, 5),
    "list of runs, one under way": (0, 5),  # a month of history each, and the counts
    "per job of a rolling step": (5, 4),
    "sweep, nothing due": (1, 11),  # the shards of the due-queue, and the presences
    "schedules, nothing due": (0, 2),
    "compaction, nothing due": (0, 2),
}


# Its seat has lapsed: the write of the heartbeat that it did not send (ADR 25).
SILENT = "claim by an agent of which nothing was heard for a minute"


def save(lab: Laboratory, name: str, steps: str) -> str:
    """A task; answers the path that triggers it."""
    source = f'Name = "{name}"\n{steps}'
    task_id: str = lab.people.data("POST", "/tasks", {"definition": source})["task"]["id"]
    return f"/tasks/{task_id}/execute"


def narrow(lab: Laboratory, meter: Meter, one: RpcAgent) -> dict[str, Used]:
    """Each operation by itself, with everybody's token in the warm process's memory."""
    step = f'[[step]]\nCMD = "true"\nServerID = "{one.id}"\n'
    single, path = save(lab, "single", step), save(lab, "narrow", step * 3)
    one.result("agent.heartbeat")
    one.poll()
    found: dict[str, Used] = {}
    meter.take()
    lab.people.data("POST", single)
    found["trigger, one step on one agent"] = meter.take()
    (only,) = one.poll()["jobs"]
    one.finish(only)
    run_id = lab.people.data("POST", path)["id"]
    (first,) = one.poll()["jobs"]
    one.finish(first)
    meter.take()
    (second,) = one.poll()["jobs"]
    found["claim"] = meter.take()
    one.result("job.start", **{key: second[key] for key in ("run_id", "job_id", "lease")})
    found["report of the start"] = meter.take()
    one.finish(second)
    found["report the end of a job in the middle of a run"] = meter.take()
    lab.people.data("GET", f"/runs/{run_id}")
    found["view a run"] = meter.take()
    one.seat = 0
    meter.take()
    (third,) = one.poll()["jobs"]
    found[SILENT] = meter.take()
    one.finish(third)
    meter.take()
    one.result("agent.heartbeat")
    found["heartbeat"] = meter.take()
    one.poll()
    found["poll, nothing to do"] = meter.take()
    one.result("agent.heartbeat", doorbell="listening")
    one.poll()
    found["heartbeat and poll in one request"] = meter.take()
    return found | rounds(meter)


def rounds(meter: Meter) -> dict[str, Used]:
    """The scheduled functions, while nothing is due."""
    found: dict[str, Used] = {}
    shift = Shift.of(clock.read, left_ms=60_000)
    sweep(shift)  # that nobody watched before costs one more write
    functions: dict[str, Callable[[Shift], object]] = {
        "sweep": sweep,
        "schedules": fire_due,
        "compaction": compact_due,
    }
    meter.take()
    for name, function in functions.items():
        function(shift)
        found[f"{name}, nothing due"] = meter.take()
    return found


def wide(lab: Laboratory, meter: Meter, agents: list[RpcAgent]) -> tuple[Used, int]:
    """All of a step with MaxParallel 10 %, and the most jobs active at once."""
    ids = json.dumps([each.id for each in agents])
    step = f'[[step]]\nCMD = "true"\nServerID = {ids}\nMaxParallel = "10%"\n'
    path = save(lab, f"wide {len(agents)}", step)
    meter.take()
    run_id = lab.people.data("POST", path)["id"]
    parts = [meter.take()]
    most, left = 0, {each.id: each for each in agents}
    while left:
        for each in left.values():  # as agents do, which are heard of each half a minute
            each.result("agent.heartbeat")
        progress = runs.progress(run_id)
        assert progress is not None
        queued = [job for job in progress.jobs if not job.state.is_terminal]
        most = max(most, len(queued))
        meter.take()
        for job in queued:
            agent = left.pop(job.key.agent_id)
            (offer,) = agent.poll()["jobs"]
            reference = {key: offer[key] for key in ("run_id", "job_id", "lease")}
            agent.result("job.start", **reference)
            agent.finish(offer)
            parts.append(meter.take())
    progress = runs.progress(run_id)
    assert progress is not None
    assert {job.state for job in progress.jobs} == {JobState.SUCCEEDED}
    return total(parts), most


def looks(lab: Laboratory, meter: Meter) -> dict[str, Used]:
    """At a wide run that goes on, and at a list with it."""
    body = {"command": "true", "all": True, "max_parallel": 10, "max_failures": 0}
    run_id = lab.people.data("POST", "/commands", body)["id"]
    found: dict[str, Used] = {}
    meter.take()
    lab.people.data("GET", "/runs")
    found["list of runs, one under way"] = meter.take()
    lab.people.data("GET", f"/runs/{run_id}")
    found["view a run of 300 jobs under way"] = meter.take()
    return found


def total(parts: list[Used]) -> Used:
    """All of it together."""
    whole = Used()
    for each in parts:
        whole.calls += each.calls
        whole.write_units += each.write_units
        whole.read_units += each.read_units
        whole.bytes += each.bytes
        whole.seconds += each.seconds
    return whole


def measure() -> list[Row]:
    """In one process, on DynamoDB Local, with every caller's token in its memory."""
    with product(durable) as (lab, meter):
        agents = [lab.agent(number) for number in range(1001, 1001 + max(WIDTHS))]
        for each in agents:
            each.result("agent.heartbeat")
        found = narrow(lab, meter, agents[0])
        wides = {width: wide(lab, meter, agents[:width]) for width in WIDTHS}
        found |= looks(lab, meter)
    rows = [_row(name, found[name], 1, BUDGETS[name]) for name in BUDGETS if name in found]
    rows.append(_row(SILENT, found[SILENT], 1))
    for width, (used, most) in wides.items():
        rows.append(_row(f"per job of a rolling step, {width} agents", used, width))
        what = f"most jobs active at once, {width} agents, MaxParallel 10%"
        rows.append(row(what, str(most), Wish(f"≤ {width // 10}", most <= width // 10)))
    rows.append(_amortised(wides[WIDTHS[0]][0], wides[WIDTHS[1]][0]))
    return rows


def _amortised(narrower: Used, wider: Used) -> Row:
    """What each further job costs: without the run's own writes, of its beginning and its end."""
    jobs = WIDTHS[1] - WIDTHS[0]
    writes = (wider.writes - narrower.writes) / jobs
    reads = (wider.reads - narrower.reads) / jobs
    budget = BUDGETS["per job of a rolling step"]
    is_met = round(writes, 1) <= budget[0] and round(reads, 1) <= budget[1]
    wish = Wish("≤ " + WORDS.format(*budget), is_met)
    return row("each further job", WORDS.format(writes, reads), wish)


WORDS = "{:.3g} writes, {:.3g} reads"


def _row(what: str, used: Used, count: int, budget: tuple[int, int] | None = None) -> Row:
    writes, reads = used.writes / count, used.reads / count
    words = WORDS
    units = f"{used.write_units / count:.3g} WRU, {used.read_units / count:.3g} RRU"
    more = "".join(
        f", {used.of(service) / count:.2g} {service.upper()}"
        for service in ("sqs", "s3")
        if used.of(service)
    )
    found = f"{words.format(writes, reads)}{more} ({units}, {used.bytes / count / 1000:.1f} KB)"
    if budget is None:
        return row(what, found)
    is_met = writes <= budget[0] and reads <= budget[1]
    return row(what, found, Wish("≤ " + words.format(*budget), is_met))
