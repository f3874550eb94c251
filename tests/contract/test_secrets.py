"""Secret parameters with the real CLI and a real agent."""

import json
from pathlib import Path
from typing import Any

from tests.stack.live import LiveControlPlane

VALUE, OTHER = "hunter2-is-nowhere", "swordfish-is-nowhere"
TOML = """
Name = "login"
[Params.password]
Secret = true
[[step]]
ServerID = "{agent}"
CMD = 'echo "got $password"; test ${{#password}} = 20'
"""


def test_a_secret_reaches_the_command_alone_and_a_retry_asks_for_it_again(
    control_plane: Any, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    plane: LiveControlPlane = control_plane()
    agent, run = agent_process(plane), cli(plane)
    task_id = run.apply(TOML.format(agent=agent.id))
    told = [run.run("task", "run", task_id, "-p", f"password={VALUE}", "--logs")]
    assert told[0][0] == 1, "it has another length"
    assert b"got ***" in told[0][1]
    (first,) = run.json("run", "list")
    told += [run.run("run", "retry", first["id"]), run.run("run", "show", first["id"])]
    assert told[1][0] == 2
    assert b"give password again" in told[1][2]
    told.append(run.run("run", "retry", first["id"], "-p", f"password={OTHER}", "--logs"))
    assert (told[3][0], b"got ***" in told[3][1]) == (0, True)
    said = json.dumps(run.json("run", "list")).encode() + b"".join(o + e for _, o, e in told)
    kept = b"".join(
        path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix in (".log", ".json", ".txt")
    )
    for value in (VALUE, OTHER):
        assert value.encode() not in said + kept
