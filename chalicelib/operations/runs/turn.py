"""Turns of runs that exclude each other: of a task's held runs, the oldest begins when all before
it have ended."""

from datetime import datetime

from chalicelib.dynamo import runs, turns
from chalicelib.runs.run import Run

ACTIVE_AT_MOST = 100  # runs of one task that are looked at


def take_turn(run: Run, now: datetime) -> bool:
    """Takes the turn for the run when it has it, or no run before it goes on."""
    turn = turns.get(run.task_id)
    # A run that has its turn waits for nobody, or two might wait for each other: the trigger of an
    # earlier one may have been cut short, and repeated since. Its id is from the first call.
    if turn is not None and turn.run_id == run.id:
        return turns.take(run.task_id, run.id, instead_of=None, now=now)
    for run_id in runs.active_ids(run.task_id, ACTIVE_AT_MOST):
        if run_id < run.id and _goes_on(run_id):
            return False
    if turn is None:
        return turns.take(run.task_id, run.id, instead_of=None, now=now)
    is_over = turn.is_over(runs.get(turn.run_id), now)
    return is_over and turns.take(run.task_id, run.id, instead_of=turn.run_id, now=now)


def _goes_on(run_id: str) -> bool:
    run = runs.get(run_id)
    return run is not None and not run.state.is_terminal


def begin_held(run: Run, now: datetime) -> bool:
    """Lets a held run begin, if it is its turn; whether it did."""
    return take_turn(run, now) and runs.begin(run, now)


def next_in_line(run: Run) -> str | None:
    """The run of the same task that may begin when this one has ended."""
    active = runs.active_ids(run.task_id, ACTIVE_AT_MOST)
    return next((run_id for run_id in active if run_id != run.id and _goes_on(run_id)), None)
