"""Small wrongs: a part of a condition left out, a comparison off by one, a number, a `not`."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """One wrong: where, what stands there, and what is put in its place."""

    line: int
    start: int  # offsets in the file's text
    end: int
    old: str
    new: str

    def applied(self, text: str) -> str:
        """The module with the wrong."""
        return text[: self.start] + self.new + text[self.end :]

    @property
    def words(self) -> tuple[str, str]:
        """What stands there and what is put in its place, each on a line."""
        return _short(self.old), _short(self.new)

    def __str__(self) -> str:
        return f"{self.line}: {' → '.join(self.words)}"


def _short(code: str) -> str:
    line = " ".join(code.split())
    return line if len(line) <= 70 else f"{line[:67]}..."


class _Source:
    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [0]
        for line in text.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._rows = text.splitlines(keepends=True)

    def offset(self, line: int, column: int) -> int:
        """Of a place that `ast` names: its columns are bytes."""
        row = self._rows[line - 1] if line <= len(self._rows) else ""
        return self._lines[line - 1] + len(row.encode()[:column].decode())

    def span(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )

    def of(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def instead(self, node: ast.expr, new: str) -> Mutation:
        start, end = self.span(node)
        return Mutation(node.lineno, start, end, self.text[start:end], new)


def of_conditions(text: str) -> Iterator[Mutation]:
    """Leaves out each part of each condition of DynamoDB: of `a & b`, a and then b."""
    source, tree = _Source(text), ast.parse(text)
    quiet = _not_rules(tree)
    for node in ast.walk(tree):
        is_joined = isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr)
        if isinstance(node, ast.BinOp) and is_joined and id(node) not in quiet:
            yield source.instead(node, f"({source.of(node.left)})")
            yield source.instead(node, f"({source.of(node.right)})")


def of_rules(text: str) -> Iterator[Mutation]:
    """What goes wrong in rules: bounds, numbers, `and`, `or`, `not`, signs."""
    source, tree = _Source(text), ast.parse(text)
    quiet = _not_rules(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and id(node) not in quiet:
            yield from _of_expression(source, node)


def _not_rules(tree: ast.AST) -> set[int]:
    """Annotations, f-strings, figures, and what a class is made with: what is wrong there is wrong
    in words, or for mypy to find."""
    found: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.JoinedStr):
            parts = [node]
        elif isinstance(node, ast.FunctionDef):
            parts = [node.returns]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, ast.ClassDef):
            parts = [each.value for each in node.keywords]
        elif isinstance(node, ast.Module):  # figures: tests name them, and do not repeat them
            parts = [each.value for each in node.body if isinstance(each, ast.Assign)]
        found |= {id(each) for part in parts if part is not None for each in ast.walk(part)}
    return found


def _of_expression(source: _Source, node: ast.expr) -> Iterator[Mutation]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        other = _SWAPPED[type(node.ops[0])]
        wrong = ast.Compare(node.left, [other()], node.comparators)
        yield source.instead(node, f"({ast.unparse(wrong)})")
    elif isinstance(node, ast.BoolOp):
        joined = " or " if isinstance(node.op, ast.And) else " and "
        yield source.instead(node, f"({joined.join(f'({source.of(v)})' for v in node.values)})")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield source.instead(node, f"bool({source.of(node.operand)})")
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield source.instead(node, f"({node.value + 1})")
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield source.instead(node, str(not node.value))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        sign = "-" if isinstance(node.op, ast.Add) else "+"
        yield source.instead(node, f"({source.of(node.left)} {sign} {source.of(node.right)})")
