"""From a `[[step]]` table to a step. What is wrong is refused with line, key and reason."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.agents.agent import (
    MAX_GROUP_CHARACTERS,
    MAX_LABEL_KEY_CHARACTERS,
    MAX_LABEL_VALUE_CHARACTERS,
    MAX_LABELS,
)
from chalicelib.runs.job import JobState
from chalicelib.tasks import task as limits
from chalicelib.tasks.mask import mask_problem
from chalicelib.tasks.target import InvalidSelector, Targets, parse_selector
from chalicelib.tasks.task import RETRYABLE, Retry, Step, When, is_agent_id
from chalicelib.tasks.toml_table import Table
from chalicelib.text import NotPrintable
from chalicelib.text import name as name_of

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_USER = re.compile(r"[a-z_][a-z0-9_-]*\$?", re.IGNORECASE)
SHELLS = ("sh", "bash", "python3", "pwsh")

STEP_KEYS = (
    "Name", "ServerID", "Targets", "Path", "CMD", "Script", "Shell", "User", "Env", "Timeout",
    "DeliverWithin", "LostAfter", "Canary", "MaxParallel", "MaxFailures", "Retries", "RetryDelay",
    "RetryBackoff", "RetryOn", "When", "Mask",
)  # fmt: skip
TARGET_KEYS = ("Labels", "Group", "Selector", "All", "AllowEmpty")


def read_step(
    source: str, values: Mapping[str, Any], index: int, mask: tuple[str, ...] = ()
) -> Step:
    """`mask` are the whole task's patterns. Raises InvalidDefinition."""
    given = values.get("Name")
    quoted = f" ('{given[:40]}')" if isinstance(given, str) and given.strip() else ""
    table = Table(source, values, ("step", index), f"step {index + 1}{quoted}")
    table.refuse_unknown(STEP_KEYS)
    command, script = _command(table)
    lost_after = table.duration("LostAfter")
    if lost_after is not None and lost_after < limits.MIN_LOST_AFTER_SECONDS:
        raise table.refuse("LostAfter", f"must be at least {limits.MIN_LOST_AFTER_SECONDS:g}s.")
    return Step(
        number=index + 1,
        name=read_name(table) or f"step {index + 1}",
        targets=_targets(table),
        path=_path(table),
        command=command,
        script=script,
        shell=_shell(table, script),
        user=_user(table),
        env=_env(table),
        timeout_seconds=table.duration("Timeout"),
        deliver_within_seconds=table.duration("DeliverWithin") or limits.DELIVER_WITHIN_SECONDS,
        lost_after_seconds=lost_after or limits.LOST_AFTER_SECONDS,
        canary=table.amount("Canary", least=1),
        max_parallel=table.amount("MaxParallel", least=1),
        max_failures=table.amount("MaxFailures", least=0),
        retry=_retry(table),
        when=table.choice("When", When) or When.SUCCESS,
        mask=(*mask, *read_mask(table)),
    )


def read_name(table: Table) -> str | None:
    """The table's Name, or None where there is none."""
    name = table.name("Name")
    at_most = limits.MAX_NAME_CHARACTERS
    if name is not None and not 1 <= len(name) <= at_most:
        raise table.refuse("Name", f"must have 1 to {at_most} printable characters, on one line.")
    return name


def read_mask(table: Table) -> tuple[str, ...]:
    """Patterns of what is masked in logs."""
    patterns = table.texts("Mask") or ()
    if len(patterns) > limits.MAX_MASKS:
        raise table.refuse("Mask", f"must have at most {limits.MAX_MASKS} patterns.")
    for pattern in patterns:
        if len(pattern) > limits.MAX_MASK_CHARACTERS:
            most = limits.MAX_MASK_CHARACTERS
            raise table.refuse("Mask", f"a pattern has at most {most} characters.")
        problem = mask_problem(pattern)
        if problem is not None:
            raise table.refuse("Mask", f"'{pattern[:40]}' {problem}")
    return tuple(patterns)


def _targets(table: Table) -> Targets:
    given = table.table("Targets")
    if "ServerID" in table.values:
        if given is not None:
            raise table.refuse("Targets", "a step has either ServerID or Targets, not both.")
        return Targets(agent_ids=_agent_ids(table))
    if given is None:
        reason = "is missing: the agent that runs this step, by its id or name. Or give Targets."
        raise table.refuse("ServerID", reason)
    given.refuse_unknown(TARGET_KEYS)
    targets = Targets(
        labels=_labels(given),
        group=_group(given),
        selector=_selector(given),
        everybody=given.flag("All"),
        allow_empty=given.flag("AllowEmpty"),
    )
    chosen = bool(targets.labels or targets.group or targets.selector)
    if chosen == targets.everybody:
        reason = "needs Labels, Group or Selector, which may stand together, or else All = true."
        raise table.refuse("Targets", reason)
    return targets


def _labels(table: Table) -> dict[str, str]:
    labels = table.table("Labels")
    if labels is None:
        return {}
    found: dict[str, str] = {}
    for key in labels.values:
        value = labels.name(key) or ""
        if not 1 <= len(key) <= MAX_LABEL_KEY_CHARACTERS:
            most = MAX_LABEL_KEY_CHARACTERS
            raise labels.refuse(key, f"no agent can fit: a label's key has 1 to {most} characters.")
        if len(value) > MAX_LABEL_VALUE_CHARACTERS:
            most = MAX_LABEL_VALUE_CHARACTERS
            raise labels.refuse(key, f"no agent can fit: a label has at most {most} characters.")
        try:
            found[name_of(key)] = value
        except NotPrintable as error:
            raise labels.refuse(key, f"a label's key {error}.") from error
    if len(labels.values) > MAX_LABELS:
        raise table.refuse("Labels", f"no agent can fit: one has at most {MAX_LABELS} labels.")
    if not labels.values:
        raise table.refuse("Labels", 'names no label. Write Labels = { role = "web" }.')
    return found


def _group(table: Table) -> str | None:
    text = table.name("Group")
    if len(text or "") > MAX_GROUP_CHARACTERS:
        most = MAX_GROUP_CHARACTERS
        raise table.refuse("Group", f"no agent can fit: a group has at most {most} characters.")
    return text


def _selector(table: Table) -> str | None:
    text = table.name("Selector")
    if text is not None:
        try:
            parse_selector(text)
        except InvalidSelector as error:
            raise table.refuse("Selector", error.message) from error
    return text


def _agent_ids(table: Table) -> tuple[str, ...]:
    value = table.values.get("ServerID")
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        reason = "must be an agent's id or name in quotes, or a list of them."
        raise table.refuse("ServerID", reason)
    if not 1 <= len(given) <= limits.MAX_SERVER_IDS:
        at_most = limits.MAX_SERVER_IDS
        raise table.refuse("ServerID", f"must name 1 to {at_most} agents, not {len(given)}.")
    ids = tuple(_agent(table, text) for text in given)
    twice = next((each for each, count in Counter(ids).items() if count > 1), None)
    if twice is not None:
        raise table.refuse("ServerID", f"names the agent '{twice}' twice.")
    return ids


def _agent(table: Table, text: str) -> str:
    """An id as it is stored, or a name: whose, is looked up when the task is saved."""
    if is_agent_id(text):
        return text.lower()
    if not 1 <= len(text) <= limits.MAX_NAME_CHARACTERS or not text.isprintable():
        raise table.refuse("ServerID", f"'{text[:40]}' is neither an agent's id nor its name.")
    return text


def _bytes(text: str) -> int:
    return len(text.encode())


def _path(table: Table) -> str | None:
    path = table.text("Path")
    if path is None:
        return None
    if not path.startswith("/"):
        raise table.refuse(
            "Path", f"must be absolute, as in \"/opt/project\"; '{path[:40]}' is not."
        )
    if _bytes(path) > limits.MAX_PATH_BYTES:
        raise table.refuse("Path", f"must have at most {limits.MAX_PATH_BYTES} bytes.")
    return path


def _command(table: Table) -> tuple[str | None, str | None]:
    """CMD and Script, of which there is one."""
    command, script = table.text("CMD"), table.text("Script")
    if command is not None and script is not None:
        raise table.refuse("Script", "a step has either CMD or Script, not both.")
    if command is None and script is None:
        raise table.refuse("CMD", "is missing: the command that this step runs. Or give Script.")
    for key, text, most in (
        ("CMD", command, limits.MAX_COMMAND_BYTES),
        ("Script", script, limits.MAX_SCRIPT_BYTES),
    ):
        if text is not None and not text.strip():
            raise table.refuse(key, "is empty.")
        if text is not None and _bytes(text) > most:
            raise table.refuse(
                key,
                f"must have at most {most} bytes, this one has {_bytes(text)}. "
                "Put long programs into a file on the machine.",
            )
    return command, script


def _shell(table: Table, script: str | None) -> str | None:
    shell = table.text("Shell")
    if shell is None:
        return None if script is None else "sh"
    if script is None:
        raise table.refuse("Shell", "is for Script; CMD always runs with sh.")
    if shell not in SHELLS and not shell.startswith("/"):
        raise table.refuse("Shell", f"must be {', '.join(SHELLS)} or an absolute path.")
    if _bytes(shell) > limits.MAX_PATH_BYTES:
        raise table.refuse("Shell", f"must have at most {limits.MAX_PATH_BYTES} bytes.")
    return shell


def _user(table: Table) -> str | None:
    user = table.text("User")
    if user is not None and not (_USER.fullmatch(user) and len(user) <= limits.MAX_USER_CHARACTERS):
        raise table.refuse("User", f"'{user[:40]}' is no name of a user.")
    return user


def _retry(table: Table) -> Retry:
    times = table.integer("Retries", 0, limits.MAX_RETRIES) or 0
    for key in ("RetryDelay", "RetryBackoff", "RetryOn"):
        if key in table.values and not times:
            raise table.refuse(key, "means something only together with Retries.")
    return Retry(
        times=times,
        delay_seconds=table.duration("RetryDelay") or 0.0,
        backoff=table.number("RetryBackoff", 1.0, limits.MAX_BACKOFF) or 1.0,
        on=_retry_on(table),
    )


def _retry_on(table: Table) -> tuple[JobState, ...]:
    words = table.texts("RetryOn")
    if words is None:
        return Retry().on
    known = [state.value for state in RETRYABLE]
    for word in words:
        if word not in known:
            reason = f"'{word[:40]}' is none of the states {', '.join(known)}."
            raise table.refuse("RetryOn", reason)
    if not words:
        raise table.refuse("RetryOn", "names no state.")
    return tuple(dict.fromkeys(JobState(word) for word in words))


def _env(table: Table) -> dict[str, str]:
    value = table.values.get("Env", {})
    if not isinstance(value, dict):
        raise table.refuse("Env", 'must be a table, as in Env = { STAGE = "prod" }.')
    checks: tuple[tuple[Callable[[str, Any], bool], str], ...] = (
        (lambda name, _: _ENV_NAME.fullmatch(name) is None, "is no name of a variable."),
        (
            lambda name, _: name.startswith(limits.RESERVED_ENV_PREFIX),
            f"names that begin with {limits.RESERVED_ENV_PREFIX} are the product's own.",
        ),
        (lambda _, text: not isinstance(text, str), "must be text in quotes."),
        (lambda _, text: "\0" in text, "must not contain NUL characters."),
        (
            lambda _, text: _bytes(text) > limits.MAX_ENV_VALUE_BYTES,
            f"must have at most {limits.MAX_ENV_VALUE_BYTES} bytes.",
        ),
    )
    for name, text in value.items():
        for is_wrong, reason in checks:
            if is_wrong(name, text):
                raise table.refuse("Env", f"{name[:40]}: {reason}", name)
    if len(value) > limits.MAX_ENV_ENTRIES:
        raise table.refuse("Env", f"must have at most {limits.MAX_ENV_ENTRIES} variables.")
    if sum(_bytes(name) + _bytes(text) for name, text in value.items()) > limits.MAX_ENV_BYTES:
        raise table.refuse("Env", f"must have at most {limits.MAX_ENV_BYTES} bytes in all.")
    return dict(value)
