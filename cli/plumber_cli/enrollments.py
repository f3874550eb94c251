"""`enrollment`: the join tokens that let agents in."""

from typing import Any

import click

from plumber_cli import render
from plumber_cli.context import Context, Group, output_option, pass_context


@click.group(cls=Group)
def enrollment() -> None:
    """The join tokens that let new agents in; 'agent enroll' makes one."""


@enrollment.command("list")
@output_option
@pass_context
def list_enrollments(context: Context) -> None:
    """List the join tokens, without their secrets."""
    found, _ = context.client.pages("enrollments", at_most=None)
    headings = ["ID", "USES", "GIVES", "CREATED BY", "CREATED", "EXPIRES"]
    context.show(found, lambda: render.table(headings, [_row(each) for each in found]))


def _row(each: dict[str, Any]) -> list[str]:
    given = [f"{key}={value}" for key, value in each["labels"].items()]
    given += [f"group {each['group']}"] if each["group"] else []
    return [
        each["id"],
        f"{each['uses']} of {each['max_uses']}",
        ", ".join(given) or "-",
        render.by(each["created_by"]),
        render.when(each["created_at"]),
        render.when(each["expires_at"]),
    ]


@enrollment.command("delete")
@click.argument("enrollment_id", metavar="ID")
@output_option
@pass_context
def delete(context: Context, enrollment_id: str) -> None:
    """Make a join token worthless. Agents that joined with it stay."""
    context.client.delete("enrollments", enrollment_id)
    context.say({"id": enrollment_id}, f"The join token {enrollment_id} lets nobody in any more.")
