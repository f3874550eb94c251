"""What is said of the use of parameters in commands, and what is refused."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.tasks.param import Param, ParamType
from chalicelib.tasks.param_lint import MAX_FINDINGS, MOST_PLACES, Finding, lint, refuse
from chalicelib.tasks.shell_uses import SHELLS, TooDeep, scan
from chalicelib.tasks.task_toml import parse
from chalicelib.tasks.toml_table import InvalidDefinition

HEAD = """Name = "t"
[Params.v]
[Params.n]
Type = "integer"
[Params.p]
Pattern = "[a-z0-9.-]+"
[Params.c]
Choices = ["start", "stop"]
[[step]]
Targets = { All = true }
"""
FIRST = 13  # the line of a script's text


def said(script: str, shell: str = "bash", head: str = HEAD) -> tuple[Finding, ...]:
    assert "'''" not in script
    source = f"{head}Shell = '{shell}'\nScript = '''\n{script}'''\n"
    return lint(source, parse(source))


def words_of(script: str, shell: str = "bash") -> list[str]:
    """The word by which each finding is known, with a ! where it is refused."""
    known = {
        "outside of double": "bare", "is a pattern": "pattern", "single quotes": "literal",
        "in arithmetic": "arithmetic", "names a variable": "name", "like a prompt": "prompt",
        "names the program": "command", "part of a program": "code", "too deeply": "deep",
    }  # fmt: skip
    return sorted(
        next(word for text, word in known.items() if text in each.message) + "!" * each.is_refused
        for each in said(script, shell)
    )


HARMLESS = [
    'echo "$v" "${v}" "a $v b"',
    "x=$v",
    'x="$v" y=$v make',
    "export x=$v",
    "case $v in a) ;; esac",
    "[[ -n $v && $v = a ]]",
    'cat <<EOF\n$v "${v}"\nEOF',
    "cat <<< $v",
    'echo "$(echo "$v")"',
    'echo "`echo "$v"`"',
    'dnf upgrade ${v:+"$v"}',
    'echo "${v:-$v}" "${v#a}" "${v//a/b}"',
    "echo ${#v} $(( ${#v} + 1 ))",
    "echo \\${v} \\$v",
    "# $v ${v} $((v)) it's a 5\" disk\n",
    "echo a#b; # ' $v\n",
    "sh -c 'echo \"$v\"'",
    "eval 'echo \"$v\"'",
    "trap 'rm -f \"$v\"' EXIT",
    "bash <<'EOF'\necho \"$v\"\nEOF",
    '[ "$v" -eq 6 ]',
    'test "$v" -gt 6',
    "echo $n $p $c",
    "echo $((n * 86400)) $(($n + 1)); ((n++)); let n+=1; [[ $n -eq 6 ]]; echo ${a[$n]} ${a:$n}",
    "$c now",
    'eval "start $p"',
    "sh -c \"echo $p\"",
    'awk -v x="$v" \'{ print x }\' "$v"',
    'sed -e "s/a/b/" "$v"',
    'for x in a "$v"; do echo "$x"; done',
    'lines=$(wc -l < "$v"); echo $((lines + 1))',
    'a=("$v" b); echo "${a[@]}" "${a[0]}"',
    'ssh host "ls"',
    'find / -name "$v" -exec rm {} \\;',
    "envsubst '${v}' < template",
    'f() { local x="$1"; echo "$x"; }; f "$v"',
    'if [ -n "$v" ]; then echo; fi | while read -r l; do echo "$l"; done',
    "echo $(( $(stat -c %Y \"$v\") + 1 ))",
    "echo $'a\\'$v' \"$v\"",
    'echo ${other} $HOME',
    'echo "a" >"$v" 2>&1 <"$v"',
]  # fmt: skip


@pytest.mark.parametrize("script", HARMLESS)
def test_nothing_is_said_of_what_is_right(script: str) -> None:
    assert said(script) == ()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        # Split, and matched with names of files.
        ("echo $v", ["bare"]),
        ("echo ${v} x${v}y", ["bare"]),
        ('echo "a"$v"b"', ["bare"]),
        ("echo \"a\" ' ' ${v:-x}", ["bare"]),
        ("echo ${v:-$v}", ["bare"]),
        ("echo `echo $v`", ["bare"]),
        ('echo "$(echo $v)"', ["bare"]),
        ('echo "`echo $v`"', ["bare"]),
        ("# a 5\" disk\necho $v", ["bare"]),
        ("# it's\necho $v # it's\n", ["bare"]),
        ("cat <<EOF\n$(echo $v)\nEOF\n", ["bare"]),
        ("cat <<EOF\n'\nEOF\necho $v\n", ["bare"]),
        ("cat <<-'E F'\n\t'\n\tE F\necho $v\n", ["bare"]),
        ("cat <<a <<b\n'\na\n\"\nb\necho $v\n", ["bare"]),
        ("for x in $v; do :; done", ["bare"]),
        ("x=$v; rm $x", ["bare"]),
        ('x="$v"; y=$x; z="${y}"; rm $z', ["bare"]),
        ("case a in a) echo $v;; esac", ["bare"]),
        ("x=$(case a in (a) echo 1;; b) echo 2;; esac); echo $v", ["bare"]),
        ("a=($v)", ["bare"]),
        ("cat > $v", ["bare"]),
        ("sh -c 'rm $v'", ["bare"]),
        ("sudo -u x bash -ec 'rm $v'", ["bare"]),
        ("eval 'rm $v'", ["bare"]),
        ("bash <<'EOF'\nrm $v\nEOF", ["bare"]),
        ("( { echo $v; } )", ["bare"]),
        ("if ! echo $v; then :; fi", ["bare"]),
        ("x=1 echo $v", ["bare"]),
        ("echo ${x#$v}", ["pattern"]),
        ("echo $((cat $v) | wc)", ["bare"]),
        ("diff <(cat $v) -", ["bare"]),
        ("echo \\\\$v", ["bare"]),
        ("echo $(( 1 )) $v", ["bare"]),
        # Matched.
        ("[[ a == $v ]]", ["pattern"]),
        ("[[ a =~ ^($v|b)$ ]]", ["pattern"]),
        ("case a in $v) ;; esac", ["pattern"]),
        # Not a variable at all.
        ("echo '${v}'", ["literal"]),
        ("cat <<'EOF'\n${v}\nEOF\n", ["literal"]),
        # Programs.
        ("$v now", ["command"]),
        ('"$v" now', ["command"]),
        ('./bin/"$p"', ["command"]),
        ('exec "$v"', ["command"]),
        ('sudo -u www env A=1 "$v"', ["command"]),
        ('. "$v"', ["command"]),
        ('eval "$v"', ["code"]),
        ('eval "echo $v"', ["code"]),
        ('sh -c "echo ${v}"', ["code"]),
        ('sh -c "echo \'${v}\'"', ["code"]),
        ('sudo -u x bash -ec "rm $v"', ["code"]),
        ('docker exec c sh -c "rm $v"', ["code"]),
        ('find . -exec sh -c "rm $v" \\;', ["code"]),
        ('ssh -p 22 host "rm $v"', ["code"]),
        ("ssh host rm \"$v\"", ["code"]),
        ('trap "rm $v" EXIT', ["code"]),
        ('python3 -c "print(\'$v\')"', ["code"]),
        ('awk "/$v/" f', ["code"]),
        ('sed -n "s/a/$v/" f', ["code"]),
        ("bash <<EOF\nrm $v\nEOF", ["code"]),
        ("sudo python3 - <<EOF\nprint('$v')\nEOF", ["code"]),
        ('su - www -c "rm $v"', ["code"]),
        # Evaluated.
        ("echo $((v))", ["arithmetic!"]),
        ("echo $(( $v + 1 ))", ["arithmetic!"]),
        ("echo $(( ${v} + 1 ))", ["arithmetic!"]),
        ('echo "$(( ${v} + 1 ))"', ["arithmetic!"]),
        ("echo $[v]", ["arithmetic!"]),
        ("((v > 1)) && echo", ["arithmetic!"]),
        ("(( x = 1 + ( v ) ))", ["arithmetic!"]),
        ("for ((i = 0; i < v; i++)); do :; done", ["arithmetic!"]),
        ("[[ ${v} -eq 6 ]]", ["arithmetic!"]),
        ('[[ "$v" -eq 6 ]]', ["arithmetic!"]),
        ("[[ 6 -lt $v ]]", ["arithmetic!"]),
        ("[[ v -lt 6 ]]", ["arithmetic!"]),
        ("[[ -n a && ! $v -lt 6 ]]", ["arithmetic!"]),
        ("let x=v+1", ["arithmetic!"]),
        ('let "x = $v"', ["arithmetic!"]),
        ("declare -i x=$v", ["arithmetic!", "arithmetic!"]),
        ("declare -i x; x=$v", ["arithmetic!"]),
        ("echo ${a[v]}", ["arithmetic!"]),
        ('echo "${a[$v]}"', ["arithmetic!"]),
        ("a[$v]=1", ["arithmetic!"]),
        ("a[v]=1", ["arithmetic!"]),
        ("echo ${x:v:2}", ["arithmetic!"]),
        ("echo ${x:0:$v}", ["arithmetic!"]),
        ("cat <<EOF\n$((v))\nEOF", ["arithmetic!"]),
        ("x=$v; echo $((x))", ["arithmetic!"]),
        ('x="${v}"; [[ $x -eq 1 ]]', ["arithmetic!"]),
        ('for x in "$v"; do echo $((x)); done', ["arithmetic!"]),
        ('local x="$v"; ((x))', ["arithmetic!"]),
        (': "${x:=$v}"; ((x))', ["arithmetic!"]),
        ("sh -c 'echo $((v))'", ["arithmetic!"]),
        ("echo $((c))", ["arithmetic!"]),
        ("echo $((p))", ["arithmetic!"]),
        ("echo ${!v}", ["name!"]),
        ('printf -v "$v" x', ["name!"]),
        ('[ -v "$v" ]', ["name!"]),
        ('[[ -v $v ]]', ["name!"]),
        ('unset "a[$v]"', ["name!"]),
        ('read "$v"', ["name!"]),
        ('declare "$v"', ["name!"]),
        ("declare -n r=$v", ["name!"]),
        ('echo "${v@P}"', ["prompt!"]),
        ("$(" * 50 + "echo $v" + ")" * 50, ["deep!"]),
        ("$((" + "(" * 500 + "v", ["deep!"]),
    ],
)  # fmt: skip
def test_what_a_value_could_do_is_said(script: str, expected: list[str]) -> None:
    assert words_of(script) == expected


@pytest.mark.parametrize(
    ("shell", "script", "expected"),
    [
        ("sh", "echo $((v))", ["arithmetic!"]),
        ("/bin/busybox/ash", "echo $v", ["bare"]),
        ("sh", "export x=$v", ["bare"]),
        ("/usr/bin/zsh", "echo $v", []),
        ("/bin/ksh", '[ "$v" -eq 6 ]', ["arithmetic!"]),
        ("/usr/bin/perl", "print $v", []),
    ],
)
def test_each_shell_has_its_own_rules(shell: str, script: str, expected: list[str]) -> None:
    assert words_of(script, shell) == expected


@pytest.mark.parametrize(
    ("shell", "script", "says", "is_refused"),
    [
        ("python3", "import os\nprint('${v}')", 'Write os.environ["v"].', False),
        ("pwsh", "# $v\nWrite-Output $v", "does not know $v. Write $env:v.", False),
        ("pwsh", '\nWrite-Output "${V}"', "Write $env:v.", False),
        ("pwsh", '\niex "ls $env:v"', "$env:v becomes a part of a program", False),
        ("/mnt/c/cmd.exe", "rem\necho %V%", "puts the value of %V% into", True),
        ("/mnt/c/cmd.exe", "rem\necho %v:a=b%", "puts the value of", True),
    ],
)
def test_other_interpreters_have_other_rules(
    shell: str, script: str, says: str, is_refused: bool
) -> None:
    (found,) = said(script, shell)
    assert says in found.message
    assert (found.line, found.is_refused) == (FIRST + 1, is_refused)


@pytest.mark.parametrize(
    ("shell", "script"),
    [
        ("python3", "import os\nprint(os.environ['v'], '${other}')"),
        ("pwsh", "$v = 1\nWrite-Output $v $env:v ${env:v} $version $v2"),
        ("pwsh", "param([string]$v)\nforeach ($p in 1) { $v + $p }"),
        ("pwsh", 'iex "ls $env:p"'),
        ("/mnt/c/cmd.exe", "echo %p% %other% %%v%%"),
    ],
)
def test_other_interpreters_are_left_alone_where_nothing_is_wrong(shell: str, script: str) -> None:
    assert [each.message for each in said(script, shell)] == []


# --- where


def test_a_finding_has_its_line_and_key() -> None:
    (found,) = said("set -eu\n\necho $v\n")
    assert (found.line, found.key, found.is_refused) == (FIRST + 2, "step[1].Script", False)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("CMD = 'echo $v'", 11),
        ('CMD = "echo \\"a\\" $v"', 11),
        ('CMD = """\ntrue\necho $v"""', 13),
        ("CMD = '''\n\ntrue\necho $v'''", 14),
        ("CMD = '''true\necho $v'''", 12),
        ('CMD = """true\n\\techo $v"""', 11),  # written otherwise than it is: the key's line
        ("CMD = '''\r\ntrue\r\necho $v'''", 13),
    ],
)
def test_lines_are_those_of_the_definition(text: str, line: int) -> None:
    source = f"{HEAD}{text}\n"
    assert [each.line for each in lint(source, parse(source))] == [line]


def test_the_same_text_in_two_steps_is_told_apart() -> None:
    step = "[[step]]\nTargets = { All = true }\nCMD = 'echo $v'\n"
    source = f'Name = "t"\n[Params.v]\n{step}{step}'
    found = [(each.line, each.key) for each in lint(source, parse(source))]
    assert found == [(5, "step[1].CMD"), (8, "step[2].CMD")]


def test_nothing_is_filled_in_beside_commands() -> None:
    source = (
        'Name = "t"\n[Params.v]\n[[step]]\nPath = "/srv/${v}"\nCMD = "true"\n'
        'Env = { A = "${v}", B = "$v ${w}" }\nTargets = { Labels = { role = "${v}" } }\n'
    )
    found = lint(source, parse(source))
    assert [(each.line, each.key) for each in found] == [
        (4, "step[1].Path"), (6, "step[1].Env.A"), (7, "step[1].Targets"),
    ]  # fmt: skip
    assert all("stays as it is written" in each.message for each in found)


@pytest.mark.parametrize(("text", "places"), [("$v;", 2), ("`", 1), ("a|", 1), ("a&&", 2)])
def test_a_definition_with_too_many_places_is_refused_and_not_looked_at(
    text: str, places: int
) -> None:
    """Seven steps with nothing but `$v;` took two seconds, of whoever may read tasks."""
    count = MOST_PLACES // places // 4
    step = f'[[step]]\nTargets = {{ All = true }}\nCMD = "{text * count}"\n'
    few, many = f'Name = "t"\n[Params.v]\n{step * 4}', f'Name = "t"\n[Params.v]\n{step * 5}'
    assert not any("too many" in each.message for each in lint(few, parse(few)))
    (found,) = (each for each in lint(many, parse(many)) if "too many" in each.message)
    assert (found.is_refused, found.key) == (True, "step[5].CMD")
    without = many.replace("[Params.v]\n", "")
    assert lint(without, parse(without)) == ()


def test_what_is_refused_comes_first_and_is_raised_with_its_place() -> None:
    found = said("echo $v\necho $((v))\n")
    assert [each.is_refused for each in found] == [True, False]
    with pytest.raises(
        InvalidDefinition, match=r"line 14, step.1..Script: .*in arithmetic"
    ) as caught:
        refuse(found)
    place = {"line": 14, "column": None, "key": "step[1].Script"}
    error = {"message": caught.value.message, **place}
    assert caught.value.details == {**place, "errors": [error]}, (
        "what is no more than a warning is no fault"
    )
    refuse(said("echo $v\n"))


def test_the_same_is_said_once_for_a_line_and_not_without_end() -> None:
    assert len(said("echo $v $v ${v}\n")) == 1
    assert len(said("echo $v\n" * 1_000)) == MAX_FINDINGS


def test_a_task_without_parameters_is_not_looked_at() -> None:
    assert said("echo $v $((v))", head='Name = "t"\n[[step]]\nTargets = { All = true }\n\n') == ()


# --- against the shells themselves

_PIECES = st.lists(
    st.sampled_from(
        ["$v", "${v}", '"', "'", "`", "$(", ")", "((", "))", "$((", "[[ ", " ]]", "{", "}", "<<E\n",
         "E\n", "\n", "\\", " ", ";", "#", "case x in ", "a) ", ";; ", " esac", "x=", "(", "${v:-",
         "[", "]", "<(", "|", "&", "$'", '$"', "for x in ", "let ", "$["]
    ),
    max_size=14,
)  # fmt: skip


@given(_PIECES, st.sampled_from(SHELLS))
@example(["case x in "], "sh")
@example(["[[ ", "<(", ";"], "bash")
def test_any_text_can_be_read(pieces: list[str], shell: str) -> None:
    text = "".join(pieces)
    try:
        found = scan(text, shell)
    except TooDeep:
        return
    assert all(0 <= use.line <= text.count("\n") for use in found.uses)


EVIL = "a[$(touch hacked)]"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
@pytest.mark.parametrize(
    "script",
    [
        "echo $((v))",
        "[[ ${v} -eq 6 ]]",
        "let x=v",
        "declare -i x=$v",
        'printf -v "$v" x',
        '[ -v "$v" ]',
        'x=$v; y=a; echo "${y:x}"',
        "echo ${z[$v]}",
        'echo "${!v}"',
        'a=(1); unset "$v"',
    ],
)
def test_bash_runs_a_value_in_what_is_refused(script: str, tmp_path: Path) -> None:
    """Why these are refused: bash as it is."""
    ran = run("bash", script, EVIL, tmp_path)
    assert ran == ["hacked"]
    assert any(each.is_refused for each in said(script))


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("script", HARMLESS)
def test_a_shell_runs_no_value_in_what_is_not_refused(
    shell: str, script: str, tmp_path: Path
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    for value in (
        EVIL,
        "$(touch hacked)",
        "`touch hacked`",
        "; touch hacked",
        '"; touch hacked; "',
    ):
        assert "hacked" not in run(shell, script, value, tmp_path)


def run(shell: str, script: str, value: str, directory: Path) -> list[str]:
    """Runs it in a place where next to no program is found; answers what is there then."""
    programs = directory / "bin"
    programs.mkdir(exist_ok=True)
    for name in ("touch", "sh", "bash", "cat", "awk"):
        if (found := shutil.which(name)) and not (programs / name).exists():
            (programs / name).symlink_to(found)
    place = directory / "place"
    place.mkdir(exist_ok=True)
    variables = {"v": value, "n": "7", "p": "a-b", "c": "start", "PATH": str(programs)}
    subprocess.run(
        [str(shutil.which(shell)), "-c", script],
        env=variables, cwd=place, capture_output=True, stdin=subprocess.DEVNULL, timeout=20,
    )  # fmt: skip
    return [each.name for each in place.iterdir()]


def test_a_whole_number_is_no_code_in_arithmetic(tmp_path: Path) -> None:
    it = Param("n", type=ParamType.INTEGER)
    assert it.problem(EVIL) is not None
    assert run("sh", ': "$((n + 1))"', "", tmp_path) == []
