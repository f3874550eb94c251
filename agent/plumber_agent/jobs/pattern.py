r"""What patterns of a task's `Mask` match, in lines of output. Imported by few jobs.

The control plane takes patterns as RE2's. That is not built for every machine on which an agent
runs, so `re` matches here, with each pattern translated to mean what RE2 means: `\d \w \s \b` are
of ASCII, groups capture nothing. `re` may take for ever, so this runs in a `pattern_process`.
"""

import re
from collections.abc import Sequence

from plumber_agent.jobs.masking import LONGEST_LINE, MASK

_WHOLE_LINE = re.compile(rb"[^\r\n]+")
_END = re.compile(rb"([\r\n])")
_TOKEN = re.compile(
    r"\\x[0-9a-fA-F]{2}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?(?:P<\w+>|[ims-]*[:)]))?|\{[^{}]*\}|.",
    re.DOTALL,
)
_COUNT = re.compile(r"\{(?:0|[1-9][0-9]*)(?:,(?:0|[1-9][0-9]*)?)?\}")
_ESCAPE = re.compile(r"\\(?:[tnrfva]|x[0-9a-fA-F]{2}|[^\w\s])", re.ASCII)
_IN_CLASS = re.compile(r"\\x..|\\.|.", re.DOTALL)
_MEMBERS = {
    r"\d": "0-9",
    r"\w": "0-9A-Za-z_",
    r"\s": r"\t\n\f\r ",
    r"\D": r"\x00-/:-\U0010ffff",
    r"\W": r"\x00-/:-@\[-\^`{-\U0010ffff",
    r"\S": r"\x00-\x08\x0b\x0e-\x1f!-\U0010ffff",
}
_POSITIONS = {r"\b": r"(?a:\b)", r"\B": r"(?a:\B)", r"\A": r"(?:\A)", "^": "(?:^)", "$": "(?:$)"}


class BadPattern(Exception):
    """It means nothing here. The message, for a person, says which."""


def compiled(pattern: str) -> "re.Pattern[str]":
    """Raises BadPattern."""
    try:
        return re.compile("".join(map(_translated, _TOKEN.findall(pattern))))
    except (re.error, RecursionError, OverflowError, ValueError) as error:
        raise BadPattern(f"the pattern '{pattern[:40]}' is not known here: {error}") from error


def _translated(token: str) -> str:
    """A part of a pattern in `re`'s words. What is no letter is none whatever `(?i)` says."""
    if token in _POSITIONS:
        return _POSITIONS[token]
    if token in (r"\D", r"\S", r"\W"):
        return f"(?-i:[^{_MEMBERS[token.lower()]}])"
    if token in _MEMBERS:
        return f"[{_MEMBERS[token]}]"
    if token == "(" or token.startswith("(?P<"):
        return "(?:"
    if token[0] == "[":
        return _class(token[1:-1])
    if token[0] == "{":
        return token if _COUNT.fullmatch(token) else re.escape(token)
    if token[0] == "\\" and not _ESCAPE.fullmatch(token):
        raise ValueError(f"{token} is none of the escapes")
    return token


def _class(inner: str) -> str:
    sign, inner = ("^", inner[1:]) if inner.startswith("^") else ("", inner)
    return f"[{sign}{''.join(map(_member, _IN_CLASS.findall(inner)))}]"


def _member(token: str) -> str:
    if token in _MEMBERS:
        return _MEMBERS[token]
    if token[0] == "\\" and not _ESCAPE.fullmatch(token):
        raise ValueError(f"{token} is none of the escapes")
    return f"\\{token}" if token in "[]&~|" else token


class PatternMask:
    """Masks what patterns match. Raises BadPattern."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [compiled(pattern) for pattern in patterns]

    def mask(self, data: bytes, is_open: bool) -> tuple[bytes, int]:
        """The data masked, and how much of it that is: all of whole lines; of the beginning of a
        line that is longer than anything, as much as ends in no match."""
        if is_open:
            cut = self._cut(data)
            return self._line(data[:cut]), cut
        return b"".join(map(self._line, _END.split(data))), len(data)

    def _cut(self, piece: bytes) -> int:
        """Where no match is cut in two."""
        cut = LONGEST_LINE
        for pattern in self._patterns:
            for found in pattern.finditer(_text(piece)):
                begin, end = (len(_bytes(found.string[:at])) for at in found.span())
                if begin < cut < end:
                    cut = end
        return cut

    def _line(self, line: bytes) -> bytes:
        text = _text(line)
        for pattern in self._patterns:
            text = pattern.sub(MASK.decode(), text)
        return _bytes(text)


def masked_whole(data: bytes) -> bytes:
    """Nothing of it is kept but its ends of lines."""
    return _WHOLE_LINE.sub(MASK, data)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
