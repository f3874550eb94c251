"""History, statistics, export and templates, over the real app."""

import json

import pytest
from chalice.test import Client

from tests.api.conftest import Clock, Fleet, People, cursor_of
from tests.api.fleet import WEB, start, task, work


def test_runs_are_filtered_and_counted(admin: People, fleet: Fleet, travel: Clock) -> None:
    one, two = fleet(2)
    task_id = task(admin, WEB)
    good = admin.data("POST", f"/tasks/{task_id}/execute")["id"]
    work([one, two])
    travel.after(60)
    bad = admin.data("POST", f"/tasks/{task_id}/execute")["id"]
    work([one, two], one)
    other = admin.data("POST", "/commands", {"command": "true", "agent_ids": [two.id]})["id"]

    def ids(query: str) -> list[str]:
        return [run["id"] for run in admin.data("GET", f"/runs?{query}")["items"]]

    assert ids("") == [other, bad, good]
    assert ids(f"task={task_id}") == [bad, good]
    assert ids(f"agent={one.id}") == [bad, good]
    assert ids("state=failed") == [bad]
    assert ids("trigger=command") == [other]
    since = admin.data("GET", f"/runs/{bad}")["run"]["created_at"]
    assert ids(f"to={since}") == [good]
    assert ids(f"from={since}&task={task_id}") == [bad]
    stats = admin.data("GET", f"/tasks/{task_id}/stats")
    assert (stats["ended"], stats["success_rate"]) == (2, 0.5)
    assert [run["id"] for run in stats["last_failures"]] == [bad]


@pytest.mark.parametrize("query", ["state=bad", "trigger=x", "from=yesterday", "to=2026-01-01"])
def test_a_bad_filter_is_refused(admin: People, query: str) -> None:
    code, message = admin.refused("GET", f"/runs?{query}")
    assert code == 1001
    assert message.startswith(query.partition("=")[0])


def test_runs_are_exported_as_json_lines(client: Client, admin: People, fleet: Fleet) -> None:
    fleet(1)
    ids = [start(admin, WEB.replace("true", f"echo {n}"), head="") for n in range(1)]
    headers = {"Authorization": f"Bearer {admin.token}"}
    answer = client.http.get("/api/v1/exports/runs?limit=1", headers=headers)
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert [json.loads(line)["id"] for line in answer.body.splitlines()] == ids
    assert answer.headers["Plumber-Next"] == cursor_of("/exports/runs", ids[0])


def test_templates_are_the_librarys_and_own_tasks(admin: People, fleet: Fleet) -> None:
    fleet(1)
    task_id = task(admin, WEB, head="Template = true\nDescription = 'Mine.'\n")
    found = admin.data("GET", "/templates")["items"]
    assert (found[0]["id"], found[0]["is_own"], found[0]["description"]) == (task_id, True, "Mine.")
    assert len(found) == 7
    for each in found[1:]:
        admin.data("POST", "/tasks", {"definition": each["definition"]})


def test_templates_are_pages_of_own_ones_and_then_of_the_library(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.operations.tasks.templates.OWN", 2)
    monkeypatch.setattr("chalicelib.operations.tasks.templates.LOOKED_AT", 3)
    names = [f"task {number}" for number in range(9)]
    for number, name in enumerate(names):
        kind = "Template = true\n" if number % 2 == 0 else ""
        admin.data("POST", "/tasks", {"definition": f'Name = "{name}"\n{kind}[[step]]\n{WEB}'})
    library = [each["name"] for each in admin.data("GET", "/templates?limit=100")["items"]]
    for limit in (1, 2, 3, 4, 100):
        found, cursor, largest = [], "", 0
        while True:
            page = admin.data("GET", f"/templates?limit={limit}&cursor={cursor}")
            found += [each["name"] for each in page["items"]]
            largest = max(largest, len(page["items"]))
            if (cursor := page["next"]) is None:
                break
        assert found[:5] == names[::2], limit
        assert found[5:] == sorted(found[5:]), limit
        assert len(found) == len(set(found)) == 5 + 6, limit
        assert largest <= limit
    assert library == names[:3:2], "a page of own ones is short, and leads on"
    assert admin.refused("GET", "/templates?cursor=x")[0] == 1001
