"""Who is targeted and listed: through the index, whole, and within stated limits."""

from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from chalicelib.agents.agent import MAX_LABELS, Agent, Facts
from chalicelib.operations.runs import choice
from chalicelib.operations.tasks import preview
from chalicelib.tasks.target import Targets
from tests.api.conftest import Fleet, People, agent_id
from tests.api.fleet import run_of, start, task, work
from tests.bench.product import Meter, metered
from tests.stack.fleets import build

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
FLEET, FEW = 5_200, 40  # more than a step may have, and those that it should have
ONE = Agent("", "", NOW, "hash", Facts(hostname="h" * 30), {"role": "web"}, "prod", version=1)


def large_fleet() -> list[Agent]:
    """The few with a label of their own have the last names: they were the ones left out."""
    fleet = [replace(ONE, id=agent_id(n), name=f"web-{n:05}") for n in range(1, FLEET + 1)]
    few = [replace(each, labels={**each.labels, "canary": "yes"}) for each in fleet[-FEW:]]
    return fleet[:-FEW] + few


def plan(admin: People, targets: str) -> Any:
    path = f"/tasks/{task(admin, step(targets))}/plan"
    (planned,) = admin.data("POST", path, {})["steps"]
    return planned


def step(targets: str) -> str:
    return f'CMD = "true"\nTargets = {targets}'


def listed(admin: People, query: str) -> tuple[list[str], int]:
    """Names on all pages of a list, and how many pages there were."""
    names, pages, cursor = [], 0, ""
    while True:
        page = admin.data("GET", f"/agents?{query}{cursor}")
        names += [each["name"] for each in page["items"]]
        pages += 1
        if page["next"] is None:
            return names, pages
        cursor = f"&cursor={page['next']}"


def test_a_few_of_a_large_fleet_cost_what_a_few_cost(admin: People) -> None:
    build(large_fleet())
    with metered() as meter:
        _assert_chosen(admin, meter)
        _assert_listed(admin, meter)


def _assert_chosen(admin: People, meter: Meter) -> None:
    for targets in (
        '{ Labels = { canary = "yes" } }',
        '{ Labels = { role = "web", canary = "yes" }, Group = "prod" }',
        '{ Group = "prod", Selector = "canary,role!=db" }',
    ):
        path = f"/tasks/{task(admin, step(targets), head='')}/plan"
        meter.take()
        (planned,) = admin.data("POST", path, {})["steps"]
        used = meter.take()
        assert sum(len(wave["agents"]) for wave in planned["waves"]) == FEW
        # The task; a look at each of at most three sources; the agents; whether they are there.
        assert used.reads <= 1 + 3 + 1 + 1, targets
        assert used.read_units <= 2 * FEW, targets
        admin.data("DELETE", path.removesuffix("/plan"))


def _assert_listed(admin: People, meter: Meter) -> None:
    for query, most in (("label=canary=yes", 3), ("group=prod&label=canary=yes", 4)):
        meter.take()
        page = admin.data("GET", f"/agents?limit=100&{query}")
        used = meter.take()
        assert len(page["items"]) == FEW
        assert used.reads <= most, query
    meter.take()
    page = admin.data("GET", "/agents?limit=100")
    used = meter.take()
    assert (len(page["items"]), page["next"] is None) == (100, False)
    assert used.reads <= 6, "four shards, the agents, their presences"
    page = admin.data("GET", "/agents?limit=100&text=web-05200")
    assert (page["items"], page["next"] is None) == ([], False)
    assert meter.take().reads <= 5 * 6, "a page that finds nothing ends all the same"
    assert listed(admin, "name=web-05200") == (["web-05200"], 1)
    assert meter.take().reads <= 6


# --- limits


def test_whom_targets_fit_is_told_before_anything_starts(admin: People, fleet: Fleet) -> None:
    one, two, _ = fleet(3)
    one.result("agent.heartbeat")
    admin.data("PATCH", f"/agents/{two.id}", {"labels": {"role": "db"}})

    def fit(**targets: Any) -> tuple[int, int, list[str]]:
        found = admin.data("POST", "/agents/match", targets)
        return found["agents"], found["not_online"], [each["name"] for each in found["first"]]

    names = [admin.data("GET", f"/agents/{each.id}")["name"] for each in (one, two, _)]
    assert fit(all=True) == (3, 2, names)
    assert fit(selector="role in (db)") == (1, 1, [names[1]])
    assert fit(labels={"role": "web"}) == (2, 1, [names[0], names[2]])
    assert fit(agent_ids=[names[0], two.id]) == (2, 1, names[:2])
    assert fit(group="nobody") == (0, 0, [])
    assert admin.refused("POST", "/agents/match", {"agent_ids": ["nobody"]})[0] == 2001
    assert admin.refused("POST", "/agents/match", {"selector": "role=("})[0] == 1001
    assert admin.refused("POST", "/agents/match", {})[0] == 1001


def limit(monkeypatch: pytest.MonkeyPatch, name: str, value: int) -> None:
    monkeypatch.setattr(choice, name, value)


def test_as_many_agents_as_a_step_may_have_are_taken_and_one_more_is_refused(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet(4)
    limit(monkeypatch, "MAX_AGENTS_PER_STEP", 4)
    for targets in ('{ Labels = { role = "web" } }', "{ All = true }", '{ Selector = "!x" }'):
        assert plan(admin, targets)["problem"] is None
        admin.data("DELETE", f"/tasks/{admin.data('GET', '/tasks')['items'][0]['id']}")
    limit(monkeypatch, "MAX_AGENTS_PER_STEP", 3)
    for targets, named in (
        ('{ Labels = { role = "web" } }', "More than 3 agents fit role=web"),
        ("{ All = true }", "More than 3 agents fit all agents"),
        ('{ Selector = "!x" }', "More than 3 agents fit !x"),
    ):
        planned = plan(admin, targets)
        assert named in planned["problem"]
        assert planned["waves"] == []
        task_id = admin.data("GET", "/tasks")["items"][0]["id"]
        code, message = admin.refused("POST", f"/tasks/{task_id}/execute", {})
        assert (code, named in message) == (1001, True)
        assert "at most 3" in message
        admin.data("DELETE", f"/tasks/{task_id}")
    assert admin.data("GET", "/runs")["items"] == []


def test_more_agents_than_may_be_looked_at_are_refused(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet(4)
    limit(monkeypatch, "MAX_CANDIDATES_PER_STEP", 3)
    monkeypatch.setattr(choice, "FIRST_LOOK", 1)
    for targets in ('{ Group = "prod", Selector = "x" }', '{ Labels = { role = "web" } }'):
        planned = plan(admin, targets)
        expected = None if "x" in targets else "More than 3 agents would have to be looked at"
        assert (planned["problem"] or "").startswith(expected or "No agent fits")
        admin.data("DELETE", f"/tasks/{admin.data('GET', '/tasks')['items'][0]['id']}")
    assert "looked at" in plan(admin, "{ All = true }")["problem"]


def test_a_later_step_with_too_many_agents_fails_and_says_why(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = fleet(3)
    first = f'CMD = "true"\nServerID = "{agents[0].id}"'
    run_id = start(admin, first, step('{ Labels = { role = "web" }, AllowEmpty = true }'), first)
    limit(monkeypatch, "MAX_AGENTS_PER_STEP", 2)
    work(agents)
    run = run_of(admin, run_id)
    assert run["state"] == "failed"
    assert run["reason"].startswith("Step 2 'step 2': More than 2 agents fit role=web, and a step")
    steps = admin.data("GET", f"/runs/{run_id}")["steps"]
    assert [each["state"] for each in steps] == ["succeeded", "failed", "skipped"]
    limit(monkeypatch, "MAX_AGENTS_PER_STEP", 3)
    for what in ("failed_step", "failed_agents"):
        again = admin.data("POST", f"/runs/{run_id}/retry", {"what": what})["id"]
        work(agents)
        work(agents)
        assert run_of(admin, again)["state"] == "succeeded", what


def test_an_agent_has_fifty_labels_and_no_more(admin: People, agent: Any) -> None:
    path = f"/agents/{agent().id}"
    labels = {f"k{number}": "v" for number in range(MAX_LABELS)}
    assert admin.data("PATCH", path, {"labels": labels})["labels"] == labels
    for number in (1, 2_950):
        more = {**labels, **{f"more{each}": "" for each in range(number)}}
        for method, where in (("PATCH", path), ("POST", "/enrollments")):
            code, message = admin.refused(method, where, {"labels": more})
            assert code == 1001
            assert message == f"An agent has at most 50 labels, and these are {50 + number:,}."
    assert listed(admin, "label=k49=v")[0] == ["machine-1"]


def test_labels_of_the_widest_text_are_kept_and_found(admin: People, agent: Any) -> None:
    wide = "\U0001f600"
    labels = {f"{wide * 61}{number}": wide * 255 for number in range(10, 60)}
    change = {"labels": labels, "group": wide * 128, "name": wide * 128}
    admin.data("PATCH", f"/agents/{agent().id}", change)
    assert listed(admin, f"group={quote(wide * 128)}")[0] == [wide * 128]
    key = f"{wide * 61}10"
    planned = plan(admin, f'{{ Labels = {{ "{key}" = "{wide * 255}" }} }}')
    assert planned["problem"] is None


# --- lists


def test_agents_are_listed_by_name_page_by_page_through_any_index(
    admin: People, agent: Any
) -> None:
    names = ["b", "a", "c 1", "c", "c-1", "a", "d", "é", "B"]
    for number, name in enumerate(names, 1):
        labels = {"role": "web", "odd": "yes" if number % 2 else "no"}
        change = {"name": name, "labels": labels, "group": "g"}
        admin.data("PATCH", f"/agents/{agent(number).id}", change)
    expected = sorted(names)
    for query in ("", "group=g", "label=role=web", "label=role", "label=role!=db", "text=m"):
        for size in (1, 2, 4, 100):
            found, pages = listed(admin, f"limit={size}&{query}&")
            assert found == ([] if query == "text=m" else expected), (query, size)
            assert pages == (1 if query == "text=m" else -(-len(names) // size)), (query, size)
    assert listed(admin, "limit=1&label=odd in (yes,no)".replace(" ", "%20"))[0] == expected
    assert listed(admin, "limit=2&label=odd=no&group=g")[0] == ["a", "a", "c", "é"]
    assert listed(admin, "limit=1&name=a")[0] == ["a", "a"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("status=gone", "status must be one of"),
        ("label=a%20b", "'a b' is not understood"),
        ("cursor=eyJhZnRlciI6eyJTIjoiIn19", "cursor"),
        ("cursor=eyJhZnRlciI6eyJTIjoiXHVkODAwIn19", "cursor"),
        ("cursor=eyJhIjp7IlMiOiJ4In19", "cursor"),
        ("cursor=x", "cursor"),
    ],
)
def test_a_list_refuses_what_it_does_not_understand(admin: People, query: str, named: str) -> None:
    code, message = admin.refused("GET", f"/agents?{query}")
    assert (code, named in message) == (1001, True), message


def test_changes_are_seen_by_the_next_step_and_the_next_list(admin: People, fleet: Fleet) -> None:
    one, _ = fleet(2)
    admin.data("PATCH", f"/agents/{one.id}", {"labels": {"role": "db"}, "name": "renamed"})
    assert listed(admin, "label=role=web")[0] == ["machine-2"]
    assert listed(admin, "label=role=db")[0] == ["renamed"]
    admin.data("DELETE", f"/agents/{one.id}")
    assert listed(admin, "")[0] == ["machine-2"]
    assert listed(admin, "label=role=db")[0] == []


def test_a_plan_looks_once_at_the_agents_of_steps_with_the_same_targets(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred steps on a whole fleet each would read all of it, for whoever may read tasks."""
    fleet(3)
    looks: list[Targets] = []

    def counted(wanted: Targets, *more: Any) -> Any:
        looks.append(wanted)
        return choice.choose(wanted, *more)

    monkeypatch.setattr(preview, "choose", counted)
    steps = [step("{ All = true }")] * 3 + [step('{ Labels = { role = "web" } }')]
    planned = admin.data("POST", f"/tasks/{task(admin, *steps)}/plan", {})
    assert [len(each["waves"][0]["agents"]) for each in planned["steps"][:3]] == [3, 3, 3]
    assert len(looks) == 2
