"""Runs of the simulation: the product in this process over AWS in memory."""

import logging
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

import pytest
from chalice.app import Chalice
from chalice.test import BaseClient, Client

from chalicelib import clock
from chalicelib.access.by import INSTALLATION
from chalicelib.access.principal import Role
from chalicelib.dynamo import presences, steps
from chalicelib.operations.access import authentication
from chalicelib.operations.access.tokens import create_token
from chalicelib.operations.runs import advance as advancing
from chalicelib.operations.runs.trigger import trigger
from chalicelib.operations.tasks import schedules as scheduling
from chalicelib.sqs import dead_letters, doorbells, work
from chalicelib.tasks.task import StoredTask
from infra.local.backends import Endpoints
from tests.api.conftest import People, RpcAgent, agent_id, enroll_params, rpc
from tests.simulation.beginning import Beginning
from tests.simulation.faults import installed
from tests.simulation.world import World
from tests.stack.in_process import moto_in_process

MACHINES = 5
BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
APART = timedelta(days=10)  # one schedule begins after another


@dataclass
class Tried:
    """What a number of schedules came to."""

    schedules: int = 0
    aws_calls: int = 0
    passes: int = 0  # from one handler to another that ran beside it
    refused: int = 0  # processes, because another one had their identity's seat
    late_answers: int = 0  # of indexes, which were not those of the present
    faults: Counter[str] = field(default_factory=Counter)
    work: Counter[str] = field(default_factory=Counter)  # messages done, by kind, lost, and twice


class Laboratory:
    """An installation with enrolled agents, on which schedules are run one after the other."""

    def __init__(self, client: Client) -> None:
        self.now = BEGIN
        self.before = 1  # schedules that another laboratory had tried; ids follow from the time
        self.tried = Tried()
        self.client = client
        self.people = self._admin()
        self._beginning: Beginning | None = None
        self._tokens = {agent_id(n): self._enroll(n) for n in range(1, MACHINES + 1)}

    def _admin(self) -> People:
        _, text = create_token(
            "admin",
            Role.ADMIN,
            token_id=secrets.token_hex(8),
            secret=secrets.token_hex(32),
            created_by=INSTALLATION,
            expires_in_seconds=None,
            now=self.now,
        )
        return People(self.client, text)

    def agent(self, number: int) -> RpcAgent:
        """One more agent, which does what it is told."""
        return RpcAgent(self.client, agent_id(number), self._enroll(number))

    def _enroll(self, number: int) -> str:
        join_token = self.people.data("POST", "/enrollments", {})["join_token"]
        params = enroll_params(join_token, number)
        request = {"jsonrpc": "2.0", "id": 1, "method": "agent.enroll", "params": params}
        token: str = rpc(self.client, request)[1]["result"]["token"]
        return token

    def run(self, chance: Random, actions: int) -> World:
        """One schedule, from its first trigger until everything has ended. Raises Violation.

        What happened before makes no difference to it, so that its seed is enough to replay it.
        """
        self.now = BEGIN + (self.tried.schedules + self.before) * APART
        self._begin()
        world = World(self.client, self.people, self._tokens, chance, self.now)
        with pytest.MonkeyPatch.context() as patch, installed(world.faults, world.late):
            _one_thread_a_handler(patch)
            patch.setattr(os, "urandom", chance.randbytes)  # ids, whose order is that of work
            patch.setattr(steps, "FEW", chance.choice([0, 2, 10]))  # agents in items of their own
            patch.setattr(advancing, "AT_ONCE", chance.choice([1, 2, 100]))
            patch.setattr(advancing, "SLICE", chance.choice([1, 2]))
            patch.setattr(work, "send", world.queue.send)
            patch.setattr(work, "put_off", lambda *_: None)  # chance says when it comes again
            patch.setattr(dead_letters, "bury", lambda *_: True)
            patch.setattr(clock, "read", lambda: world.now)
            patch.setattr(scheduling, "trigger", _watched(world))
            try:
                world.live(actions)
                world.settle()
            except Exception as error:
                error.add_note("\n".join(world.trace))
                raise
            finally:
                self.now = world.now
                self.tried.schedules += 1
                self.tried.aws_calls += world.faults.calls
                self.tried.faults += world.faults.made + world.wire_faults
                self.tried.work += world.queue.made
                self.tried.passes += world.baton.passed
                self.tried.late_answers += world.late.made
                self.tried.refused += sum(each.refused for each in world.machines)
        return world

    def _begin(self) -> None:
        for agent in self._tokens:
            presences.remove(agent)
        self._beginning = self._beginning or Beginning()
        self._beginning.restore()
        authentication.forget_everybody()


class _InLine:
    """In place of an executor: chance alone says what comes first."""

    def __init__(self, _workers: int) -> None: ...

    def __enter__(self) -> "_InLine":
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, call: Callable[[Any], Any], given: Iterable[Any]) -> list[Any]:
        return [call(each) for each in given]


class _Requests(threading.local):
    """Of each thread its own, as each Lambda has."""

    current: Any = None


def _one_thread_a_handler(patch: pytest.MonkeyPatch) -> None:
    requests = _Requests()
    # Each of its calls puts a copy in the place of `os.environ`, and takes back what it found: of
    # two calls at once the copy stays, and a variable that is set in it is seen by no child.
    patch.setattr(BaseClient, "_patched_env_vars", lambda *_: nullcontext())
    patch.setattr(doorbells, "ThreadPoolExecutor", _InLine)
    patch.setattr(advancing, "ThreadPoolExecutor", _InLine)
    patch.setattr(
        Chalice,
        "current_request",
        property(lambda _: requests.current, lambda _, new: setattr(requests, "current", new)),
        raising=False,
    )


def _watched(world: World) -> Any:
    def fire(task: StoredTask, **given: Any) -> Any:
        world.fired(given["idempotency_key"], given["run_id"])
        return trigger(task, **given)

    return fire


@contextmanager
def laboratory(where: Endpoints | None = None) -> Iterator[Laboratory]:
    """The product over moto in this process, without sockets; or over what is at `where`."""
    if where is None:
        with _without_endpoints(), moto_in_process(), _opened() as lab:
            yield lab
    else:
        with pytest.MonkeyPatch.context() as patch:
            for name, url in where.items():
                patch.setenv(name, url)
            with _opened() as lab:
                yield lab


@contextmanager
def _without_endpoints() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
            patch.delenv(name)
        yield


@contextmanager
def _opened() -> Iterator[Laboratory]:
    from app import app
    from chalicelib.dynamo import schema
    from chalicelib.s3 import buckets
    from tests.stack.backends import forget_connections

    forget_connections()
    authentication.forget_everybody()
    logging.disable(logging.CRITICAL)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "read", lambda: BEGIN)
            schema.create_all()
            buckets.create()
            with Client(app) as client:
                yield Laboratory(client)
    finally:
        logging.disable(logging.NOTSET)
        forget_connections()
        authentication.forget_everybody()
