r"""What a `Mask` pattern may be: what RE2 and the agents' engine read alike. Pure.

Agents run on machines for which RE2 is not built, so they match with Python's `re`, each pattern
translated to mean what RE2 means (`plumber_agent.jobs.pattern`), in a process that may be killed.
What cannot be translated is refused here, when the task is saved.
"""

import re

from chalicelib.patterns import InvalidPattern, Pattern, tokens

_OPENING = re.compile(r"\((?!\?)|\(\?:|\(\?P<\w+>|\(\?[ims]+(?:-[ims]+)?:|\(\?-[ims]+:")
_FLAGS_IN_FRONT = re.compile(r"\(\?[ims]+\)")
_ESCAPE = re.compile(r"\\(?:[dDsSwWtnrfva]|x[0-9a-fA-F]{2}|[^\w\s])", re.ASCII)
_POSITIONS = ("^", "$", r"\b", r"\B", r"\A")
_REPEATS = ("*", "+", "?", "{")


def mask_problem(text: str) -> str | None:
    """Why the pattern is refused, for a person; None when it is right."""
    try:
        pattern = Pattern(text)
    except InvalidPattern as error:
        return error.message
    if pattern.find("") is not None:
        return "matches what is empty."
    strange = _strange(text)
    return strange and f"has '{strange[:20]}', which agents do not know."


def _strange(text: str) -> str | None:
    """The first part of a pattern, right for RE2, that agents read otherwise or not at all."""
    front = _FLAGS_IN_FRONT.match(text)
    at = front.end() if front else 0
    before = ""
    for token in tokens(text[at:]):
        if token[0] == "[":
            bad = _strange_in_class(token[1:-1])
        elif token == "(":
            bad = None if _OPENING.match(text, at) else text[at : at + 4]
        elif token[0] == "\\":
            is_known = token in _POSITIONS or _ESCAPE.match(text, at)
            bad = None if is_known else text[at : at + 3]
        else:
            bad = before + token if before in _POSITIONS and token[0] in _REPEATS else None
        if bad is not None:
            return bad
        before = token
        at += len(token)
    return None


def _strange_in_class(inner: str) -> str | None:
    if "[:" in inner:
        return inner[inner.index("[:") :]
    at = 0
    while (at := inner.find("\\", at)) >= 0:
        if not _ESCAPE.match(inner, at):
            return inner[at : at + 3]
        at += 2
    return None
