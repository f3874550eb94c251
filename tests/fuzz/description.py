"""schemathesis, with all its checks, on the API's own description, as each role in turn.

It makes its requests itself, in a process of its own, and uses what it is answered: it cancels,
changes and removes whatever it finds. So it has a control plane for itself. What it finds stays in
its report, beside the kept inputs, each with a call of curl and the seed that makes it again.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chalicelib.reader import Reader
from infra.local.environment import ROOT
from tests.fuzz.hooks import ANSWERS, Line
from tests.fuzz.judge import LIMIT_SECONDS, Judge, Trial
from tests.fuzz.stage import NARROW, Stage
from tests.fuzz.wire import Answer, Sent

NAME = "schemathesis"
PROGRAM = str(Path(sys.executable).parent / NAME)
CONFIG = str(Path(__file__).parent / "schemathesis.toml")
CALLERS = ("admin", "viewer", "operator", NARROW, "trigger")
# It uses ids that it was answered: without these it goes on as who it is.
ITSELF = ("--exclude-path", "/api/v1/tokens/{token_id}")
LONG = (
    ("--phases", "fuzzing", *ITSELF),
    ("--phases", "examples,coverage"),
    ("--phases", "stateful", *ITSELF),
)
SHORT = ("--phases", "fuzzing", "--max-examples", "1", *ITSELF)
LONGEST_SECONDS = 600.0  # examples and coverage are as many as they are
_LINES: Reader[Line] = Reader(Line)


def round_of(stage: Stage, judge: Judge, directory: Path, seed: int, seconds: int) -> None:
    """One run of so many seconds at most; each seed is another caller, and another phase."""
    caller = CALLERS[seed % len(CALLERS)]
    phase = LONG[seed % len(LONG)]
    carry_out(stage, judge, directory, seed, caller, (*phase, "--max-time", str(seconds)))


def carry_out(
    stage: Stage, judge: Judge, directory: Path, seed: int, caller: str, options: Sequence[str]
) -> None:
    """One run, whose output stays in the directory when it has found something."""
    token = stage.token(caller)
    trial = Trial(NAME, seed, {"caller": caller, "options": list(options)})
    judge.tried[NAME] += 1
    with tempfile.TemporaryDirectory(prefix="plumber-schemathesis-") as name:
        place = Path(name)
        (place / "answers").touch()
        limit = LIMIT_SECONDS * 2 * judge.slowness()  # beside others, and asked for once only
        command = [
            PROGRAM, "--config-file", CONFIG, "--no-color", "run", str(ROOT / "docs/openapi.json"),
            "--url", stage.plane.url, "--checks", "all", "--seed", str(seed), "--warnings", "off",
            "--max-response-time", str(limit), "--continue-on-failure", "--no-shrink",
            "--generation-database", "none", "--output-sanitize", "true",
            "--header", f"Authorization: Bearer {token}",
            "--report", "json", "--report-json-path", str(place / "report.json"), *options,
        ]  # fmt: skip
        own = {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", ANSWERS: str(place / "answers")}
        found = subprocess.run(
            command, cwd=place, env={**os.environ, **own, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=LONGEST_SECONDS,
        )  # fmt: skip
        _absorb(judge, trial, (place / "answers").read_bytes())
        report = place / "report.json"
        problems = list(_problems(json.loads(report.read_bytes()) if report.exists() else None))
    for problem in problems:
        judge.fail(trial, problem)
    if problems:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{NAME}-{caller}-{seed}.txt").write_bytes(found.stdout)


def _absorb(judge: Judge, trial: Trial, lines: bytes) -> None:
    for text in lines.splitlines():
        line = _LINES.json(text)
        sent = Sent("", line.method, line.path, line.sent.encode())
        answer = Answer(line.status, {}, line.answer.encode(), line.seconds)
        judge.count(trial, sent, answer)
        if line.problem is not None:
            judge.fail(trial, line.problem, sent, answer)


def _problems(report: Any) -> Sequence[str]:
    """What it has found, each with its routes."""
    if report is None:
        return ["it could not run; see its output"]
    found = [
        f"{each['code']} {each['title']}: {operation}"
        for each in report["failures"]
        for operation in each["operations"]
    ]
    return found + [f"error: {json.dumps(each)[:200]}" for each in report["errors"]]
