"""Setting right what gates have counted: truth is in the jobs (ADR 16)."""

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
