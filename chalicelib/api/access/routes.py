"""Access tokens, and who the caller is."""

import secrets

from chalicelib.access.principal import Permission, Role
from chalicelib.access.token import Token
from chalicelib.api.access import render, shapes
from chalicelib.api.listing import narrowed
from chalicelib.api.routing import Api, Request
from chalicelib.api.shapes import Page
from chalicelib.dynamo import tokens
from chalicelib.operations.access.tokens import create_token, existing_token, revoke_token

api = Api(__name__)


def _token(request: Request, token_id: str) -> Token:
    return existing_token(token_id, request.scope)


@api.get("/me", needs=None, signed_in=True, answers=shapes.Principal)
def me(request: Request) -> shapes.Principal:
    """Who the token belongs to, and what it may do."""
    return render.principal(request.caller())


@api.get("/tokens", needs=Permission.TOKENS_WRITE, answers=list[shapes.Token])
def list_tokens(request: Request) -> Page:
    """The access tokens, without their secrets."""
    found, following = narrowed(
        request, tokens.search, lambda token: request.scope.holds(token.scope)
    )
    return Page([render.token(each) for each in found], following)


@api.post(
    "/tokens",
    needs=Permission.TOKENS_WRITE,
    audits="token.create",
    takes=shapes.NewToken,
    answers=shapes.TokenSecret,
    status=201,
)
def make_token(request: Request, body: shapes.NewToken) -> shapes.TokenSecret:
    """A new access token, no wider than the caller's; its secret is shown this once."""
    token, text = create_token(
        body.name,
        Role(body.role),
        token_id=secrets.token_hex(8),
        secret=secrets.token_hex(32),
        created_by=request.caller().by,
        expires_in_seconds=body.expires_in_seconds,
        now=request.now,
        scope=render.scope_value(body.scope),
        within=request.scope,
    )
    return shapes.TokenSecret(render.token(token), text)


@api.delete(
    "/tokens/{token_id}",
    needs=Permission.TOKENS_WRITE,
    on=_token,
    audits="token.revoke",
    query={"force": "true: also the last one of an admin without a scope"},
)
def remove_token(request: Request, token: Token) -> None:
    """Revokes a token; it stops working within 30 seconds."""
    revoke_token(token, request.now, is_forced=request.query.get("force") == "true")
