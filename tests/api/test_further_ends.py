"""What goes on in a run that was stopped, or in a wave that has closed, comes to its end without
that each end reads the whole run: the last one does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.dynamo import gates, runs
from chalicelib.operations.runs import ending
from chalicelib.operations.runs.sweep import sweep
from tests.api.conftest import Clock, Fleet, People, RpcAgent, named
from tests.api.fleet import WEB, run_of, start
from tests.stack.shifts import shift

SIZES = (5, 11)
CLOSING = f"{WEB}MaxFailures = 0\n"


@contextmanager
def looks() -> Iterator[list[str]]:
    """The runs that somebody read as a whole."""
    seen: list[str] = []
    read = runs.progress

    def noted(run_id: str) -> Any:
        seen.append(run_id)
        return read(run_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "progress", noted)
        yield seen


def claimed(machines: list[RpcAgent]) -> list[tuple[RpcAgent, Any]]:
    return [(each, job) for each in machines for job in each.poll()["jobs"]]


def end(held: list[tuple[RpcAgent, Any]], outcome: str = "cancelled") -> None:
    for machine, job in held:
        machine.result("job.finish", **named(job), outcome=outcome, duration_ms=1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("more", ["", "MaxFailures = 2\n", "MaxParallel = 99\n"])
def test_of_a_run_that_was_stopped_only_the_last_end_looks(
    fleet: Fleet, admin: People, size: int, more: str
) -> None:
    held_by = fleet(size)
    run_id = start(admin, WEB + more)
    held = claimed(held_by)
    admin.data("POST", f"/runs/{run_id}/cancel")
    with looks() as seen:
        end(held[:-1])
        assert seen == []
        end(held[-1:])
        assert 1 <= len(seen) <= 2
    assert run_of(admin, run_id)["state"] == "cancelled"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("slots", ["", "MaxParallel = 4\n"])
def test_of_a_wave_that_has_closed_only_the_last_end_looks(
    fleet: Fleet, admin: People, size: int, slots: str
) -> None:
    machines = fleet(size)
    run_id = start(admin, CLOSING + slots)
    held = claimed(machines)
    with looks() as seen:
        end(held[:1], "not_started")
        closing = len(seen)
        assert closing >= 1, "who closes it plans what follows"
        end(held[1:-1], "not_started")
        assert len(seen) == closing
        end(held[-1:], "not_started")
        assert len(seen) > closing
    assert run_of(admin, run_id)["state"] == "failed"


def test_what_was_claimed_too_late_counts_among_them(
    fleet: Fleet, admin: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was in an inbox when the run's stop was planned, and claimed before it could be ended."""
    machines = fleet(4)
    run_id = start(admin, WEB)
    held = claimed(machines[:2])
    with monkeypatch.context() as slow:
        slow.setattr(ending.jobs, "end", lambda *_: None)
        slow.setattr("chalicelib.operations.runs.advance.MAX_ROUNDS", 2)
        admin.data("POST", f"/runs/{run_id}/cancel")
    with looks() as seen:
        assert claimed(machines[2:]) == []
        end(held)
        assert 1 <= len(seen) <= 2
    assert run_of(admin, run_id)["state"] == "cancelled"


def test_an_end_between_a_look_and_its_note_is_not_missed(
    fleet: Fleet, admin: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = fleet(4)
    run_id = start(admin, WEB)
    held = claimed(machines[:3])  # what is in an inbox is ended by the planner, and parks nothing
    note = gates.look_at

    def overtaken(*given: Any) -> Any:
        end(held[:])
        held.clear()
        return note(*given)

    monkeypatch.setattr(gates, "look_at", overtaken)
    admin.data("POST", f"/runs/{run_id}/cancel")
    assert run_of(admin, run_id)["state"] == "cancelled"


def test_what_a_dying_handler_did_not_count_the_sweeper_finds(
    fleet: Fleet, admin: People, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = fleet(4)
    run_id = start(admin, WEB)
    held = claimed(machines)
    admin.data("POST", f"/runs/{run_id}/cancel")
    with monkeypatch.context() as killed:
        killed.setattr(gates, "park", lambda *_, **__: 1 / 0)
        machine, job = held[0]
        machine.error("job.finish", **named(job), outcome="cancelled", duration_ms=1)
    sweep(shift(travel.after(31)))
    with looks() as seen:
        end(held[1:-1])
        assert seen == []
        end(held[-1:])
    assert run_of(admin, run_id)["state"] == "cancelled"
