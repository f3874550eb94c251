"""`exec`: one command on many agents at once."""

import shlex
import sys
import uuid
from typing import Any

import click

from plumber_cli import render
from plumber_cli.context import Context, output_option, pairs, pass_context
from plumber_cli.errors import WrongUsage
from plumber_cli.logs import all_jobs
from plumber_cli.watch import watch


@click.command("exec", context_settings={"ignore_unknown_options": True})
@click.option("--target", "-t", "selector", metavar="SELECTOR", help="Such as role=web,!canary.")
@click.option("--agent", "-a", "agents", multiple=True, metavar="AGENT", help="Its id or name.")
@click.option("--group", help="Agents of this group.")
@click.option("--all", "everybody", is_flag=True, help="All agents.")
@click.option("--path", help="Where to run it; the agent's work directory without.")
@click.option("--user", help="As whom to run it.")
@click.option("--env", multiple=True, metavar="KEY=VALUE", help="A variable.")
@click.option("--timeout", metavar="SPAN", help="For example 30s or 5m.")
@click.option("--max-parallel", metavar="AMOUNT", help="So many at once: 10 or 25%.")
@click.option("--max-failures", metavar="AMOUNT", help="More failures start nothing more.")
@click.option("--quiet", "-q", is_flag=True, help="Without the output, only the table.")
@click.argument("command", nargs=-1, required=True)
@output_option
@pass_context
def execute(
    context: Context,
    /,
    selector: str | None,
    agents: tuple[str, ...],
    env: tuple[str, ...],
    quiet: bool,
    everybody: bool,
    command: tuple[str, ...],
    **options: str | None,
) -> None:
    """Run COMMAND on agents, show its output and a table of results.

    For example: plumber-cli exec -t role=web -- uptime
    """
    if not (selector or agents or options["group"] or everybody):
        raise WrongUsage("Say on which agents: --target, --agent, --group or --all.")
    body: dict[str, Any] = {
        "command": command[0] if len(command) == 1 else shlex.join(command),
        "selector": selector,
        "agent_ids": [context.client.agent_id(each) for each in agents] or None,
        "env": pairs(env, "variable", "--env STAGE=test") or None,
        "all": everybody,
        **{
            name: _amount(value) if name.startswith("max_") else value
            for name, value in options.items()
        },
    }
    key = uuid.uuid4().hex  # noqa: TID251 - an entry point
    started = context.client.post_again("commands", body=body, idempotency_key=key)
    code = watch(context, started["id"], logs=not quiet)
    if not context.is_json:
        detail = context.client.get("runs", started["id"])
        _draw_results([job for _, job in all_jobs(context.client, started["id"], detail["steps"])])
    sys.exit(code)


def _amount(value: str | None) -> str | int | None:
    """A number where it is one: the wire wants percentages as text only."""
    return int(value) if value is not None and value.isascii() and value.isdigit() else value


def _draw_results(jobs: list[dict[str, Any]]) -> None:
    rows = [
        [
            job["agent_name"],
            render.state(job["state"]),
            render.exit_code(job["exit_code"]),
            render.duration(job["duration_seconds"]),
            render.reason(job),
        ]
        for job in jobs
    ]
    render.table(["AGENT", "STATE", "EXIT CODE", "DURATION", "REASON"], rows)
