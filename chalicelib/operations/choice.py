"""Choosing the agents of a step."""

from chalicelib.dynamo import agents
from chalicelib.target import Targets
from chalicelib.task import MAX_AGENTS_PER_STEP


def choose(targets: Targets) -> dict[str, str]:
    """Names of the agents that targets fit now, by id, in their order."""
    if not targets.is_fixed:
        return targets.choose(agents.everybody(MAX_AGENTS_PER_STEP))
    known = agents.get_many(targets.agent_ids)
    return {each: known[each].name if each in known else each for each in targets.agent_ids}
