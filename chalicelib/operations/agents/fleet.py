"""Agents come, change and go, and the index of targets with them.

New entries are written before the agent, old ones deleted after it. Whoever dies in between leaves
an entry too many, which its reader sees through and strikes, and never one too few. ADR 15.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.agents.agent import Agent, Candidate, Described, check_labels
from chalicelib.agents.target_index import Entry, entries, is_left_behind, version
from chalicelib.dynamo import agents, jobs, presences, runs, targets
from chalicelib.dynamo.targets import Entered
from chalicelib.errors import AgentNotFound, Conflict
from chalicelib.operations.access.authentication import forget
from chalicelib.runs.job import Job
from chalicelib.runs.run import Run
from chalicelib.sqs import doorbells

_Read = TypeVar("_Read", bound=Described)

TRIES = 4  # of a change, when others change the same agent
OPEN_JOBS = 100  # that are shown of an agent: BatchGetItem's limit
STRUCK_AT_MOST = 20  # entries at one look, so that the look stays short


def existing_agent(agent_id: str, scope: Scope = EVERYTHING) -> Agent:
    """Raises AgentNotFound, also for an agent outside of the scope."""
    agent = agents.get(agent_id.lower())
    if agent is None or not scope.holds_agent(agent.labels, agent.group):
        raise AgentNotFound(f"There is no agent with the id '{agent_id}'.")
    return agent


def let_in(agent: Agent) -> bool:
    """Adds an agent with its entries; False when the id is taken. May be repeated."""
    entered = [targets.enter(entry, agent.version) for entry in entries(agent)]
    if not all(entered):
        # Whoever removes that one may strike what this one needs. The caller comes again, later.
        raise RuntimeError(f"An agent {agent.id} was let in later than this one, and before it.")
    return agents.enroll(agent)


def change(
    old: Agent, how: Callable[[Agent], Agent], now: datetime, scope: Scope = EVERYTHING
) -> Agent:
    """Applies a change of name, labels, group, or switches to what the agent is now.

    Raises BadParameter for too many labels, OutOfScope for other labels or another group under a
    scope, Conflict when others keep changing the agent, and AgentNotFound when it is gone.
    """
    for _ in range(TRIES):
        new = replace(how(old), version=version(now, old.version))
        check_labels(new.labels)
        if (new.labels, new.group) != (old.labels, old.group):
            scope.require_whole("change labels or groups")
        for entry in entries(new) - entries(old):
            targets.enter(entry, new.version)
        if agents.change(old, new):
            _strike_all(entries(old) - entries(new), old.version)
            forget(new.id)
            if old.doorbell and not new.doorbell:
                doorbells.take_down(new.id)
            return new
        old = existing_agent(old.id, scope)
    raise Conflict("The agent was changed meanwhile. Look at it, and repeat your change.")


def remove(agent: Agent, scope: Scope = EVERYTHING) -> None:
    """Removes an agent that has nothing to do; its token works no more.

    Raises Conflict while it has jobs, or when others keep changing it, and AgentNotFound when it is
    gone.
    """
    for _ in range(TRIES):
        if any(jobs.inbox(agent.id, 1)):
            raise Conflict("The agent has jobs that have not ended. Cancel their runs first.")
        if agents.remove(agent):
            _strike_all(entries(agent), agent.version)
            presences.remove(agent.id)
            doorbells.take_down(agent.id)
            forget(agent.id)
            return
        agent = existing_agent(agent.id, scope)
    raise Conflict("The agent was changed meanwhile. Look at it, and repeat what you did.")


def open_jobs(agent: Agent, scope: Scope) -> tuple[list[tuple[Job, Run]], bool]:
    """Its jobs that have not ended with their runs, oldest run first: of the first `OPEN_JOBS`
    those of runs inside of the scope, and whether there may be more. One query and one call;
    milliseconds late on AWS."""
    found = list(jobs.inbox(agent.id, OPEN_JOBS))
    read = runs.get_many(list(dict.fromkeys(job.key.run_id for job in found))) if found else ()
    known = {run.id: run for run in read if scope.holds_run(run.task_id, run.reach)}
    inside = [(job, known[job.key.run_id]) for job in found if job.key.run_id in known]
    return inside, len(found) == OPEN_JOBS


def _strike_all(left: Iterable[Entry], last: int) -> None:
    for entry in left:
        targets.strike(entry, last)


def as_of_now(found: Iterable[Entered], now: datetime) -> Mapping[str, Agent]:
    """The agents to which entries lead, by id. Strikes entries that were left behind."""
    return _after_entries(found, partial(agents.get_many, as_of_now=True), now)


def candidates(found: Iterable[Entered], now: datetime) -> Mapping[str, Candidate]:
    """The same, as a step chooses among them."""
    return _after_entries(found, partial(agents.candidates, as_of_now=True), now)


def _after_entries(
    found: Iterable[Entered], read: Callable[[Iterable[str]], Mapping[str, _Read]], now: datetime
) -> Mapping[str, _Read]:
    """An agent is read after its entries, which is what makes it safe to strike."""
    seen = list(found)
    known = read(each.entry.agent_id for each in seen)
    left = (
        each
        for each in seen
        if is_left_behind(each.entry, each.version, known.get(each.entry.agent_id), now)
    )
    for each, _ in zip(left, range(STRUCK_AT_MOST), strict=False):
        targets.strike(each.entry, each.version)
    return known
