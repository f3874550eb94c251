"""The short run of `make fuzz`, with the same seeds each time, and what its judge notices."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local.environment import ROOT
from infra.local.processes import Processes
from tests.fuzz import __main__ as fuzz
from tests.fuzz import description
from tests.fuzz.asking import Asker, Fuzzer
from tests.fuzz.canary import Canary
from tests.fuzz.chunks import Chunks
from tests.fuzz.cursors import Cursors
from tests.fuzz.judge import Judge, Trial
from tests.fuzz.memory import SAMPLES_AT_LEAST, Memory, grown
from tests.fuzz.rounds import batch
from tests.fuzz.rpc import Rpc
from tests.fuzz.shape import Wrong, judge
from tests.fuzz.stage import Stage
from tests.fuzz.toml import Tasks
from tests.fuzz.wire import NO_ANSWER, Answer, Connection, Sent
from tests.stack.live import AgentProcess, LiveControlPlane

SEED = 1
# Of each as many cases as all of them together take some twenty seconds.
SHORT: tuple[tuple[type[Fuzzer], int], ...] = ((Rpc, 120), (Tasks, 40), (Cursors, 120), (Chunks, 4))


def test_nothing_gets_in_and_nothing_gets_stuck(
    live_api: LiveControlPlane,
    live_processes: Processes,
    session_processes: Processes,
    agent_process: Callable[..., AgentProcess],
    tmp_path: Path,
) -> None:
    agent = agent_process(live_api)
    children = [*session_processes.children, *live_api.children, *live_processes.children]
    stage, told = Stage(live_api, agent, children), Judge(tmp_path)
    memory, canary = Memory(children), Canary(stage, told)
    memory.look()
    canary.start()
    for kind, cases in SHORT:
        fuzzer = kind()
        with closing(Asker(stage, told, fuzzer.name)) as asker:
            batch(fuzzer, asker, SEED, cases, lambda: False)
    canary.stop()
    description.carry_out(stage, told, tmp_path, SEED, "operator", description.SHORT)
    memory.look()
    stage.close()
    assert not told.failures, told.said()
    assert not memory.problems(), memory.said()
    assert stage.left_behind() == []
    assert set(told.asked) == {*(kind.name for kind, _ in SHORT), Canary.name, description.NAME}


# --- its end

TOLD = """
import os, signal, sys
signal.signal(signal.{name}, signal.SIG_IGN)  # as in the background of a shell
from tests.fuzz import __main__ as fuzz
fuzz.end_when_told()
try:
    os.kill(os.getpid(), signal.{name})
    signal.pause()
except KeyboardInterrupt:
    sys.exit(0 if fuzz.is_over(float("inf")) else 1)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_it_ends_when_it_is_told_to_wherever_it_was_started(name: str) -> None:
    program = [sys.executable, "-c", TOLD.format(name=name)]
    assert subprocess.run(program, cwd=ROOT, timeout=60, check=False).returncode == 0


def test_what_was_found_until_it_was_told_to_end_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found, stage = Judge(tmp_path), SimpleNamespace(children=[], left_behind=list)
    found.fail(Trial("rpc", 1, None), "something is wrong")

    def told(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fuzz, "_rounds", told)
    monkeypatch.setattr(fuzz, "Canary", lambda *_: SimpleNamespace(start=list, stop=list))
    any_stage: Any = stage
    assert fuzz._fuzz(any_stage, any_stage, found, argparse.Namespace()) == 1
    assert "something is wrong" in capsys.readouterr().out


# --- what the judge notices


def envelope(code: int = 0, message: str = "success", **more: Any) -> bytes:
    told = {"code": code, "message": message, "data": None, "timestamp": "2026-01-01T00:00:00Z"}
    return json.dumps({**told, **more}).encode()


JSON = {"content-type": "application/json"}
REST = Sent("admin", "GET", "/api/v1/runs")
RPC = Sent("evil", "POST", "/rpc")
FAULT = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"x"}}'
WRONG = {
    "no answer": (REST, NO_ANSWER, b""),
    "our fault": (REST, 500, envelope(5000)),
    "the gateway's words": (REST, 403, b'{"message": "Missing Authentication Token"}'),
    "a code of another status": (REST, 404, envelope(1001)),
    "success of a refusal": (REST, 400, envelope()),
    "more than the envelope": (REST, 200, envelope(trace="…")),
    "no message": (REST, 400, envelope(1001, "")),
    "no JSON": (REST, 200, b"Traceback"),
    "NaN": (REST, 200, envelope(data=float("nan"))),
    "half of a character": (REST, 200, envelope(data="\ud800")),
    "a name twice": (REST, 200, envelope()[:-1] + b', "code": 0}'),
    "a fault of a method": (RPC, 200, FAULT),
    "a fault in a batch": (RPC, 200, b"[%s]" % FAULT),
    "an empty batch": (RPC, 200, b"[]"),
    "result and error": (RPC, 200, FAULT[:-1] + b',"result":1}'),
    "neither": (RPC, 200, b'{"jsonrpc":"2.0","id":1}'),
    "an answer to notifications": (RPC, 204, b"{}"),
    "no version": (RPC, 200, b'{"id":1,"result":1}'),
}  # fmt: skip
RIGHT = {
    "success": (REST, 200, envelope()),
    "a refusal": (REST, 404, envelope(2001, "There is no such agent.")),
    "a redirection": (REST, 302, b""),
    "a result": (RPC, 200, b'{"jsonrpc":"2.0","id":null,"result":{}}'),
    "notifications": (RPC, 204, b""),
    "nobody": (RPC, 401, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"x"}}'),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "status", "body"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(sent: Sent, status: int, body: bytes) -> None:
    with pytest.raises(Wrong):
        judge(sent, Answer(status, JSON, body, 0.1))


@pytest.mark.parametrize(("sent", "status", "body"), RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_not(sent: Sent, status: int, body: bytes) -> None:
    judge(sent, Answer(status, JSON, body, 0.1))


TRIAL = Trial("rpc", 7, Sent("evil", "POST", "/rpc", b"\xff"))


def note(told: Judge, *seconds: float) -> None:
    """An answer that took so long, and so long each time that it was asked for again."""
    first, *more = (Answer(200, JSON, envelope(), each) for each in seconds)
    again = iter(more)
    told.note(TRIAL, REST, first, lambda: next(again))


def test_an_answer_is_slow_if_it_is_slow_each_time(tmp_path: Path) -> None:
    told = Judge(tmp_path, slowness=lambda: 2.0)
    note(told, 1.9)
    note(told, 3.9)
    note(told, 9.0, 0.1)
    note(told, 9.0, 9.0, 3.9)
    assert (sum(told.failures.values()), told.slow_once) == (0, 3)
    note(told, 9.0, 4.1, 4.1)
    assert sum(told.failures.values()) == 1


def test_an_input_is_kept_with_its_seed_so_that_it_can_be_tried_again(tmp_path: Path) -> None:
    told = Judge(tmp_path, slowness=lambda: 1.0)
    for _ in range(9):
        told.note(TRIAL, RPC, Answer(500, JSON, b"oops", 0.1), lambda: pytest.fail("asked again"))
    assert told.failures == {"rpc: HTTP 500 POST /rpc": 9}
    kept = [json.loads(file.read_bytes()) for file in sorted(tmp_path.iterdir())]
    assert len(kept) == 3
    assert (kept[0]["seed"], kept[0]["answer"], kept[0]["case"]["body"]) == (7, "oops", "/w==")


def test_memory_that_grows_is_told_and_noise_and_warming_up_are_not() -> None:
    def sizes(*megabytes: float) -> list[int]:
        return [int(each * (1 << 20)) for each in megabytes]

    count = SAMPLES_AT_LEAST * 4
    noise = [100 + each % 7 * 5 for each in range(count)]
    warming = [min(300, 60 + each * 10) for each in range(count)]
    leaking = [100 + each * 100 / count * 2 for each in range(count)]
    assert grown(sizes(*noise)) is grown(sizes(*warming)) is None
    assert grown(sizes(*leaking)) is not None
    assert grown(sizes(*leaking[: SAMPLES_AT_LEAST - 1])) is None
    assert grown(sizes(100, 900, 100)) == "took 900 MB"


def test_a_process_that_ends_is_told(
    live_processes: Processes,
) -> None:
    child = live_processes.start("short-lived", ["sleep", "60"])
    stage = Stage.__new__(Stage)
    stage.children = [child]
    assert stage.dead() == []
    live_processes.kill(child)
    assert stage.dead() == ["short-lived"]


def test_what_the_scheduled_functions_leave_behind_is_told(live_processes: Processes) -> None:
    said = ["run R is left to a later round", "log R is left to a later round", "swept"]
    lines = "; ".join(f"echo 'plumber.due - ERROR - {each}' >&2" for each in said)
    child = live_processes.start("ticker", ["sh", "-c", f"{lines}; echo up >&2; sleep 60"])
    live_processes.wait_until(lambda: "up" in child.log.read_text(), 20, "What it says")
    stage = Stage.__new__(Stage)
    stage.children = [child]
    assert stage.left_behind() == [f"plumber.due - ERROR - {said[0]}"]


def test_a_connection_that_ends_without_an_answer_is_an_answer() -> None:
    answer = Connection("http://127.0.0.1:9").send("GET", "/", {}, b"")
    assert answer.status == NO_ANSWER
