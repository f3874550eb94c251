"""`plumber-cli token` and what a token with a scope sees, against the real control plane."""

from pathlib import Path
from typing import Any

from tests.contract.conftest import Cli
from tests.stack.live import LiveControlPlane

SOURCE = 'Name = "{}"\n[[step]]\nTargets = {{ All = true, AllowEmpty = true }}\nCMD = "true"\n'


class Holder(Cli):
    """The CLI with a token of its own."""

    def __init__(self, plane: LiveControlPlane, home: Path, token: str) -> None:
        super().__init__(plane, home)
        self._environment["PLUMBER_TOKEN"] = token


def test_a_token_is_narrowed_listed_and_held_to_its_scope(
    control_plane: Any, cli: Any, agent_process: Any, tmp_path: Path
) -> None:
    plane: LiveControlPlane = control_plane()
    command: Cli = cli(plane)
    agent = agent_process(plane)
    mine, other = command.apply(SOURCE.format("mine")), command.apply(SOURCE.format("other"))
    narrow = ("--task", "mine", "--label", "env=prod", "--group", "web", "--group", "db")
    made = command.json("token", "create", "ci", "--role", "trigger", *narrow)
    scope = {"tasks": [mine], "labels": {"env": "prod"}, "groups": ["web", "db"]}
    assert made["token"]["scope"] == scope
    _, out, _ = command.run("token", "list")
    (row,) = [line for line in out.decode().splitlines() if "  ci  " in line]
    assert "trigger  task mine, env=prod, group web, group db  bootstrap (token)  " in row
    _, out, _ = command.run("token", "create", "x", "--role", "viewer", "--group", "web")
    assert "for 'x', role viewer, only group web. Shown once:" in out.decode()

    holder = Holder(plane, tmp_path, made["secret"])
    assert [each["id"] for each in holder.json("task", "list")] == [mine]
    assert holder.json("agent", "list") == []
    code, _, err = holder.run("task", "show", other)
    assert (code, "There is no task" in err.decode()) == (1, True)
    code, _, err = holder.run("task", "run", "mine")
    assert (code, "outside of the scope" in err.decode()) == (3, True)
    command.run("agent", "label", agent.id, "env=prod")
    command.run("agent", "set", agent.id, "--group", "web")
    code, out, err = holder.run("task", "run", "mine")
    assert code == 0, err.decode()
    _, out, _ = holder.run("run", "list")
    assert "  mine  succeeded  ci (token)  " in out.decode()
    code, _, err = holder.run("token", "list")
    assert (code, "does not include" in err.decode()) == (3, True)

    code, _, err = command.run("token", "create", "y", "--role", "viewer", "--label", "nonsense")
    assert (code, "KEY=VALUE" in err.decode()) == (2, True)
