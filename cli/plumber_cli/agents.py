"""`agent`: the machines."""

import json
from pathlib import Path
from typing import Any

import click

from plumber_cli import render, terminal
from plumber_cli.context import Context, Group, output_option, pairs, pass_context
from plumber_cli.durations import span
from plumber_cli.errors import WrongUsage
from plumber_cli.files import write_new
from plumber_cli.given import AGENT


@click.group(cls=Group)
def agent() -> None:
    """The machines that run jobs."""


@agent.command("list")
@click.option("--status", type=click.Choice(["online", "offline", "disabled", "never_seen"]))
@click.option("--group", help="Only agents of this group.")
@click.option("--label", metavar="SELECTOR", help="Only agents that fit, as in role=web,env!=test.")
@click.option("--text", help="Only agents with this in name, host name, address or id.")
@output_option
@pass_context
def list_agents(
    context: Context, status: str | None, group: str | None, label: str | None, text: str | None
) -> None:
    """List the agents."""
    given = {"status": status, "group": group, "label": label, "text": text}
    query = {name: value for name, value in given.items() if value is not None}
    agents, _ = context.client.pages("agents", at_most=None, **query)

    def draw() -> None:
        headings = ["ID", "NAME", "STATUS", "ADDRESS", "RUNNING", "LAST HEARTBEAT"]
        render.table(headings, [_row(each) for each in agents])

    context.show(agents, draw)


def _row(each: dict[str, Any]) -> list[str]:
    return [
        each["id"],
        each["name"],
        render.state(each["status"]),
        each["address"] or "-",
        str(each["running"]),
        render.when(each["last_seen_at"]),
    ]


@agent.command("show")
@AGENT
@output_option
@pass_context
def show(context: Context, name_or_id: str) -> None:
    """Show one agent, by its id or name."""
    found = context.client.get("agents", context.client.agent_id(name_or_id))

    def draw() -> None:
        labels = ", ".join(f"{key}={value}" for key, value in found["labels"].items())
        lines = {
            "Name": found["name"],
            "Id": found["id"],
            "Status": render.state(found["status"]),
            "Host": f"{found['hostname']} {found['address']}".strip(),
            "System": f"{found['os']} {found['arch']}".strip(),
            "Version": found["version"],
            "Group": found["group"] or "-",
            "Labels": labels or "-",
            "Gets jobs": "rung by its doorbell" if found["doorbell"] else "by polling only",
            "Running jobs": str(found["running"]),
            "Last heartbeat": render.when(found["last_seen_at"]),
            "Enrolled": render.when(found["created_at"]),
        }
        if (second := found["conflict"]) is not None:
            where = f"{second['hostname']} {second['address']}".strip() or "another process"
            lines["Refused"] = f"{where}, with the same agent.json, {render.when(second['at'])}"
        render.facts(lines)

    context.show(found, draw)


@agent.command("jobs")
@AGENT
@output_option
@pass_context
def list_jobs(context: Context, name_or_id: str) -> None:
    """List what an agent runs and what waits for it, also while it is offline."""
    found = context.client.get("agents", context.client.agent_id(name_or_id), "jobs")

    def draw() -> None:
        rows = [
            [
                each["run_id"],
                each["task_name"],
                str(each["step"]),
                render.state(each["state"]),
                render.when(each["started_at"] or each["queued_at"]),
                render.when(each["deliver_by"]),
            ]
            for each in found["items"]
        ]
        render.table(["RUN", "TASK", "STEP", "STATE", "SINCE", "UNDELIVERED"], rows)
        if found["has_more"]:
            render.hint("There are more than a hundred.")

    context.show(found, draw)


@agent.command("set")
@AGENT
@click.option("--name", help="What people see.")
@click.option("--group", help="Its group; an empty text for none.")
@click.option("--enable/--disable", default=None, help="Whether it gets jobs.")
@click.option("--doorbell/--no-doorbell", default=None, help="Without one it only polls.")
@output_option
@pass_context
def change(
    context: Context,
    name_or_id: str,
    name: str | None,
    group: str | None,
    enable: bool | None,
    doorbell: bool | None,
) -> None:
    """Change an agent's name, group, and how it gets its jobs."""
    given = {
        "name": name,
        "disabled": None if enable is None else not enable,
        "doorbell": doorbell,
    }
    body: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if group is not None:
        body["group"] = group or None
    if not body:
        raise WrongUsage("Say what to change: --name, --group, --disable, --no-doorbell.")
    _patch(context, context.client.agent_id(name_or_id), body)


@agent.command("label")
@AGENT
@click.argument("changes", nargs=-1, required=True, metavar="KEY=VALUE|KEY-...")
@output_option
@pass_context
def label(context: Context, name_or_id: str, changes: tuple[str, ...]) -> None:
    """Set labels of an agent, or remove them: role=web canary-"""
    dropped = [each[:-1] for each in changes if each.endswith("-") and "=" not in each]
    added = tuple(each for each in changes if not each.endswith("-") or "=" in each)
    body = {"add_labels": pairs(added, "label", "role=web"), "drop_labels": dropped}
    _patch(context, context.client.agent_id(name_or_id), body)


def _patch(context: Context, agent_id: str, body: dict[str, Any]) -> None:
    changed = context.client.patch("agents", agent_id, body=body)
    context.say(changed, f"Agent {changed['name']} is changed.")


@agent.command("remove")
@AGENT
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@pass_context
def remove(context: Context, name_or_id: str, yes: bool) -> None:
    """Remove an agent. Its token works no more."""
    agent_id = context.client.agent_id(name_or_id)
    if not yes:
        context.confirm(f"Remove the agent {name_or_id}?")
    context.client.delete("agents", agent_id)
    context.say({"id": agent_id}, f"Agent {agent_id} is removed.")


@agent.command("enroll")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Given to who joins.")
@click.option("--group", help="The group of who joins.")
@click.option("--max-uses", type=click.IntRange(1, 1000), default=1, show_default=True)
@click.option("--expires", type=span, default="24h", show_default=True)
@click.option("--write", "target", type=click.Path(path_type=Path), help="Write agent.json there.")
@output_option
@pass_context
def enroll(
    context: Context,
    labels: tuple[str, ...],
    group: str | None,
    max_uses: int,
    expires: int,
    target: Path | None,
) -> None:
    """Make a join token, and the agent.json of a new machine."""
    body = {
        "labels": pairs(labels, "label", "--label role=web"),
        "group": group,
        "max_uses": max_uses,
        "expires_in_seconds": expires,
    }
    made = context.client.post("enrollments", body=body)
    text = json.dumps(made["agent_json"], indent=2) + "\n"
    if target is not None:
        _write(target, text)

    def draw() -> None:
        if target is None:
            terminal.say("Put this on the new machine as agent.json:", "")
            terminal.document(f"{text}\n")
        else:
            terminal.say(f"Written to {target}.")
        terminal.say("Then run there, as the user whose rights its jobs are to have:", "")
        terminal.say("  plumber-agent --config agent.json", "")
        agents = "one agent" if max_uses == 1 else f"{max_uses} agents"
        terminal.say(f"It lets in {agents}, and expires {render.when(_expiry(made))}.")

    context.show(made, draw)


def _expiry(made: dict[str, Any]) -> str:
    return str(made["enrollment"]["expires_at"])


def _write(target: Path, text: str) -> None:
    try:
        write_new(target, text)
    except FileExistsError as error:
        raise WrongUsage(f"{target} exists already. Remove it first.") from error
    except OSError as error:
        raise WrongUsage(f"{target} cannot be written: {error.strerror}.") from error
