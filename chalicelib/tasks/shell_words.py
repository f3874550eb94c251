"""The words of a shell script, and what is expanded in them. `shell_uses` reads commands. Pure."""

import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator
from enum import Enum

import msgspec

MAX_DEPTH = 40  # of expansions and commands inside of each other
MAX_PARENTHESES = 100  # of arithmetic, which is read again where it turns out to be none
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SPECIAL = tuple("0123456789@*#?$!-")  # variables without a name
BREAKS = " \t\n;&|()<>"  # end a word
_PLAIN = re.compile(r"[^\\'\"`$\s;&|()<>\[]+")
_PLAIN_QUOTED = re.compile(r'[^\\"`$]+')
_PLAIN_REST = re.compile(r"[^\\'\"`$}]+")
_BACKTICKS = re.compile(r"`((?:[^`\\]|\\.)*)`?", re.DOTALL)
_ANSI = re.compile(r"\$'(?:[^'\\]|\\.)*'?", re.DOTALL)
_NUMBER = re.compile(r"[0-9][0-9A-Za-z_]*(?:#[0-9A-Za-z_@]+)?")
_SUBSCRIPT = re.compile(r"\[[^\n]{1,200}?\]\+?=")
_DEFAULT = re.compile(r":?([-=?+])")


class How(Enum):
    """What the shell does with a variable's value."""

    QUOTED = "quoted"  # one word, as it is
    WHOLE = "whole"  # in no quotes, where nothing is split all the same, as in x=$v
    BARE = "bare"  # split into words, and each matched against names of files
    PATTERN = "pattern"  # what something is matched against
    LITERAL = "literal"  # in single quotes, where it is no variable
    ARITHMETIC = "arithmetic"  # bash evaluates it, and what it names
    NAME = "name"  # names a variable: bash evaluates what stands in its brackets
    PROMPT = "prompt"  # ${v@P}: bash runs what stands in it
    COMMAND = "command"  # names the program that runs
    CODE = "code"  # becomes a part of another program's text


class Use(msgspec.Struct, frozen=True):
    """A variable is used. `line` counts from 0; `by` is the program or operator that gets it."""

    name: str
    how: How
    line: int
    by: str = ""


class TooDeep(Exception):
    """Expansions stand in each other more often than is looked at."""


class Part(msgspec.Struct, frozen=True):
    """A variable in a word."""

    name: str
    is_quoted: bool
    line: int


class Word(msgspec.Struct):
    """`text` is what stands in it literally, with \0 for each expansion; `single` what it is where
    it is one string in single quotes, which begins in `line`."""

    line: int
    text: str = ""
    is_plain: bool = True  # without quotes
    parts: list[Part] = msgspec.field(default_factory=list)
    literals: list[Part] = msgspec.field(default_factory=list)
    single: str | None = None


class Words(ABC):
    """A place in a text, and the reading of words from it."""

    def __init__(self, text: str, shell: str, line: int = 0, depth: int = 0) -> None:
        self.text, self.shell, self.at, self.depth = text, shell, 0, depth
        self._first_line = line
        self._line_ends = [found.start() for found in re.finditer("\n", text)]
        self._no_arithmetic: set[int] = set()
        self.uses: list[Use] = []
        self.assigned: list[tuple[str, str]] = []  # a name, and one whose value it gets

    def line(self) -> int:
        """Where we are, from 0."""
        return self._first_line + bisect_left(self._line_ends, self.at)

    def sees(self, text: str) -> bool:
        """Whether it comes next."""
        return self.text.startswith(text, self.at)

    def here(self) -> str:
        """The next character; nothing at the end."""
        return self.text[self.at : self.at + 1]

    def skip_blanks(self, more: str = "") -> None:
        """Blanks, continued lines, and what `more` names."""
        while self.here() and (self.here() in " \t\r" + more or self.sees("\\\n")):
            self.at += 2 if self.sees("\\\n") else 1

    def skip_line(self) -> None:
        """A comment."""
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end

    def note(self, word: Word, how: How, by: str = "", *, even_quoted: bool = False) -> None:
        """What becomes of the variables in a word where it stands in no quotes."""
        for part in word.parts:
            is_safe = part.is_quoted and not even_quoted
            self.uses.append(Use(part.name, How.QUOTED if is_safe else how, part.line, by))

    def note_literals(self, word: Word) -> None:
        """What looks like a variable in single quotes."""
        self.uses += [Use(part.name, How.LITERAL, part.line) for part in word.literals]

    @abstractmethod
    def commands(self, end: str) -> None:
        """Reads commands up to `end`."""

    def inside(self, text: str, line: int) -> None:
        """Reads a script that stands in this one."""
        inner = type(self)(text, self.shell, line, self.depth + 1)
        inner.commands("")
        self.uses += inner.uses
        self.assigned += inner.assigned

    def deeper(self) -> None:
        """Raises TooDeep."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooDeep

    # --- words

    def word(self, allowed: str = "") -> Word:
        """Up to what ends it, but for the characters `allowed`."""
        word = Word(self.line())
        while (here := self.here()) and (here not in BREAKS or here in allowed):
            if plain := _PLAIN.match(self.text, self.at):
                self.at = plain.end()
                word.text += plain[0]
            elif here == "[" and self._is_subscript(word):
                self._subscript(word)
            elif here in "'\"\\":
                self._quotes(word)
            elif here in "$`":
                self.expansion(word, is_quoted=False)
            else:
                self.at += 1
                word.text += here
        return word

    def _quotes(self, word: Word) -> None:
        here = self.here()
        if here == "\\":
            word.text += self.text[self.at + 1 : self.at + 2].strip("\n")
            word.is_plain = word.is_plain and self.sees("\\\n")
            self.at += 2
        elif here == '"':
            word.is_plain = False
            self.at += 1
            self.quoted(word, '"')
            self.at += 1
        else:
            self._single(word)

    def _single(self, word: Word) -> None:
        end = self.text.find("'", self.at + 1)
        end = len(self.text) if end < 0 else end
        content, line = self.text[self.at + 1 : end], self.line()
        is_all = not word.text and word.is_plain and self.text[end + 1 : end + 2] in ("", *BREAKS)
        word.single = content if is_all else None
        word.literals += literals(content, line)
        word.text += content
        word.is_plain = False
        self.at = end + 1

    def quoted(self, word: Word, end: str) -> None:
        """What stands in double quotes, or, where `end` is empty, in a here-document."""
        while (here := self.here()) and here != end:
            if plain := _PLAIN_QUOTED.match(self.text, self.at):
                self.at = plain.end()
                word.text += plain[0]
            elif here in "$`":
                self.expansion(word, is_quoted=True)
            else:
                word.text += here
                self.at += 2 if here == "\\" else 1

    def _is_subscript(self, word: Word) -> bool:
        is_name = word.is_plain and NAME.fullmatch(word.text) is not None
        return is_name and _SUBSCRIPT.match(self.text, self.at) is not None

    def _subscript(self, word: Word) -> None:
        """Of an array's element that is assigned to."""
        start, count = self.at, len(self.uses)
        self.at += 1
        self.arithmetic("]")
        if self.here() not in ("=", "+"):
            self.at = start + 1
            word.text += "["
            del self.uses[count:]

    # --- expansions

    def expansion(self, word: Word, *, is_quoted: bool) -> None:
        """`$…` and backticks."""
        if not is_quoted and self.sees('$"'):
            self.at += 1
            return
        self.deeper()
        self._expand(word, self.line(), is_quoted=is_quoted)
        word.text += "\0"
        self.depth -= 1

    def _expand(self, word: Word, line: int, *, is_quoted: bool) -> None:
        if self.here() == "`":
            self._backticks()
        elif self.sees("$(("):
            self.at += 1
            self.parentheses()
        elif self.sees("$("):
            self.at += 2
            self.commands(")")
            self.at += 1
        elif self.sees("${"):
            self.at += 2
            self._braces(word, line, is_quoted=is_quoted)
        elif self.sees("$[") and self.shell != "dash":
            self.at += 2
            self.arithmetic("]")
        elif not is_quoted and (ansi := _ANSI.match(self.text, self.at)):
            self.at, word.is_plain = ansi.end(), False
        elif name := NAME.match(self.text, self.at + 1):
            self.at = name.end()
            word.parts.append(Part(name[0], is_quoted, line))
        else:
            self.at += 2 if self.text[self.at + 1 : self.at + 2] in _SPECIAL else 1

    def _backticks(self) -> None:
        found = _BACKTICKS.match(self.text, self.at)
        if found is not None:
            line = self.line()
            self.at = found.end()
            self.inside(re.sub(r"\\([`\\$])", r"\1", found[1]), line)

    def parentheses(self) -> None:
        """What begins with `((`: arithmetic, or else commands in a group of their own."""
        start, uses, assigned = self.at, len(self.uses), len(self.assigned)
        self.at += 2
        if start not in self._no_arithmetic and self.arithmetic("))"):
            return
        self._no_arithmetic.add(start)  # so that no place is tried twice
        self.at = start + 1
        del self.uses[uses:], self.assigned[assigned:]
        self.commands(")")
        self.at += 1

    def arithmetic(self, end: str) -> bool:
        """Up to `end` and behind it. False where it ends in a way that arithmetic does not."""
        depth = 0
        while here := self.here():
            if depth == 0 and self.sees(end):
                self.at += len(end)
                return True
            if here == ")" and depth == 0 and end == "))":
                return False
            line = self.line()
            if number := _NUMBER.match(self.text, self.at):
                self.at = number.end()
            elif name := NAME.match(self.text, self.at):
                self.at = name.end()
                self.uses.append(Use(name[0], How.ARITHMETIC, line))
            elif here in "$`":
                inner = Word(line)
                self.expansion(inner, is_quoted=True)
                self.note(inner, How.ARITHMETIC, even_quoted=True)
            else:
                depth += (here in "([{") - (here in ")]}")
                depth = max(0, depth)
                if depth > MAX_PARENTHESES:
                    raise TooDeep
                self.at += 1
        return end != "))"

    def _braces(self, word: Word, line: int, *, is_quoted: bool) -> None:
        """`${…}`, from behind the brace."""
        is_length = self.here() == "#" and self.text[self.at + 1 : self.at + 2] not in ("}", "")
        is_indirect = self.here() == "!"
        self.at += is_length or is_indirect
        found = NAME.match(self.text, self.at)
        name = found[0] if found else ""
        self.at = found.end() if found else self.at + (self.here() not in ("", "}"))
        if self.sees("[@]") or self.sees("[*]"):
            self.at += 3
        elif self.here() == "[":
            self.at += 1
            self.arithmetic("]")
        part = Part(name, is_quoted, line)
        if is_indirect and name:
            self.uses.append(Use(name, How.NAME, line, "${!…}"))
        elif not is_length:
            self._operator(word, part)
        self._rest(Word(line), is_quoted=is_quoted)
        self.at += 1

    def _operator(self, word: Word, part: Part) -> None:
        """What stands behind a variable's name, and whether its value comes through."""
        default = _DEFAULT.match(self.text, self.at)
        if part.name and not (default and default[1] == "+"):
            word.parts.append(part)
        if default:
            self.at = default.end()
            before = len(word.parts)
            self._rest(word, is_quoted=part.is_quoted)
            if default[1] == "=":
                self.assigned += [(part.name, each.name) for each in word.parts[before:]]
        elif self.here() == ":":
            self.at += 1
            self.arithmetic("}")
            self.at -= 1
        elif self.sees("@P"):
            self.uses.append(Use(part.name, How.PROMPT, part.line))
        elif self.here() in tuple("#%/^,"):
            inner = Word(part.line)
            self._rest(inner, is_quoted=False)
            self.note(inner, How.PATTERN, "${…}")

    def _rest(self, word: Word, *, is_quoted: bool) -> None:
        """Up to the brace."""
        while (here := self.here()) and here != "}":
            if plain := _PLAIN_REST.match(self.text, self.at):
                self.at = plain.end()
            elif here in "$`":
                self.expansion(word, is_quoted=is_quoted)
            elif here == "'" and is_quoted:
                self.at += 1
            else:
                self._quotes(word)


def literals(text: str, line: int) -> Iterator[Part]:
    """What looks like a variable where there are none."""
    at = 0
    for found in REFERENCE.finditer(text):
        line += text.count("\n", at, found.start())
        at = found.start()
        yield Part(found[1], False, line)
