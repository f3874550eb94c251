"""Who calls: from a bearer token to a principal, with a short memory so that polls stay cheap."""

import logging
from collections import OrderedDict
from datetime import datetime, timedelta

from chalicelib.access.principal import Principal, Role
from chalicelib.access.token import Credential, Token, hash_secret, parse_credential
from chalicelib.dynamo import agents, tokens
from chalicelib.errors import NotAuthenticated

REMEMBERED_FOR = timedelta(seconds=30)  # a revoked token works so long in other warm processes
REMEMBERED_AT_MOST = 2_000

_log = logging.getLogger("plumber.access")

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
            if token.expires_at is not None and token.expires_at <= now:
                raise NotAuthenticated("The token has expired. Ask an admin for a new one.")
            _note_use(token, now)
            principal = Principal(token.id, token.name, token.role, token.scope)
            return principal, min(until, token.expires_at or until)
    if credential.prefix == "pla":
        agent = agents.get(agent_id_of(credential.id))
        if agent is not None and credential.matches(agent.secret_hash):
            role = Role.DISABLED_AGENT if agent.disabled else Role.AGENT
            return Principal(agent.id, agent.name, role), until
    raise NotAuthenticated("The token is not known here, or has been revoked.")


def _note_use(token: Token, now: datetime) -> None:
    """One write an hour and token. Nobody is refused because it cannot be noted."""
    if not token.is_use_news(now):
        return
    try:
        tokens.note_used(token.id, now)
    except Exception:
        _log.exception("That the token %s is used was not noted", token.id)


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
