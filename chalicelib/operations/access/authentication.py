"""Who calls: from a bearer token to a principal, with a short memory so that polls stay cheap."""

from collections import OrderedDict
from datetime import datetime, timedelta

from chalicelib.access.principal import Principal, Role
from chalicelib.access.token import Credential, hash_secret, parse_credential
from chalicelib.dynamo import agents, tokens
from chalicelib.errors import NotAuthenticated

REMEMBERED_FOR = timedelta(seconds=30)  # a revoked token works so long in other warm processes
REMEMBERED_AT_MOST = 2_000

_remembered: OrderedDict[str, tuple[datetime, Principal]] = OrderedDict()


def authenticate(authorization: str | None, now: datetime) -> Principal:
    """The caller of a request with this `Authorization` header. Raises NotAuthenticated."""
    scheme, _, text = (authorization or "").strip().partition(" ")
    credential = parse_credential(text) if scheme.lower() == "bearer" else None
    if credential is None:
        raise NotAuthenticated
    memory = hash_secret(str(credential))
    known = _remembered.get(memory)
    if known is not None and now < known[0]:
        return known[1]
    principal, until = _look_up(credential, now)
    _remembered[memory] = (until, principal)
    while len(_remembered) > REMEMBERED_AT_MOST:
        _remembered.popitem(last=False)
    return principal


def _look_up(credential: Credential, now: datetime) -> tuple[Principal, datetime]:
    until = now + REMEMBERED_FOR
    if credential.prefix == "plb":
        token = tokens.get(credential.id)
        if token is not None and credential.matches(token.secret_hash):
            principal = Principal(token.id, token.name, token.role, token.scope)
            if token.expires_at is None:
                return principal, until
            if now < token.expires_at:
                return principal, min(until, token.expires_at)
            raise NotAuthenticated("The token has expired. Ask an admin for a new one.")
    if credential.prefix == "pla":
        agent = agents.get(agent_id_of(credential.id))
        if agent is not None and credential.matches(agent.secret_hash):
            role = Role.DISABLED_AGENT if agent.disabled else Role.AGENT
            return Principal(agent.id, agent.name, role), until
    raise NotAuthenticated("The token is not known here, or has been revoked.")


def forget(principal_id: str) -> None:
    """Makes this process look the principal up again: its token was revoked or changed."""
    for memory, (_, principal) in list(_remembered.items()):
        if principal.id == principal_id:
            _remembered.pop(memory, None)


def agent_token_id(agent_id: str) -> str:
    """An agent's id as it stands in its token."""
    return agent_id.replace("-", "")


def agent_id_of(token_id: str) -> str:
    """The inverse of `agent_token_id`."""
    parts = (0, 8), (8, 12), (12, 16), (16, 20), (20, 32)
    return "-".join(token_id[start:end] for start, end in parts)


def forget_everybody() -> None:
    """Makes this process look everybody up again."""
    _remembered.clear()
