"""Setting right what gates have counted: truth is in the jobs (ADR 16, ADR 28)."""

from collections import Counter

from chalicelib.dynamo import gates
from chalicelib.runs.run import Progress, has_ended
from chalicelib.runs.wave import Gate


def recount(progress: Progress) -> None:
    """Of a run that waits, sets the counters of the step that is under way to what its jobs say.

    Nothing for a step that has ended: its result is computed from its jobs.
    """
    run = progress.run
    step = progress.steps[progress.position(run.step)]
    jobs = progress.jobs_of(step)
    if not jobs or has_ended(run, step, jobs):
        return
    for wave in step.waves:
        counted = progress.gates.get((step.number, wave.number), Gate())
        of_wave = (job.state for index, job in jobs.items() if wave.holds(index))
        ended = Counter(state for state in of_wave if state.is_terminal)
        if ended != counted.ended:
            gates.recount(run.id, step.number, wave.number, counted, ended, run.expires_at)


def watch_over(progress: Progress) -> bool:
    """Where nothing follows any more, sets after how many further ends somebody looks: the last of
    those that go on. Whether it has come meanwhile, so that the caller has to look himself.

    Each slot that is in play is parked once, after its job has ended. So what was parked and what
    goes on make the same sum whenever they are read, unless somebody died in between.
    """
    run, is_reached = progress.run, False
    for step in progress.steps:
        for wave in step.waves:
            jobs = [job for index, job in progress.jobs_of(step).items() if wave.holds(index)]
            going_on = sum(not job.state.is_terminal for job in jobs)
            is_closed = wave.is_closed(sum(job.has_failed for job in jobs))
            if wave.size == 1 or not going_on or not (is_closed or run.jobs_become is not None):
                continue
            gate = progress.gates.get((step.number, wave.number), Gate())
            last = gate.parked + going_on
            if gate.look_at != last:
                gate = gates.look_at(run.id, step.number, wave.number, last, run.expires_at)
                is_reached = is_reached or gate.parked >= last
    return is_reached
