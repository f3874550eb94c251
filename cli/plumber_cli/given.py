"""What commands are given: names of tasks, agents, runs and states, which the shell completes."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from plumber_cli.context import Context

Command = TypeVar("Command", bound=Callable[..., Any])

RUN_STATES = (
    "queued", "running", "cancelling", "succeeded", "failed", "cancelled", "timed_out",
)  # fmt: skip
JOB_STATES = (
    "waiting", "queued", "claimed", "running", "succeeded", "failed", "timed_out", "cancelled",
    "lost", "undelivered", "skipped",
)  # fmt: skip
TRIGGERS = ("person", "schedule", "retry", "command")
COMPLETED_AT_MOST = 50


def _ask(context: click.Context, path: str, **query: str) -> list[dict[str, Any]]:
    """Items of a list; none where nobody can be asked: a shell shows no errors."""
    from plumber_cli.errors import CliError

    profile = context.find_root().params.get("profile")
    try:
        found = Context(profile=profile).client.get(path, limit=str(COMPLETED_AT_MOST), **query)
    except CliError:
        return []
    items: list[dict[str, Any]] = found["items"]
    return items


def _starting(names: list[str], incomplete: str) -> list[str]:
    return [name for name in names if name.lower().startswith(incomplete.lower())]


def complete_tasks(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of tasks."""
    return _starting([each["name"] for each in _ask(context, "tasks", q=incomplete)], incomplete)


def complete_agents(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of agents."""
    found = _ask(context, "agents", text=incomplete)
    return _starting([each["name"] for each in found], incomplete)


def complete_runs(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """`latest`, the newest runs' ids, and the names of tasks, of which the newest run is meant."""
    ids = [each["id"] for each in _ask(context, "runs")]
    names = ["latest", *ids] if incomplete else ["latest"]
    return _starting(names, incomplete) + complete_tasks(context, _, incomplete)


def complete_words(known: tuple[str, ...]) -> Callable[..., list[str]]:
    """Of a list with commas between them, the last word."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [before + comma + word for word in known if word.startswith(last)]

    return complete


TASK = click.argument("name_or_id", metavar="TASK", shell_complete=complete_tasks)
AGENT = click.argument("name_or_id", metavar="AGENT", shell_complete=complete_agents)
RUN = click.argument("run_id", metavar="RUN", shell_complete=complete_runs)
