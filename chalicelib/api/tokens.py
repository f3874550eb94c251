"""Access tokens."""

import secrets

from chalicelib.api import render, shapes
from chalicelib.api.routing import Api, Request
from chalicelib.dynamo import tokens
from chalicelib.operations.tokens import create_token, revoke_token
from chalicelib.principal import Permission, Role

api = Api(__name__)


@api.get("/tokens", needs=Permission.TOKENS_WRITE, answers=list[shapes.Token])
def list_tokens(request: Request) -> shapes.Page:
    """The access tokens, without their secrets."""
    found, following = tokens.search(request.limit(), request.cursor())
    return shapes.Page([render.token(each) for each in found], following)


@api.post(
    "/tokens",
    needs=Permission.TOKENS_WRITE,
    takes=shapes.NewToken,
    answers=shapes.TokenSecret,
    status=201,
)
def make_token(request: Request, body: shapes.NewToken) -> shapes.TokenSecret:
    """A new access token; its secret is shown this once."""
    token, text = create_token(
        body.name,
        Role(body.role),
        token_id=secrets.token_hex(8),
        secret=secrets.token_hex(32),
        created_by=request.caller().name,
        expires_in_seconds=body.expires_in_seconds,
        now=request.now,
    )
    return shapes.TokenSecret(render.token(token), text)


@api.delete("/tokens/{token_id}", needs=Permission.TOKENS_WRITE)
def remove_token(request: Request, token_id: str) -> None:
    """Revokes a token; it stops working within 30 seconds."""
    revoke_token(token_id)
