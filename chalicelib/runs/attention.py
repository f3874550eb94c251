"""Which failures somebody has yet to see to. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from chalicelib.runs.run import Run, RunState


class Failing(msgspec.Struct, frozen=True):
    """A task that failed and has not gone well since, with the newest run that failed and how many
    of those that were looked at did. A command, a run of no task, stands for itself and what
    repeats it."""

    last: Run
    count: int


def failing(failed: Sequence[Run], recent: Sequence[Run]) -> list[Failing]:
    """What `failed` leaves to be seen to, the latest first. Both are newest first; a run of
    `recent` that succeeded speaks for its task's runs before it."""
    repeats = {run.id: run.retry_of for run in (*failed, *recent)}
    mended: dict[str, str] = {}
    for run in recent:
        if run.state is RunState.SUCCEEDED:
            mended.setdefault(_whose(run, repeats), run.id)
    found: dict[str, Failing] = {}
    for run in failed:
        whose = _whose(run, repeats)
        if run.id > mended.get(whose, ""):
            known = found.get(whose)
            found[whose] = Failing(known.last if known else run, known.count + 1 if known else 1)
    return list(found.values())


def _whose(run: Run, repeats: Mapping[str, str | None]) -> str:
    """The task, or the first run of a command."""
    if run.revision:
        return run.task_id
    first = run.id
    while (before := repeats.get(first)) is not None:
        first = before
    return first
