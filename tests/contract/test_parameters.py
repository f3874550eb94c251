"""Parameters with the real CLI and a real agent: what is said, and what arrives."""

from pathlib import Path
from typing import Any

from tests.stack.live import LiveControlPlane

TOML = """Name = "say"
[Params.v]
[[step]]
ServerID = "{agent}"
CMD = '''
# a 5" disk
printf '%s' "${{v}}"
{more}
'''
"""
EVIL = "$(touch hacked) `touch hacked`\n'; \" *"


def test_a_value_arrives_as_it_was_given_and_warnings_are_shown(
    control_plane: Any, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    plane: LiveControlPlane = control_plane()
    agent, run = agent_process(plane), cli(plane)
    file = tmp_path / "say.toml"
    file.write_text(TOML.format(agent=agent.id, more="ls -d ${v} > /dev/null 2>&1 || true"))
    code, out, err = run.run("task", "apply", str(file))
    assert (code, b"created" in out) == (0, True)
    expected = f"Warning: {file}:8: step[1].CMD: $v stands outside of double quotes"
    assert expected in err.decode()
    code, _, err = run.run("task", "plan", "say", "-p", "v=a")
    assert (code, "Warning: line 8: step[1].CMD: $v stands" in err.decode()) == (0, True)
    assert run.run("task", "run", "say", "-p", f"v={EVIL}")[0] == 0
    (made,) = run.json("run", "list")
    by = made["triggered_by"]["name"]
    assert [run.json("run", "list", "--by", who) for who in (by, "nobody")] == [[made], []]
    code, out, _ = run.run("run", "logs", made["id"], "--raw")
    assert (code, out.decode()) == (0, EVIL)
    assert not list(tmp_path.rglob("hacked"))


def test_a_value_that_could_run_something_is_refused_with_its_line(
    control_plane: Any, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    plane: LiveControlPlane = control_plane()
    agent, run = agent_process(plane), cli(plane)
    file = tmp_path / "say.toml"
    file.write_text(TOML.format(agent=agent.id, more="[[ ${v} -eq 6 ]]"))
    code, _, err = run.run("task", "apply", str(file))
    assert code == 2
    assert f"{file}:8: step[1].CMD: $v is used in arithmetic (-eq)" in err.decode()
