"""A run from its trigger to its end, over both doors of the real app."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.dynamo import presences, runs
from chalicelib.operations.runs.sweep import sweep
from chalicelib.runs.job import JobState
from chalicelib.settings import settings
from tests.api.conftest import Clock, People, RpcAgent, definition, ended, named
from tests.stack.shifts import shift

NOW = clock.read()


def trigger(admin: People, *agents: RpcAgent) -> str:
    source = definition(*(agent.id for agent in agents))
    task = admin.data("POST", "/tasks", {"definition": source})["task"]
    run_id: str = admin.data("POST", f"/tasks/{task['id']}/execute")["id"]
    return run_id


def show(admin: People, run_id: str) -> tuple[str, list[str]]:
    """The run's state, and that of each job."""
    detail = admin.data("GET", f"/runs/{run_id}")
    states = [job["state"] for step in detail["steps"] for job in step["jobs"]]
    return detail["run"]["state"], states


def test_steps_run_in_order_on_their_agents(admin: People, agent: Any) -> None:
    one, two = agent(1), agent(2)
    run_id = trigger(admin, one, two, one)
    assert show(admin, run_id) == ("queued", ["queued", "waiting", "waiting"])
    assert two.poll()["jobs"] == []
    (first,) = one.poll()["jobs"]
    assert (first["command"], first["path"], first["attempt"]) == ("true", "/tmp", 1)
    assert show(admin, run_id) == ("running", ["claimed", "waiting", "waiting"])
    assert one.result("job.start", **named(first), elapsed_ms=3) == {"state": "running"}
    assert one.finish(first) == {"state": "succeeded"}
    (second,) = two.poll()["jobs"]
    two.finish(second)
    assert show(admin, run_id) == ("running", ["succeeded", "succeeded", "queued"])
    (third,) = one.poll()["jobs"]
    one.finish(third)
    assert show(admin, run_id) == ("succeeded", ["succeeded"] * 3)


def test_a_failing_step_stops_the_run_and_says_why(admin: People, agent: Any) -> None:
    one = agent()
    run_id = trigger(admin, one, one, one)
    one.finish(one.poll()["jobs"][0])
    one.finish(one.poll()["jobs"][0], exit_code=7)
    detail = admin.data("GET", f"/runs/{run_id}")
    assert [step["state"] for step in detail["steps"]] == ["succeeded", "failed", "skipped"]
    assert (detail["run"]["state"], detail["run"]["code"]) == ("failed", 3001)
    assert detail["run"]["reason"] == "Step 2 'step 2' on machine-1 failed with exit code 7."
    assert one.poll()["jobs"] == []


def test_every_report_may_be_repeated(admin: People, agent: Any) -> None:
    one = agent()
    run_id = trigger(admin, one, one)
    (job,) = one.poll()["jobs"]
    for _ in range(2):
        assert one.result("job.start", **named(job)) == {"state": "running"}
        assert one.result("job.extend", **named(job)) == {"state": "running", "cancel": False}
    for _ in range(3):
        assert one.finish(job) == {"state": "succeeded"}
    assert one.result("job.start", **named(job)) == {"state": "succeeded"}
    assert show(admin, run_id) == ("running", ["succeeded", "queued"])


def test_an_old_lease_changes_nothing(admin: People, agent: Any) -> None:
    one = agent()
    run_id = trigger(admin, one)
    (job,) = one.poll()["jobs"]
    forged = {**named(job), "lease": "0" * 32}
    for method, more in [
        ("job.start", {}),
        ("job.extend", {}),
        ("job.finish", ended()),
        ("job.log_urls", {"from": 1, "count": 1}),
    ]:
        assert one.error(method, **forged, **more) == -32003, method
    assert show(admin, run_id) == ("running", ["claimed"])


def test_another_agents_job_is_out_of_reach(admin: People, agent: Any) -> None:
    one, two = agent(1), agent(2)
    trigger(admin, one)
    (job,) = one.poll()["jobs"]
    assert two.error("job.finish", **named(job), **ended()) == -32002
    own_name = {**named(job), "job_id": f"1-{two.id}"}
    assert two.error("job.finish", **own_name, **ended()) == -32004


def test_a_lost_answer_is_mended_by_the_next_poll(admin: People, agent: Any) -> None:
    one = agent()
    trigger(admin, one)
    (lost,) = one.poll()["jobs"]
    (again,) = one.poll()["jobs"]
    assert again["lease"] == lost["lease"]
    assert one.poll(again["lease"])["jobs"] == []


def test_a_started_job_that_the_agent_no_longer_knows_is_lost(admin: People, agent: Any) -> None:
    one = agent()
    run_id = trigger(admin, one)
    (job,) = one.poll()["jobs"]
    one.result("job.start", **named(job))
    one.poll()
    assert show(admin, run_id) == ("failed", ["lost"])
    assert one.finish(job)["state"] == "lost"
    assert show(admin, run_id) == ("failed", ["lost"])
    (shown,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert (shown["late"]["outcome"], shown["late"]["exit_code"]) == ("exited", 0)


def test_a_late_poll_does_not_lose_a_job_that_it_could_not_know(admin: People, agent: Any) -> None:
    one = agent()
    run_id = trigger(admin, one)
    (job,) = one.poll()["jobs"]
    one.result("job.start", **named(job))
    for seq in (0, one.seq):
        one.result("agent.poll", seq=seq, capacity=10, leases=[], protocol=1)
    assert show(admin, run_id) == ("running", ["running"])


def test_an_agent_gets_no_more_than_it_has_room_for(admin: People, agent: Any) -> None:
    one = agent()
    source = definition(one.id)
    task = admin.data("POST", "/tasks", {"definition": source})["task"]
    for _ in range(3):
        admin.data("POST", f"/tasks/{task['id']}/execute")
    first = one.result("agent.poll", seq=1, capacity=2, leases=[], protocol=1)["jobs"]
    held = [job["lease"] for job in first]
    assert len(held) == 2
    assert one.result("agent.poll", seq=2, capacity=0, leases=held, protocol=1)["jobs"] == []


# --- cancel


def test_a_cancel_ends_what_is_queued_at_once(admin: People, agent: Any) -> None:
    one = agent()
    run_id = trigger(admin, one, one)
    run = admin.data("POST", f"/runs/{run_id}/cancel")
    assert (run["state"], run["reason"]) == ("cancelled", "Cancelled by admin.")
    assert show(admin, run_id) == ("cancelled", ["cancelled", "skipped"])
    assert one.poll()["jobs"] == []
    assert admin.refused("POST", f"/runs/{run_id}/cancel")[0] == 1005


def test_a_stop_that_comes_just_before_the_end_is_known_to_it(
    admin: People, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a run is what its jobs and its stop make of it. Of a run of which a job was
    cancelled alone, after a step had failed, that is another one with the stop than without."""
    one, two = agent(1), agent(2)
    handler = f'[[step]]\nServerID = "{two.id}"\nCMD = "x"\nWhen = "always"\n'
    task = admin.data("POST", "/tasks", {"definition": definition(one.id) + handler})["task"]
    run_id = admin.data("POST", f"/tasks/{task['id']}/execute")["id"]
    (job,) = one.poll()["jobs"]
    one.finish(job, exit_code=1)
    end = runs.end

    def stopped_before(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(runs, "end", end)
        assert runs.stop(run_id, JobState.CANCELLED, "Cancelled by ann.")
        return end(*given, **more)

    monkeypatch.setattr(runs, "end", stopped_before)
    admin.data("POST", f"/runs/{run_id}/jobs/2-{two.id}/cancel")
    assert show(admin, run_id) == ("cancelled", ["failed", "cancelled"])


def test_a_running_job_is_asked_to_end_by_poll_and_by_heartbeat(admin: People, agent: Any) -> None:
    one = agent()
    run_id = trigger(admin, one, one)
    (job,) = one.poll()["jobs"]
    one.result("job.start", **named(job))
    assert admin.data("POST", f"/runs/{run_id}/cancel")["state"] == "cancelling"
    assert admin.data("POST", f"/runs/{run_id}/cancel")["state"] == "cancelling"
    assert one.poll(job["lease"])["cancels"] == [job["lease"]]
    heartbeat = one.result("agent.heartbeat", leases=[job["lease"]])
    assert heartbeat["cancels"] == [job["lease"]]
    assert one.result("job.extend", **named(job))["cancel"] is True
    end = {"outcome": "cancelled", "duration_ms": 5}
    assert one.result("job.finish", **named(job), **end) == {"state": "cancelled"}
    assert show(admin, run_id) == ("cancelled", ["cancelled", "skipped"])
    assert one.result("agent.heartbeat", leases=[job["lease"]])["cancels"] == []


def test_a_cancel_that_came_too_late_is_forgotten_with_the_next_heartbeat(agent: Any) -> None:
    one = agent()
    presences.add_cancel(one.id, "of-a-job-that-has-ended")
    presences.add_cancel(one.id, "held")
    assert one.result("agent.heartbeat", leases=["held"])["cancels"] == ["held"]
    left = one.result("agent.heartbeat", leases=["held", "of-a-job-that-has-ended"])["cancels"]
    assert left == ["held"]


def test_a_cancel_of_a_job_that_was_just_handed_out_comes_with_the_next_poll(
    admin: People, agent: Any
) -> None:
    one = agent()
    run_id = trigger(admin, one)
    (job,) = one.poll()["jobs"]
    admin.data("POST", f"/runs/{run_id}/cancel")
    assert one.result("agent.heartbeat", leases=[])["cancels"] == []  # sent before the answer came
    assert one.poll(job["lease"])["cancels"] == [job["lease"]]


def test_a_claim_whose_answer_was_lost_ends_with_a_cancel_though_the_agent_takes_nothing(
    admin: People, agent: Any
) -> None:
    one = agent()
    run_id = trigger(admin, one)
    assert len(one.poll()["jobs"]) == 1  # the agent never hears of it
    admin.data("PATCH", f"/agents/{one.id}", {"disabled": True})
    assert admin.data("POST", f"/runs/{run_id}/cancel")["state"] == "cancelling"
    assert one.poll()["jobs"] == []
    assert show(admin, run_id) == ("cancelled", ["cancelled"])


def test_a_job_that_ends_well_while_it_is_being_cancelled_keeps_its_result(
    admin: People, agent: Any
) -> None:
    one = agent()
    run_id = trigger(admin, one, one)
    (job,) = one.poll()["jobs"]
    admin.data("POST", f"/runs/{run_id}/cancel")
    one.finish(job)
    assert show(admin, run_id) == ("cancelled", ["succeeded", "skipped"])


def test_a_claimed_job_whose_answer_was_lost_does_not_start_after_a_cancel(
    admin: People, agent: Any
) -> None:
    one = agent()
    run_id = trigger(admin, one)
    one.poll()
    admin.data("POST", f"/runs/{run_id}/cancel")
    assert one.poll()["jobs"] == []
    assert show(admin, run_id) == ("cancelled", ["cancelled"])


# --- the sweeper


def test_a_job_that_nobody_fetches_is_undelivered(admin: People, agent: Any, travel: Clock) -> None:
    run_id = trigger(admin, agent())
    sweep(shift(travel.after(59)))
    assert show(admin, run_id) == ("queued", ["queued"])
    sweep(shift(travel.after(1)))
    assert show(admin, run_id) == ("failed", ["undelivered"])


def test_a_time_out_that_the_agent_does_not_report_is_noticed(
    admin: People, agent: Any, travel: Clock
) -> None:
    one = agent()
    source = definition(one.id) + 'Timeout = "5s"\n'
    task = admin.data("POST", "/tasks", {"definition": source})["task"]
    run_id = admin.data("POST", f"/tasks/{task['id']}/execute")["id"]
    (job,) = one.poll()["jobs"]
    assert job["timeout_seconds"] == 5.0
    sweep(shift(travel.after(74)))
    assert show(admin, run_id)[1] == ["claimed"]
    sweep(shift(travel.after(1)))
    assert show(admin, run_id) == ("timed_out", ["timed_out"])
    assert admin.data("GET", f"/runs/{run_id}")["run"]["code"] == 3002


def test_a_runs_time_out_bounds_its_jobs_and_ends_it(
    admin: People, agent: Any, travel: Clock
) -> None:
    one = agent()
    source = 'Timeout = "20s"\n' + definition(one.id, one.id)
    task = admin.data("POST", "/tasks", {"definition": source})["task"]
    run_id = admin.data("POST", f"/tasks/{task['id']}/execute")["id"]
    travel.after(5)
    one.finish(one.poll()["jobs"][0])
    (job,) = one.poll()["jobs"]
    assert job["timeout_seconds"] == 15
    sweep(shift(travel.after(15)))
    assert show(admin, run_id)[0] == "cancelling"
    assert one.poll(job["lease"])["cancels"] == [job["lease"]]
    one.result("job.finish", **named(job), outcome="cancelled", duration_ms=1)
    assert show(admin, run_id) == ("timed_out", ["succeeded", "timed_out"])


def test_a_silent_agent_is_offline_and_its_jobs_are_lost_after_five_minutes(
    admin: People, agent: Any, travel: Clock
) -> None:
    one = agent()
    run_id = trigger(admin, one)
    one.result("agent.heartbeat")
    one.poll()
    for _ in range(5):
        sweep(shift(travel.after(60)))
    assert show(admin, run_id)[1] == ["claimed"]
    assert admin.data("GET", f"/agents/{one.id}")["status"] == "offline"
    sweep(shift(travel.after(59)))
    assert show(admin, run_id)[1] == ["claimed"], "watched for less than five minutes"
    sweep(shift(travel.after(1)))
    assert show(admin, run_id) == ("failed", ["lost"])


def test_silence_while_nobody_was_watching_loses_nothing(
    admin: People, agent: Any, travel: Clock
) -> None:
    one = agent()
    run_id = trigger(admin, one)
    one.result("agent.heartbeat")
    one.poll()
    sweep(shift(travel.after(1)))
    sweep(shift(travel.after(7200)))
    assert show(admin, run_id)[1] == ["claimed"]


def test_an_agent_is_offline_within_one_sweep_of_its_ttl(
    admin: People, agent: Any, travel: Clock
) -> None:
    one = agent()
    one.result("agent.heartbeat")
    assert sweep(shift(travel.after(settings.ttl_seconds))).went_offline == 0
    assert admin.data("GET", "/agents?status=online")["items"]
    assert sweep(shift(travel.after(1))).went_offline == 1
    assert sweep(shift(travel.after(1))).went_offline == 0
    assert admin.data("GET", "/agents?status=offline")["items"]
    one.result("agent.heartbeat")
    assert admin.data("GET", "/agents?status=online")["items"]


def die(*_: Any) -> None:
    raise RuntimeError("killed between two writes")


def test_a_run_whose_next_step_was_not_written_is_healed(
    admin: People, agent: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = agent()
    run_id = trigger(admin, one, one)
    (job,) = one.poll()["jobs"]
    with monkeypatch.context() as killed:
        killed.setattr("chalicelib.operations.runs.ending.advance", die)
        assert one.error("job.finish", **named(job), **ended()) == -32603
    assert show(admin, run_id) == ("running", ["succeeded", "waiting"])
    sweep(shift(travel.after(30)))
    assert show(admin, run_id) == ("running", ["succeeded", "queued"])


def test_the_repetition_of_a_report_heals_as_well(
    admin: People, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = agent()
    run_id = trigger(admin, one)
    (job,) = one.poll()["jobs"]
    with monkeypatch.context() as killed:
        killed.setattr("chalicelib.operations.runs.ending.advance", die)
        one.error("job.finish", **named(job), **ended())
    one.finish(job)
    assert show(admin, run_id) == ("succeeded", ["succeeded"])


def test_a_fault_of_one_agent_does_not_end_the_sweep(
    admin: People, agent: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulation: what was due after the fault waited for the next sweep."""
    one = agent()
    run_id = trigger(admin, one)
    one.result("agent.heartbeat")
    monkeypatch.setattr("chalicelib.dynamo.presences.mark_offline", lambda presence: 1 / 0)
    assert sweep(shift(travel.after(120))).ended == 1
    assert show(admin, run_id) == ("failed", ["undelivered"])


def test_several_sweepers_at_once_do_no_harm(admin: People, agent: Any, travel: Clock) -> None:
    run_id = trigger(admin, agent())
    travel.after(60)
    with ThreadPoolExecutor(4) as sweepers:
        done = list(sweepers.map(lambda _: sweep(shift(travel.now)), range(4)))
    assert sum(each.ended for each in done) == 1
    assert show(admin, run_id) == ("failed", ["undelivered"])


def test_a_job_that_is_lost_shows_the_time_that_it_ran(
    admin: People, agent: Any, travel: Clock
) -> None:
    """What its agent knew of it is gone with the machine's restart."""
    one = agent()
    run_id = trigger(admin, one)
    (job,) = one.poll()["jobs"]
    one.result("job.start", **named(job))
    travel.after(20)
    one.result("job.finish", **named(job), outcome="lost", reason="restarted", duration_ms=0)
    (shown,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert (shown["state"], shown["duration_seconds"]) == ("lost", 20.0)


def test_a_job_of_a_silent_agent_ran_until_it_was_heard_of_last(
    admin: People, agent: Any, travel: Clock
) -> None:
    one = agent()
    run_id = trigger(admin, one)
    (job,) = one.poll()["jobs"]
    one.result("job.start", **named(job))
    travel.after(30)
    one.result("agent.heartbeat", leases=[job["lease"]])
    for _ in range(7):
        sweep(shift(travel.after(60)))
    (shown,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert (shown["state"], shown["duration_seconds"]) == ("lost", 30.0)
