"""`run`: what happened and what happens."""

import sys
import uuid
from typing import Any

import click

from plumber_cli import render, terminal
from plumber_cli.context import Context, Group, output_option, pairs, pass_context
from plumber_cli.errors import CONFLICT, Refused
from plumber_cli.given import (
    JOB_STATES,
    RUN,
    RUN_STATES,
    TRIGGERS,
    complete_agents,
    complete_tasks,
    complete_words,
)
from plumber_cli.logs import StepAndJob, jobs_of
from plumber_cli.run_logs import logs, outputs
from plumber_cli.watch import watch

SHOWN = 20


@click.group(cls=Group)
def run() -> None:
    """Executions of tasks."""


run.add_command(logs)
run.add_command(outputs)


@run.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=SHOWN, show_default=True)
@click.option(
    "--task",
    "name_or_id",
    metavar="TASK",
    shell_complete=complete_tasks,
    help="Only runs of this task.",
)
@click.option(
    "--agent",
    metavar="AGENT",
    shell_complete=complete_agents,
    help="Only runs with jobs on this agent.",
)
@click.option(
    "--state",
    metavar="STATE,…",
    shell_complete=complete_words(RUN_STATES),
    help="Only runs in one of these states, such as failed,timed_out.",
)
@click.option("--trigger", type=click.Choice(TRIGGERS), help="Only runs that this has started.")
@click.option("--by", metavar="NAME", help="Only runs triggered by who has this name or id.")
@click.option("--text", "q", help="Only runs with this in the task's name, their id or who began.")
@click.option("--from", "from_", metavar="INSTANT", help="Created then or later.")
@click.option("--to", metavar="INSTANT", help="Created before, such as 2026-01-31T12:00:00Z.")
@click.option("--jsonl", is_flag=True, help="One JSON document a line, for other programs.")
@output_option
@pass_context
def list_runs(
    context: Context,
    /,
    limit: int,
    name_or_id: str | None,
    agent: str | None,
    jsonl: bool,
    **filters: str | None,
) -> None:
    """List the runs, newest first."""
    filters["task"] = context.client.task_id(name_or_id) if name_or_id else None
    filters["agent"] = context.client.agent_id(agent) if agent else None
    runs, has_more = context.client.pages("runs", at_most=limit, **_filters(filters))

    def draw() -> None:
        rows = [
            [
                each["id"],
                each["task_name"],
                render.outcome(each),
                render.by(each["triggered_by"]),
                render.when(each["created_at"]),
                render.duration(each["duration_seconds"]),
            ]
            for each in runs
        ]
        render.table(["ID", "TASK", "STATE", "TRIGGERED BY", "CREATED", "DURATION"], rows)
        if has_more:
            render.hint("There are older ones: --limit shows more.")

    if jsonl:
        for each in runs:
            terminal.as_json(each)
    else:
        context.show(runs, draw)


def _filters(given: dict[str, str | None]) -> dict[str, str]:
    return {name.rstrip("_"): value for name, value in given.items() if value is not None}


@run.command("show")
@RUN
@output_option
@pass_context
def show(context: Context, run_id: str) -> None:
    """Show a run: its steps, jobs, exit codes and reasons."""
    run_id = context.client.run_id(run_id)
    detail = context.client.get("runs", run_id)
    context.show(detail, lambda: _draw(detail))


def _draw(detail: dict[str, Any]) -> None:
    found = detail["run"]
    lines = {
        "Run": found["id"],
        "Task": f"{found['task_name']}, revision {found['revision']}",
        "State": render.outcome(found),
        "Triggered": f"{render.when(found['created_at'])} by {render.by(found['triggered_by'])}",
        "Duration": render.duration(found["duration_seconds"]),
    }
    if found["stopped_by"]:
        lines["Cancelled"] = f"by {render.by(found['stopped_by'])}"
    if found["reason"]:
        lines["Reason"] = found["reason"]
    render.facts(lines)
    terminal.say("")
    _draw_jobs(jobs_of(detail))
    _draw_attempts(found["id"], jobs_of(detail))
    for step in detail["steps"]:
        if step["jobs_omitted"]:
            more = f"{step['jobs_omitted']:,} more jobs of step {step['number']}: "
            render.hint(f"{more}'plumber-cli run jobs {found['id']} --step {step['number']}'")


def _draw_attempts(run_id: str, found: list[StepAndJob]) -> None:
    """The attempts before the last ones, and how their output is read."""
    rows = [
        [
            job["id"],
            str(attempt["number"]),
            job["agent_name"],
            render.state(attempt["state"]),
            render.exit_code(attempt["exit_code"]),
            render.duration(attempt["duration_seconds"]),
            attempt["reason"] or "",
        ]
        for _, job in found
        for attempt in job["earlier"]
    ]
    if rows:
        terminal.say("", "Earlier attempts:")
        headings = ["JOB", "ATTEMPT", "AGENT", "STATE", "EXIT CODE", "DURATION", "REASON"]
        render.table(headings, rows)
        render.hint(f"'plumber-cli run logs {run_id} JOB --attempt N' prints what one printed.")


def _draw_jobs(found: list[StepAndJob]) -> None:
    rows = [
        [
            job["id"] if job["started_at"] else f"{step['number']}-…",
            step["name"],
            job["agent_name"],
            render.state(job["state"]),
            render.exit_code(job["exit_code"]),
            render.duration(job["duration_seconds"]),
            render.reason(job),
        ]
        for step, job in found
    ]
    render.table(["JOB", "STEP", "AGENT", "STATE", "EXIT CODE", "DURATION", "REASON"], rows)


@run.command("jobs")
@RUN
@click.option("--step", type=click.IntRange(min=1), help="Only of this step.")
@click.option("--state", type=click.Choice(JOB_STATES), metavar="STATE", help="Only in this state.")
@output_option
@pass_context
def list_jobs(context: Context, run_id: str, step: int | None, state: str | None) -> None:
    """List all jobs of a run, or those of a step or in a state."""
    run_id = context.client.run_id(run_id)
    filters = _filters({"step": str(step) if step else None, "state": state})
    jobs, _ = context.client.pages("runs", run_id, "jobs", at_most=None, **filters)

    def draw() -> None:
        steps = {each["number"]: each for each in context.client.get("runs", run_id)["steps"]}
        _draw_jobs([(steps[job["step"]], job) for job in jobs])

    context.show(jobs, draw)


def _cancelled(job: dict[str, Any]) -> str:
    is_asked = job["stop_requested"] and job["ended_at"] is None
    return "being cancelled" if is_asked else render.state(job["state"])


@run.command("retry")
@RUN
@click.option("--from-failed", "what", flag_value="failed_step", help="Leave out what went well.")
@click.option(
    "--only-failed", "what", flag_value="failed_agents", help="And there, agents that succeeded."
)
@click.option(
    "--param", "-p", "params", multiple=True, metavar="KEY=VALUE", help="A secret parameter, again."
)
@click.option("--wait/--no-wait", default=True, help="Wait for the end, or return at once.")
@click.option("--logs", is_flag=True, help="Show the output live.")
@output_option
@pass_context
def retry(
    context: Context, run_id: str, what: str | None, params: tuple[str, ...], wait: bool, logs: bool
) -> None:
    """Run again what a run has frozen: all of it, or from the first failed step on."""
    run_id = context.client.run_id(run_id)
    body = {
        "what": what or "all",
        "parameters": pairs(params, "parameter", "--param password=…"),
    }
    key = uuid.uuid4().hex  # noqa: TID251 - an entry point
    try:
        started = context.client.post_again("runs", run_id, "retry", body=body, idempotency_key=key)
    except Refused as error:
        if error.code == CONFLICT:
            error.more = tuple(_offers(context.client.get("runs", run_id)["run"]))
        raise
    if not wait:
        context.say(started, started["id"])
        return
    sys.exit(watch(context, started["id"], logs=logs))


RETRIES = {
    "all": ("", "all of it"),
    "failed_step": (" --from-failed", "from the first step on that failed"),
    "failed_agents": (" --only-failed", "and there, only where it failed"),
}


def _offers(found: dict[str, Any]) -> list[str]:
    """How a run may be repeated."""
    offered = [RETRIES[each] for each in found["retries"]]
    return [f"  plumber-cli run retry {found['id']}{flag}  {what}" for flag, what in offered]


@run.command("open")
@RUN
@pass_context
def open_page(context: Context, run_id: str) -> None:
    """Open a run's page in the browser; its address is printed too."""
    run_id = context.client.run_id(run_id)
    url = context.client.page_url(f"runs/{run_id}")
    terminal.say(url)
    click.launch(url)


@run.command("cancel")
@RUN
@click.argument("job_id", metavar="[JOB]", required=False)
@click.option("--wait", is_flag=True, help="Until everything has ended.")
@output_option
@pass_context
def cancel(context: Context, run_id: str, job_id: str | None, wait: bool) -> None:
    """Cancel a run: nothing more starts, what runs is ended. Or one JOB, by its id."""
    run_id = context.client.run_id(run_id)
    if job_id is not None:
        job = context.client.post_again("runs", run_id, "jobs", job_id, "cancel")
        context.say(job, f"The job {job['id']} is {_cancelled(job)}.")
        return
    found = context.client.post_again("runs", run_id, "cancel")
    if wait:
        watch(context, run_id, logs=False)
        sys.exit(0)
    context.say(found, f"Run {found['id']} is {render.state(found['state'])}.")
