"""What a command of the shell does with the variables in its words. Pure."""

import re
from collections.abc import Sequence

import msgspec

from chalicelib.tasks.shell_words import NAME, How, Use, Word, Words

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_COMPARISON = re.compile(r"-(?:eq|ne|lt|le|gt|ge)")
_DURATION = re.compile(r"[0-9.]+[smhd]?")
# They run the command that follows them; with the letters of those options that have a value.
_WRAPPERS = {
    **dict.fromkeys(("command", "builtin", "nohup", "setsid", "time"), ""),
    "env": "uC", "sudo": "ughpCDRTU", "doas": "uC", "exec": "a", "nice": "n", "ionice": "cnpP",
    "timeout": "ks", "stdbuf": "ioe", "xargs": "aEIiLnPsd",
}  # fmt: skip
_SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"))
_EVALUATING_TEST = frozenset(("ksh", "mksh", "zsh"))  # in `[ … -eq … ]` too
# Who reads a program from an argument, behind which option.
_SHELL_OPTION = re.compile(r"-[a-zA-Z]*c")
_PROGRAM_OPTION = {
    **dict.fromkeys(_SHELLS, _SHELL_OPTION),
    **dict.fromkeys(("python", "python3", "su", "runuser", "psql"), _SHELL_OPTION),
    **dict.fromkeys(("perl", "ruby", "node", "mysql", "sed"), re.compile(r"-[a-zA-Z]*[eE]")),
    "php": re.compile(r"-r"),
    "pwsh": re.compile(r"-c|-command", re.IGNORECASE),
}
# Who reads one from the first argument, or, ssh, from all but that; the options with a value.
_PROGRAM_FIRST = {
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), "vFf"),
    "sed": "efl",
    "ssh": "bcDEeFIiJLlmOopQRSWw",
    "trap": "",
}
_DECLARING = frozenset(("export", "readonly", "local", "declare", "typeset"))
_NAMING = frozenset(("unset", "read", "mapfile", "readarray", "getopts"))
_READS_CODE = frozenset((*_PROGRAM_OPTION, "ssh", "sqlite3", "bc")) - {"sed"}
_LITERAL_IS_MEANT = frozenset(("envsubst", "find", "jq", "alias", "ssh"))


def is_interpreter(program: str) -> bool:
    """Whether what it reads from a here-document is a program."""
    return program in _READS_CODE


class Command(msgspec.Struct):
    """The words of a command, redirections left out."""

    words: list[Word] = msgspec.field(default_factory=list)

    def judge(self, script: Words) -> str:
        """Notes what becomes of its variables; answers the program's name."""
        words, at = self.words, 0
        while at < len(words) and (found := _ASSIGNMENT.match(words[at].text)):
            script.assigned += [(found[1], part.name) for part in words[at].parts]
            script.note(words[at], How.WHOLE)
            at += 1
        words = words[at:]
        if not words:
            return ""
        at = _program_at(words)
        for word in words[:at]:
            script.note(word, How.BARE)
        program = words[at].text.rpartition("/")[2]
        _judge(script, program, words[at], words[at + 1 :])
        return program


def _program_at(words: Sequence[Word]) -> int:
    """Where the program's name stands, behind `sudo`, `timeout 10` and the like."""
    at = 0
    while (valued := _WRAPPERS.get(words[at].text.rpartition("/")[2])) is not None:
        following = _behind_options(words, at + 1, valued)
        while following < len(words) and (
            _DURATION.fullmatch(words[following].text) or _ASSIGNMENT.match(words[following].text)
        ):
            following += 1
        if following >= len(words):
            break
        at = following
    return at


def _behind_options(words: Sequence[Word], at: int, valued: str) -> int:
    while at < len(words) and words[at].text.startswith("-") and len(words[at].text) > 1:
        at += 2 if len(words[at].text) == 2 and words[at].text[1] in valued else 1
    return at


def _judge(script: Words, program: str, first: Word, words: Sequence[Word]) -> None:
    if first.parts:
        script.note(first, How.COMMAND, even_quoted=True)
    if program == "for":
        _loop(script, words)
    elif program in (".", "source"):
        _all(script, words[:1], How.COMMAND, program)
        _plain(script, words[1:])
    elif program == "let":
        for word in words:
            _evaluated(script, word, program)
    elif program == "eval":
        for word in words:
            _code(script, word, program)
    elif program in _NAMING:
        _all(script, words, How.NAME, program)
    elif program in _DECLARING:
        _declaration(script, program, words)
    elif program in ("test", "[", "printf"):
        _test(script, program, words)
    else:
        coded = _coded(program, words)
        for at, reader in coded.items():
            _code(script, words[at], reader)
        rest = [word for at, word in enumerate(words) if at not in coded]
        _plain(script, rest, is_literal_meant=program in _LITERAL_IS_MEANT)


def _all(script: Words, words: Sequence[Word], how: How, by: str) -> None:
    for word in words:
        script.note(word, how, by, even_quoted=True)


def _plain(script: Words, words: Sequence[Word], *, is_literal_meant: bool = False) -> None:
    for word in words:
        script.note(word, How.BARE)
        if not is_literal_meant:
            script.note_literals(word)


def _evaluated(script: Words, word: Word, by: str) -> None:
    script.note(word, How.ARITHMETIC, by, even_quoted=True)
    for found in NAME.finditer(word.text):
        script.uses.append(Use(found[0], How.ARITHMETIC, word.line, by))


def _code(script: Words, word: Word, reader: str) -> None:
    """A word that is a program: a shell's own is read like the script that it stands in."""
    if word.single is not None and reader in (*_SHELLS, "eval", "trap"):
        script.inside(word.single, word.line)
    else:
        script.note(word, How.CODE, reader, even_quoted=True)


def _loop(script: Words, words: Sequence[Word]) -> None:
    """`for name in …`."""
    for word in words[2:]:
        script.assigned += [(words[0].text, part.name) for part in word.parts]
    _plain(script, words[1:])


def _declaration(script: Words, program: str, words: Sequence[Word]) -> None:
    """`export x=$v`: sh splits it, the others do not; `declare -i` evaluates it."""
    options = "".join(word.text for word in words if word.text.startswith(("-", "+")))
    splits = script.shell in ("sh", "dash", "ash")
    for word in words:
        found = _ASSIGNMENT.match(word.text)
        if found:
            script.assigned += [(found[1], part.name) for part in word.parts]
        if "i" in options:
            _evaluated(script, word, f"{program} -i")
        elif "n" in options or (word.parts and not found):
            script.note(word, How.NAME, program, even_quoted=True)
        else:
            script.note(word, How.BARE if splits else How.WHOLE)


def _test(script: Words, program: str, words: Sequence[Word]) -> None:
    """`[ -v NAME ]`, `printf -v NAME`, and in some shells `[ … -eq … ]`."""
    named = {at + 1 for at, word in enumerate(words) if word.text == "-v"}
    evaluated: set[int] = set()
    if script.shell in _EVALUATING_TEST and program != "printf":
        for at, word in enumerate(words):
            evaluated |= {at - 1, at + 1} if _COMPARISON.fullmatch(word.text) else set()
    for at, word in enumerate(words):
        if at in named:
            script.note(word, How.NAME, f"{program} -v", even_quoted=True)
        elif at in evaluated:
            script.note(word, How.ARITHMETIC, program, even_quoted=True)
        else:
            _plain(script, [word])


def _coded(program: str, words: Sequence[Word]) -> dict[int, str]:
    """Which of the words are programs, and whose: a shell's, wherever it stands, or the
    command's own."""
    found: dict[int, str] = {}
    for at, word in enumerate(words[:-1]):
        before = words[at - 1].text.rpartition("/")[2] if at else program
        reader = before if before in _SHELLS else program
        option = _PROGRAM_OPTION.get(reader)
        if option is not None and option.fullmatch(word.text):
            found[at + 1] = reader
    valued = _PROGRAM_FIRST.get(program)
    if valued is None or found:
        return found
    at = _behind_options(words, 0, valued)
    last = len(words) if program == "ssh" else at + 1
    return dict.fromkeys(range(at + (program == "ssh"), min(last, len(words))), program)
