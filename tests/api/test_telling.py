"""What people are told: of failures that were tolerated, of agents that are not there, by names."""

from typing import Any

from tests.api.conftest import Clock, Fleet, People
from tests.api.fleet import WEB, run_of, start, states, task, work
from tests.bench.product import metered


def test_a_run_with_tolerated_failures_says_so_everywhere_and_can_be_mended(
    admin: People, fleet: Fleet
) -> None:
    agents = fleet(3)
    run_id = start(admin, WEB + "MaxFailures = 1\n", WEB)
    assert run_of(admin, run_id)["retries"] == []
    work(agents, agents[1])
    work(agents)
    detail = admin.data("GET", f"/runs/{run_id}")
    (listed,) = admin.data("GET", "/runs")["items"]
    for run in (detail["run"], listed):
        assert (run["state"], run["tolerated_failures"]) == ("succeeded", 1)
        assert run["retries"] == ["all", "failed_step", "failed_agents"]
    assert [step["tolerated_failures"] for step in detail["steps"]] == [1, 0]
    assert detail["cause"] is None
    again = admin.data("POST", f"/runs/{run_id}/retry", {"what": "failed_agents"})["id"]
    assert list(states(admin, again)) == ["machine-2"]


def test_a_run_that_went_well_offers_all_of_it_only(admin: People, fleet: Fleet) -> None:
    agents = fleet(1)
    run_id = start(admin, WEB)
    work(agents)
    run = run_of(admin, run_id)
    assert (run["tolerated_failures"], run["retries"]) == (0, ["all"])


def test_a_step_that_found_no_agents_is_retried_with_those_that_there_are(
    admin: People, fleet: Fleet
) -> None:
    run_id = start(admin, WEB, WEB)
    run = run_of(admin, run_id)
    assert (run["state"], run["retries"]) == ("failed", ["all", "failed_step", "failed_agents"])
    fleet(2)
    for what in ("failed_step", "failed_agents"):
        again = admin.data("POST", f"/runs/{run_id}/retry", {"what": what})["id"]
        assert list(states(admin, again)) == ["machine-1", "machine-2"], what


def test_a_failed_run_names_the_job_at_fault(admin: People, fleet: Fleet) -> None:
    agents = fleet(3)
    run_id = start(admin, WEB)
    work(agents[2:] + agents[:2], agents[1], agents[2])
    detail = admin.data("GET", f"/runs/{run_id}")
    assert detail["cause"] == f"1-{agents[1].id}"
    assert detail["run"]["reason"] == (
        "Step 1 'step 1' on machine-2 failed with exit code 1. 1 more agent did not succeed either."
    )


def test_progress_says_what_is_known_and_what_is_not(admin: People, fleet: Fleet) -> None:
    agents = fleet(4)
    run_id = start(admin, WEB, WEB)
    shown = run_of(admin, run_id)["progress"]
    assert (shown["total"], shown["known"], shown["steps"], shown["steps_ended"]) == (None, 4, 2, 0)
    work(agents)
    shown = run_of(admin, run_id)["progress"]
    assert (shown["total"], shown["known"], shown["percent"], shown["steps_ended"]) == (8, 8, 50, 1)


def test_a_queued_job_says_whether_its_agent_is_there(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    there, away = fleet(2)
    there.result("agent.heartbeat")
    run_id = start(admin, WEB + 'DeliverWithin = "1h"\n')
    with metered() as meter:
        (step,) = admin.data("GET", f"/runs/{run_id}")["steps"]
        assert meter.take().reads == 2
    assert [job["agent_status"] for job in step["jobs"]] == ["online", "never_seen"]
    assert step["open"] == {"queued": 2}
    travel.after(1_000)
    (step,) = admin.data("GET", f"/runs/{run_id}")["steps"]
    assert [job["agent_status"] for job in step["jobs"]] == ["offline", "never_seen"]
    work([there, away])
    with metered() as meter:
        (step,) = admin.data("GET", f"/runs/{run_id}")["steps"]
        assert meter.take().reads == 1, "nobody waits any more"
    assert [job["agent_status"] for job in step["jobs"]] == [None, None]


def test_a_plan_says_how_many_agents_are_not_there(admin: People, fleet: Fleet) -> None:
    fleet(3)[0].result("agent.heartbeat")
    plan = admin.data("POST", f"/tasks/{task(admin, WEB, WEB)}/plan")
    assert (plan["agents"], plan["offline"]) == (3, 2)
    (wave,) = plan["steps"][0]["waves"]
    assert [each["status"] for each in wave["agents"]] == ["online", "never_seen", "never_seen"]


# --- agents by name

NAMED = 'CMD = "true"\nServerID = ["machine-2", "machine-1"]\n'


def test_a_task_calls_agents_by_their_names(admin: People, fleet: Fleet) -> None:
    one, two = fleet(2)
    task_id = task(admin, NAMED)
    shown = admin.data("GET", f"/tasks/{task_id}")
    assert 'ServerID = ["machine-2", "machine-1"]' in shown["definition"], "as it was typed"
    assert shown["steps"][0]["targets"]["agent_ids"] == [two.id, one.id]
    assert shown["agents"] == {one.id: "machine-1", two.id: "machine-2"}
    (wave,) = admin.data("POST", f"/tasks/{task_id}/plan")["steps"][0]["waves"]
    assert [each["name"] for each in wave["agents"]] == ["machine-2", "machine-1"]
    run_id = admin.data("POST", f"/tasks/{task_id}/execute")["id"]
    assert sorted(work([one, two])) == sorted([one.id, two.id])
    assert run_of(admin, run_id)["state"] == "succeeded"


def test_a_name_stands_for_the_agent_that_bore_it_when_the_task_was_saved(
    admin: People, fleet: Fleet
) -> None:
    one, two, three = fleet(3)
    task_id = task(admin, 'CMD = "true"\nServerID = "machine-1"\n')
    admin.data("PATCH", f"/agents/{one.id}", {"name": "elsewhere"})
    admin.data("PATCH", f"/agents/{three.id}", {"name": "machine-1"})
    admin.data("POST", f"/tasks/{task_id}/execute")
    assert work([one, two, three]) == [one.id]
    shown = admin.data("GET", f"/tasks/{task_id}")
    assert shown["agents"] == {one.id: "elsewhere"}
    body = {"definition": shown["definition"], "revision": 1}
    saved = admin.data("PUT", f"/tasks/{task_id}", body)
    assert saved["task"]["revision"] == 2, "the same text means another agent"
    assert saved["agents"] == {three.id: "machine-1"}
    again = admin.data("PUT", f"/tasks/{task_id}", {**body, "revision": 2})
    assert again["task"]["revision"] == 2
    admin.data("POST", f"/tasks/{task_id}/execute")
    assert work([one, two, three]) == [three.id]


def refusal(admin: People, *steps: str) -> Any:
    source = 'Name = "t"\n' + "".join(f"[[step]]\n{each}" for each in steps)
    answer = admin.answer("POST", "/tasks/validate", {"definition": source})
    assert answer.status_code == 400
    return answer.json_body


def test_names_that_not_exactly_one_agent_bears_are_refused_all_at_once(
    admin: People, fleet: Fleet
) -> None:
    one, two, three = fleet(3)
    admin.data("PATCH", f"/agents/{two.id}", {"name": "machine-1"})
    twins = ", ".join(sorted([one.id, two.id]))
    found = refusal(
        admin,
        'CMD = "true"\nServerID = "machine-9"\n',
        'CMD = "true"\nServerID = "machine-1"\n',
        f'CMD = "true"\nServerID = ["machine-3", "{three.id}"]\n',
    )
    assert [each["line"] for each in found["data"]["errors"]] == [4, 7, 10]
    says = [each["message"].partition("ServerID: ")[2] for each in found["data"]["errors"]]
    assert says == [
        "there is no agent with the name 'machine-9'. "
        "'plumber-cli agent list' shows those that there are.",
        f"2 agents are named 'machine-1': {twins}. Give the id of the one you mean.",
        f"'machine-3' and '{three.id}' are the same agent.",
    ]
    assert found["message"] == found["data"]["errors"][0]["message"]


def test_who_is_still_writing_is_told_the_same_without_being_refused(
    admin: People, fleet: Fleet
) -> None:
    fleet(2)
    wrong = 'CMD = "true"\nServerID = "machine-9"\nWhen = "x"\n'
    refused = refusal(admin, wrong)["data"]["errors"]
    source = f'Name = "t"\n[[step]]\n{wrong}'
    told = admin.data("POST", "/tasks/findings", {"definition": source})
    assert told == {"faults": refused, "checked": None}
    source = f'Name = "t"\n[[step]]\n{NAMED}'
    told = admin.data("POST", "/tasks/findings", {"definition": source})
    assert told["faults"] == []
    assert told["checked"] == admin.data("POST", "/tasks/validate", {"definition": source})
    no_toml = admin.data("POST", "/tasks/findings", {"definition": "Name = "})
    assert (no_toml["faults"][0]["line"], no_toml["checked"]) == (1, None)


def test_what_is_validated_is_not_saved(admin: People, fleet: Fleet) -> None:
    fleet(2)
    source = f'Name = "t"\n[[step]]\n{NAMED}'
    found = admin.data("POST", "/tasks/validate", {"definition": source})
    assert (found["name"], found["task_id"], len(found["agents"])) == ("t", None, 2)
    assert admin.data("GET", "/tasks")["items"] == []
    task_id = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
    assert admin.data("POST", "/tasks/validate", {"definition": source})["task_id"] == task_id


def test_an_ad_hoc_command_calls_agents_by_their_names_too(admin: People, fleet: Fleet) -> None:
    one, two = fleet(2)
    admin.data("POST", "/commands", {"command": "true", "agent_ids": ["machine-2"]})
    assert work([one, two]) == [two.id]
    body = {"command": "true", "agent_ids": ["nobody"]}
    assert admin.refused("POST", "/commands", body)[0] == 2001
    admin.data("PATCH", f"/agents/{one.id}", {"name": "machine-2"})
    body = {"command": "true", "agent_ids": ["machine-2"]}
    assert "Several agents are named" in admin.refused("POST", "/commands", body)[1]
