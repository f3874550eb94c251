"""Where agents are entered, and where targets look for them."""

from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.agents import target_index
from chalicelib.agents.agent import Agent
from chalicelib.agents.target_index import (
    MAX_PLACES,
    MAX_SOURCES,
    Entry,
    Place,
    entries,
    everybody,
    group,
    is_left_behind,
    label,
    named,
    sources,
    version,
)
from chalicelib.tasks.target import Targets

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
WEB = Agent("id", "web", NOW, "", labels={"role": "web", "env": "prod"}, group="a", version=7)
WIDEST = "\U0001f600"  # four bytes in UTF-8, as many as there can be


def holds(place: Place, entry: Entry) -> bool:
    return entry.partition == place.partition and entry.place.startswith(place.start)


def partitions(targets: Targets) -> list[list[str]]:
    return [[place.partition for place in way] for way in sources(targets)]


@pytest.mark.parametrize(
    "place", [label("role"), label("role", "web"), label("env", "prod"), group("a")]
)
def test_an_agent_is_found_by_each_label_its_key_and_its_group(place: Place) -> None:
    assert [entry.agent_id for entry in entries(WEB) if holds(place, entry)] == ["id"]


@pytest.mark.parametrize("way", [everybody(), named("web")])
def test_an_agent_is_found_once_among_everybody_and_by_its_name(way: tuple[Place, ...]) -> None:
    found = [entry for entry in entries(WEB) for place in way if holds(place, entry)]
    assert [entry.agent_id for entry in found] == ["id"]


@pytest.mark.parametrize("place", [label("role", "we"), label("rol"), group("b"), label("a")])
def test_and_by_nothing_else(place: Place) -> None:
    assert not any(holds(place, entry) for entry in entries(WEB))


def test_a_name_that_begins_like_another_is_another() -> None:
    longer = entries(replace(WEB, name="web-1"))
    assert not any(holds(place, entry) for place in named("web") for entry in longer)


def test_only_what_lists_agents_by_their_names_says_so() -> None:
    """Agents of one name are in the order of their ids, and those with a key in that of values."""
    by_name = (*everybody(), group("a"), label("role", "web"))
    assert all(place.by_name for place in by_name)
    assert not any(place.by_name for place in (*named("web"), label("role")))


def test_everybody_is_spread_over_the_shards() -> None:
    fleet = [replace(WEB, id=f"{number:032x}", labels={}, group=None) for number in range(400)]
    shards = [entry.partition for each in fleet for entry in entries(each)]
    assert {place.partition for place in everybody()} == set(shards)
    assert max(shards.count(shard) for shard in set(shards)) < 150


def test_places_are_in_the_order_of_names() -> None:
    names = ["web", "web 1", "web!", "web#2", "web-1", "web-10", "x"]
    for place in (group("a"), label("role", "web")):
        found = [
            entry
            for name in names
            for entry in entries(replace(WEB, name=name))
            if holds(place, entry)
        ]
        assert sorted(found, key=lambda each: each.place) == found


def test_the_longest_labels_group_and_name_fit_into_dynamodbs_keys() -> None:
    longest = Agent(
        "0" * 36,
        WIDEST * 128,
        NOW,
        "",
        labels={WIDEST * 63: WIDEST * 255},
        group=WIDEST * 128,
    )
    assert len(entries(longest)) == 3
    for entry in entries(longest):
        assert len(entry.partition.encode()) <= 2_048
        assert len(entry.place.encode()) <= 1_024


def test_targets_look_where_something_is_asked_for() -> None:
    targets = Targets(labels={"role": "web"}, group="a", selector="env in (x,y),canary,!old,a!=b")
    assert partitions(targets) == [
        ["group#a"],
        ["label#role"],
        ["label#env", "label#env"],
        ["label#canary"],
    ]


@pytest.mark.parametrize("selector", [None, "!old", "a!=b", "a notin (b,c)"])
def test_what_no_label_is_asked_for_may_fit_everybody(selector: str | None) -> None:
    assert sources(Targets(selector=selector, everybody=True)) == []


def test_of_many_values_the_whole_key_is_looked_at_and_of_many_parts_the_first() -> None:
    values = [f"v{number}" for number in range(MAX_PLACES)]
    each_value = tuple(label("env", value) for value in values)
    assert sources(Targets(selector=f"env in ({','.join(values)})")) == [each_value]
    assert sources(Targets(selector=f"env in ({','.join(values)},more)")) == [(label("env"),)]
    parts = ",".join(f"k{number}" for number in range(1_000))
    assert len(sources(Targets(selector=parts))) == MAX_SOURCES


def test_versions_grow_with_time_and_with_each_change() -> None:
    first = version(NOW)
    assert version(NOW + timedelta(milliseconds=5), first) == first + 5
    assert version(NOW, first) == first + 1, "two changes in a millisecond"
    assert version(NOW - timedelta(hours=1), first) == first + 1, "another machine's clock"
    assert version(datetime(1970, 1, 1, tzinfo=timezone.utc)) == 1, "more than that of no change"


OTHER = label("role", "db")
STALE = Entry(OTHER.partition, OTHER.start + "web\x1fid")


@pytest.mark.parametrize(
    ("entered", "agent", "expected"),
    [
        (7, WEB, True),
        (6, WEB, True),
        (8, WEB, False),  # a change may be under way
        (version(NOW - target_index.LET_IN_WITHIN) - 1, None, True),
        (version(NOW - target_index.LET_IN_WITHIN), None, False),  # being let in
    ],
)
def test_an_entry_is_left_behind_when_nobody_will_want_it(
    entered: int, agent: Agent | None, expected: bool
) -> None:
    assert is_left_behind(STALE, entered, agent, NOW) is expected


def test_an_agents_own_entries_are_never_left_behind() -> None:
    for entry in entries(WEB):
        assert not any(is_left_behind(entry, entered, WEB, NOW) for entered in (1, 7, 8))


@pytest.mark.parametrize(
    "other",
    [
        WEB,
        replace(WEB, id="other"),
        replace(WEB, name="web-1"),
        replace(WEB, labels={"role": "db", "env": "prod"}),
        replace(WEB, labels={"env": "prod"}),
        replace(WEB, group="b"),
        replace(WEB, group=None),
    ],
)
def test_an_entry_is_asked_for_alone_as_among_all(other: Agent) -> None:
    for entry in entries(WEB):
        assert target_index.has(other, entry) == (entry in entries(other)), entry
