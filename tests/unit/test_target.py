"""Choosing agents by labels, group and selector."""

from datetime import datetime, timezone

import pytest

from chalicelib.agents.agent import Agent
from chalicelib.tasks.target import InvalidSelector, Targets, in_order, parse_selector

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def agent(name: str, group: str | None = None, disabled: bool = False, **labels: str) -> Agent:
    return Agent(f"id-{name}", name, NOW, "", labels=labels, group=group, disabled=disabled)


FLEET = [
    agent("web-2", "prod", role="web", env="prod"),
    agent("web-1", "prod", role="web", env="prod", canary="yes"),
    agent("db", "prod", role="db"),
    agent("test", "test", role="web", env="test"),
    agent("gone", "prod", True, role="web", env="prod"),
]


def names(targets: Targets) -> list[str]:
    return list(in_order(targets.fitting(FLEET)).values())


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("role=web", ["test", "web-1", "web-2"]),
        ("role==db", ["db"]),
        ("role!=web", ["db"]),
        ("env!=prod", ["db", "test"]),
        ("env in (prod, stage)", ["web-1", "web-2"]),
        ("env notin (prod,stage)", ["db", "test"]),
        ("env", ["test", "web-1", "web-2"]),
        ("!env", ["db"]),
        ("role=web,env in (prod,stage),!canary", ["web-2"]),
        ("example.org/tier=1", []),
    ],
)
def test_selectors_are_those_of_kubernetes(selector: str, expected: list[str]) -> None:
    assert names(Targets(selector=selector)) == expected


@pytest.mark.parametrize(
    "text", ["", ",", "a,", "a b", "a in b", "a in ()", "a in (b", "=a", "a=b c", "a>1", "!", "-a"]
)
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(InvalidSelector):
        parse_selector(text)


def test_labels_group_and_selector_must_all_fit() -> None:
    targets = Targets(labels={"role": "web"}, group="prod", selector="!canary")
    assert names(targets) == ["web-2"]
    assert targets.describe() == "role=web, group prod, !canary"


def test_everybody_is_everybody_but_the_disabled() -> None:
    assert names(Targets(everybody=True)) == ["db", "test", "web-1", "web-2"]


@pytest.mark.parametrize(
    ("ids", "text"), [(("a",), "1 named agent"), (("a", "b"), "2 named agents")]
)
def test_named_agents_are_told_by_their_number(ids: tuple[str, ...], text: str) -> None:
    assert Targets(agent_ids=ids).describe() == text
