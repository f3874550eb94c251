"""Showing a run: so many reads at most, however wide it is. Nothing is decided by what they say."""

from collections.abc import Iterable, Mapping, Sequence

from chalicelib.dynamo import jobs, runs, steps
from chalicelib.dynamo.run_items import (
    HEAD,
    JobItem,
    PartitionItem,
    RosterItem,
    job_sort_key,
    jobs_sort_key,
    roster_sort_key,
    rosters_sort_key,
)
from chalicelib.dynamo.steps import ROSTER_CHUNK
from chalicelib.runs import run_page
from chalicelib.runs.job import Job, JobKey
from chalicelib.runs.run import Progress, Run, RunStep
from chalicelib.runs.run_page import RunPage, StepPage

SEEN = 300  # items of the first look: a run that has no more is known by it
FIRST = 100  # jobs that are read for a page of a run that has, and failed ones beside them
HEAD_READS = 2  # of SEEN items each: a hundred steps and their gates

Place = tuple[RunStep, int]  # a step, and the index of one of its jobs


def look(run_id: str) -> RunPage | None:
    """The run with its steps and the first jobs of each; None when there is no such run.

    One query for a run that it holds as a whole, five or six calls for any other.
    """
    known, is_whole = _beginning(run_id)
    if known is None:
        return None
    return run_page.whole(known) if is_whole else _look_at_wide(known)


def _beginning(run_id: str) -> tuple[Progress | None, bool]:
    """What stands at the beginning of the partition, its head at least; whether it is all."""
    items: list[PartitionItem] = []
    start = None
    for _ in range(HEAD_READS):
        results = PartitionItem.query(
            run_id, limit=SEEN, last_evaluated_key=start, consistent_read=True
        )
        items += results
        start = results.last_evaluated_key
        if start is None or not items[-1].item.startswith(HEAD):
            break
    return runs.assembled(items), start is None


def head(run_id: str) -> Progress | None:
    """The run with its steps and gates, without its jobs and the agents of wide steps."""
    is_head = PartitionItem.item.startswith(HEAD)
    return runs.assembled(PartitionItem.query(run_id, is_head, consistent_read=True))


def with_jobs(known: Progress, first: int, last: int) -> Progress:
    """A run's head with all jobs and agents of the steps with these numbers: what is read is in
    proportion to them, and nothing of the others."""
    of_steps = JobItem.item.between(jobs_sort_key(first), jobs_sort_key(last) + "~")
    parts_of_steps = RosterItem.item.between(rosters_sort_key(first), rosters_sort_key(last) + "~")
    run_id = known.run.id
    found = [jobs.value(item) for item in JobItem.query(run_id, of_steps, consistent_read=True)]
    is_wide = any(s.roster_id and first <= s.number <= last for s in known.steps)
    parts = list(RosterItem.query(run_id, parts_of_steps, consistent_read=True)) if is_wide else []
    chosen = tuple(
        steps.with_agents(step, parts) if first <= step.number <= last else step
        for step in known.steps
    )
    return Progress(known.run, chosen, found, known.gates)


def _look_at_wide(known: Progress) -> RunPage:
    most = run_page.share(known.steps, FIRST)
    places = [(step, index) for step in known.steps for index in range(min(step.size or 0, most))]
    shown: dict[int, dict[int, Job]] = {step.number: {} for step in known.steps}
    for job in at(known.run, places):
        shown[job.key.step][job.index] = job
    results = {
        step.number: run_page.known_result(known, step, list(shown[step.number].values()))
        for step in known.steps
    }
    failing = [number for number, found in results.items() if run_page.has_failures(found)]
    for job in _failed(known.run.id, failing):
        shown[job.key.step][job.index] = job
    pages = [
        StepPage(
            step,
            results[step.number],
            found := _in_order(shown[step.number]),
            waves=run_page.wave_tallies(step, found, run_page.counted_in_waves(known, step)),
        )
        for step in known.steps
    ]
    return RunPage(known.run, results[known.run.step].counts, pages)


def _in_order(found: Mapping[int, Job]) -> list[Job]:
    return sorted(found.values(), key=lambda job: (not job.has_failed, job.index))


def _failed(run_id: str, failing: Sequence[int]) -> Iterable[Job]:
    """Of the last steps in which jobs failed: a call for a hundred, two calls at most."""
    left = list(failing)
    for _ in range(2):
        if not left:
            return
        before = JobItem.item.between(jobs_sort_key(), jobs_sort_key(left[-1]) + "~")
        items = JobItem.failed_jobs.query(run_id, before, limit=FIRST, scan_index_forward=False)
        found = [jobs.value(item) for item in items]
        yield from found
        reached = min((job.key.step for job in found), default=0)
        left = [number for number in left if number < reached] if len(found) == FIRST else []


def at(run: Run, places: Sequence[Place]) -> list[Job]:
    """The jobs in these places, also those that have not been written: two calls for a hundred, if
    the places of each step lie side by side."""
    agents = _agents(run.id, places)
    keys = [JobKey(run.id, step.number, agents[step.number, index][0]) for step, index in places]
    wanted = [(run.id, job_sort_key(key)) for key in keys]
    items = JobItem.batch_get(wanted) if wanted else ()
    written = {item.item: jobs.value(item) for item in items}
    return [
        written.get(job_sort_key(key))
        or run_page.unwritten(run, step, index, *agents[step.number, index])
        for key, (step, index) in zip(keys, places, strict=True)
    ]


def _agents(run_id: str, places: Sequence[Place]) -> dict[tuple[int, int], tuple[str, str]]:
    """Id and name of the agents in these places, by the step's number and the index."""
    wide = [(step, index) for step, index in places if step.roster_id is not None]
    names = {
        roster_sort_key(step.number, step.roster_id or "", index // ROSTER_CHUNK)
        for step, index in wide
    }
    items = RosterItem.batch_get([(run_id, name) for name in sorted(names)]) if names else ()
    parts = {item.item: item.agents for item in items}
    found: dict[tuple[int, int], tuple[str, str]] = {}
    for step, index in places:
        if step.roster_id is None:
            agent_id = step.roster[index]
            found[step.number, index] = agent_id, step.agents[agent_id]
            continue
        chunk, place = divmod(index, ROSTER_CHUNK)
        agent_id, name = parts[roster_sort_key(step.number, step.roster_id, chunk)][place]
        found[step.number, index] = agent_id, name
    return found
