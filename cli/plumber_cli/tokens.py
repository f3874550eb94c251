"""`token`: access tokens."""

from collections.abc import Sequence
from typing import Any

import click

from plumber_cli import render, terminal
from plumber_cli.context import Context, Group, output_option, pairs, pass_context
from plumber_cli.durations import span


@click.group(cls=Group)
def token() -> None:
    """Access tokens of people and programs."""


@token.command("create")
@click.argument("name")
@click.option(
    "--role", required=True, type=click.Choice(["viewer", "trigger", "operator", "admin"])
)
@click.option("--expires", type=span, help="After how long, for example 30d; never without.")
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only this task, and others.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Only agents with it.")
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="Only agents in it.")
@output_option
@pass_context
def create(
    context: Context,
    name: str,
    role: str,
    expires: int | None,
    tasks: tuple[str, ...],
    labels: tuple[str, ...],
    groups: tuple[str, ...],
) -> None:
    """Make a token. Its secret is shown once.

    Its role may be narrowed to tasks, and to agents that have all labels given and are in one of
    the groups given. What is outside is not there for it.
    """
    scope = {
        "tasks": [context.client.task_id(each) for each in tasks],
        "labels": pairs(labels, "label", "--label env=prod"),
        "groups": list(groups),
    }
    body = {"name": name, "role": role, "expires_in_seconds": expires, "scope": scope}
    made = context.client.post("tokens", body=body)

    def draw() -> None:
        names = _task_names(context, [made["token"]])
        narrowed = render.scope(made["token"]["scope"], names)
        only = "" if narrowed == "-" else f", only {narrowed}"
        terminal.say(f"Token {made['token']['id']} for '{name}', role {role}{only}. Shown once:")
        terminal.say(made["secret"])

    context.show(made, draw)


def _task_names(context: Context, tokens: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Of all tasks, where a token is narrowed to any."""
    if not any(each["scope"]["tasks"] for each in tokens):
        return {}
    tasks, _ = context.client.pages("tasks", at_most=None)
    return {task["id"]: task["name"] for task in tasks}


@token.command("list")
@output_option
@pass_context
def list_tokens(context: Context) -> None:
    """List the tokens, without their secrets."""
    tokens, _ = context.client.pages("tokens", at_most=None)
    context.show(tokens, lambda: _draw(tokens, _task_names(context, tokens)))


def _draw(tokens: Sequence[dict[str, Any]], names: dict[str, str]) -> None:
    rows = [
        [
            each["id"],
            each["name"],
            each["role"],
            render.scope(each["scope"], names),
            render.by(each["created_by"]),
            render.when(each["created_at"]),
            render.when(each["last_used_at"]) if each["last_used_at"] else "never",
            render.when(each["expires_at"]) if each["expires_at"] else "never",
        ]
        for each in tokens
    ]
    render.table(
        ["ID", "NAME", "ROLE", "ONLY", "CREATED BY", "CREATED", "LAST USED", "EXPIRES"], rows
    )


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@click.option("--force", is_flag=True, help="Also the last one of an admin without a scope.")
@output_option
@pass_context
def revoke(context: Context, token_id: str, force: bool) -> None:
    """Make a token worthless."""
    context.client.delete("tokens", token_id, **({"force": "true"} if force else {}))
    context.say({"id": token_id}, f"Token {token_id} is revoked.")
