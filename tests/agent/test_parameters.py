"""Values of parameters in real shells: they arrive as they are, and run nothing."""

import shutil
from pathlib import Path
from typing import Any

import pytest

EVIL = [
    "", " ", "  two  words  ", "a\nb", "\n", "trailing\n", "\t", "\r\n", "*", "?", "[a-z]*", "~",
    "~root", "$HOME", "${HOME}", "$(touch hacked)", "`touch hacked`", "$((1+1))", "; touch hacked",
    "&& touch hacked", "| touch hacked", "& touch hacked &", "> hacked", "< /etc/passwd", "'", '"',
    "\\", "'; touch hacked; '", '"; touch hacked; "', '" $(touch hacked) "', "'$(touch hacked)'",
    "-n", "--help", "-rf /", "#", '# a 5" disk', "!!", "{a,b}", "a[$(touch hacked)]", "x=1",
    "%s%n%d", "%PATH%", "\\x41\\n", "EOF\ntouch hacked\n", "() { :; }; touch hacked", "\x1b[2J",
    "\x01", "\u00e9", "e\u0301", "\U0001f600", "\u202e", "\ufeff", "x" * 8_192,
]  # fmt: skip
WAYS = [
    ("sh", 'printf %s "${v}"'),
    ("sh", '# a 5" disk\nprintf %s "${v}"'),
    ("sh", "# it's\nprintf %s \"$v\" # it's\n"),
    ("sh", "x=${v}; printf %s \"$x\""),
    ("sh", "sh -c 'printf %s \"$v\"'"),
    ("sh", "eval 'printf %s \"$v\"'"),
    ("sh", "printf %s \"$(printf %s. \"$v\")\" | sed '$ s/\\.$//'"),
    ("sh", "case ${v} in *) printf %s \"$v\";; esac"),
    ("sh", "awk 'BEGIN { printf \"%s\", ENVIRON[\"v\"] }'"),
    ("bash", '[[ -n ${v} || -z ${v} ]] && printf %s "${v}"'),
    ("bash", 'a=("${v}"); printf %s "${a[@]}"'),
    ("bash", "x=$v y=${v}; printf %s \"${x:-$y}\""),
    ("python3", "import os, sys\nsys.stdout.write(os.environ['v'])"),
    ("pwsh", "[Console]::Out.Write($env:v)"),
]  # fmt: skip


@pytest.mark.parametrize(("shell", "text"), WAYS)
def test_every_value_arrives_as_it_is_and_runs_nothing(
    job: Any, tmp_path: Path, shell: str, text: str
) -> None:
    """All values in one job: as many parameters, of which each is looked at in its turn."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    place = tmp_path / "place"
    place.mkdir()
    names = {f"p{number}": value for number, value in enumerate(EVIL)}
    for name, value in names.items():
        (place / name).write_bytes(value.encode())
    before = sorted(each.name for each in place.iterdir())
    script = "".join(renamed(text, name, shell) for name in names)
    done = job(None, script=script, shell=shell, env=names, path=str(place))
    result = done.end()
    assert (result["exit_code"], done.output(2)) == (0, b"")
    assert sorted(each.name for each in place.iterdir()) == before
    arrived = done.output(1).decode().split(BETWEEN)[:-1]
    assert arrived == EVIL


BETWEEN = "\x02<next>\x02"


def renamed(text: str, name: str, shell: str) -> str:
    """The script for one of the parameters, and what parts its output from the next one's."""
    after = {
        "python3": f"\nsys.stdout.write({BETWEEN!r})\n",
        "pwsh": "\n[Console]::Out.Write([char]2 + '<next>' + [char]2)\n",
    }.get(shell, "\nprintf '\\002<next>\\002'\n")
    places = (("${v}", f"${{{name}}}"), ("$v", f"${name}"), ("['v']", f"['{name}']"))
    for old, new in (*places, ("$env:v", f"$env:{name}"), ('["v"]', f'["{name}"]')):
        text = text.replace(old, new)
    return text + after


def test_a_command_is_run_as_it_was_written(job: Any, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    names = {f"p{number}": value for number, value in enumerate(EVIL)}
    command = "# it's a 5\" disk\n" + "".join(
        f"printf '%s\\002<next>\\002' \"${{{name}}}\"; printf %s '${{{name}}}' >&2\n"
        for name in names
    )
    done = job(command, env=names, path=str(place))
    assert done.end()["exit_code"] == 0
    assert done.output(1).decode().split(BETWEEN)[:-1] == EVIL
    assert done.output(2).decode() == "".join(f"${{{name}}}" for name in names)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_value_that_is_not_quoted_is_split_and_still_runs_nothing(
    job: Any, tmp_path: Path, shell: str
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    place = tmp_path / "place"
    place.mkdir()
    names = {f"p{number}": value for number, value in enumerate(EVIL)}
    lines = [f"printf '%s\\n' ${{{name}}} x${name}y > /dev/null\n" for name in names]
    done = job(None, script="".join(lines), shell=shell, env=names, path=str(place))
    assert done.end()["exit_code"] == 0
    assert list(place.iterdir()) == []
