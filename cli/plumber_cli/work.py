"""`work`: what the control plane has given up."""

import click

from plumber_cli import render
from plumber_cli.context import Context, Group, output_option, pass_context

LETTERS = ("work", "dead-letters")


@click.group(cls=Group)
def work() -> None:
    """Work of the control plane itself that was given up."""


@work.command("list")
@output_option
@pass_context
def list_letters(context: Context) -> None:
    """List what was given up, and why."""
    letters = context.client.get(*LETTERS)["items"]
    rows = [
        [
            each["id"],
            render.when(each["died_at"]),
            str(each["tries"]),
            each["message"],
            each["reason"],
        ]
        for each in letters
    ]
    context.show(letters, lambda: render.table(["ID", "DIED", "TRIES", "MESSAGE", "REASON"], rows))


@work.command("retry")
@click.argument("letter_id", metavar="ID")
@output_option
@pass_context
def retry(context: Context, letter_id: str) -> None:
    """Try one of them again."""
    context.client.post(*LETTERS, letter_id, "retry")
    context.say({"id": letter_id}, f"{letter_id} is tried again.")


@work.command("drop")
@click.argument("letter_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@pass_context
def drop(context: Context, letter_id: str, yes: bool) -> None:
    """Forget one of them: nobody does what it asked for."""
    if not yes:
        context.confirm(f"Forget the work {letter_id}?")
    context.client.delete(*LETTERS, letter_id)
    context.say({"id": letter_id}, f"{letter_id} is forgotten.")
