"""The index of targets stays whole whatever dies, and whoever works at the same time."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.agents.agent import Agent
from chalicelib.agents.target_index import Entry, entries, everybody, group, label, version
from chalicelib.aws.client import Client
from chalicelib.dynamo import agents, targets
from chalicelib.dynamo.agents import AgentItem
from chalicelib.errors import Conflict
from chalicelib.operations.agents import fleet
from chalicelib.operations.runs.choice import choose
from chalicelib.tasks.target import Targets

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
LATER = NOW + timedelta(seconds=1)
MUCH_LATER = NOW + timedelta(minutes=5)
OLD = Agent("a", "web", NOW, "h", labels={"role": "web", "env": "x"}, group="g")
OLD = replace(OLD, version=version(NOW))
NEW = replace(OLD, name="db", labels={"role": "db", "env": "x"}, group=None)
VALUES = {"role": ("web", "db"), "env": ("x", "y")}
READS = ("GetItem", "BatchGetItem", "Query", "Scan")


class Killed(BaseException):
    """The process died here."""


@contextmanager
def dying(at: int, *, done: bool) -> Iterator[None]:
    """The process dies at its write number `at`, when that has been done or before."""
    send, writes = Client.send, iter(range(1_000))

    def call(client: Client, operation: str, *given: Any) -> bytes:
        if operation in READS or next(writes) != at:
            return send(client, operation, *given)
        if done:
            send(client, operation, *given)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "send", call)
        yield


def remove() -> None:
    agent = agents.get("a")
    if agent is not None:
        fleet.remove(agent)


def start_anew() -> None:
    """As if there had never been such an agent: an id that was removed is not given again."""
    remove()
    AgentItem("a").delete()


ACTS: dict[str, tuple[bool, Callable[[], object]]] = {
    "let in": (False, lambda: fleet.let_in(OLD)),
    "change": (True, lambda: fleet.change(fleet.existing_agent("a"), lambda old: _new(old), LATER)),
    "remove": (True, remove),
}


def _new(old: Agent) -> Agent:
    return replace(old, name=NEW.name, labels=NEW.labels, group=NEW.group)


def entered() -> set[Entry]:
    """Everything in the index."""
    places = [*everybody(), group("g"), *(label(key) for key in VALUES)]
    return {each.entry for place in places for each in targets.look(place, 100)[0]}


def assert_that_targets_are_right(now: datetime) -> None:
    """Whatever is asked for, the agent is chosen when it fits, and only then."""
    agent = agents.get("a")
    fleet_of_one = [] if agent is None else [agent]
    asked = [Targets(labels={key: value}) for key in VALUES for value in VALUES[key]]
    asked += [Targets(selector=key) for key in VALUES]
    asked += [Targets(group="g"), Targets(labels={"role": "web"}, group="g")]
    for wanted in asked:
        expected = {each.id: each.name for each in wanted.fitting(fleet_of_one)}
        assert choose(wanted, now).agents == expected, wanted
    assert agent is None or entries(agent) <= entered()


def writes_of(act: Callable[[], object]) -> int:
    for at in range(1_000):
        try:
            with dying(at, done=False):
                act()
        except Killed:
            continue
        return at
    raise AssertionError


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("name", ACTS)
def test_who_dies_between_two_writes_leaves_right_targets(name: str, done: bool) -> None:
    exists, act = ACTS[name]
    at = 0
    while True:
        start_anew()
        if exists:
            fleet.let_in(replace(OLD, version=version(NOW)))
        try:
            with dying(at, done=done):
                act()
            break
        except Killed:
            at += 1
        assert_that_targets_are_right(LATER)
        act()
        assert_that_targets_are_right(LATER)
    assert at >= 5, "each of the writes was the last one"


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", ACTS)
def test_what_the_dead_left_behind_is_struck_by_who_finds_it(name: str) -> None:
    exists, act = ACTS[name]
    if exists:
        fleet.let_in(OLD)
    with pytest.raises(Killed), dying(6 if name == "change" else 3, done=False):
        act()
    if name == "change":
        fleet.change(fleet.existing_agent("a"), lambda old: old, LATER)
    assert_that_targets_are_right(MUCH_LATER)
    fleet.as_of_now(
        [each for place in everybody() for each in targets.look(place, 9)[0]], MUCH_LATER
    )
    agent = agents.get("a")
    assert entered() == (set() if agent is None else entries(agent))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", ACTS)
def test_who_looks_between_two_writes_strikes_nothing_that_is_needed(name: str) -> None:
    exists, act = ACTS[name]
    if exists:
        fleet.let_in(OLD)
    send, inside = Client.send, [False]

    def call(client: Client, operation: str, *given: Any) -> bytes:
        if operation not in READS and not inside[0]:
            inside[0] = True
            for place in (*everybody(), group("g"), *(label(key) for key in VALUES)):
                fleet.as_of_now(targets.look(place, 9)[0], LATER)
            inside[0] = False
        return send(client, operation, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "send", call)
        act()
    assert_that_targets_are_right(MUCH_LATER)


class Turns:
    """Threads of which one works at a time, up to its next call of AWS; chance says which."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._changed = threading.Condition()
        self._waiting: set[str] = set()
        self._running: set[str] = set()
        self._turn: str | None = None

    def run(self, *acts: Callable[[], object]) -> None:
        send = Client.send

        def call(client: Client, operation: str, *given: Any) -> bytes:
            if threading.current_thread().name in self._running:
                self._wait()
            return send(client, operation, *given)

        threads = [
            threading.Thread(target=self._work, args=(act,), name=f"actor-{number}")
            for number, act in enumerate(acts)
        ]
        self._running = {thread.name for thread in threads}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Client, "send", call)
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=60)
        assert not self._running

    def _work(self, act: Callable[[], object]) -> None:
        try:
            act()
        finally:
            with self._changed:
                self._running.discard(threading.current_thread().name)
                self._turn = None
                self._choose()

    def _wait(self) -> None:
        me = threading.current_thread().name
        with self._changed:
            self._waiting.add(me)
            if self._turn == me:
                self._turn = None
            self._choose()
            self._changed.wait_for(lambda: self._turn == me, timeout=60)
            self._waiting.discard(me)

    def _choose(self) -> None:
        """When everybody waits, the next one goes on."""
        if self._turn is None and self._waiting and self._waiting == self._running:
            self._turn = self._chance.choice(sorted(self._waiting))
            self._changed.notify_all()


def patiently(act: Callable[[], object]) -> None:
    """As a person does who is told that somebody else was first."""
    while True:
        try:
            act()
        except Conflict:
            continue
        return


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("seed", range(25))
def test_changes_at_the_same_time_leave_right_targets(seed: int) -> None:
    chance = random.Random(seed)
    fleet.let_in(OLD)

    def changes() -> None:
        for _ in range(2):
            labels = {key: chance.choice(values) for key, values in VALUES.items()}
            where = chance.choice(["g", None])
            name = chance.choice(["web", "db"])
            how = lambda old: replace(old, name=name, labels=labels, group=where)  # noqa: B023, E731
            patiently(lambda: fleet.change(fleet.existing_agent("a"), how, LATER))  # noqa: B023

    def looks() -> None:
        for _ in range(3):
            choose(Targets(selector="role"), MUCH_LATER)

    Turns(chance).run(changes, changes, looks)
    assert_that_targets_are_right(MUCH_LATER)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("seed", range(15))
def test_an_agent_that_goes_while_its_id_is_asked_for_anew_stays_away(seed: int) -> None:
    fleet.let_in(OLD)
    again = replace(OLD, version=version(LATER))
    came: list[bool] = []
    Turns(random.Random(seed)).run(
        remove,
        lambda: came.append(fleet.let_in(again)),
        lambda: choose(Targets(group="g"), LATER),
    )
    assert (came, agents.get("a")) == ([False], None)
    assert_that_targets_are_right(MUCH_LATER)
