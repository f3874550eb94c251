"""Whom a run waits for: whether the agents of jobs that nobody has fetched are there."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from chalicelib.agents.agent import AgentStatus, heard
from chalicelib.dynamo import presences
from chalicelib.runs.job import JobState
from chalicelib.runs.run_page import RunPage

LOOKED_AT = 100  # agents of a page: a call of BatchGetItem


def statuses(agent_ids: Iterable[str], now: datetime) -> dict[str, AgentStatus]:
    """Of agents, by id, in their order; a call for a hundred."""
    wanted = list(dict.fromkeys(agent_ids))
    seen = presences.get_many(wanted)
    return {agent_id: heard(seen.get(agent_id), now) for agent_id in wanted}


def waited_for(page: RunPage, now: datetime) -> Mapping[str, AgentStatus]:
    """Of the agents of the first queued jobs that a run's page shows, by id. One call, and none
    while no job is queued."""
    queued = (
        job.key.agent_id for step in page.steps for job in step.jobs if job.state is JobState.QUEUED
    )
    first = list(dict.fromkeys(queued))[:LOOKED_AT]
    return statuses(first, now) if first else {}
