"""Lists of runs, and the page of one: what they say while it goes on, and what they cost."""

from datetime import datetime, timezone
from typing import Any

import pytest

from chalicelib.dynamo import gates
from chalicelib.operations.runs.sweep import sweep
from chalicelib.runs.job import JobState
from tests.api.conftest import Clock, Fleet, People, RpcAgent, definition, ended, named
from tests.bench.product import metered
from tests.stack.shifts import shift

_SUCCEEDED = JobState.SUCCEEDED
EXPIRES_AT = datetime(2027, 1, 1, tzinfo=timezone.utc)
LABELS = 'Targets = { Labels = { role = "web" } }\nCMD = "true"\n'
ROLLING = f"[[step]]\n{LABELS}MaxParallel = 2\nMaxFailures = 2\n"


def start(admin: People, steps: str) -> str:
    source = f'Name = "deploy"\n{steps}'
    task = admin.data("POST", "/tasks", {"definition": source})["task"]
    run_id: str = admin.data("POST", f"/tasks/{task['id']}/execute")["id"]
    return run_id


def finish_next(agents: list[RpcAgent], *exit_codes: int) -> list[RpcAgent]:
    """Ends so many jobs, one after the other; answers the agents that have no job yet."""
    left, codes = list(agents), list(exit_codes)
    while codes:
        for one in list(left):
            for offer in one.poll()["jobs"] if codes else ():
                one.finish(offer, exit_code=codes.pop(0))
                left.remove(one)
    return left


def shown(admin: People, run_id: str) -> list[Any]:
    """Of the list, of the run on its page, and of each of its steps."""
    (listed,) = (each for each in admin.data("GET", "/runs")["items"] if each["id"] == run_id)
    detail = admin.data("GET", f"/runs/{run_id}")
    assert detail["run"]["progress"] == listed["progress"], "both say the same"
    return [
        (each["total"], each["ended"], each["percent"], each["counts"])
        for each in (listed["progress"], *(step["progress"] for step in detail["steps"]))
    ]


def test_a_run_says_how_far_it_is_and_not_what_it_cannot_know(admin: People, fleet: Fleet) -> None:
    agents = fleet(4)
    run_id = start(admin, ROLLING + f"[[step]]\n{LABELS}" * 3)
    assert shown(admin, run_id) == [(None, 0, 0, {}), (4, 0, 0, {}), *[(None, 0, 0, {})] * 3]
    left = finish_next(agents, 0, 1)
    two = {"succeeded": 1, "failed": 1}
    assert shown(admin, run_id)[:2] == [(None, 2, 12, two), (4, 2, 50, two)]
    finish_next(left, 0, 0)
    four = {"succeeded": 3, "failed": 1}
    assert shown(admin, run_id)[:3] == [(None, 4, 25, four), (4, 4, 100, four), (4, 0, 0, {})]
    finish_next(agents, 0, 0, 0, 2)
    end = {"succeeded": 6, "failed": 2}
    assert shown(admin, run_id) == [
        (8, 8, 100, end),
        (4, 4, 100, four),
        (4, 4, 100, four),
        *[(None, 0, 100, {})] * 2,
    ]


def test_a_cancelled_run_counts_what_was_cancelled(admin: People, fleet: Fleet) -> None:
    agents = fleet(4)
    run_id = start(admin, ROLLING.replace("MaxParallel = 2\n", ""))
    (offer,) = agents[0].poll()["jobs"]
    admin.data("POST", f"/runs/{run_id}/cancel")
    assert shown(admin, run_id)[0] == (4, 3, 75, {"cancelled": 3})
    agents[0].finish(offer)
    assert shown(admin, run_id)[0] == (4, 4, 100, {"succeeded": 1, "cancelled": 3})


def test_a_run_that_is_stopped_between_two_steps_does_not_begin_the_second(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = fleet(2)
    second = f'[[step]]\nServerID = "{agents[0].id}"\nCMD = "true"\n'
    run_id = start(admin, f"[[step]]\n{LABELS}{second}")
    left = finish_next(agents, 0)
    (offer,) = left[0].poll()["jobs"]
    with monkeypatch.context() as killed:
        killed.setattr("chalicelib.operations.runs.ending.advance", lambda *_: 1 / 0)
        left[0].error("job.finish", **named(offer), **ended())
    admin.data("POST", f"/runs/{run_id}/cancel")
    run = admin.data("GET", f"/runs/{run_id}")["run"]
    assert (run["state"], run["step"]) == ("cancelled", 1)


def test_a_repeated_count_is_mended_by_the_next_sweep(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    agents = fleet(4)
    run_id = start(admin, ROLLING)
    finish_next(agents, 0)
    gates.park(run_id, 1, 1, ends=None, expires_at=EXPIRES_AT)
    gates.pass_through(
        run_id, 1, 1, failed=None, wants_successor=False, ends=_SUCCEEDED, expires_at=EXPIRES_AT
    )
    (listed,) = admin.data("GET", "/runs")["items"]
    assert listed["progress"]["ended"] == 2
    sweep(shift(travel.after(30)))
    assert shown(admin, run_id)[0] == (4, 1, 25, {"succeeded": 1})


def test_a_lost_count_is_mended_by_the_repetition_of_the_report(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = fleet(4)
    run_id = start(admin, ROLLING.replace("MaxParallel = 2\nMaxFailures = 2\n", ""))
    (offer,) = agents[0].poll()["jobs"]
    with monkeypatch.context() as killed:
        killed.setattr("chalicelib.dynamo.gates.park", lambda *_, **__: 1 / 0)
        agents[0].error("job.finish", **named(offer), **ended())
    (listed,) = admin.data("GET", "/runs")["items"]
    assert listed["progress"]["ended"] == 0
    agents[0].finish(offer)
    assert shown(admin, run_id)[0] == (4, 1, 25, {"succeeded": 1})


def test_the_counts_of_a_step_are_the_truth_once_another_has_begun(
    admin: People, fleet: Fleet
) -> None:
    agents = fleet(4)
    run_id = start(admin, ROLLING + f"[[step]]\n{LABELS}")
    left = finish_next(agents, 0)
    gates.park(run_id, 1, 1, ends=_SUCCEEDED, expires_at=EXPIRES_AT)
    finish_next(left, 0, 0, 0)
    assert shown(admin, run_id)[1] == (4, 4, 100, {"succeeded": 4})


def test_a_retried_run_counts_from_the_step_with_which_it_begins(admin: People, agent: Any) -> None:
    one = agent()
    source = definition(one.id, one.id, one.id)
    task = admin.data("POST", "/tasks", {"definition": source})["task"]
    run_id = admin.data("POST", f"/tasks/{task['id']}/execute")["id"]
    finish_next([one], 0)
    finish_next([one], 1)
    again = admin.data("POST", f"/runs/{run_id}/retry", {"what": "failed_step"})
    assert (again["step"], again["step_count"]) == (2, 2)
    finish_next([one], 0)
    assert shown(admin, again["id"])[0] == (2, 1, 50, {"succeeded": 1})
    finish_next([one], 0)
    assert shown(admin, again["id"])[0] == (2, 2, 100, {"succeeded": 2})


@pytest.mark.parametrize("seen", [300, 3], ids=["whole", "wide"])
def test_a_rolling_step_says_how_far_its_waves_are(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, seen: int
) -> None:
    monkeypatch.setattr("chalicelib.dynamo.run_pages.SEEN", seen)
    agents = fleet(4)
    run_id = start(admin, f"{ROLLING}Canary = 1\n[[step]]\n{LABELS}")

    def waves() -> list[tuple[Any, ...]]:
        step, later = admin.data("GET", f"/runs/{run_id}")["steps"]
        assert later["waves"] == []
        assert [job["index"] for job in step["jobs"]] == [0, 1, 2, 3]
        return [
            (each["first"], each["size"], each["at_once"], each["counts"], each["ended_at"] is None)
            for each in step["waves"]
        ]

    assert waves() == [(0, 1, 1, {}, True), (1, 3, 2, {}, True)]
    left = finish_next(agents, 0)
    one = {"succeeded": 1}
    assert waves() == [(0, 1, 1, one, False), (1, 3, 2, {}, True)]
    finish_next(left, 0)
    assert waves() == [(0, 1, 1, one, False), (1, 3, 2, one, True)]
    canary, rest = admin.data("GET", f"/runs/{run_id}")["steps"][0]["waves"]
    assert canary["started_at"] <= canary["ended_at"]
    assert rest["started_at"] is not None
    assert rest["ended_at"] is None


def test_a_list_of_a_hundred_active_runs_is_five_reads(admin: People, fleet: Fleet) -> None:
    (one, _) = fleet(2)
    source = f'Name = "deploy"\n[[step]]\n{LABELS}[[step]]\nServerID = "{one.id}"\nCMD = "true"\n'
    task = admin.data("POST", "/tasks", {"definition": source})["task"]
    for _ in range(100):
        admin.data("POST", f"/tasks/{task['id']}/execute")
    with metered() as meter:
        assert len(admin.data("GET", "/runs?limit=100")["items"]) == 100
        assert meter.take().reads == 5
        assert len(admin.data("GET", "/runs?limit=20")["items"]) == 20
        assert meter.take().reads == 4
        assert len(admin.data("GET", f"/tasks/{task['id']}/executions")["items"]) == 20
        assert meter.take().reads == 3


def test_jobs_are_listed_by_step_and_state_and_shown_one_by_one(
    admin: People, fleet: Fleet
) -> None:
    agents = fleet(4)
    run_id = start(admin, ROLLING + f"[[step]]\n{LABELS}")
    left = finish_next(agents, 0, 1)

    def listed(query: str) -> list[str]:
        page = admin.data("GET", f"/runs/{run_id}/jobs?{query}")
        return [each["agent_name"] for each in page["items"]]

    names = [f"machine-{number}" for number in range(1, 5)]
    assert listed("") == listed("step=1") == names
    assert listed("step=2") == []
    assert listed("state=failed") == listed("state=failed&step=1") == ["machine-2"]
    assert listed("state=queued&limit=1") == ["machine-3"]
    assert listed("state=failed,succeeded") == ["machine-1", "machine-2"]
    assert listed("state=queued,waiting,claimed&step=1") == ["machine-3", "machine-4"]
    for query in ("state=lost", "state=waiting", "step=0", "step=x", "state=x", "cursor=x"):
        if query in ("state=lost", "state=waiting"):
            assert listed(query) == []
        else:
            assert admin.refused("GET", f"/runs/{run_id}/jobs?{query}")[0] == 1001
    job = admin.data("GET", f"/runs/{run_id}/jobs/1-{left[0].id}")
    assert (job["state"], job["agent_name"]) == ("queued", "machine-3")
    assert admin.refused("GET", f"/runs/{run_id}/jobs/2-{left[0].id}")[0] == 1004
    assert admin.refused("GET", f"/runs/{run_id}/jobs/x")[0] == 1004
    assert admin.refused("GET", "/runs/01X/jobs")[0] == 1004
    assert admin.refused("GET", "/runs/01X/jobs?state=failed")[0] == 1004
