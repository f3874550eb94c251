"""`run`: what happened and what happens."""

import sys
import time
from typing import Any

import click

from plumber_cli import render
from plumber_cli.context import Context, output_option, pass_context
from plumber_cli.errors import Refused
from plumber_cli.watch import watch

SHOWN = 20
FOLLOW_SECONDS = 0.5


@click.group()
def run() -> None:
    """Executions of tasks."""


@run.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=SHOWN, show_default=True)
@click.option("--task", "name_or_id", metavar="TASK", help="Only runs of this task.")
@output_option
@pass_context
def list_runs(context: Context, limit: int, name_or_id: str | None) -> None:
    """List the runs, newest first."""
    path = "/runs"
    if name_or_id is not None:
        path = f"/tasks/{context.client.task_id(name_or_id)}/executions"
    runs, has_more = context.client.pages(path, limit)

    def draw() -> None:
        rows = [
            [
                each["id"],
                each["task_name"],
                render.state(each["state"]),
                each["triggered_by"],
                render.when(each["created_at"]),
                render.duration(each["duration_seconds"]),
            ]
            for each in runs
        ]
        render.table(["ID", "TASK", "STATE", "TRIGGERED BY", "CREATED", "DURATION"], rows)
        if has_more:
            click.echo("There are older ones: --limit shows more.", err=True)

    context.show(runs, draw)


@run.command("show")
@click.argument("run_id", metavar="RUN")
@output_option
@pass_context
def show(context: Context, run_id: str) -> None:
    """Show a run: its steps, jobs, exit codes and reasons."""
    detail = context.client.get(f"/runs/{run_id}")
    context.show(detail, lambda: _draw(detail))


def _draw(detail: dict[str, Any]) -> None:
    found = detail["run"]
    lines = {
        "Run": found["id"],
        "Task": f"{found['task_name']}, revision {found['revision']}",
        "State": render.state(found["state"]),
        "Triggered": f"{render.when(found['created_at'])} by {found['triggered_by']}",
        "Duration": render.duration(found["duration_seconds"]),
    }
    if found["reason"]:
        lines["Reason"] = found["reason"]
    render.facts(lines)
    click.echo()
    rows = [
        [
            job["id"] if job["started_at"] else f"{step['number']}-…",
            step["name"],
            job["agent_name"],
            render.state(job["state"]),
            render.exit_code(job["exit_code"]),
            render.duration(job["duration_seconds"]),
            job["reason"] or "",
        ]
        for step in detail["steps"]
        for job in step["jobs"]
    ]
    render.table(["JOB", "STEP", "AGENT", "STATE", "EXIT CODE", "DURATION", "REASON"], rows)


@run.command("logs")
@click.argument("run_id", metavar="RUN")
@click.argument("job_id", metavar="[JOB]", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on until the end.")
@click.option("--stream", type=click.Choice(["stdout", "stderr"]), help="Only one of them.")
@click.option("--raw", is_flag=True, help="Byte for byte, without prefixes.")
@pass_context
def logs(
    context: Context, run_id: str, job_id: str | None, follow: bool, stream: str | None, raw: bool
) -> None:
    """Print the output of a run's jobs, or of one. JOB is a step's number or a job's id."""
    from plumber_cli.logs import LinePrinter, RawPrinter, Tail, print_log

    seen: set[str] = set()
    while True:
        detail = context.client.get(f"/runs/{run_id}")
        jobs = _chosen(detail, job_id)
        for step, job in jobs:
            if job["id"] in seen or job["state"] in ("waiting", "skipped"):
                continue
            seen.add(job["id"])
            prefix = f"{step['name']} {job['agent_name']} | " if len(jobs) > 1 else ""
            printer = RawPrinter() if raw else LinePrinter(prefix)
            tail = Tail(context.client, run_id, job["id"], stream)
            what = f"step {step['number']} on {job['agent_name']}"
            print_log(tail, printer, follow=follow, what=what)
        waits = any(job["state"] == "waiting" for _, job in jobs)
        if not (follow and waits and detail["run"]["ended_at"] is None):
            return
        time.sleep(FOLLOW_SECONDS)


def _chosen(
    detail: dict[str, Any], job_id: str | None
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    pairs = [(step, job) for step in detail["steps"] for job in step["jobs"]]
    if job_id is None:
        return pairs
    found = [(s, j) for s, j in pairs if job_id in (j["id"], str(s["number"]))]
    if not found:
        raise Refused(f"The run has no job '{job_id}'. 'plumber-cli run show' lists them.")
    return found


@run.command("cancel")
@click.argument("run_id", metavar="RUN")
@click.option("--wait", is_flag=True, help="Until everything has ended.")
@output_option
@pass_context
def cancel(context: Context, run_id: str, wait: bool) -> None:
    """Cancel a run: nothing more starts, what runs is ended."""
    found = context.client.post(f"/runs/{run_id}/cancel")
    if wait:
        watch(context, run_id, logs=False)
        sys.exit(0)
    text = f"Run {found['id']} is {render.state(found['state'])}."
    context.show(found, lambda: click.echo(text))
