"""What a first page shows, and what lists say for it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.access.scope import Scope
from chalicelib.dynamo import run_history
from chalicelib.operations import overview
from chalicelib.operations.tasks import schedules as firing
from chalicelib.operations.tasks import task_list
from tests.api.conftest import Clock, Fleet, People
from tests.api.fleet import WEB, start, task, work
from tests.bench.product import metered
from tests.stack.shifts import shift


def test_the_first_page_says_what_runs_and_what_failed(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    one, two, _ = fleet(3)
    task_id = task(admin, WEB)
    path = f"/tasks/{task_id}/execute"
    admin.data("POST", path)
    work([one, two, _])
    travel.after(86_400 * 2)
    admin.data("POST", path)
    work([one, two, _], two)
    admin.data("POST", path)
    one.result("agent.heartbeat")
    admin.data("PATCH", f"/agents/{two.id}", {"disabled": True})
    found = admin.data("GET", "/stats")
    assert (found["runs_active"], found["runs_failed"], found["has_more"]) == (1, 1, [])
    assert found["agents"] == {"online": 1, "offline": 0, "disabled": 1, "never_seen": 1}
    assert len(found["days"]) == overview.DAYS
    before, between, today = found["days"][-3:]
    assert (before["succeeded"], before["success_rate"]) == (1, 1.0)
    assert (between["succeeded"], between["success_rate"]) == (0, None)
    assert (today["failed"], today["active"], today["success_rate"]) == (1, 1, 0.0)
    assert today["day"] == f"{travel.now:%Y-%m-%d}"
    assert found["counted_since"] is None


def test_what_failed_is_named_until_it_goes_well_and_what_runs_with_its_progress(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    agents = fleet(2)
    task_id = task(admin, WEB)
    path = f"/tasks/{task_id}/execute"
    runs = []
    for _ in range(2):
        runs.append(admin.data("POST", path)["id"])
        work(agents, agents[0])
    live = admin.data("POST", path)["id"]
    work(agents[:1])
    found = admin.data("GET", "/stats")
    (failing,) = found["failing"]
    assert (failing["task_id"], failing["count"], failing["run_id"]) == (task_id, 2, runs[1])
    assert (failing["task_name"], failing["state"], failing["is_command"]) == (
        "fleet", "failed", False,
    )  # fmt: skip
    assert "exit code 1" in failing["reason"]
    (active,) = found["active"]
    assert (active["id"], active["progress"]["ended"], active["progress"]["known"]) == (live, 1, 2)
    work(agents)
    travel.after(overview.TRENDS_KEPT_FOR.total_seconds())
    found = admin.data("GET", "/stats")
    assert (found["failing"], found["active"], found["runs_failed"]) == ([], [], 2)


def test_agents_that_went_offline_are_named(admin: People, fleet: Fleet, travel: Clock) -> None:
    one, two, _ = fleet(3)
    one.result("agent.heartbeat")
    travel.after(1)
    two.result("agent.heartbeat")
    seen = travel.now
    assert admin.data("GET", "/stats")["agents_gone"] == []
    travel.after(3_600)
    found = admin.data("GET", "/stats")
    assert [each["id"] for each in found["agents_gone"]] == [two.id, one.id]
    assert found["agents_gone"][0]["last_seen_at"].startswith(f"{seen:%Y-%m-%dT%H:%M:%S}")


def test_schedules_that_made_no_run_are_told_and_those_that_come_next(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    # Far from a full hour, just after which the due time would not be missed but fire.
    half_past_noon = (travel.now + timedelta(days=1)).replace(hour=12, minute=30)
    travel.after((half_past_noon - travel.now).total_seconds())
    fleet(1)
    task_id = task(admin, WEB)
    hourly, daily = (
        admin.data("POST", "/schedules", {"task_id": task_id, "cron": cron})["id"]
        for cron in ("@hourly", "@daily")
    )
    travel.after(7_200)
    firing.fire_due(shift(travel.now))
    found = admin.data("GET", "/stats")
    assert [each["id"] for each in found["schedules_failing"]] == [hourly]
    assert found["schedules_failing"][0]["last_problem"].startswith("Missed")
    assert {each["id"] for each in found["schedules_next"]} == {hourly, daily}
    assert {each["task_name"] for each in found["schedules_next"]} == {"fleet"}


def test_the_answer_is_kept_for_a_while_and_costs_nothing_then(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    fleet(1)
    with metered() as meter:
        admin.data("GET", "/stats")
        first = meter.take()
        assert first.reads <= 2 * run_history.CALLS_AT_MOST + 20, first
        start(admin, WEB)
        meter.take()
        assert admin.data("GET", "/stats")["runs_active"] == 0
        assert meter.take().reads == 0
        travel.after(overview.KEPT_FOR.total_seconds())
        assert admin.data("GET", "/stats")["runs_active"] == 1


def test_a_count_that_may_be_more_says_so(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet(2)
    monkeypatch.setattr(overview, "RUNS", 2)
    monkeypatch.setattr(overview, "AGENTS", 1)
    task_id = task(admin, WEB)
    ids = [admin.data("POST", f"/tasks/{task_id}/execute")["id"] for _ in range(3)]
    found = admin.data("GET", "/stats")
    assert (found["runs_active"], found["has_more"]) == (2, ["runs_active", "days", "agents"])
    assert found["counted_since"] == admin.data("GET", f"/runs/{ids[1]}")["run"]["created_at"]


def test_nothing_outside_of_a_scope_is_counted(admin: People, people: Any, fleet: Fleet) -> None:
    two = fleet(2)[1]
    admin.data("PATCH", f"/agents/{two.id}", {"labels": {"role": "db"}})
    start(admin, WEB)
    mine = people("viewer", Scope(labels={"role": "db"})).data("GET", "/stats")
    assert (mine["runs_active"], mine["dead_letters"]) == (0, None)
    assert sum(mine["agents"].values()) == 1
    others = people("viewer", Scope(labels={"role": "web"})).data("GET", "/stats")
    assert (others["runs_active"], sum(others["agents"].values())) == (1, 1)


# --- tasks


def named(admin: People, name: str) -> str:
    source = f'Name = "{name}"\n[[step]]\n{WEB}'
    task_id: str = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
    return task_id


def test_tasks_are_searched_by_a_part_of_their_names(
    admin: People, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_list, "LOOKED_AT", 2)
    ids = {name: named(admin, name) for name in ("Alpha", "beta", "gamma", "alphabet", "omega")}

    def names(query: str, caller: People = admin) -> list[str]:
        found, cursor = [], ""
        while True:
            page = caller.data("GET", f"/tasks?{query}{cursor}")
            found += [each["name"] for each in page["items"]]
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    assert names("q=ALPHA") == ["Alpha", "alphabet"]
    assert names("q=alpha&limit=1") == ["Alpha", "alphabet"]
    assert names("q=a&limit=2") == ["Alpha", "alphabet", "beta", "gamma", "omega"]
    assert names(f"q={ids['beta']}") == ["beta"]
    assert names("q=nobody") == []
    narrow = people("viewer", Scope(tasks=(ids["Alpha"], ids["beta"])))
    assert names("q=alpha", narrow) == ["Alpha"]


def test_tasks_say_what_came_of_their_newest_runs(
    admin: People, people: Any, fleet: Fleet, travel: Clock
) -> None:
    agents = fleet(2)
    one, two = named(admin, "one"), named(admin, "two")
    for failing in ((), (agents[0],)):
        admin.data("POST", f"/tasks/{one}/execute")
        work(agents, *failing)
        travel.after(1)
    with metered() as meter:
        first, second = admin.data("GET", "/tasks?outcomes=5")["items"]
        assert meter.take().reads <= 1 + 2 + 1
    assert [each["state"] for each in first["recent"]] == ["failed", "succeeded"]
    assert (second["id"], second["recent"]) == (two, [])
    (newest,) = admin.data("GET", "/tasks?outcomes=1&name=one")["items"][0]["recent"]
    assert newest["state"] == "failed"
    assert admin.data("GET", "/tasks")["items"][0]["recent"] is None
    outside = people("viewer", Scope(labels={"role": "db"}))
    assert outside.data("GET", "/tasks?outcomes=5")["items"][0]["recent"] == []


# --- runs


def test_runs_are_filtered_by_several_states_and_by_text(admin: People, fleet: Fleet) -> None:
    agents = fleet(1)
    deploy, backup = named(admin, "Deploy shop"), named(admin, "backup")
    bad = admin.data("POST", f"/tasks/{deploy}/execute")["id"]
    work(agents, agents[0])
    good = admin.data("POST", f"/tasks/{backup}/execute")["id"]
    work(agents)
    live = admin.data("POST", f"/tasks/{backup}/execute")["id"]

    def ids(query: str) -> list[str]:
        return [run["id"] for run in admin.data("GET", f"/runs?{query}")["items"]]

    assert ids("state=failed,timed_out") == [bad]
    assert ids("state=queued,failed") == [live, bad]
    assert ids("state=queued,running,succeeded,failed") == [live, good, bad]
    assert ids("state=succeeded&q=deploy") == []
    assert ids("q=SHOP") == [bad]
    assert ids(f"q={good.lower()}") == [good]
    assert ids("q=admin") == [live, good, bad]
    who = admin.data("GET", "/me")
    assert ids(f"by={who['name']}") == ids(f"by={who['id']}") == [live, good, bad]
    assert ids("by=adm") == ids("by=nobody&state=failed") == []
    assert admin.refused("GET", "/runs?state=failed,bad")[0] == 1001


# --- agents


def test_what_an_agent_has_to_do_is_told_also_while_it_is_offline(
    admin: People, people: Any, fleet: Fleet, travel: Clock
) -> None:
    one, two = fleet(2)
    first = start(admin, WEB + 'DeliverWithin = "1h"\n')
    (job,) = one.poll()["jobs"]
    travel.after(1)
    second = admin.data("POST", "/commands", {"command": "id", "agent_ids": [one.id]})["id"]
    found = admin.data("GET", f"/agents/{one.id}/jobs")
    assert [(each["run_id"], each["state"]) for each in found["items"]] == [
        (first, "claimed"), (second, "queued"),
    ]  # fmt: skip
    assert [each["deliver_by"] is None for each in found["items"]] == [True, False]
    assert (found["has_more"], found["items"][1]["task_name"]) == (False, "id")
    one.finish(job)
    assert len(admin.data("GET", f"/agents/{one.id}/jobs")["items"]) == 1
    (waits,) = admin.data("GET", f"/agents/{two.id}/jobs")["items"]
    deliver_by = travel.now + timedelta(seconds=3_599)
    assert waits["deliver_by"] == deliver_by.isoformat().replace("+00:00", "Z")
    narrow = people("viewer", Scope(labels={"n": "1"}))
    assert [each["run_id"] for each in narrow.data("GET", f"/agents/{one.id}/jobs")["items"]] == [
        second
    ]


def test_many_who_come_at_once_look_once(travel: Clock) -> None:
    """Each look is a scan of all agents."""
    overview.forget()
    looking, looks = threading.Barrier(2), []

    def look() -> str:
        looks.append(1)
        with suppress(threading.BrokenBarrierError):
            looking.wait(0.5)  # for another one who looks as well
        return "seen"

    with ThreadPoolExecutor(4) as callers:
        found = callers.map(lambda _: overview._Kept(travel.now)("agents", (), look), range(4))
        assert set(found) == {"seen"}
    assert looks == [1]
    overview.forget()


def test_who_looks_at_something_else_is_not_kept_waiting(travel: Clock) -> None:
    overview.forget()
    together = threading.Barrier(2)

    def look(whose: int) -> int:
        return overview._Kept(travel.now)("agents", whose, lambda: together.wait(10))

    with ThreadPoolExecutor(2) as callers:
        assert sorted(callers.map(look, range(2))) == [0, 1]
    overview.forget()


def test_a_schedule_is_shown_with_its_tasks_name_as_soon_as_it_is_shown(admin: People) -> None:
    """Both are kept for a while, and may lapse one after the other."""

    def scheduled(name: str) -> set[str | None]:
        source = f'Name = "{name}"\n[[step]]\n{WEB}'
        task = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
        admin.data("POST", "/schedules", {"task_id": task, "cron": "@daily"})
        for key in [each for each in overview._kept if each[0] == "schedules"]:
            del overview._kept[key]
        return {each["task_name"] for each in admin.data("GET", "/stats")["schedules_next"]}

    overview.forget()
    assert scheduled("first") == {"first"}
    assert scheduled("second") == {"first", "second"}
