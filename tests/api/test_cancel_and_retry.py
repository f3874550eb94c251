"""Cancelling one job, retrying a run, and handlers after a failure, over the real app."""

from typing import Any

import pytest

from chalicelib.dynamo import jobs
from tests.api.conftest import Fleet, People, named
from tests.api.fleet import WEB, run_of, start, states, work


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
