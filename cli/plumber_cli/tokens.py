"""`token`: access tokens."""

import click

from plumber_cli import render, terminal
from plumber_cli.context import Context, output_option, pass_context
from plumber_cli.durations import span


@click.group()
def token() -> None:
    """Access tokens of people and programs."""


@token.command("create")
@click.argument("name")
@click.option(
    "--role", required=True, type=click.Choice(["viewer", "trigger", "operator", "admin"])
)
@click.option("--expires", type=span, help="After how long, for example 30d; never without.")
@output_option
@pass_context
def create(context: Context, name: str, role: str, expires: int | None) -> None:
    """Make a token. Its secret is shown once."""
    body = {"name": name, "role": role, "expires_in_seconds": expires}
    made = context.client.post("tokens", body=body)

    def draw() -> None:
        terminal.say(f"Token {made['token']['id']} for '{name}', role {role}. Shown once:")
        terminal.say(made["secret"])

    context.show(made, draw)


@token.command("list")
@output_option
@pass_context
def list_tokens(context: Context) -> None:
    """List the tokens, without their secrets."""
    tokens, _ = context.client.pages("tokens", at_most=None)
    rows = [
        [
            each["id"],
            each["name"],
            each["role"],
            each["created_by"],
            render.when(each["created_at"]),
            render.when(each["expires_at"]) if each["expires_at"] else "never",
        ]
        for each in tokens
    ]
    headings = ["ID", "NAME", "ROLE", "CREATED BY", "CREATED", "EXPIRES"]
    context.show(tokens, lambda: render.table(headings, rows))


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@output_option
@pass_context
def revoke(context: Context, token_id: str) -> None:
    """Make a token worthless."""
    context.client.delete("tokens", token_id)
    context.say({"id": token_id}, f"Token {token_id} is revoked.")
