"""The story of `make up`: everything starts, a sample task runs, and it stays until told to end."""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from infra.local import agents, control_plane, dynamodb_local
from infra.local.addresses import is_free
from infra.local.backends import BACKENDS
from infra.local.control_plane import ControlPlane
from infra.local.environment import base
from infra.local.place import NotOurs, Place
from infra.local.processes import (
    Child,
    ChildEnded,
    Interrupted,
    NotReady,
    Processes,
    kill_all_descendants,
)
from infra.local.story import Story, complain

SAMPLE_SECONDS = 60.0
EXPECTED = (ChildEnded, NotReady, dynamodb_local.Unavailable)  # their texts say all
_OPEN = """\
         DynamoDB Local listens on all addresses, and knows no secret: use it where nobody else
         reaches this machine. The default backend keeps its state too."""
_CLI = str(Path(sys.executable).parent / "plumber-cli")


@dataclass(frozen=True)
class Wish:
    """What the caller asked for."""

    place: Place
    agent_count: int


def up(wish: Wish) -> int:
    """Runs the stack to its end; answers the exit code: 0 when it was asked to end, else 1."""
    port = wish.place.port
    if not is_free(port):
        complain(
            f"Port {port} is taken by another program. End that, or choose another port: "
            f"make up PORT={port + 1}"
        )
        return 1
    try:
        wish.place.clear()
    except NotOurs as problem:
        complain(str(problem))
        return 1
    processes = Processes(wish.place.logs, base(os.environ, wish.place.keys()))
    processes.adopt_orphans()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: processes.interrupt())
    return _Stack(wish, processes, Story()).run()


class _Stack:
    """One stack, from its first process to its last."""

    def __init__(self, wish: Wish, processes: Processes, story: Story) -> None:
        self._wish = wish
        self._processes = processes
        self._story = story
        self._control_plane: ControlPlane | None = None
        self._agents: list[Child] = []

    def run(self) -> int:
        try:
            self._start_or_say_why_not()
            self._processes.watch()
        except Interrupted:
            return 0
        except EXPECTED as fault:
            complain(str(fault))
            return 1
        finally:
            self._end()

    def _start_or_say_why_not(self) -> None:
        """Whatever fails because a child has died, at whichever point, is that child's crash."""
        try:
            self._start()
        except (Interrupted, *EXPECTED):
            raise
        except Exception as fault:
            self._processes.raise_cause()
            if not isinstance(fault, requests.RequestException):
                raise
            log = _shown(self._wish.place.logs / "api.log")
            raise NotReady(f"The API could not be asked: {fault}. Its log: {log}") from fault

    def _start(self) -> None:
        place = self._wish.place
        self._story.say(f"Plumber's local stack. Logs and files: {_shown(place.directory)}")
        url = self._start_control_plane()
        first = self._start_agents(url)
        self._run_sample(url, first)
        self._story.say(_next_steps(url, place))

    def _start_control_plane(self) -> ControlPlane:
        place, processes, step = self._wish.place, self._processes, self._story.step
        step(f"AWS on this machine (backend: {place.backend})")
        if place.backend == "durable":
            self._story.say(_OPEN)
        key = {"PLUMBER_KEY_FILE": str(place.secrets_key().resolve())}
        endpoints = {**BACKENDS[place.backend](processes, place.state), **key}
        step("Tables, bucket, admin token")
        token = control_plane.bootstrap(processes, endpoints, place.admin_token())
        place.keep_admin_token(token)
        step(f"API and panel on port {place.port}")
        _, url = control_plane.start_api(processes, place.port, endpoints)
        self._control_plane = ControlPlane(url, token)
        place.publish(self._control_plane)
        step("Schedules")
        control_plane.start_ticker(processes, endpoints)
        return self._control_plane

    def _start_agents(self, way_in: ControlPlane) -> str:
        """Starts them all at once; answers the id of the first when all are online."""
        count = self._wish.agent_count
        self._story.step("One agent" if count == 1 else f"{count} agents")
        workdirs = [self._wish.place.workdir(number) for number in range(1, count + 1)]
        for workdir in workdirs:
            agents.enroll(way_in, workdir)
            self._agents.append(agents.start(self._processes, workdir))
        ids = [agents.wait_until_online(self._processes, way_in, w) for w in workdirs]
        return ids[0]

    def _run_sample(self, way_in: ControlPlane, agent_id: str) -> None:
        sample = self._wish.place.write_sample(agent_id)
        self._story.step(f"A sample task: plumber-cli task apply {_shown(sample)}")
        self._cli("sample-apply", ["task", "apply", str(sample)], way_in)
        self._story.step("Its run: plumber-cli task run hello --logs")
        self._cli("sample-run", ["task", "run", "hello", "--logs"], way_in)

    def _cli(self, name: str, arguments: Sequence[str], way_in: ControlPlane) -> None:
        environment = {"PLUMBER_URL": way_in.url, "PLUMBER_TOKEN": way_in.token}
        self._processes.run(
            name, [_CLI, *arguments], environment, SAMPLE_SECONDS, self._story.pass_on
        )

    def _end(self) -> None:
        """Agents first, while there is somebody to tell."""
        self._story.step("Ending everything")
        self._processes.stop(self._agents)
        self._processes.stop()
        if self._control_plane is not None:
            self._wish.place.withdraw(self._control_plane)
        kill_all_descendants()
        self._story.step("Ended")


def _shown(path: Path) -> str:
    """As somebody in the current directory would type it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _next_steps(way_in: ControlPlane, place: Place) -> str:
    cli = _shown(Path(_CLI))
    return f"""
Plumber is up.
  Panel     {way_in.sign_in_link}   (signs you in as admin)
  Address   {way_in.url}/
  Token     {way_in.token}   (also in {_shown(place.directory / "local.json")})

In another terminal:
  export PLUMBER_URL={way_in.url} PLUMBER_TOKEN={way_in.token}
  {cli} agent list
  {cli} task run hello --logs
  {cli} run list

Ctrl-C ends it all.
"""
