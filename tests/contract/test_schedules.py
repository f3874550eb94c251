"""`plumber-cli schedule` against the real control plane."""

from typing import Any

from tests.contract.conftest import Cli
from tests.stack.live import LiveControlPlane

SOURCE = 'Name = "nightly"\n[[step]]\nTargets = { All = true, AllowEmpty = true }\nCMD = "true"\n'


def test_a_schedule_is_made_paused_resumed_and_deleted(control_plane: Any, cli: Any) -> None:
    plane: LiveControlPlane = control_plane()
    command: Cli = cli(plane)
    command.apply(SOURCE)
    zone = ("--time-zone", "Europe/Berlin")
    made = command.json("schedule", "create", "nightly", "0 3 1 1 *", *zone, "--overlap", "queue")
    assert (made["overlap"], made["catch_up"], made["paused"]) == ("queue", "none", False)

    code, out, _ = command.run("schedule", "next", made["id"])
    headings, *rows = out.decode().splitlines()
    assert (code, headings.split(), len(rows)) == (0, ["THERE", "UTC", "WHEN"], 10)
    assert "-01-01T03:00:00+01:00  " in rows[0]
    assert "-01-01T02:00:00Z  in " in rows[0]

    assert command.json("schedule", "pause", made["id"])["next_due_at"] is None
    _, out, _ = command.run("schedule", "list", "--task", "nightly")
    row = out.decode().splitlines()[1]
    assert row == f"{made['id']}  nightly  0 3 1 1 *  Europe/Berlin  paused  -     -"
    assert command.json("schedule", "resume", made["id"]) == made

    code, _, err = command.run("schedule", "create", "nightly", "0 3 * *")
    assert (code, "has 4 fields" in err.decode()) == (2, True)
    code, out, _ = command.run("schedule", "delete", made["id"], "--yes")
    assert (code, out.decode()) == (0, f"Schedule {made['id']} is deleted.\n")
    assert command.json("schedule", "list") == []
