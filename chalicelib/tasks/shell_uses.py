"""Where a shell script uses which variables, and how: read as a shell reads it. Pure.

It knows quotes, comments, here-documents, expansions inside of each other, arithmetic, `[[ ]]` and
`case`. It executes nothing and knows no values, so it cannot see everything: what a command prints
is anybody's guess. It reads each character a bounded number of times.
"""

import re

import msgspec

from chalicelib.tasks.shell_command import Command, is_interpreter
from chalicelib.tasks.shell_words import NAME, How, TooDeep, Use, Word, Words, literals

__all__ = ["SHELLS", "How", "Scan", "TooDeep", "Use", "scan"]

SHELLS = ("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh")
_KEYWORDS = frozenset(
    ("if", "then", "elif", "else", "while", "until", "do", "!", "{", "time", "coproc")
)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_ESAC = re.compile(r"esac(?![^\s;&|()<>])")
_COMPARISON = re.compile(r"-(?:eq|ne|lt|le|gt|ge)")
_MATCHES = ("=", "==", "!=", "=~")


class Scan(msgspec.Struct, frozen=True):
    """What a script does with variables. `assigned` are pairs: a name, and one whose value it
    gets."""

    uses: tuple[Use, ...]
    assigned: tuple[tuple[str, str], ...]


class _Document(msgspec.Struct, frozen=True):
    """A here-document whose body is still to come; `program` reads it."""

    end: str
    is_quoted: bool
    strips_tabs: bool
    program: str = ""


def scan(text: str, shell: str) -> Scan:
    """`shell` is one of `SHELLS`. Raises TooDeep."""
    script = _Script(text, shell)
    script.commands("")
    return Scan(tuple(script.uses), tuple(script.assigned))


class _Script(Words):
    def __init__(self, text: str, shell: str, line: int = 0, depth: int = 0) -> None:
        super().__init__(text, shell, line, depth)
        self._opened: list[_Document] = []  # by the command that we are in
        self._documents: list[_Document] = []

    def commands(self, end: str) -> None:
        """Up to `end`: `)`, `esac` or what ends a branch of `case`, or nothing for all."""
        self.deeper()
        command = Command()
        while here := self.here():
            if (end == ")" and here == ")") or (end == "esac" and self.sees(";;")):
                break
            if here == "\n":
                command = self._finish(command)
                self.at += 1
                self._bodies()
            elif here in " \t\r\\" and (here != "\\" or self.sees("\\\n")):
                self.skip_blanks()
            elif here == "#":
                self.skip_line()
            elif here in "<>":
                self._redirection()
            elif here in ";&|)":
                command = self._finish(command)
                self.at += 1
            elif here == "(":
                command = self._group(command)
            elif end == "esac" and not command.words and self._sees_esac():
                break
            else:
                command = self._take(command)
        self._finish(command)
        self.depth -= 1

    def _sees_esac(self) -> bool:
        return _ESAC.match(self.text, self.at) is not None

    def _finish(self, command: Command) -> Command:
        """Judges a command that is whole; answers an empty one."""
        program = command.judge(self)
        self._documents += [msgspec.structs.replace(each, program=program) for each in self._opened]
        self._opened = []
        return Command()

    def _group(self, command: Command) -> Command:
        if self.sees("((") and not command.words:
            self.parentheses()
            return command
        if command.words and _ASSIGNMENT.fullmatch(command.words[-1].text):
            self._array(command.words[-1].text.rstrip("+="))
            return command
        self._finish(command)
        self.at += 1
        self.commands(")")
        self.at += 1
        return Command()

    def _take(self, command: Command) -> Command:
        """The command with one word more, which may be what begins another."""
        word = self.word()
        begins = word.text if word.is_plain and not command.words else ""
        if begins in _KEYWORDS:
            return command
        if begins == "[[":
            self._condition()
        elif begins == "case":
            self._case()
        else:
            command.words.append(word)
            self.skip_blanks()
            if begins in ("for", "select") and self.sees("(("):
                self.parentheses()
                return Command()
        return command

    def _array(self, name: str) -> None:
        """`name=(…)`, from the parenthesis."""
        self.at += 1
        while (here := self.here()) and here != ")":
            if here == "#":
                self.skip_line()
            elif here in " \t\r\n;&|<>(":
                self.at += 1
            else:
                word = self.word()
                self.note(word, How.BARE)
                self.assigned += [(name, part.name) for part in word.parts]
        self.at += 1

    # --- case and [[ ]]

    def _case(self) -> None:
        self.skip_blanks()
        self.note(self.word(), How.WHOLE)
        self.skip_blanks("\n")
        self.word()  # in
        while self.here():
            self.skip_blanks("\n;&(|)")
            if self.here() == "#":
                self.skip_line()
                continue
            if self._sees_esac():
                self.at += len("esac")
                return
            self._branch()

    def _branch(self) -> None:
        while (here := self.here()) and here != ")":
            if here in " \t\r\n|;&<>(":
                self.at += 1
            else:
                self.note(self.word(), How.PATTERN, "case")
        self.at += 1
        self.commands("esac")

    def _condition(self) -> None:
        """From behind `[[`: no word is split, some are patterns, some arithmetic."""
        left: Word | None = None
        operator = ""
        while self.here():
            self.skip_blanks("\n")
            if operator != "=~" and self.here() in tuple("()<>&|!"):
                self.at += 1
                continue
            start = self.at
            word = self.word("()|<>;&" if operator == "=~" else "")
            self.at += self.at == start
            if word.is_plain and word.text == "]]":
                return
            if word.is_plain and (_is_comparison(word) or word.text in (*_MATCHES, "-v", "-R")):
                operator = word.text
                if left is not None and _is_comparison(word):
                    self._evaluated(left, operator)
                continue
            self._operand(word, operator)
            left, operator = word, ""

    def _operand(self, word: Word, operator: str) -> None:
        if operator in _MATCHES:
            self.note(word, How.PATTERN, operator)
        elif operator in ("-v", "-R"):
            self.note(word, How.NAME, operator, even_quoted=True)
        elif operator:
            self._evaluated(word, operator)
        else:
            self.note(word, How.WHOLE)

    def _evaluated(self, word: Word, operator: str) -> None:
        self.note(word, How.ARITHMETIC, operator, even_quoted=True)
        for found in NAME.finditer(word.text):
            self.uses.append(Use(found[0], How.ARITHMETIC, word.line, operator))

    # --- redirections and here-documents

    def _redirection(self) -> None:
        if self.sees("<<<"):
            self.at += 3
            self.skip_blanks()
            self.note(self.word(), How.WHOLE)
        elif self.sees("<<"):
            self.at += 2
            strips_tabs = self.here() == "-"
            self.at += strips_tabs
            self.skip_blanks()
            end = self.word()
            self._opened.append(_Document(end.text, not end.is_plain, strips_tabs))
        elif self.text[self.at + 1 : self.at + 2] == "(":
            self.at += 2
            self.commands(")")
            self.at += 1
        else:
            while self.here() and self.here() in "<>&|":
                self.at += 1
            self.skip_blanks()
            self.note(self.word(), How.BARE)

    def _bodies(self) -> None:
        waiting, self._documents = self._documents, []
        for document in waiting:
            line, start = self.line(), self.at
            self._body(document, self.text[start : self._end_of(document)], line)

    def _end_of(self, document: _Document) -> int:
        """Where the body ends; we stand behind the line that ends it then."""
        while self.here():
            start = self.at
            self.skip_line()
            line = self.text[start : self.at]
            self.at += 1
            if (line.lstrip("\t") if document.strips_tabs else line) == document.end:
                return start
        return len(self.text)

    def _body(self, document: _Document, body: str, line: int) -> None:
        if document.is_quoted and document.program in SHELLS:
            self.inside(body, line)
        elif document.is_quoted:
            self.uses += [Use(each.name, How.LITERAL, each.line) for each in literals(body, line)]
        else:
            inner = _Script(body, self.shell, line, self.depth + 1)
            word = Word(line)
            inner.quoted(word, "")
            how = How.CODE if is_interpreter(document.program) else How.QUOTED
            inner.note(word, how, document.program, even_quoted=True)
            self.uses += inner.uses
            self.assigned += inner.assigned


def _is_comparison(word: Word) -> bool:
    return _COMPARISON.fullmatch(word.text) is not None
