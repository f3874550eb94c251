"""Where time goes, on the default stack. Between a trigger and the command's start, with doorbell,
as `wake` measures it: a row for each call of AWS on the way, and for what lies between. And where
the API's processor time of a job of a fan-out goes.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from plumber_agent.jobs.journal import JobDirectory
from tests.bench.rows import DEFAULT, Figure, Row, Scaling
from tests.bench.stack import Stack, stack
from tests.bench.throughput import AGENTS, LOOK_SECONDS, STEPS
from tests.bench.traced_api import Note, notes
from tests.bench.wake import CADENCE, REST_SECONDS

WARM_UP_SECONDS, TIMES, FAN_OUTS = 20.0, 30, 5
RING = "sqs SendMessage"


@dataclass(frozen=True)
class Moment:
    """What had just happened; seconds since the trigger, and seconds that the call took, if it was
    one of AWS."""

    what: str
    at: float
    called: float = 0.0


Trace = Sequence[Moment]


def measure() -> list[Row]:
    """A minute and a half."""
    with stack(DEFAULT, AGENTS, api="tests.bench.traced_api", **CADENCE) as running:
        running.warm_up(WARM_UP_SECONDS)
        return [*_rows(list(_traces(running))), *_of_a_fan_out(running)]


def _rows(traces: Sequence[Trace]) -> list[Row]:
    """Medians of those starts that went the way of most: a heartbeat may cross the others."""
    ways = Counter(tuple(moment.what for moment in trace) for trace in traces)
    (way, count), *_ = ways.most_common(1)
    same = [trace for trace in traces if tuple(moment.what for moment in trace) == way]
    rows = []
    for number, what in enumerate(way):
        at = median(trace[number].at for trace in same) * 1e3
        since = median(t[number].at - (t[number - 1].at if number else 0.0) for t in same) * 1e3
        called = median(trace[number].called for trace in same) * 1e3
        call = f", of them the call {called:.1f}" if called else ""
        figure = Figure("{:.1f} ms", (since,), f"{call}, at {at:.1f}", Scaling.TIME)
        rows.append(_row(what, figure))
    ways_text = f"{count} of {len(traces)}"
    return [*rows, _row("starts that went this way", Figure(ways_text))]


def _of_a_fan_out(running: Stack) -> list[Row]:
    """Per job; everything that the API is asked for meanwhile."""
    began = time.time()  # noqa: TID251
    task = running.save_fan_out("fan-out", STEPS)
    for _ in range(FAN_OUTS):
        running.finished(running.trigger(task), LOOK_SECONDS)
    jobs = FAN_OUTS * AGENTS * STEPS
    found = [each for each in notes(running.place) if each.began >= began]
    calls = [each for each in found if each.is_call]
    requests = [each for each in found if not each.is_call]
    of_calls, of_requests = (
        sum(e.processor for e in part) * 1e3 / jobs for part in (calls, requests)
    )
    counts = Counter(each.what.split()[1] for each in calls)
    kinds = ", ".join(f"{what} {count / jobs:.1f}" for what, count in counts.most_common(6))
    return [
        _row(
            f"API, processor time of a job of a fan-out: {len(calls) / jobs:.1f} calls of AWS",
            Figure("{:.1f} ms", (of_calls,), f" ({kinds})", Scaling.TIME),
        ),
        _row(
            f"the same: the rest of {len(requests) / jobs:.1f} requests",
            Figure("{:.1f} ms", (of_requests - of_calls,), "", Scaling.TIME),
        ),
    ]


def _row(what: str, figure: Figure) -> Row:
    return Row(what, {DEFAULT: figure})


def _traces(running: Stack) -> Iterator[Trace]:
    """One for each start."""
    agent = running.agents[0]
    place = running.place / "started"
    command = f"date +%s.%N > {place}.new; mv {place}.new {place}; sleep 0.5"
    source = f'Name = "traced"\n[[step]]\nServerID = "{agent.id}"\nCMD = "{command}"\n'
    task = running.save(source)
    for _ in range(TIMES):
        time.sleep(REST_SECONDS)
        place.unlink(missing_ok=True)
        began = time.time()  # noqa: TID251
        run_id = running.trigger(task)
        running.plane.wait_until(place.exists, 30, "the start of the command")
        marked, started = _marked(agent.workdir), float(place.read_text())
        running.wait(run_id, 30)
        found = [each for each in notes(running.place) if began <= each.began < started]
        yield _trace(began, found, marked, started)


def _marked(workdir: Path) -> float:
    """When the supervisor marked the start of the job that runs, on the clock of the others."""
    (mark,) = (JobDirectory(path.parent).started() for path in workdir.rglob("started"))
    assert mark is not None
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - since_boot + float(mark["at_ms"]) / 1e3  # noqa: TID251


def _trace(began: float, found: Sequence[Note], marked: float, started: float) -> Trace:
    trigger = next(each for each in found if each.what.endswith("/execute"))
    ring = next(each for each in found if each.what == RING)
    poll = next(each for each in found if each.what == "POST /rpc" and each.began > ring.began)
    return [
        Moment("the trigger arrives at the API", trigger.began - began),
        *_calls(began, found, trigger, ring.ended),
        Moment("the agent's poll arrives", poll.began - began),
        *_calls(began, found, poll, poll.ended),
        Moment("the poll is answered", poll.ended - began),
        Moment("the job's supervisor marks the start", marked - began),
        Moment("the command runs", started - began),
    ]


def _calls(began: float, found: Sequence[Note], request: Note, until: float) -> Iterator[Moment]:
    """Those of AWS that a request made."""
    for each in sorted(found, key=lambda note: note.began):
        is_of_it = each.thread == request.thread and each is not request
        if is_of_it and request.began <= each.began and each.ended <= min(until, request.ended):
            yield Moment(each.what, each.ended - began, each.ended - each.began)
