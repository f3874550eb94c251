"""What a list of agents is narrowed by: each part alone, and all together."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.agents.agent import Agent, AgentStatus, Facts, Presence
from chalicelib.agents.agent_filter import AgentFilter
from chalicelib.agents.target_index import everybody, group, label, named

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
FACTS = Facts(hostname="host-1", address="10.0.0.7")
WEB = Agent("id-1", "Web-1", NOW, "", FACTS, {"role": "web"}, "prod")
SEEN = Presence("id-1", NOW, NOW + timedelta(seconds=90), online=True, running=0)
ALL: dict[str, Any] = {
    "status": AgentStatus.ONLINE,
    "group": "prod",
    "label": "role=web",
    "text": "web",
    "name": "Web-1",
}


def fits(wanted: AgentFilter) -> bool:
    return wanted.fits(WEB, SEEN, wanted.requirements(), NOW)


@pytest.mark.parametrize("given", [{}, ALL, *({key: value} for key, value in ALL.items())])
def test_an_agent_is_listed_that_fits_all_that_is_given(given: dict[str, Any]) -> None:
    assert fits(AgentFilter(**given))


@pytest.mark.parametrize(
    "other",
    [
        {"status": AgentStatus.OFFLINE},
        {"group": "test"},
        {"label": "role=db"},
        {"text": "db"},
        {"name": "Web"},
    ],
)
@pytest.mark.parametrize("given", [{}, ALL])
def test_and_none_that_differs_in_one_part(given: dict[str, Any], other: dict[str, Any]) -> None:
    assert not fits(AgentFilter(**{**given, **other}))


@pytest.mark.parametrize("text", ["", "WEB-1", "eb", "HOST", "0.0.7", "D-1"])
def test_text_is_a_part_of_name_host_name_address_or_id_in_any_case(text: str) -> None:
    assert fits(AgentFilter(text=text))


def test_only_a_filter_that_says_nothing_is_empty() -> None:
    assert AgentFilter().is_empty
    assert not any(AgentFilter(**{key: value}).is_empty for key, value in ALL.items())


@pytest.mark.parametrize(
    ("wanted", "ways"),
    [
        (AgentFilter(), [everybody()]),
        (AgentFilter(text="web"), [everybody()]),
        (AgentFilter(group="a"), [(group("a"),)]),
        (AgentFilter(label="role=web"), [(label("role", "web"),)]),
        (AgentFilter(group="a", label="role=web"), [(group("a"),), (label("role", "web"),)]),
        (AgentFilter(label="role"), [everybody()]),  # a key's agents are not in the order of names
        (AgentFilter(label="role", group="a"), [(group("a"),)]),
        (AgentFilter(name="web", group="a"), [named("web")]),
    ],
)
def test_agents_are_looked_for_where_they_stand_in_the_order_of_their_names(
    wanted: AgentFilter, ways: list[Any]
) -> None:
    assert wanted.ways() == ways


def test_an_agent_without_a_group_is_in_none() -> None:
    assert not AgentFilter(group="prod").fits(replace(WEB, group=None), SEEN, (), NOW)
