"""On which line of a TOML text a key stands: the parser keeps no positions of what it accepts."""

import re
from collections.abc import Iterator, Sequence

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[|\[)(.*)$")
_KEY_PART = re.compile(r"""\s*("(?:\\.|[^"\\])*"|'[^']*'|[A-Za-z0-9_-]+)\s*""")
_TEXT = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*''',
    re.DOTALL,
)


def line_of(source: str, path: Path) -> int | None:
    """The line, from 1, of the key at `path`, for example `("step", 1, "Env", "A")`.

    Of a key inside an inline table: the line of the statement. Of a key that is not there: of the
    closest thing around it that is, None when there is none.
    """
    best: tuple[int, int] | None = None
    for line, found in _places(source):
        fits = _common(found, path)
        if fits == len(found) and (best is None or fits > best[0]):
            best = (fits, line)
    return None if best is None else best[1]


def _common(found: Path, path: Path) -> int:
    return sum(1 for _ in _while_equal(found, path))


def _while_equal(left: Path, right: Path) -> Iterator[None]:
    for one, other in zip(left, right, strict=False):
        if one != other:
            return
        yield


def _places(source: str) -> Iterator[tuple[int, Path]]:
    """Each table's header and each statement, with the path that it stands for."""
    table: Path = ()
    counts: dict[Path, int] = {}
    for line, text in _statements(source):
        header = _HEADER.match(text)
        if header is None:
            yield line, table + tuple(_key(text))
            continue
        table = _resolve(_key(header[2]), counts)
        if header[1] == "[[":
            counts[table] = counts.get(table, -1) + 1
            table = (*table, counts[table])
        yield line, table


def _resolve(key: Sequence[str], counts: dict[Path, int]) -> Path:
    """A header's key as a path: inside an array of tables it means the newest element."""
    path: Path = ()
    for part in key[:-1]:
        path = (*path, part)
        if path in counts:
            path = (*path, counts[path])
    return (*path, *key[-1:])


def _key(text: str) -> list[str]:
    parts: list[str] = []
    at = 0
    while match := _KEY_PART.match(text, at):
        part = match[1]
        parts.append(_unquote(part))
        at = match.end()
        if text[at : at + 1] != ".":
            break
        at += 1
    return parts


def _unquote(part: str) -> str:
    if part[:1] == "'":
        return part[1:-1]
    if part[:1] == '"':
        return re.sub(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", _unescape, part[1:-1])
    return part


def _unescape(match: re.Match[str]) -> str:
    escape = match[1]
    if len(escape) > 1:
        return chr(int(escape[1:], 16))
    return {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}.get(escape, escape)


def _statements(source: str) -> Iterator[tuple[int, str]]:
    """Each statement with the line it begins on; values that go on for lines count as one."""
    blank = _TEXT.sub(lambda match: _keep_lines(match[0]), source)
    depth = 0
    for number, (line, shape) in enumerate(
        zip(source.split("\n"), blank.split("\n"), strict=True), 1
    ):
        if depth == 0 and shape.strip() and not shape.lstrip().startswith("\x00"):
            yield number, line
        value = shape if depth else shape.partition("=")[2]
        depth = max(0, depth + sum(map(value.count, "[{")) - sum(map(value.count, "]}")))


def _keep_lines(text: str) -> str:
    """The text without what could be mistaken: lines after the first cannot begin a statement."""
    if text.startswith("#"):
        return ""
    first, *rest = text.split("\n")
    return "\n".join(["s" * len(first), *("\x00" for _ in rest)])
