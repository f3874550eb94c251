"""What a task's commands do with its parameters, where a value could be more than data. Pure.

Values are variables of the environment (ADR 26), so what holds for them is each interpreter's own
rules. Said is where those are easily forgotten; refused is what lets a value run something in bash.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from chalicelib.tasks.param import Param
from chalicelib.tasks.param_characters import NUMERIC, PLAIN, characters
from chalicelib.tasks.shell_uses import SHELLS, How, TooDeep, Use, scan
from chalicelib.tasks.task import Definition, Step
from chalicelib.tasks.toml_faults import with_errors
from chalicelib.tasks.toml_lines import Path, lines_of
from chalicelib.tasks.toml_table import InvalidDefinition, spell

MAX_FINDINGS = 100  # said of one definition
MOST_PLACES = 30_000  # looked at in one definition, in half a second or so
_DANGEROUS = (How.ARITHMETIC, How.NAME, How.PROMPT)
_PLACE = re.compile(r"[$`;&|(\n]")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Finding(msgspec.Struct, frozen=True):
    """Something that is said of a definition. `key` is as in `step[1].CMD`."""

    line: int | None
    key: str
    message: str
    is_refused: bool = False


class _Said(msgspec.Struct, frozen=True):
    """A finding before its place in the definition is known; `line` counts from 0 in the text."""

    path: Path
    text: str
    line: int
    message: str
    is_refused: bool = False


def lint(source: str, definition: Definition) -> tuple[Finding, ...]:
    """What is to be said of the definition that `source` is; those that are refused come first."""
    said = list(_of_steps(definition))
    said = sorted(dict.fromkeys(said), key=lambda each: not each.is_refused)[:MAX_FINDINGS]
    source = source.replace("\r\n", "\n")
    lines = lines_of(source, {each.path for each in said})
    ends = [found.start() for found in re.finditer("\n", source)] if said else []
    return tuple(
        Finding(
            _line(source, ends, lines[each.path], each),
            spell(each.path),
            each.message,
            each.is_refused,
        )
        for each in said
    )


def _of_steps(definition: Definition) -> Iterator[_Said]:
    """Whoever may read tasks may have a definition checked: what that costs has an end."""
    left = MOST_PLACES
    for step in definition.steps:
        text = step.command or step.script or ""
        left -= len(_PLACE.findall(text)) if definition.params else 0
        if left < 0:
            key = "Script" if step.command is None else "CMD"
            message = (
                f"the commands of this task have more than {MOST_PLACES:,} places at which a "
                "parameter may stand or a command end, too many to be looked at. Put them in files."
            )
            yield _Said(("step", step.number - 1, key), text, 0, message, True)
            return
        yield from _of_step(step, definition.params)


def refuse(findings: tuple[Finding, ...]) -> None:
    """Raises InvalidDefinition for the findings that are refused, all in one."""
    faults = [_fault(each) for each in findings if each.is_refused]
    if faults:
        raise with_errors(faults[0], faults)


def _fault(found: Finding) -> InvalidDefinition:
    where = f"line {found.line}, {found.key}" if found.line else found.key
    message = f"{where}: {found.message}"
    return InvalidDefinition(message, line=found.line, column=None, key=found.key)


def _line(source: str, ends: Sequence[int], line: int | None, said: _Said) -> int | None:
    """The line of what is said; the key's, where the text is not in the source as it is."""
    if line is None:
        return None
    at = source.find(said.text, ends[line - 2] + 1 if line > 1 else 0)
    if at < 0 or source[at - 1 : at] not in tuple("\"'\n"):
        return line
    return bisect_left(ends, at) + 1 + said.line


# --- one step


def _of_step(step: Step, params: tuple[Param, ...]) -> Iterator[_Said]:
    by_name = {param.name: param for param in params}
    place: Path = ("step", step.number - 1)
    if not by_name:
        return
    for path, text in _kept_texts(step):
        for found in _REFERENCE.finditer(text):
            if found[1] in by_name:
                message = (
                    f"{found[0]} stays as it is written: parameters are variables of the command, "
                    "and nothing else is filled in."
                )
                yield _Said((*place, *path), text, 0, message)
    key = "Script" if step.command is None else "CMD"
    text = step.command or step.script or ""
    shell = (step.shell or "sh").rpartition("/")[2].lower()
    for line, message, is_refused in _of_text(text, shell, by_name):
        yield _Said((*place, key), text, line, message, is_refused)


def _kept_texts(step: Step) -> Iterator[tuple[Path, str]]:
    """Texts beside the command, in which nothing is filled in."""
    yield ("Path",), step.path or ""
    for name, value in step.env.items():
        yield ("Env", name), value
    yield (
        ("Targets",),
        " ".join(
            [step.targets.group or "", step.targets.selector or "", *step.targets.labels.values()]
        ),
    )


def _of_text(text: str, shell: str, params: Mapping[str, Param]) -> Iterator[tuple[int, str, bool]]:
    """Line from 0, message, and whether it is refused."""
    if shell in SHELLS:
        yield from _of_shell(text, shell, params)
    elif shell.startswith("python"):
        yield from _of_python(text, params)
    elif shell in ("pwsh", "powershell"):
        yield from _of_powershell(text, params)
    elif shell in ("cmd", "cmd.exe"):
        yield from _of_cmd(text, params)


# --- shells


def _of_shell(
    text: str, shell: str, params: Mapping[str, Param]
) -> Iterator[tuple[int, str, bool]]:
    try:
        found = scan(text, shell)
    except TooDeep:
        yield 0, "commands stand in each other too deeply to be looked at.", True
        return
    holders = _holders(found.assigned, params)
    known: dict[tuple[str, How, str], list[str]] = {}  # the same use says the same each time
    said: set[tuple[int, str]] = set()
    for use in sorted(found.uses, key=lambda use: use.how not in _DANGEROUS):
        if len(said) >= MAX_FINDINGS:
            return
        kind = use.name, use.how, use.by
        if kind not in known:
            known[kind] = _problems(use, shell, params, holders.get(use.name, set()))
        for problem in known[kind]:
            said.add((use.line, problem))
            yield use.line, problem, use.how in _DANGEROUS


def _problems(
    use: Use, shell: str, params: Mapping[str, Param], held: Collection[str]
) -> list[str]:
    """What is to be said of a use of a variable that may hold these parameters' values."""
    if use.how is How.LITERAL:
        held = {use.name} & params.keys()
    found = (_problem(use, shell, params[name]) for name in sorted(held))
    return [problem for problem in found if problem is not None]


def _holders(
    assigned: tuple[tuple[str, str], ...], params: Mapping[str, Param]
) -> dict[str, set[str]]:
    """Which variables may hold which parameters' values: themselves, and what was set to them."""
    targets: dict[str, set[str]] = {}
    for target, source in assigned:
        targets.setdefault(source, set()).add(target)
    holders: dict[str, set[str]] = {}
    for name in params:
        waiting = [name]
        while waiting:
            holder = waiting.pop()
            if name not in (held := holders.setdefault(holder, set())):
                held.add(name)
                waiting += targets.get(holder, ())
    return holders


def _problem(use: Use, shell: str, param: Param) -> str | None:
    """What is to be said of a use of a parameter; None where it is harmless."""
    if use.how in (How.QUOTED, How.WHOLE) or (use.how is How.BARE and shell == "zsh"):
        return None
    if use.how is How.LITERAL:
        return f"${{{param.name}}} is in single quotes, where it stays as it is written."
    admitted = characters(param)
    harmless = NUMERIC if use.how is How.ARITHMETIC else PLAIN
    if use.how is How.COMMAND:
        is_harmless = bool(param.choices)
    else:
        is_harmless = admitted is not None and admitted <= harmless
    return None if is_harmless else _said(use.how, _called(use, param), param.name, use.by)


def _said(how: How, it: str, name: str, by: str) -> str:
    return _SAYS[how].format(it=it, name=name, by=by or "((…))")


def _called(use: Use, param: Param) -> str:
    """The variable, and whose value it has where that is another's."""
    return f"${use.name}" + (
        f", which has the value of {param.name}," if use.name != param.name else ""
    )


_NARROW = 'Give {name} a Pattern such as "[A-Za-z0-9._-]+", or Choices.'
_RUNS = "where bash runs commands that stand in a value."
# `it` is the variable, `name` the parameter, `by` who or what is given it.
_SAYS = {
    How.BARE: (
        "{it} stands outside of double quotes, so a value with blanks or *?[ becomes several "
        "words, or names of files. Write it in double quotes."
    ),
    How.PATTERN: (
        "{it} is a pattern here ({by}), so a value with *?[ fits other texts than itself. Write it "
        "in double quotes."
    ),
    How.ARITHMETIC: (
        "{it} is used in arithmetic ({by}), " + _RUNS + ' Give {name} Type = "integer".'
    ),
    How.NAME: "{it} names a variable here ({by}), " + _RUNS + " " + _NARROW,
    How.PROMPT: "{it} is expanded like a prompt (@P), " + _RUNS + " " + _NARROW,
    How.COMMAND: (
        "{it} names the program that runs. Give {name} Choices, so that it can only be one of "
        "those that you mean."
    ),
    How.CODE: (
        "{it} becomes a part of a program for {by}, which runs whatever a value says. Let {by} "
        "read the variable itself, or hand the value over as an argument. Or: " + _NARROW
    ),
}


# --- other interpreters

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*)(?![\w:]))", re.ASCII)
_SET = re.compile(r"\$\{?([A-Za-z_]\w*)\}?\s*(?:[-+*/%]?=(?!=)|[Ii][Nn]\b)", re.ASCII)
_DECLARED = re.compile(r"\bparam\s*\(([^)]*)\)", re.IGNORECASE)


def _of_python(text: str, params: Mapping[str, Param]) -> Iterator[tuple[int, str, bool]]:
    for line, row in enumerate(text.split("\n")):
        for found in _REFERENCE.finditer(row):
            if found[1] in params:
                message = f'Python does not know {found[0]}. Write os.environ["{found[1]}"].'
                yield line, message, False


def _of_powershell(text: str, params: Mapping[str, Param]) -> Iterator[tuple[int, str, bool]]:
    own = {name.lower() for name in _SET.findall(text)}
    for declared in _DECLARED.findall(text):
        own |= {(long or short).lower() for long, short in _VARIABLE.findall(declared)}
    by_lower = {name.lower(): name for name in params}
    for line, row in enumerate(text.split("\n")):
        if row.lstrip().startswith("#"):
            continue
        for found in _VARIABLE.finditer(row):
            called = (found[1] or found[2]).lower()
            if called in by_lower and called not in own:
                name = by_lower[called]
                message = f"PowerShell does not know {found[0]}. Write $env:{name}."
                yield line, message, False
        if re.search(r"(?i)\b(?:invoke-expression|iex)\b", row):
            for used in re.findall(r"(?i)\$(?:env:|\{env:)([a-z_]\w*)", row):
                param = params.get(used)
                if param is not None and not _is_plain(param):
                    yield line, _said(How.CODE, f"$env:{used}", used, "Invoke-Expression"), False


def _of_cmd(text: str, params: Mapping[str, Param]) -> Iterator[tuple[int, str, bool]]:
    """cmd puts values into the text of the command before it reads that."""
    by_lower = {name.lower(): name for name in params}
    for line, row in enumerate(text.split("\n")):
        for found in re.finditer(r"(?<!%)%([A-Za-z_]\w*)(?::[^%]*)?%(?!%)", row, re.ASCII):
            name = by_lower.get(found[1].lower())
            if name is not None and not _is_plain(params[name]):
                message = (
                    f"cmd puts the value of {found[0]} into the command's text, and runs what "
                    "stands in it. " + _NARROW.format(name=name)
                )
                yield line, message, True


def _is_plain(param: Param) -> bool:
    admitted = characters(param)
    return admitted is not None and admitted <= PLAIN
