"""In which order a run is told while it is followed."""

from typing import Any

import pytest

from plumber_cli import terminal
from plumber_cli.logs import Follower
from plumber_cli.watch import _progress


class Printed:
    """The output of one job, all of it there."""

    has_ended = True

    def __init__(self, text: str) -> None:
        self._left = [text]

    def print_new(self, *, wait_seconds: float = 0) -> None:
        while self._left:
            terminal.say(self._left.pop())

    def finish(self) -> None:
        assert not self._left


def step(number: int) -> dict[str, Any]:
    ended = "2026-01-01T00:00:00Z"
    job = {
        "id": f"{number}-a",
        "agent_name": "a",
        "state": "succeeded",
        "reason": None,
        "agent_status": None,
    }
    job |= {"started_at": ended, "ended_at": ended, "exit_code": 0, "duration_seconds": 0.1}
    return {"number": number, "name": "step", "progress": {"total": 1}, "jobs": [job]}


def test_of_two_steps_that_ended_since_the_last_look_each_is_told_after_its_own_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    follower: Any = Follower(lambda step, job: Printed(f"output of {step['number']}"))  # type: ignore[arg-type, return-value]
    shown: dict[str, str] = {}
    assert _progress({"steps": [step(1), step(2)]}, shown, follower)
    told = [
        line.split("  ")[0] or line.split("  ")[1] for line in capsys.readouterr().out.splitlines()
    ]
    assert told == ["output of 1", "1. step", "output of 2", "2. step"]
    assert not _progress({"steps": [step(1), step(2)]}, shown, follower)
