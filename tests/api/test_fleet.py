"""Steps that reach a fleet: targets, waves, retries, handlers, over the real app."""

from typing import Any

import pytest

from chalicelib.dynamo import jobs, runs, steps
from chalicelib.operations.runs.sweep import sweep
from tests.api.conftest import Clock, Fleet, People, named
from tests.api.fleet import WEB, run_of, start, states, task, work
from tests.stack.shifts import shift


@pytest.fixture(params=["few", "many"])
def wherever_agents_stand(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few agents stand in their step's item; many, here from two on, in items of their own."""
    if request.param == "many":
        monkeypatch.setattr(steps, "FEW", 1)


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


# --- cancel and retry


def test_one_job_is_cancelled_and_the_others_go_on(admin: People, fleet: Fleet) -> None:
    agents = fleet(3)
    run_id = start(admin, WEB + "MaxFailures = 2\n")
    claimed = agents[0].poll()["jobs"][0]
    path = f"/runs/{run_id}/jobs"
    running = admin.data("POST", f"{path}/{claimed['job_id']}/cancel")
    assert running["stop_requested"]
    assert agents[0].poll(claimed["lease"])["cancels"] == [claimed["lease"]]
    agents[0].result("job.finish", **named(claimed), outcome="cancelled", duration_ms=1)
    queued = admin.data("POST", f"{path}/1-{agents[1].id}/cancel")
    assert queued["state"] == "cancelled"
    assert running["stopped_by"] == queued["stopped_by"] == run_of(admin, run_id)["triggered_by"]
    (untouched,) = (job for job in admin.data("GET", path)["items"] if agents[2].id in job["id"])
    assert untouched["stopped_by"] is None
    assert admin.refused("POST", f"{path}/1-{agents[1].id}/cancel")[0] == 1005
    assert work(agents) == [agents[2].id]
    assert run_of(admin, run_id)["state"] == "succeeded"


def test_a_report_that_a_cancel_overtakes_counts_as_much_as_before(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, WEB + "Retries = 2\n")
    (job,) = one.poll()["jobs"]
    retry = jobs.retry

    def after_a_cancel(*given: Any) -> Any:
        admin.data("POST", f"/runs/{run_id}/cancel")
        return retry(*given)

    monkeypatch.setattr(jobs, "retry", after_a_cancel)
    assert one.finish(job, 3) == {"state": "failed"}
    (shown,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert (shown["state"], shown["exit_code"], shown["attempt"]) == ("failed", 3, 1)
    assert "exit code 3" in run_of(admin, run_id)["reason"]


@pytest.mark.parametrize("overtaken", ["end", "request_cancel"])
def test_a_cancel_that_another_attempt_overtakes_cancels_that(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, overtaken: str
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, WEB + 'Retries = 1\nRetryDelay = "1s"\n')
    first = one.poll()["jobs"] if overtaken == "request_cancel" else []
    write = getattr(jobs, overtaken)

    def after_a_failure(*given: Any) -> Any:
        monkeypatch.setattr(jobs, overtaken, write)
        (job,) = first or one.poll()["jobs"]
        one.finish(job, 3)
        return write(*given)

    monkeypatch.setattr(jobs, overtaken, after_a_failure)
    job_id = f"1-{one.id}"
    cancelled = admin.data("POST", f"/runs/{run_id}/jobs/{job_id}/cancel")
    assert (cancelled["state"], cancelled["attempt"]) == ("cancelled", 2)
    assert one.poll()["jobs"] == []
    assert run_of(admin, run_id)["state"] == "cancelled"


@pytest.mark.usefixtures("wherever_agents_stand")
def test_a_run_is_retried_from_the_step_that_failed(admin: People, fleet: Fleet) -> None:
    agents = fleet(3)
    run_id = start(admin, WEB, WEB + 'Name = "second"\nMaxFailures = 0\n', WEB)
    work(agents)
    work(agents, agents[1])
    assert run_of(admin, run_id)["state"] == "failed"
    again = admin.data("POST", f"/runs/{run_id}/retry", {"what": "failed_step"})
    assert (again["retry_of"], again["trigger"]) == (run_id, "retry")
    shown = admin.data("GET", f"/runs/{again['id']}")["steps"]
    assert [(step["number"], len(step["jobs"])) for step in shown] == [(2, 3), (3, 0)]
    work(agents)
    work(agents)
    assert run_of(admin, again["id"])["state"] == "succeeded"


@pytest.mark.usefixtures("wherever_agents_stand")
def test_only_what_did_not_succeed_is_retried(admin: People, fleet: Fleet) -> None:
    agents = fleet(4)
    run_id = start(admin, WEB + "MaxParallel = 1\nMaxFailures = 0\n")
    work(agents[:1])
    work(agents[1:2], agents[1])
    again = admin.data("POST", f"/runs/{run_id}/retry", {"what": "failed_agents"})["id"]
    assert list(states(admin, again)) == ["machine-2", "machine-3", "machine-4"]
    work(agents)
    assert run_of(admin, again)["state"] == "succeeded"


def test_an_ad_hoc_command_is_retried_by_who_may_run_it(
    admin: People, people: Any, fleet: Fleet
) -> None:
    (one,) = fleet(1)
    command = {"command": "true", "agent_ids": [one.id]}
    run_id = admin.data("POST", "/commands", command)["id"]
    work([one])
    trigger, operator = people("trigger"), people("operator")
    assert trigger.refused("POST", "/commands", command)[0] == 1003
    code, message = trigger.refused("POST", f"/runs/{run_id}/retry", {"what": "all"})
    assert (code, "tasks:write" in message) == (1003, True)
    again = operator.data("POST", f"/runs/{run_id}/retry", {"what": "all"})["id"]
    work([one])
    assert trigger.refused("POST", f"/runs/{again}/retry", {"what": "all"})[0] == 1003


def test_a_tasks_run_is_retried_by_who_may_trigger_it(
    admin: People, people: Any, fleet: Fleet
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, f'CMD = "true"\nServerID = "{one.id}"\n')
    work([one])
    assert people("trigger").data("POST", f"/runs/{run_id}/retry", {"what": "all"})["retry_of"]


def test_a_retry_is_refused_while_the_run_goes_on_and_when_nothing_failed(
    admin: People, fleet: Fleet
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, WEB)
    assert admin.refused("POST", f"/runs/{run_id}/retry")[0] == 1005
    work([one])
    failed = admin.refused("POST", f"/runs/{run_id}/retry", {"what": "failed_agents"})
    assert failed == (1005, "Nothing failed in this run. Retry all of it, or trigger its task.")
    first = admin.data("POST", f"/runs/{run_id}/retry", Idempotency_Key="k")["id"]
    assert admin.data("POST", f"/runs/{run_id}/retry", Idempotency_Key="k")["id"] == first


def test_handlers_run_after_a_failure_and_the_run_still_fails(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    run_id = start(admin, WEB, WEB, WEB + 'When = "failure"\n', WEB + 'When = "always"\n', WEB)
    work([one], one)
    assert [job["step"] for job in one.poll()["jobs"]] == [3]
    shown = admin.data("GET", f"/runs/{run_id}")["steps"]
    assert [step["state"] for step in shown] == [
        "failed", "waiting", "running", "waiting", "waiting",
    ]  # fmt: skip
    one.finish(one.poll()["jobs"][0])
    work([one])
    shown = admin.data("GET", f"/runs/{run_id}")["steps"]
    assert [step["state"] for step in shown] == [
        "failed", "skipped", "succeeded", "succeeded", "skipped",
    ]  # fmt: skip
    assert run_of(admin, run_id)["state"] == "failed"


# --- runs that exclude each other


def exclusive(admin: People, policy: str) -> str:
    task_id = task(admin, WEB, head=f'Concurrency = "{policy}"\n')
    return f"/tasks/{task_id}/execute"


def test_a_task_may_forbid_a_second_run(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    path = exclusive(admin, "forbid")
    admin.data("POST", path)
    assert admin.refused("POST", path)[0] == 1005
    work([one])
    assert admin.data("POST", path)["state"] == "queued"


def test_a_second_run_may_wait_for_the_first(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    path = exclusive(admin, "queue")
    first, second, third = (admin.data("POST", path)["id"] for _ in range(3))
    assert [run_of(admin, each)["is_held"] for each in (first, second, third)] == [
        False, True, True,
    ]  # fmt: skip
    for expected in (first, second, third):
        (job,) = one.poll()["jobs"]
        assert job["run_id"] == expected
        one.finish(job)


def test_a_second_run_may_take_the_place_of_the_first(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    path = exclusive(admin, "replace")
    first = admin.data("POST", path)["id"]
    (job,) = one.poll()["jobs"]
    second = admin.data("POST", path)["id"]
    assert run_of(admin, second)["is_held"]
    assert one.poll(job["lease"])["cancels"] == [job["lease"]]
    one.result("job.finish", **named(job), outcome="cancelled", duration_ms=1)
    assert run_of(admin, first)["state"] == "cancelled"
    assert [each["run_id"] for each in one.poll()["jobs"]] == [second]


def test_a_run_that_the_index_shows_late_is_replaced_by_the_sweeper(
    admin: People, fleet: Fleet, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    path = exclusive(admin, "replace")
    first = admin.data("POST", path)["id"]
    (job,) = one.poll()["jobs"]
    with monkeypatch.context() as late:
        late.setattr(runs, "active_ids", lambda *_: iter(()))
        second = admin.data("POST", path)["id"]
    assert [run_of(admin, each)["state"] for each in (first, second)] == ["running", "queued"]
    sweep(shift(travel.after(30)))
    assert run_of(admin, first)["state"] == "cancelling"
    one.result("job.finish", **named(job), outcome="cancelled", duration_ms=1)
    assert work([one]) == [one.id]
    assert run_of(admin, second)["state"] == "succeeded"


@pytest.mark.parametrize("seen", ["by the sweeper", "at the end"])
def test_a_run_that_needs_no_turn_and_was_shown_late_is_replaced_too(
    admin: People, fleet: Fleet, travel: Clock, monkeypatch: pytest.MonkeyPatch, seen: str
) -> None:
    """The task was another then; or a schedule has its own mind about what overlaps."""
    (one,) = fleet(1)
    path = exclusive(admin, "allow")
    first = admin.data("POST", path)["id"]
    source = f'Name = "fleet"\nConcurrency = "replace"\n[[step]]\n{WEB}'
    changed = {"definition": source, "revision": 1}
    admin.data("PUT", path.removesuffix("/execute"), changed)
    with monkeypatch.context() as late:
        late.setattr(runs, "active_ids", lambda *_: iter(()))
        admin.data("POST", path)
    held, job = one.poll()["jobs"]
    if seen == "at the end":
        one.finish(job)
    else:
        sweep(shift(travel.after(30)))
    assert run_of(admin, first)["state"] == "cancelling"
    assert one.poll(held["lease"], job["lease"])["cancels"] == [held["lease"]]


# --- a run that ends while a slower handler is still putting its jobs out


@pytest.mark.parametrize("ends_by", ["a cancel", "a failure"])
def test_a_run_that_ends_while_its_jobs_are_put_out_leaves_none_behind(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, ends_by: str
) -> None:
    agents = fleet(3)
    path = f"/tasks/{task(admin, WEB + 'MaxFailures = 0')}/execute"
    put = jobs.put

    def overtaken(job: Any, *given: Any) -> bool:
        if job.index == 1:
            if ends_by == "a cancel":
                admin.data("POST", f"/runs/{job.key.run_id}/cancel")
            else:
                work(agents[:1], agents[0])
        return put(job, *given)

    monkeypatch.setattr(jobs, "put", overtaken)
    run_id = admin.data("POST", path)["id"]
    run = run_of(admin, run_id)
    rest = "cancelled" if ends_by == "a cancel" else "skipped"
    assert run["state"] == ("cancelled" if ends_by == "a cancel" else "failed")
    first = "cancelled" if ends_by == "a cancel" else "failed"
    assert list(states(admin, run_id).values()) == [first, rest, rest]
    assert work(agents) == []


# --- an inbox that is late, as indexes are


def test_a_late_inbox_puts_no_failure_on_the_gate(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = fleet(3)
    run_id = start(admin, WEB + "MaxParallel = 1\nMaxFailures = 0\n")
    (job,) = agents[0].poll()["jobs"]
    agents[0].result("job.start", **named(job))
    late = list(jobs.inbox(agents[0].id, 10))
    agents[0].finish(job)
    with monkeypatch.context() as patch:
        patch.setattr("chalicelib.dynamo.jobs.inbox", lambda *_: iter(late))
        assert agents[0].poll()["jobs"] == []
    work(agents)
    assert set(states(admin, run_id).values()) == {"succeeded"}


def test_what_a_late_inbox_still_shows_takes_no_other_jobs_place(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    start(admin, WEB)
    (done,) = one.poll()["jobs"]
    late = list(jobs.inbox(one.id, 10))
    one.finish(done)
    other = admin.data("POST", "/commands", {"command": "true", "all": True})["id"]
    now = list(jobs.inbox(one.id, 10))
    with monkeypatch.context() as patch:
        patch.setattr("chalicelib.dynamo.jobs.inbox", lambda *_: iter(late + now))
        one.seq += 1
        answer = one.result("agent.poll", seq=one.seq, capacity=1, leases=[], protocol=1)
    assert [each["run_id"] for each in answer["jobs"]] == [other]
