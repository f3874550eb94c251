"""Each due time triggers one run, whatever becomes of the sweepers."""

from datetime import timedelta
from typing import Any

import pytest

from app import app
from chalicelib.dynamo import runs, schedules
from chalicelib.operations.tasks import schedules as firing
from infra.local.ticker import tick
from tests.api.conftest import Clock, People
from tests.api.schedules.conftest import DAYS, HOURS, MINUTES, history
from tests.stack.shifts import shift


def test_a_due_time_triggers_a_run_with_its_parameters(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    path = make("@hourly", parameters={"version": "2.1"})
    assert firing.fire_due(shift(travel.after(59 * MINUTES + 29))) == 0
    assert firing.fire_due(shift(travel.after(1))) == 1
    assert firing.fire_due(shift(travel.after(1))) == 0
    run = admin.data("GET", f"/runs/{history(admin, task_id)[0]['id']}")["run"]
    assert (run["trigger"], run["parameters"]) == ("schedule", {"version": "2.1"})
    shown = admin.data("GET", path)
    assert shown["last_due_at"] == "2030-01-07T10:00:00Z"
    assert shown["next_due_at"] == "2030-01-07T11:00:00Z"
    assert (shown["last_run_id"], shown["last_problem"]) == (run["id"], None)


def test_the_scheduled_function_fires(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    make("@hourly")
    tick(app, travel.after(1 * HOURS))
    assert len(history(admin, task_id)) == 1


def test_nobody_takes_a_due_times_run_beforehand(
    admin: People, people: Any, task_id: str, make: Any, travel: Clock
) -> None:
    path = make("@hourly", overlap="queue")
    schedule_id = path.rpartition("/")[2]
    due_at = admin.data("GET", path)["next_due_at"]
    key = f"schedule-{schedule_id}-{due_at.replace('-', '').replace(':', '')}"
    taken = people("trigger").data("POST", f"/tasks/{task_id}/execute", Idempotency_Key=key)
    firing.fire_due(shift(travel.after(HOURS)))
    shown = admin.data("GET", path)
    assert shown["last_run_id"] != taken["id"]
    assert admin.data("GET", f"/runs/{shown['last_run_id']}")["run"]["trigger"] == "schedule"


def test_each_due_time_makes_one_run_however_late_the_sweeper_is(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    make("* * * * *", overlap="queue")
    made = [firing.fire_due(shift(travel.after(seconds))) for seconds in (20, 20, 60, 200, 5, 60)]
    assert made == [0, 1, 1, 3, 0, 1]
    assert len(history(admin, task_id)) == 6


def test_sweepers_that_come_between_each_other_make_one_run(
    admin: People, task_id: str, make: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each verb of one sweeper is preceded by a whole round of another."""
    make("* * * * *", overlap="queue")
    rounds = 0

    def preceded(verb: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal rounds
            if rounds < 3:
                rounds += 1
                firing.fire_due(shift(travel.now + timedelta(milliseconds=rounds)))
            return verb(*given, **named)

        return call

    for expected in (1, 2, 3):
        travel.after(60)
        rounds = 0
        with monkeypatch.context() as between:
            for owner, name in [(schedules, "get"), (schedules, "begin"), (schedules, "take")]:
                between.setattr(owner, name, preceded(getattr(owner, name)))
            between.setattr(firing, "trigger", preceded(firing.trigger))
            firing.fire_due(shift(travel.now))
        travel.after(1)
        assert len(history(admin, task_id)) == expected


@pytest.mark.parametrize("away", [20, 10 * MINUTES, 2 * HOURS, 3 * DAYS])
@pytest.mark.parametrize("step", ["begin", "trigger", "create", "take"])
def test_a_sweeper_that_dies_leaves_what_the_next_one_finishes(
    admin: People,
    task_id: str,
    make: Any,
    travel: Clock,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    away: int,
) -> None:
    path = make("0 10 * * MON", catch_up="one")
    travel.after(1 * HOURS)
    owner = {"begin": schedules, "take": schedules, "create": runs, "trigger": firing}[step]
    real = getattr(owner, step)

    def dies(*given: Any, **named: Any) -> Any:
        real(*given, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as fault:
        fault.setattr(owner, step, dies)
        with pytest.raises(KeyboardInterrupt):
            firing.fire_due(shift(travel.now))
    travel.after(away)
    firing.fire_due(shift(travel.now))
    firing.fire_due(shift(travel.now))
    made = history(admin, task_id)
    shown = admin.data("GET", path)
    assert len(made) == 1
    assert (shown["last_run_id"], shown["last_problem"]) == (made[0]["id"], None)
    assert shown["next_due_at"] == "2030-01-14T10:00:00Z"


def test_a_run_whose_sweeper_died_is_not_called_missed(
    admin: People, task_id: str, make: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("@hourly")
    travel.after(1 * HOURS)
    with monkeypatch.context() as fault:
        fault.setattr(schedules, "take", lambda *given, **named: 1 / 0)
        assert firing.fire_due(shift(travel.now)) == 0
    firing.fire_due(shift(travel.after(20 * MINUTES)))
    shown = admin.data("GET", path)
    assert (shown["last_run_id"], shown["last_problem"]) == (
        history(admin, task_id)[0]["id"],
        None,
    )


def test_a_schedule_that_is_deleted_while_it_fires_stays_deleted(
    admin: People, task_id: str, make: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("@hourly")
    real = firing.trigger

    def deleted_meanwhile(*given: Any, **named: Any) -> Any:
        admin.data("DELETE", path)
        return real(*given, **named)

    monkeypatch.setattr(firing, "trigger", deleted_meanwhile)
    firing.fire_due(shift(travel.after(1 * HOURS)))
    assert admin.refused("GET", path)[0] == 1004
    assert firing.fire_due(shift(travel.after(1 * HOURS))) == 0
