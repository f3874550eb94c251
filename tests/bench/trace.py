"""Where the time between a trigger and the command's start goes: on the default stack, with its
doorbell, as `wake` measures it. A row for each call of AWS on the way, and for what lies between.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from plumber_agent.journal import JobDirectory
from tests.bench.rows import DEFAULT, Figure, Row, Scaling
from tests.bench.stack import Stack, stack
from tests.bench.traced_api import Note, notes
from tests.bench.wake import CADENCE, REST_SECONDS

WARM_UP_SECONDS, TIMES = 20.0, 40
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
    with stack(DEFAULT, 1, api="tests.bench.traced_api", **CADENCE) as running:
        running.warm_up(WARM_UP_SECONDS)
        return _rows(list(_traces(running)))


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
        rows.append(Row(what, {DEFAULT: figure}))
    ways_text = f"{count} of {len(traces)}"
    return [*rows, Row("starts that went this way", {DEFAULT: Figure(ways_text)})]


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
    return time.time() - since_boot + mark["at_ms"] / 1e3  # noqa: TID251


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
