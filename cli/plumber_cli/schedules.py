"""`schedule`: tasks that are triggered by the time."""

import uuid
from typing import Any

import click

from plumber_cli import render
from plumber_cli.context import Context, Group, output_option, pairs, pass_context
from plumber_cli.given import TASK, complete_tasks


@click.group(cls=Group)
def schedule() -> None:
    """Cron expressions that trigger tasks."""


@schedule.command("list")
@click.option(
    "--task",
    "name_or_id",
    metavar="TASK",
    shell_complete=complete_tasks,
    help="Only those of this task.",
)
@output_option
@pass_context
def list_schedules(context: Context, name_or_id: str | None) -> None:
    """List the schedules, oldest first."""
    query = {"task": context.client.task_id(name_or_id)} if name_or_id else {}
    schedules, _ = context.client.pages("schedules", at_most=None, **query)
    context.show(schedules, lambda: _draw(context, schedules))


def _draw(context: Context, schedules: list[dict[str, Any]]) -> None:
    tasks, _ = context.client.pages("tasks", at_most=None) if schedules else ([], False)
    names = {task["id"]: task["name"] for task in tasks}
    rows = [
        [
            each["id"],
            names.get(each["task_id"], each["task_id"]),
            each["cron"],
            each["time_zone"],
            "paused" if each["paused"] else render.when(each["next_due_at"]),
            render.when(each["last_due_at"]),
            render.state(each["last_run_state"] or "-"),
            each["last_problem"] or "",
        ]
        for each in schedules
    ]
    render.table(["ID", "TASK", "CRON", "TIME ZONE", "NEXT", "LAST", "OUTCOME", "PROBLEM"], rows)


@schedule.command("create")
@TASK
@click.argument("cron")
@click.option("--time-zone", default="UTC", show_default=True, help="For example Europe/Berlin.")
@click.option(
    "--overlap",
    type=click.Choice(["skip", "queue", "replace"]),
    default="skip",
    show_default=True,
    help="While an earlier run has not ended: no run, wait for it, or cancel it.",
)
@click.option(
    "--catch-up",
    type=click.Choice(["none", "one"]),
    default="none",
    show_default=True,
    help="For times that were missed: no run, or one for the newest.",
)
@click.option(
    "--param", "-p", "params", multiple=True, metavar="KEY=VALUE", help="A parameter of the task."
)
@output_option
@pass_context
def create(
    context: Context,
    name_or_id: str,
    cron: str,
    time_zone: str,
    overlap: str,
    catch_up: str,
    params: tuple[str, ...],
) -> None:
    """Trigger TASK whenever CRON comes due, for example '30 2 * * MON-FRI' or @daily."""
    body = {
        "cron": cron,
        "time_zone": time_zone,
        "overlap": overlap,
        "catch_up": catch_up,
        "parameters": pairs(params, "parameter", "--param version=1.2"),
        "task_id": context.client.task_id(name_or_id),
    }
    made = context.client.post("schedules", body=body)
    context.say(made, f"Schedule {made['id']} is due {render.at(made['next_due_at'])}.")


@schedule.command("pause")
@click.argument("schedule_id", metavar="ID")
@output_option
@pass_context
def pause(context: Context, schedule_id: str) -> None:
    """Trigger nothing until it is resumed."""
    changed = context.client.patch("schedules", schedule_id, body={"paused": True})
    context.say(changed, f"Schedule {schedule_id} is paused.")


@schedule.command("resume")
@click.argument("schedule_id", metavar="ID")
@output_option
@pass_context
def resume(context: Context, schedule_id: str) -> None:
    """Go on from now; what came due meanwhile is left out."""
    changed = context.client.patch("schedules", schedule_id, body={"paused": False})
    when = render.at(changed["next_due_at"])
    context.say(changed, f"Schedule {schedule_id} goes on: it is due {when}.")


@schedule.command("delete")
@click.argument("schedule_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@pass_context
def delete(context: Context, schedule_id: str, yes: bool) -> None:
    """Delete a schedule. The runs that it made stay."""
    if not yes:
        context.confirm(f"Delete the schedule {schedule_id}?")
    context.client.delete("schedules", schedule_id)
    context.say({"id": schedule_id}, f"Schedule {schedule_id} is deleted.")


@schedule.command("run")
@click.argument("schedule_id", metavar="ID")
@output_option
@pass_context
def run_now(context: Context, schedule_id: str) -> None:
    """Trigger its task at once, as it would. When it comes due stays as it is."""
    key = uuid.uuid4().hex  # noqa: TID251 - an entry point
    started = context.client.post_again("schedules", schedule_id, "run", idempotency_key=key)
    context.say(started, started["id"])


@schedule.command("preview")
@click.argument("cron")
@click.option("--time-zone", default="UTC", show_default=True, help="For example Europe/Berlin.")
@output_option
@pass_context
def preview(context: Context, cron: str, time_zone: str) -> None:
    """Show the next ten times of an expression; nothing is made."""
    body = {"cron": cron, "time_zone": time_zone}
    _draw_times(context, context.client.post_again("schedules", "preview", body=body))


@schedule.command("next")
@click.argument("schedule_id", metavar="ID")
@output_option
@pass_context
def show_next(context: Context, schedule_id: str) -> None:
    """Show the next ten due times."""
    _draw_times(context, context.client.get("schedules", schedule_id, "next"))


def _draw_times(context: Context, found: dict[str, Any]) -> None:
    rows = [[each["local"], each["at"], render.when(each["at"])] for each in found["times"]]
    context.show(found, lambda: render.table(["THERE", "UTC", "WHEN"], rows))
