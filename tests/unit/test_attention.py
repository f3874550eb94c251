"""Which failures are still to be seen to."""

from datetime import datetime, timezone

from chalicelib.access.by import INSTALLATION
from chalicelib.runs.attention import failing
from chalicelib.runs.run import Run, RunState

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)


def run(
    name: str, task: str, state: RunState = RunState.FAILED, *, revision: int = 1, of: str = ""
) -> Run:
    return Run(
        id=name,
        task_id=task,
        task_name=task,
        revision=revision,
        step_count=1,
        state=state,
        triggered_by=INSTALLATION,
        created_at=NOW,
        expires_at=NOW,
        retry_of=of or None,
    )


def told(runs: list[Run]) -> list[tuple[str, int]]:
    newest_first = sorted(runs, key=lambda each: each.id, reverse=True)
    failed = [each for each in newest_first if each.state is RunState.FAILED]
    return [(each.last.id, each.count) for each in failing(failed, newest_first)]


def test_a_task_that_failed_is_told_once_with_its_newest_failure() -> None:
    assert told([run("1", "a"), run("2", "b"), run("3", "a")]) == [("3", 2), ("2", 1)]


def test_a_task_that_has_gone_well_since_is_not_told() -> None:
    assert told([run("1", "a"), run("2", "a", RunState.SUCCEEDED)]) == []
    assert told([run("1", "a"), run("2", "a", RunState.SUCCEEDED), run("3", "a")]) == [("3", 1)]
    assert told([run("1", "a"), run("2", "a", RunState.RUNNING)]) == [("1", 1)]


def test_a_command_stands_for_itself_and_for_its_retries() -> None:
    one, two = (run(name, "commands", revision=0) for name in ("1", "2"))
    assert told([one, two]) == [("2", 1), ("1", 1)]
    again = run("3", "commands", revision=0, of="1")
    well = run("4", "commands", RunState.SUCCEEDED, revision=0, of="3")
    assert told([one, two, again]) == [("3", 2), ("2", 1)]
    assert told([one, two, again, well]) == [("2", 1)]
