"""`task`: definitions, and running them."""

import re
import sys
import uuid
from typing import Any

import click

from plumber_cli import render, terminal
from plumber_cli.config import BadToml, parse_toml
from plumber_cli.context import Context, Group, output_option, pairs, pass_context
from plumber_cli.errors import Refused, WrongUsage
from plumber_cli.given import TASK
from plumber_cli.watch import watch

SHOWN = 20
OUTCOMES = 10
PARAMS = click.option(
    "--param", "-p", "params", multiple=True, metavar="KEY=VALUE", help="A parameter of the task."
)


@click.group(cls=Group)
def task() -> None:
    """Named definitions of steps, in TOML."""


@task.command("list")
@click.option("--all", "everything", is_flag=True, help="Not only the first 20.")
@click.option("--text", help="Only tasks with this in their names.")
@output_option
@pass_context
def list_tasks(context: Context, everything: bool, text: str | None) -> None:
    """List the tasks by name, with what came of their newest runs; of all without that."""
    wanted = {"q": text, "outcomes": None if everything else str(OUTCOMES)}
    query = {key: value for key, value in wanted.items() if value is not None}
    at_most = None if everything else SHOWN
    tasks, has_more = context.client.pages("tasks", at_most=at_most, **query)

    def draw() -> None:
        headings = ["ID", "NAME", "REVISION", "STEPS", "UPDATED"]
        rows = [_row(each) for each in tasks]
        if not everything:
            headings.append("LAST RUNS")
            rows = [[*_row(each), _outcomes(each["recent"])] for each in tasks]
        render.table(headings, rows)
        if has_more:
            render.hint("There are more: --all shows them.")

    context.show(tasks, draw)


def _row(task: dict[str, Any]) -> list[str]:
    updated = render.when(task["updated_at"])
    return [task["id"], task["name"], str(task["revision"]), str(task["step_count"]), updated]


def _outcomes(recent: list[dict[str, Any]]) -> str:
    """The newest run's outcome and when it was, and how many of those before it failed."""
    if not recent:
        return "-"
    newest, *before = recent
    text = f"{render.outcome(newest)} {render.when(newest['created_at'])}"
    bad = sum(each["state"] in ("failed", "timed_out") for each in before)
    return f"{text}, {bad} of {len(before)} before it failed" if bad else text


@task.command("show")
@TASK
@output_option
@pass_context
def show(context: Context, name_or_id: str) -> None:
    """Print a task's TOML, by its id or name."""
    found = context.client.get("tasks", context.client.task_id(name_or_id))
    context.show(found, lambda: terminal.document(found["definition"]))


@task.command("apply")
@click.argument("file", type=click.File("rb"))
@output_option
@pass_context
def apply(context: Context, file: Any) -> None:
    """Save the task in FILE (- for standard input): a new one, or the next revision."""
    source = _read(file)
    existing = _existing(context, source)
    try:
        saved, what = _save(context, source, existing)
    except WrongUsage as error:
        raise _placed(error, file.name) from error
    name = f"Task '{saved['task']['name']}' ({saved['task']['id']})"
    context.say(saved, f"{name}: {what}.")
    _warn(saved["warnings"], f"{file.name}:")


def _warn(warnings: list[dict[str, Any]], source: str = "line ") -> None:
    """To standard error, for programs too; the answer that they read has them as well."""
    for each in warnings:
        where = f"{source}{each['line']}: " if each["line"] else ""
        render.warn(f"{where}{each['key']}: {each['message']}")


@task.command("validate")
@click.argument("file", type=click.File("rb"))
@output_option
@pass_context
def validate(context: Context, file: Any) -> None:
    """Say what is wrong with the task in FILE (- for standard input). Nothing is saved."""
    try:
        found = context.client.post_again("tasks", "validate", body={"definition": _read(file)})
    except WrongUsage as error:
        raise _placed(error, file.name) from error
    steps = "1 step" if len(found["steps"]) == 1 else f"{len(found['steps'])} steps"
    what = "would be its next revision" if found["task_id"] else "would be a new task"
    context.say(found, f"{file.name} is right: '{found['name']}', {steps}, {what}.")


def _placed(error: WrongUsage, file: str) -> WrongUsage:
    """The error with the file in front of its line; and the others that were found with it."""
    found = (error.details or {}).get("errors") or [{"message": error.message}]
    others = [each["message"] for each in found if each["message"] != error.message]
    placed = WrongUsage(_with_file(error.message, file), error.code, error.details)
    placed.more = tuple(f"       {_with_file(each, file)}" for each in others)
    return placed


def _with_file(message: str, file: str) -> str:
    match = re.match(r"line (\d+)(?:, |: )", message)
    return f"{file}:{match[1]}: {message[match.end() :]}" if match else f"{file}: {message}"


def _read(file: Any) -> str:
    try:
        return str(file.read().decode())
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{file.name} is not UTF-8 text.") from error


def _existing(context: Context, source: str) -> dict[str, Any] | None:
    """The task of the same name; what is wrong with the TOML is for the server to say."""
    try:
        name = parse_toml(source).get("Name")
    except BadToml:
        return None
    if not isinstance(name, str) or not name.strip():
        return None
    found = context.client.get("tasks", name=name.strip())["items"]
    return found[0] if found else None


def _save(
    context: Context, source: str, existing: dict[str, Any] | None
) -> tuple[dict[str, Any], str]:
    if existing is None:
        return context.client.post("tasks", body={"definition": source}), "created"
    body = {"definition": source, "revision": existing["revision"]}
    saved = context.client.put("tasks", existing["id"], body=body)
    revision = saved["task"]["revision"]
    if revision == existing["revision"]:
        return saved, f"unchanged, revision {revision}"
    return saved, f"updated to revision {revision}"


@task.command("revisions")
@TASK
@click.argument("number", type=click.IntRange(min=1), required=False)
@output_option
@pass_context
def revisions(context: Context, name_or_id: str, number: int | None) -> None:
    """List the saved states of a task, newest first, or print the TOML of one."""
    task_id = context.client.task_id(name_or_id)
    found, _ = context.client.pages("tasks", task_id, "revisions", at_most=None)
    if number is None:
        rows = [
            [str(each["number"]), render.by(each["saved_by"]), render.when(each["created_at"])]
            for each in found
        ]
        context.show(found, lambda: render.table(["REVISION", "SAVED BY", "SAVED"], rows))
        return
    chosen = next((each for each in found if each["number"] == number), None)
    if chosen is None:
        raise Refused(f"The task has no revision {number}: its newest is {found[0]['number']}.")
    context.show(chosen, lambda: terminal.document(chosen["definition"]))


@task.command("templates")
@click.argument("template_id", metavar="[ID]", required=False)
@output_option
@pass_context
def templates(context: Context, template_id: str | None) -> None:
    """List definitions to start from, or print the TOML of one.

    For example: plumber-cli task templates rolling-deploy > deploy.toml
    """
    found, _ = context.client.pages("templates", at_most=None)
    if template_id is None:
        rows = [[each["id"], each["name"], each["description"]] for each in found]
        context.show(found, lambda: render.table(["ID", "NAME", "DESCRIPTION"], rows))
        return
    chosen = next((each for each in found if template_id in (each["id"], each["name"])), None)
    if chosen is None:
        raise Refused(f"There is no template '{template_id}'. Without an ID all are listed.")
    context.show(chosen, lambda: terminal.document(chosen["definition"]))


@task.command("stats")
@TASK
@output_option
@pass_context
def stats(context: Context, name_or_id: str) -> None:
    """Show how often a task succeeds and how long it takes."""
    found = context.client.get("tasks", context.client.task_id(name_or_id), "stats")
    context.show(found, lambda: _draw_stats(found))


def _draw_stats(found: dict[str, Any]) -> None:
    rate = found["success_rate"]
    render.facts(
        {
            "Runs": str(found["ended"]),
            "Success rate": "-" if rate is None else f"{100 * rate:.1f} %",
            "Duration p50": render.duration(found["duration_p50"]),
            "Duration p95": render.duration(found["duration_p95"]),
        }
    )
    for run in found["last_failures"]:
        terminal.say(f"{render.when(run['ended_at'])}  {run['id']}  {run['reason']}")


@task.command("delete")
@TASK
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@pass_context
def delete(context: Context, name_or_id: str, yes: bool) -> None:
    """Delete a task. Its runs stay readable."""
    task_id = context.client.task_id(name_or_id)
    if not yes:
        context.confirm(f"Delete the task {name_or_id}?")
    context.client.delete("tasks", task_id)
    context.say({"id": task_id}, f"Task {task_id} is deleted.")


@task.command("plan")
@TASK
@PARAMS
@output_option
@pass_context
def plan(context: Context, name_or_id: str, params: tuple[str, ...]) -> None:
    """Show what a run would do now: which agents in which waves. Nothing is started."""
    body = {"parameters": pairs(params, "parameter", "--param version=1.2")}
    task_id = context.client.task_id(name_or_id)
    found = context.client.post_again("tasks", task_id, "plan", body=body)
    context.show(found, lambda: _draw_plan(found))
    _warn(found["warnings"])


def _draw_plan(found: dict[str, Any]) -> None:
    for name, value in found["parameters"].items():
        terminal.say(f"{name} = {value}")
    for step in found["steps"]:
        when = "" if step["when"] == "success" else f"  (when: {step['when']})"
        terminal.say(f"{step['number']}. {step['name']}  on {step['targets']}{when}")
        for line in step["text"].splitlines():
            terminal.say(f"     $ {line}")
        if step["problem"]:
            render.warn(step["problem"])
        for number, wave in enumerate(step["waves"], 1):
            names = ", ".join(map(_planned, wave["agents"]))
            limit = f"{wave['at_once']} of {len(wave['agents'])} at once"
            terminal.say(f"   wave {number}: {limit}: {names}")

    if found["offline"]:
        render.warn(f"{found['offline']} of {found['agents']} agents are not there now.")


def _planned(agent: dict[str, Any]) -> str:
    is_there = agent["status"] == "online"
    return str(agent["name"]) if is_there else f"{agent['name']} ({agent['status']})"


@task.command("run")
@TASK
@PARAMS
@click.option("--wait/--no-wait", default=True, help="Wait for the end, or return at once.")
@click.option("--logs", is_flag=True, help="Show the output live.")
@click.option("--idempotency-key", metavar="KEY", help="The same key starts one run only.")
@output_option
@pass_context
def run(
    context: Context,
    name_or_id: str,
    params: tuple[str, ...],
    wait: bool,
    logs: bool,
    idempotency_key: str | None,
) -> None:
    """Run a task, wait, and show each step's exit code."""
    body = {"parameters": pairs(params, "parameter", "--param version=1.2")}
    key = idempotency_key or uuid.uuid4().hex  # noqa: TID251 - an entry point
    task_id = context.client.task_id(name_or_id)
    started = context.client.post_again("tasks", task_id, "execute", body=body, idempotency_key=key)
    if not wait:
        context.say(started, started["id"])
        return
    sys.exit(watch(context, started["id"], logs=logs))
