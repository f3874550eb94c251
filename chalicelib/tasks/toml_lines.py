"""On which line of a TOML text a key stands: the parser keeps no positions of what it accepts."""

import re
from collections.abc import Collection, Iterator, Sequence

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
    by_depth = {len(found): line for line, found in _places(source) if found == path[: len(found)]}
    return by_depth[max(by_depth)] if by_depth else None


def lines_of(source: str, paths: Collection[Path]) -> dict[Path, int | None]:
    """As `line_of`, of several keys in one reading."""
    if not paths:
        return {}
    lines: dict[Path, int] = {}
    for line, path in _places(source):
        lines[path] = line
    found: dict[Path, int | None] = {}
    for path in paths:
        closest = (path[:depth] for depth in range(len(path), 0, -1))
        found[path] = next((lines[each] for each in closest if each in lines), None)
    return found


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
    if part.startswith("'"):
        return part[1:-1]
    if part.startswith('"'):
        return re.sub(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", _unescape, part[1:-1])
    return part


def _unescape(match: re.Match[str]) -> str:
    if digits := match[1] or match[2]:
        return chr(int(digits, 16))
    return {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}.get(match[3], match[3])


def _statements(source: str) -> Iterator[tuple[int, str]]:
    """Each statement with the line it begins on; values that go on for lines count as one."""
    shapes = _TEXT.sub(lambda match: _keep_lines(match[0]), source).split("\n")
    depth = 0
    for at, line in enumerate(source.split("\n")):
        shape = shapes[at]
        if depth == 0 and shape.strip() and not shape.lstrip().startswith("\x00"):
            yield at + 1, line
        value = shape if depth else shape.partition("=")[2]
        depth = max(0, depth + sum(map(value.count, "[{")) - sum(map(value.count, "]}")))


def _keep_lines(text: str) -> str:
    """The text without what could be mistaken: lines after the first cannot begin a statement."""
    if text.startswith("#"):
        return ""
    first, *rest = text.split("\n")
    return "\n".join(["s" * len(first), *("\x00" for _ in rest)])
