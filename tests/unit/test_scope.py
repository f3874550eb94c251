"""What is inside of a scope."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access.by import INSTALLATION, By, Kind
from chalicelib.access.scope import (
    EVERYTHING,
    MAX_GROUPS,
    NOWHERE,
    OutOfScope,
    Reach,
    Scope,
    reach_of,
    together,
)
from chalicelib.tasks.target import Targets

PROD = Scope(labels={"env": "prod"}, groups=("web", "db"))
TASKS = Scope(tasks=("T", "U"))


@pytest.mark.parametrize(("tasks", "only"), [((), None), (("t",), "t"), (("t", "u"), None)])
def test_of_one_task_a_scope_says_which(tasks: tuple[str, ...], only: str | None) -> None:
    assert Scope(tasks=tasks).only_task == only


def test_an_empty_scope_is_everything() -> None:
    assert EVERYTHING.is_everything
    assert EVERYTHING.holds_run("T", reach_of([({}, None), ({"a": "b"}, "g")]))
    for one in (PROD, TASKS, Scope(groups=("g",)), Scope(labels={"a": "b"})):
        assert not one.is_everything
        assert EVERYTHING.holds(one)
        assert not one.holds(EVERYTHING)


@pytest.mark.parametrize(
    ("labels", "group", "is_inside"),
    [
        ({"env": "prod"}, "web", True),
        ({"env": "prod", "more": "x"}, "db", True),
        ({"env": "prod"}, "other", False),
        ({"env": "prod"}, None, False),
        ({"env": "test"}, "web", False),
        ({}, "web", False),
    ],
)
def test_an_agent_is_inside_with_all_labels_and_in_one_of_the_groups(
    labels: dict[str, str], group: str | None, is_inside: bool
) -> None:
    assert PROD.holds_agent(labels, group) is is_inside
    assert TASKS.holds_agent(labels, group)  # which says nothing of agents


def test_a_task_is_inside_when_it_is_named_or_none_is() -> None:
    assert [TASKS.holds_task(each) for each in ("T", "V", "commands")] == [True, False, False]
    assert PROD.holds_task("V")


def test_a_run_is_inside_when_its_task_is_and_every_one_of_its_agents() -> None:
    both = Scope(("T",), {"env": "prod"}, ("web",))
    inside, outside = ({"env": "prod", "n": "1"}, "web"), ({"env": "prod"}, "db")
    assert both.holds_run("T", reach_of([inside, inside]))
    assert not both.holds_run("T", reach_of([inside, outside]))
    assert not both.holds_run("U", reach_of([inside]))
    assert both.holds_run("T", NOWHERE)  # no agents, none of them outside


Agents = list[tuple[dict[str, str], str | None]]
AGENTS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy")),
        st.sampled_from([None, "g", "h"]),
    )
)
SCOPES = st.builds(
    Scope,
    st.sampled_from([(), ("T",), ("T", "U")]),
    st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy")),
    st.sampled_from([(), ("g",), ("g", "h")]),
)


@given(SCOPES, AGENTS, AGENTS)
def test_a_reach_says_of_many_agents_what_each_of_them_says(
    scope: Scope,
    some: list[tuple[dict[str, str], str | None]],
    more: list[tuple[dict[str, str], str | None]],
) -> None:
    reach = together([reach_of(some), reach_of(more)])
    assert reach == reach_of([*some, *more])
    assert scope.holds_reach(reach) == all(scope.holds_agent(*each) for each in [*some, *more])


@given(SCOPES, SCOPES, AGENTS, st.sampled_from("TUV"))
def test_what_a_narrower_scope_holds_a_wider_one_does(
    wide: Scope, narrow: Scope, agents: Agents, task: str
) -> None:
    if wide.holds(narrow) and narrow.holds_run(task, reach_of(agents)):
        assert wide.holds_run(task, reach_of(agents))


def test_a_scope_is_no_wider_only_in_all_of_its_parts() -> None:
    whole = Scope(("T", "U"), {"env": "prod"}, ("web", "db"))
    assert whole.holds(whole)
    assert whole.holds(Scope(("T",), {"env": "prod", "more": "x"}, ("db",)))
    assert not whole.holds(Scope(("T", "V"), {"env": "prod"}, ("web",)))
    assert not whole.holds(Scope((), {"env": "prod"}, ("web",)))
    assert not whole.holds(Scope(("T",), {}, ("web",)))
    assert not whole.holds(Scope(("T",), {"env": "prod"}, ()))
    assert not whole.holds(Scope(("T",), {"env": "prod"}, ("other",)))


def test_more_groups_than_a_scope_may_name_are_outside_of_any() -> None:
    many = [({}, f"g{number:02d}") for number in range(40)]
    reach = reach_of(many)
    assert len(reach.groups) == len((reach + reach_of(many)).groups) == MAX_GROUPS + 1
    assert not Scope(groups=tuple(group for _, group in many[:MAX_GROUPS])).holds_reach(reach)


def test_what_decides_over_scopes_needs_none() -> None:
    EVERYTHING.require_whole("x")
    EVERYTHING.require_agents("x")
    EVERYTHING.require_new_task("x")
    PROD.require_agents("x")
    PROD.require_new_task("x")
    TASKS_AND_AGENTS = Scope(("T",), {"env": "prod"})
    TASKS_AND_AGENTS.require_agents("x")
    for refuse in (
        PROD.require_whole,
        TASKS.require_whole,
        TASKS.require_agents,
        TASKS.require_new_task,
        TASKS_AND_AGENTS.require_new_task,
    ):
        with pytest.raises(OutOfScope, match="change it"):
            refuse("change it")


@pytest.mark.parametrize(
    ("targets", "stays"),
    [
        (Targets(labels={"env": "prod"}, group="web"), True),
        (Targets(labels={"env": "prod", "n": "1"}, group="db"), True),
        (Targets(selector="env=prod,!canary", group="web"), True),
        (Targets(selector="env in (prod)", group="web"), True),
        (Targets(selector="env in (prod,test)", group="web"), False),
        (Targets(selector="env!=test", group="web"), False),
        (Targets(selector="env", group="web"), False),
        (Targets(labels={"env": "prod"}, group="other"), False),
        (Targets(labels={"env": "prod"}), False),
        (Targets(group="web"), False),
        (Targets(everybody=True), False),
    ],
)
def test_targets_stay_within_a_scope_when_they_ask_for_all_of_it(
    targets: Targets, stays: bool
) -> None:
    assert targets.stay_within(PROD) is stays
    assert targets.stay_within(EVERYTHING)
    assert targets.stay_within(TASKS)


def test_a_scope_is_told_in_words() -> None:
    assert EVERYTHING.describe() == "everything"
    assert TASKS.describe() == "the tasks T, U"
    whole = Scope(("T",), {"env": "prod"}, ("web", "db"))
    assert whole.describe() == "the tasks T and agents with env=prod, group web or db"


@pytest.mark.parametrize(
    ("by", "text"),
    [
        (By(Kind.TOKEN, "1", "ci"), "ci (token)"),
        (By(Kind.AGENT, "1", "web-1"), "web-1 (agent)"),
        (By(Kind.SCHEDULE, "1", "@daily"), "schedule @daily"),
        (INSTALLATION, "installation"),
    ],
)
def test_who_did_it_is_told_in_words(by: By, text: str) -> None:
    assert str(by) == text


def test_the_reach_of_nobody_adds_nothing() -> None:
    some = Reach({"a": "b"}, ("g",))
    assert NOWHERE + some == some + NOWHERE == some
