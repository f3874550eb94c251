"""A part of a wide step, out of the work queue.

Reads the run and its step, and not the jobs: a job is put if it is not there, which is
what "due" means for one of a wave's first. Whatever has come to its end, or was stopped, has all
of them written (see the planner's `Withhold`), so a message that comes late finds nothing to do.
"""

from datetime import datetime

from chalicelib.dynamo import contexts, steps
from chalicelib.operations.runs.advance import enqueue, side_by_side
from chalicelib.runs.context import Context
from chalicelib.sqs.messages import PutJobs


def put_jobs(part: PutJobs, now: datetime) -> int:
    """Puts those of the jobs that are not there yet; answers how many. May be repeated."""
    context = contexts.at_index(part.run_id, part.step, part.first)
    if context is None or not _is_under_way(context):
        return 0
    run, step, initial = context.run, context.step, context.wave.initial
    indexes = range(max(part.first, initial.start), min(part.end, initial.stop))
    if not indexes:
        return 0
    agents = steps.agents_between(run.id, step, indexes)
    return sum(
        side_by_side(lambda at: enqueue(run, step, agents[at], at, None, now), list(indexes))
    )


def _is_under_way(context: Context) -> bool:
    """Spares writes that would find their jobs there. The run may move on right behind this look:
    then whoever claims a job looks again, and whoever ends the step finds it."""
    # The gate is no reason: it may have noted a failure that came to nothing, and then the planner,
    # which goes by the jobs, waits for these. What should not start is seen when it is claimed.
    run = context.run
    return not run.state.is_terminal and run.jobs_become is None and run.step == context.step.number
