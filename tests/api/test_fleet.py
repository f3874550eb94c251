"""Steps that reach a fleet: targets, waves, retries, handlers, over the real app."""

from typing import Any

import pytest

from chalicelib.dynamo import runs, steps
from chalicelib.operations.runs.sweep import sweep
from tests.api.conftest import Clock, Fleet, People
from tests.api.fleet import WEB, run_of, start, states, task, work
from tests.stack.shifts import shift

# --- targets


@pytest.mark.usefixtures("wherever_agents_stand")
def test_of_two_triggers_with_one_key_the_first_says_who_is_in_it(
    admin: People, fleet: Fleet, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = fleet(2)
    all_of_them = 'CMD = "true"\nTargets = { All = true }\n'
    path = f"/tasks/{task(admin, all_of_them, all_of_them)}/execute"
    freeze, others = steps.freeze, list[Any]()

    def overtaken(*given: Any) -> bool:
        monkeypatch.setattr(steps, "freeze", freeze)
        agents.insert(0, agent(0))
        others.append(admin.data("POST", path, Idempotency_Key="k"))
        assert work(agents[:1]) == [agents[0].id]
        return freeze(*given)

    monkeypatch.setattr(steps, "freeze", overtaken)
    run = admin.data("POST", path, Idempotency_Key="k")
    assert [other["id"] for other in others] == [run["id"]]
    work(agents + agents)
    assert run_of(admin, run["id"])["state"] == "succeeded"
    assert [len(states(admin, run["id"], step)) for step in (1, 2)] == [3, 3]


def test_a_step_that_has_its_agents_is_not_frozen_again(
    admin: People, fleet: Fleet, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second step of the first trigger's run has begun when the other comes to write it."""
    agents = fleet(1)
    all_of_them = 'CMD = "true"\nTargets = { All = true }\n'
    path = f"/tasks/{task(admin, all_of_them, all_of_them)}/execute"
    freeze = steps.freeze

    def overtaken(*given: Any) -> bool:
        monkeypatch.setattr(steps, "freeze", freeze)
        admin.data("POST", path, Idempotency_Key="k")
        work(agents)
        agents.insert(0, agent(0))
        return freeze(*given)

    monkeypatch.setattr(steps, "freeze", overtaken)
    run = admin.data("POST", path, Idempotency_Key="k")
    work(agents)
    assert run_of(admin, run["id"])["state"] == "succeeded"
    assert len(states(admin, run["id"], 2)) == 1


def test_a_repeated_trigger_goes_on_where_the_first_was_cut_short(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    path = f"/tasks/{task(admin, WEB)}/execute"
    create = runs.create

    def dies(*given: Any) -> bool:
        create(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as fault, pytest.raises(KeyboardInterrupt):
        fault.setattr(runs, "create", dies)
        admin.data("POST", path, Idempotency_Key="k")
    run = admin.data("POST", path, Idempotency_Key="k")
    assert work([one]) == [one.id]
    assert run_of(admin, run["id"])["state"] == "succeeded"


def test_a_trigger_whose_answer_was_lost_on_the_way_goes_on(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transport makes the write again, and finds that it is done."""
    (one,) = fleet(1)
    create = runs.create
    monkeypatch.setattr(runs, "create", lambda run: create(run) and create(run))
    run_id = start(admin, WEB)
    assert work([one]) == [one.id]
    assert run_of(admin, run_id)["state"] == "succeeded"


@pytest.mark.usefixtures("wherever_agents_stand")
def test_agents_are_chosen_when_the_step_starts(admin: People, fleet: Fleet, agent: Any) -> None:
    one, two = fleet(2)
    first = f'CMD = "true"\nServerID = "{one.id}"\n'
    run_id = start(admin, first, 'CMD = "true"\nTargets = { Selector = "n!=1" }\n')
    assert states(admin, run_id, 2) == {}
    late = agent(3)
    work([one])
    assert states(admin, run_id, 2) == {"machine-2": "queued", "machine-3": "queued"}
    assert work([two, late]) == [two.id, late.id]
    assert run_of(admin, run_id)["state"] == "succeeded"


def test_a_step_without_agents_fails_and_says_why(admin: People, fleet: Fleet) -> None:
    fleet(1)
    run_id = start(admin, 'CMD = "true"\nTargets = { Group = "test" }\n')
    run = run_of(admin, run_id)
    assert (run["state"], run["reason"]) == ("failed", "Step 1 'step 1': no agent fits group test.")


def test_a_step_may_be_allowed_to_have_no_agents(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    empty = 'CMD = "true"\nTargets = { Group = "test", AllowEmpty = true }\n'
    run_id = start(admin, empty, WEB)
    assert work([one]) == [one.id]
    assert run_of(admin, run_id)["state"] == "succeeded"


# --- waves


@pytest.mark.usefixtures("wherever_agents_stand")
def test_a_slot_is_filled_again_as_a_job_ends(admin: People, fleet: Fleet) -> None:
    agents = fleet(5)
    run_id = start(admin, WEB + "MaxParallel = 2\n")
    assert list(states(admin, run_id).values()) == ["queued", "queued", *["waiting"] * 3]
    assert work(agents[:1]) == [agents[0].id]
    assert list(states(admin, run_id).values()) == [
        "succeeded", "queued", "queued", "waiting", "waiting",
    ]  # fmt: skip
    progress = run_of(admin, run_id)["progress"]
    assert (progress["ended"], progress["percent"]) == (1, 20)
    assert len(work(agents)) == 4
    assert run_of(admin, run_id)["state"] == "succeeded"


def test_after_too_many_failures_the_rest_is_skipped(admin: People, fleet: Fleet) -> None:
    agents = fleet(5)
    run_id = start(admin, WEB + "MaxParallel = 2\nMaxFailures = 1\n", WEB)
    held = agents[1].poll()["jobs"][0]
    work(agents[:1], agents[0])
    work(agents[2:3], agents[2])
    assert list(states(admin, run_id).values()) == [
        "failed", "claimed", "failed", "waiting", "waiting",
    ]  # fmt: skip
    agents[1].finish(held)
    assert list(states(admin, run_id).values()) == [
        "failed", "succeeded", "failed", "skipped", "skipped",
    ]  # fmt: skip
    run = run_of(admin, run_id)
    assert run["state"] == "failed"
    assert run["progress"]["counts"] == {"succeeded": 1, "failed": 2, "skipped": 2}


def test_what_is_queued_when_the_gate_closes_is_skipped(admin: People, fleet: Fleet) -> None:
    agents = fleet(3)
    run_id = start(admin, WEB + "MaxFailures = 0\n")
    work(agents[:1], agents[0])
    assert list(states(admin, run_id).values()) == ["failed", "skipped", "skipped"]
    assert work(agents) == []
    assert run_of(admin, run_id)["state"] == "failed"


def test_so_many_failures_as_are_allowed_let_the_run_go_on(admin: People, fleet: Fleet) -> None:
    agents = fleet(4)
    run_id = start(admin, WEB + 'MaxFailures = "25%"\n', WEB)
    assert len(work(agents, agents[3])) == 4
    assert len(work(agents)) == 4
    assert run_of(admin, run_id)["state"] == "succeeded"


@pytest.mark.usefixtures("wherever_agents_stand")
def test_the_canary_goes_first(admin: People, fleet: Fleet) -> None:
    agents = fleet(4)
    run_id = start(admin, WEB + "Canary = 1\n")
    assert list(states(admin, run_id).values()) == ["queued", *["waiting"] * 3]
    work(agents[:1])
    assert list(states(admin, run_id).values()) == ["succeeded", *["queued"] * 3]


def test_a_canary_that_fails_keeps_the_rest_from_it(admin: People, fleet: Fleet) -> None:
    agents = fleet(4)
    run_id = start(admin, WEB + "Canary = 1\nMaxFailures = 3\n")
    work(agents, agents[0])
    assert list(states(admin, run_id).values()) == ["failed", *["skipped"] * 3]
    assert run_of(admin, run_id)["state"] == "failed"


def test_a_wide_step_is_put_out_at_once(admin: People, agent: Any) -> None:
    agents = [agent(number) for number in range(1, 41)]
    run_id = start(admin, 'CMD = "true"\nTargets = { All = true }\n')
    assert set(states(admin, run_id).values()) == {"queued"}
    assert len(work(agents)) == 40
    run = run_of(admin, run_id)
    assert (run["state"], run["progress"]["counts"]) == ("succeeded", {"succeeded": 40})


# --- time and retries


def test_some_machines_are_away_and_the_others_do_their_part(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    agents = fleet(10)
    run_id = start(admin, WEB + 'DeliverWithin = "1m"\nMaxFailures = 3\n')
    assert len(work(agents[3:])) == 7
    sweep(shift(travel.after(60)))
    assert list(states(admin, run_id).values()).count("undelivered") == 3
    assert run_of(admin, run_id)["state"] == "succeeded"


def test_a_job_may_wait_for_its_machine_and_says_until_when(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, WEB + 'DeliverWithin = "2d"\n')
    sweep(shift(travel.after(47 * 3600)))
    (job,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert job["state"] == "queued"
    assert job["deliver_by"] > job["queued_at"]
    assert work([one]) == [one.id]


def test_a_silent_agent_loses_its_job_after_the_time_that_the_step_says(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, WEB + 'LostAfter = "90s"\n')
    sweep(shift(travel.now))
    one.result("agent.heartbeat")
    job = one.poll()["jobs"][0]
    sweep(shift(travel.after(89)))
    assert list(states(admin, run_id).values()) == ["claimed"]
    sweep(shift(travel.after(1)))
    assert list(states(admin, run_id).values()) == ["lost"]
    assert one.finish(job)["state"] == "lost"


def test_a_failed_attempt_is_followed_by_another_that_waits(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, WEB + 'Retries = 2\nRetryDelay = "10s"\nRetryBackoff = 2\n')
    one.finish(one.poll()["jobs"][0], 3)
    assert one.poll()["jobs"] == []
    travel.after(10)
    (second,) = one.poll()["jobs"]
    assert second["attempt"] == 2
    one.finish(second, 4)
    travel.after(19)
    assert one.poll()["jobs"] == []
    travel.after(1)
    one.finish(one.poll()["jobs"][0])
    (job,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert (job["state"], job["attempt"]) == ("succeeded", 3)
    assert [(each["number"], each["exit_code"]) for each in job["earlier"]] == [(1, 3), (2, 4)]
    assert run_of(admin, run_id)["state"] == "succeeded"


def test_nothing_is_retried_after_too_many_failures(admin: People, fleet: Fleet) -> None:
    agents = fleet(2)
    run_id = start(admin, WEB + "MaxFailures = 0\nRetries = 1\n")
    held = agents[1].poll()["jobs"][0]
    work(agents[:1], agents[0])
    work(agents[:1], agents[0])
    assert list(states(admin, run_id).values()) == ["failed", "claimed"]
    agents[1].finish(held, 1)
    assert list(states(admin, run_id).values()) == ["failed", "failed"]
    assert run_of(admin, run_id)["state"] == "failed"


def test_an_undelivered_job_is_tried_again_where_the_step_says_so(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, WEB + 'Retries = 1\nRetryOn = ["undelivered"]\nDeliverWithin = "1m"\n')
    sweep(shift(travel.after(60)))
    assert list(states(admin, run_id).values()) == ["queued"]
    assert work([one]) == [one.id]
    assert run_of(admin, run_id)["state"] == "succeeded"


def test_a_late_report_of_a_lost_attempt_changes_nothing(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, WEB + 'LostAfter = "90s"\nRetries = 1\nRetryOn = ["lost"]\n')
    sweep(shift(travel.now))
    first = one.poll()["jobs"][0]
    sweep(shift(travel.after(90)))
    (second,) = one.poll(first["lease"])["jobs"]
    assert one.finish(first)["state"] == "claimed"
    one.finish(second, 7)
    (job,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert (job["state"], job["exit_code"], job["late"]["attempt"]) == ("failed", 7, 1)
