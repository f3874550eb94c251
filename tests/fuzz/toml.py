"""Tasks in TOML: nearly valid ones, templates with a few bytes changed, and what parsers fear;
saved, planned and scheduled, and removed again."""

import json
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from chalicelib.tasks.step_toml import STEP_KEYS, TARGET_KEYS
from chalicelib.tasks.task_toml import PARAM_KEYS, TASK_KEYS
from infra.local.environment import ROOT
from tests.fuzz.asking import Asker
from tests.fuzz.odd import TEXT, damaged
from tests.fuzz.wire import JSON, TOML, Sent

TEMPLATES = st.sampled_from(
    [file.read_bytes() for file in sorted((ROOT / "chalicelib" / "templates").glob("*.toml"))]
)
PATTERNS = [
    "(a+)+b", "a{1000000}", "(" * 900, "[", "\\", "(?=a)", "(?P<n>a)(?P=n)", "\\p{L}{1,1000}",
    "((a{1,30}){1,30}){1,30}", ".*" * 300,
]  # fmt: skip
DURATIONS = ["0s", "1s", "30m", "-1s", "1e9h", "999999999999999999h", "1.5h", "\u0663s", "s", "P1D"]
AMOUNTS = ["0", "1", '"25%"', "-1", '"101%"', "1e400", "99999999999999999999", '"0.1%"', '"1e9%"']
CRONS = [
    "* * * * *", "@daily", "0 0 31 2 *", "0 0 29 2 *", "*/0 * * * *", "60 * * * *", "L * L * L",
    "0-999999999 * * * *", "0 0 * * MON#5", "1,2,3,4-5/2 * * * *", "* * * * * *", "@reboot",
]  # fmt: skip
ZONES = ["UTC", "Europe/Berlin", "../../etc/passwd", "/etc/localtime", "Asia", "posixrules", "a/b"]
WORDS = ["true", "[]", "{}", "''", "nan", "inf", "-0", "1979-05-27T07:32:00Z", "07:32:00", "0b2"]
LONG = ["0x" + "f" * 5_000, "9" * 5_000, "[" * 500 + "]" * 500, "1e99999"]
LONG += ["{a=" * 200 + "1" + "}" * 200, "'" + "a" * 70_000 + "'"]


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _line(key: str, value: str) -> str:
    return f"{key} = {value}"


VALUES = st.one_of(
    st.sampled_from([*WORDS, *AMOUNTS, *LONG]),
    st.sampled_from([*PATTERNS, *DURATIONS]).map(_text),
    TEXT.map(_text),
    st.integers().map(str),
    st.floats().map(repr),
    st.lists(TEXT.map(_text), max_size=3).map(lambda each: f"[{', '.join(each)}]"),
)
ODD_KEYS = ("TASK", "a.b.c", '""', '"\\u0000"', "a" * 300)
PARAM_NAMES = st.sampled_from(["version", "stage", "n", "PATH", "PLUMBER_X", "1a", '""', "\u00e9"])


def _lines(*keys: str) -> SearchStrategy[list[str]]:
    """Mostly none: one that is wrong hides what follows."""
    lines = st.lists(st.builds(_line, st.sampled_from(keys), VALUES), min_size=1, max_size=2)
    return st.just([]) | st.just([]) | lines


@st.composite
def _params(draw: st.DrawFn) -> list[str]:
    pattern = draw(st.none() | st.sampled_from(PATTERNS) | TEXT)
    lines = [] if pattern is None else [_line("Pattern", _text(pattern)), "Required = true"]
    return [f"[Params.{draw(PARAM_NAMES)}]", *lines, *draw(_lines(*PARAM_KEYS))]


@st.composite
def _steps(draw: st.DrawFn) -> list[str]:
    tables = {
        "Targets": st.dictionaries(st.sampled_from(TARGET_KEYS), VALUES, max_size=2),
        "Env": st.dictionaries(PARAM_NAMES, VALUES, max_size=2),
    }
    lines = ["[[step]]", 'ServerID = "@evil@"', 'CMD = "true"', *draw(_lines(*STEP_KEYS))]
    for name in draw(st.sets(st.sampled_from(sorted(tables)), max_size=1)):
        inside = ", ".join(_line(*each) for each in draw(tables[name]).items())
        lines.append(f"{name} = {{ {inside} }}")
    if draw(st.booleans()):
        lines.append(f"Mask = [{_text(draw(st.sampled_from(PATTERNS)))}]")
    return lines


@st.composite
def _written(draw: st.DrawFn) -> bytes:
    """A task that is nearly valid."""
    name = draw(st.just("fuzz") | st.just("fuzz") | TEXT)
    lines = [_line("Name", _text(name)), *draw(_lines(*TASK_KEYS, *ODD_KEYS))]
    params, steps = st.lists(_params(), max_size=2), st.lists(_steps(), min_size=1, max_size=3)
    for each in (*draw(params), *draw(steps)):
        lines += each
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _times(form: str, count: int) -> bytes:
    """`form` so many times, each with its number for the `#`."""
    return "".join(form.replace("#", str(number)) for number in range(count)).encode()


FEARED = st.sampled_from([
    b"a" + b".a" * 5_000 + b" = 1", b"a = " + b"[" * 20_000, b"a = " + b"{b=" * 5_000,
    b'a = """' + b"\\" * 10_000, _times("[a#]\n", 3_000), _times("a# = 1\n", 10_000),
    _times("[[step]]\nCMD = 'x'\n", 2_000), _times("[a.b#.c.d.e.f.g.h]\n", 2_000),
    b"x" * (1 << 20),
    b'"' + b"\\u00e9" * 3_000 + b'" = 1', b"\xff\xfe", b"\xef\xbb\xbfName = 'a'",
    b"[a]\n" * 2,
    b"a = 1." + b"0" * 50_000, b"a = 1_" + b"0_" * 20_000 + b"0",
    b"[" * 5_000, b"a=" + b"-" * 9_999,
])  # fmt: skip
PARAMETERS = st.dictionaries(
    st.sampled_from(["version", "stage", "n", "lines", "source", "health_url", "pattern"]) | TEXT,
    st.sampled_from(["a" * 30, "1", "https://x/", "\x00", "$(id)", "a" * 8_192]) | TEXT,
    max_size=4,
)
SCHEDULES = st.fixed_dictionaries(
    {},
    optional={
        "cron": st.sampled_from(CRONS) | TEXT,
        "time_zone": st.sampled_from(ZONES) | TEXT,
        "overlap": st.sampled_from(["skip", "queue", "replace", "x"]),
        "catch_up": st.sampled_from(["none", "once", "all"]),
        "parameters": PARAMETERS,
    },
)
SPLICED = st.builds(
    lambda one, other, at: one[:at] + other[at:], TEMPLATES, TEMPLATES, st.integers(0, 600)
)
DEFINITIONS = st.one_of(
    _written(), _written(), damaged(TEMPLATES), damaged(_written()), SPLICED, FEARED
)


class Case(msgspec.Struct, frozen=True):
    """A definition, what it is planned with, and when it is due. Bodies are JSON."""

    definition: bytes
    is_toml: bool
    parameters: bytes
    schedule: bytes


class Tasks:
    """Definitions."""

    name = "toml"
    kind = Case

    def cases(self) -> SearchStrategy[Case]:
        return st.builds(
            Case, DEFINITIONS, st.booleans(), PARAMETERS.map(_json), SCHEDULES.map(_json)
        )

    def prepare(self, asker: Asker) -> None:
        """Nothing."""

    def try_one(self, asker: Asker, case: Case) -> None:
        """Everything that a saved task goes through; one that is refused is planned no further."""
        task = self._saved(asker, case)
        if task is None:
            return
        path = f"/api/v1/tasks/{task}"
        for sent in (
            Sent("viewer", "POST", f"{path}/plan", b'{"parameters":%s}' % case.parameters),
            Sent("viewer", "GET", path),
            Sent("operator", "PUT", path, _body(case.definition, revision=1)),
            Sent("trigger", "POST", f"{path}/execute", b'{"parameters":%s}' % case.parameters),
        ):
            _cancelled(asker, asker.ask(sent).body)
        self._schedule(asker, task, case)
        asker.ask(Sent("operator", "DELETE", path))

    def _saved(self, asker: Asker, case: Case) -> str | None:
        definition = asker.stage.filled(case.definition)
        body, kind = (definition, TOML) if case.is_toml else (_body(definition), JSON)
        answer = asker.ask(Sent("operator", "POST", "/api/v1/tasks", body, kind))
        if answer.status != 201:
            return None
        return str(json.loads(answer.body)["data"]["task"]["id"])

    def _schedule(self, asker: Asker, task: str, case: Case) -> None:
        wanted = json.loads(case.schedule)
        body = _json({"cron": "0 3 1 1 *", **wanted, "task_id": task})
        answer = asker.ask(Sent("operator", "POST", "/api/v1/schedules", body))
        if answer.status == 201:
            path = f"/api/v1/schedules/{json.loads(answer.body)['data']['id']}"
            asker.ask(Sent("viewer", "GET", f"{path}/next"))
            asker.ask(Sent("operator", "PATCH", path, _json(wanted)))
            asker.ask(Sent("operator", "DELETE", path))


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _body(definition: bytes, **more: Any) -> bytes:
    """As JSON: bytes that are no text become halves of characters."""
    return _json({"definition": definition.decode("utf-8", "surrogateescape"), **more})


def _cancelled(asker: Asker, answer: bytes) -> None:
    """Ends a run that was started."""
    found = json.loads(answer)["data"] if answer.startswith(b'{"code":0') else None
    if isinstance(found, dict) and "trigger" in found and "state" in found:
        asker.ask(Sent("operator", "POST", f"/api/v1/runs/{found['id']}/cancel"))
