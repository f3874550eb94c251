r"""What a `Mask` pattern may be: what RE2 and the agents' engine read alike. Pure.

Agents run on machines for which RE2 is not built, so they match with Python's `re`, each pattern
translated to mean what RE2 means (`plumber_agent.jobs.pattern`), in a process that may be killed.
What cannot be translated is refused here, when the task is saved.
"""

import re

from chalicelib.patterns import InvalidPattern, Pattern, tokens

_OPENING = re.compile(r"\((?!\?)|\(\?:|\(\?P<\w+>|\(\?-?[ims]+:")
_IGNORES_CASE = re.compile(r"\(\?[ms]*i")
_FLAGS_IN_FRONT = re.compile(r"\(\?[ims]+\)")
_ESCAPE = re.compile(r"\\(?:[dDsSwWbBAtnrfva]|x[0-9a-fA-F]{2}|[^\w\s])", re.ASCII)


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
    ignores_case = _IGNORES_CASE.search(text) is not None
    for token in tokens(text[at:]):
        bad = None
        if token[0] == "[":
            bad = _strange_in_class(token[1:-1], ignores_case)
        elif token == "(" and not _OPENING.match(text, at):
            bad = text[at : at + 4]
        elif token[0] == "\\":
            bad = _strange_escape(text, at, ignores_case)
        if bad is not None:
            return bad
        at += len(token)
    return None


def _strange_escape(text: str, at: int, ignores_case: bool) -> str | None:
    r"""Without case `\W` is a question of how far one folds."""
    is_known = _ESCAPE.match(text, at) and not (ignores_case and text[at + 1] == "W")
    return None if is_known else text[at : at + 3]


def _strange_in_class(inner: str, ignores_case: bool) -> str | None:
    if "[:" in inner:
        return inner[inner.index("[:") :]
    at = 0
    while (at := inner.find("\\", at)) >= 0:
        if (bad := _strange_escape(inner, at, ignores_case)) is not None:
            return bad
        at += 2
    return None
