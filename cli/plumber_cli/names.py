"""What people call things: names, beginnings of ids, `latest`; and what a misspelled one may mean.

Each function answers an id, and raises Refused for what nothing is called.
"""

import difflib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

from plumber_cli.errors import AGENT_NOT_FOUND, NOT_FOUND, Refused

LATEST = "latest"
LOOKED_AT = 500  # names, for one that is meant
_ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_BEGINNING = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{5,24}")  # of a ULID; shorter ones fit too many
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_AGENT_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_LAST = (1 << 48) - 1


class Reader(Protocol):
    """Who reads lists of the control plane."""

    def get(self, *path: str, **query: str) -> Any:
        """The data of a GET."""

    def pages(self, *path: str, at_most: int | None, **query: str) -> tuple[list[Any], bool]:
        """Items of a list up to `at_most`, and whether there are more."""


def task_id(client: Reader, given: str) -> str:
    """Of the task with this id or exactly this name."""
    if _ULID.fullmatch(given):
        return given
    found = client.get("tasks", name=given)["items"]
    if not found:
        hint = _meant(given, _task_names(client))
        problem = f"There is no task '{given}'.{hint} 'plumber-cli task list' shows all."
        raise Refused(problem, NOT_FOUND)
    return str(found[0]["id"])


def agent_id(client: Reader, given: str) -> str:
    """Of the agent with this id or this name, which no other must bear."""
    if _AGENT_ID.fullmatch(given):
        return given
    agents, _ = client.pages("agents", at_most=None, name=given)
    named = [str(agent["id"]) for agent in agents]
    if not named:
        everybody, _ = client.pages("agents", at_most=LOOKED_AT)
        hint = _meant(given, (agent["name"] for agent in everybody))
        problem = f"There is no agent '{given}'.{hint} 'plumber-cli agent list' shows all."
        raise Refused(problem, AGENT_NOT_FOUND)
    if len(named) > 1:
        raise Refused(
            f"{len(named)} agents are named '{given}': {', '.join(named)}. Give the id of one."
        )
    return named[0]


def run_id(client: Reader, given: str) -> str:
    """Of the run with this id or this beginning of one, of the newest of all (`latest`), or of the
    newest of the task with this name."""
    if _ULID.fullmatch(given.upper()):
        return given.upper()
    if given == LATEST:
        return _newest(client.get("runs", limit="1")["items"], "There are no runs yet.")
    if _BEGINNING.fullmatch(given.upper()):
        found = _beginning_with(client, given.upper())
        if len(found) > 1:
            shown = ", ".join(f"{each['id']} ({each['task_name']})" for each in found[:5])
            raise Refused(f"Several runs begin with '{given}': {shown}. Give more of the id.")
        if found:
            return str(found[0]["id"])
    tasks = client.get("tasks", name=given)["items"]
    if tasks:
        runs = client.get("tasks", tasks[0]["id"], "executions", limit="1")["items"]
        return _newest(runs, f"The task '{given}' has not run yet.")
    hint = _meant(given, _task_names(client))
    raise Refused(
        f"There is no run '{given}', and no task of that name.{hint} "
        "'plumber-cli run list' shows the newest runs; 'latest' is the newest of all.",
        NOT_FOUND,
    )


def _newest(runs: list[dict[str, Any]], otherwise: str) -> str:
    if not runs:
        raise Refused(otherwise, NOT_FOUND)
    return str(runs[0]["id"])


def _beginning_with(client: Reader, beginning: str) -> list[dict[str, Any]]:
    """A ULID begins with its time, so that a beginning is a span of time."""
    first, last = _instant(beginning, "0"), _instant(beginning, "Z")
    query = {"from": first.isoformat(), "to": (last + timedelta(milliseconds=1)).isoformat()}
    found, _ = client.pages("runs", at_most=100, **query)
    return [run for run in found if run["id"].startswith(beginning)]


def _instant(beginning: str, filled_with: str) -> datetime:
    value = 0
    for character in beginning[:10].ljust(10, filled_with):
        value = value * 32 + _CROCKFORD.index(character)
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return epoch + timedelta(milliseconds=min(value, _LAST))


def _task_names(client: Reader) -> list[str]:
    found, _ = client.pages("tasks", at_most=LOOKED_AT)
    return [task["name"] for task in found]


def meant(given: str, known: Iterable[str]) -> list[str]:
    """Those that a misspelled word may stand for, the closest first."""
    by_lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(given.lower(), by_lower, n=2, cutoff=0.6)
    return [by_lower[each] for each in close]


def _meant(given: str, known: Iterable[str]) -> str:
    close = meant(given, known)
    return f" Did you mean {' or '.join(repr(each) for each in close)}?" if close else ""
