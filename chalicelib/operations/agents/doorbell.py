"""An agent's address for its doorbell: who gets one, and when it is made anew."""

from chalicelib.agents.cadence import Doorbell
from chalicelib.dynamo import agents
from chalicelib.sqs import doorbells
from chalicelib.sqs.doorbells import Address


def address_for(agent_id: str, says: Doorbell | None) -> Address | None:
    """A fresh address for an agent that needs one; None for one that listens well, that knows of
    no doorbells, and that people have set to polling only.

    A queue that is gone, or was never made, is made.
    """
    if says in (None, Doorbell.LISTENING):
        return None
    agent = agents.get(agent_id)
    if agent is None or not agent.doorbell:
        return None
    if says is Doorbell.GONE:
        doorbells.hang(agent_id)
    return doorbells.address(agent_id)
