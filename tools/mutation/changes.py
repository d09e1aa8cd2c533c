"""Small changes that break a module, found in its syntax tree and made in its text."""

import ast
import random
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
}
_DELETED = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break)
"""Statements that can go without leaving a name undefined, which would prove nothing."""
_SMALL = 16
_ELSEWHERE = ("win32", "darwin", "hasattr(", "getattr(", "TYPE_CHECKING")
"""A condition with one of these asks for another system than the one that the tests run on."""


@dataclass(frozen=True)
class Change:
    """One part of a module's text and what takes its place."""

    module: str
    """Its path, from the root of the repository."""
    start: int
    end: int
    """In bytes of the module."""
    line: int
    """From 1."""
    before: str
    after: str
    """The whole line of code before and after."""
    put: str
    """Takes the place of what is between `start` and `end`."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What `EQUIVALENT` knows it by, wherever its line has moved."""
        return self.module, self.before, self.after

    def apply(self, content: bytes) -> bytes:
        """Returns the module's text with the change."""
        return content[: self.start] + self.put.encode() + content[self.end :]


def changes_of(module: str, content: bytes) -> list[Change]:
    """Returns every change of a module that the run knows, in the order of its text."""
    finder = _Finder(module, content)
    finder.visit(ast.parse(content))
    return sorted(finder.found, key=lambda change: (change.start, change.put))


def sample(changes: list[Change], count: int, seed: str) -> list[Change]:
    """Returns `count` of the changes at most, the same for the same seed, in their order."""
    drawn = random.Random(seed).sample(range(len(changes)), min(count, len(changes)))  # noqa: S311
    return [changes[number] for number in sorted(drawn)]


class _Finder(ast.NodeVisitor):
    """Collects changes; types, decorators, docstrings and code for other systems are left as they are."""

    def __init__(self, module: str, content: bytes) -> None:
        self.found: list[Change] = []
        self._module, self._content = module, content
        self._starts = [0]
        for line in content.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def visit_Compare(self, node: ast.Compare) -> None:
        """Finds `<` for `<=`, `==` for `!=` and the like."""
        parts = [node.left, *node.comparators]
        for left, operator, right in zip(parts, node.ops, parts[1:], strict=False):
            self._between(left, right, *_COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Finds `and` for `or`."""
        names = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between(left, right, *names)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Finds `+` for `-`."""
        if type(node.op) in _ARITHMETIC and not _is_text(node.left) and not _is_text(node.right):
            self._between(node.left, node.right, *_ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """Finds `x` for `not x`."""
        if isinstance(node.op, ast.Not):
            self._put(self._start(node), self._start(node) + len("not"), "")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        """Finds `if not x` for `if x`, where `x` is no comparison."""
        self._negate(node.test)
        if any(word in ast.unparse(node.test) for word in _ELSEWHERE):
            return
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Like `visit_If`."""
        self._negate(node.test)
        if not any(word in ast.unparse(node.test) for word in _ELSEWHERE):
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        """Leaves `while True`."""
        for part in node.body if isinstance(node.test, ast.Constant) else [node.test, *node.body]:
            self.visit(part)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Finds other numbers, and `True` for `False`."""
        value = node.value
        if isinstance(value, bool):
            self._put(*self._span(node), str(not value))
        elif isinstance(value, int):  # a limit of 1,000,001 is nobody's mistake
            self._put(*self._span(node), str(value + 1 if value <= _SMALL else value * 2))
        elif isinstance(value, float):
            self._put(*self._span(node), str(value * 2 if value else 1.0))

    def visit_Return(self, node: ast.Return) -> None:
        """Finds `None` for what a function returns."""
        if node.value is None:
            return
        if not isinstance(node.value, ast.Constant):
            self._put(*self._span(node.value), "None")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Finds an attribute that keeps its value."""
        if all(isinstance(target, ast.Attribute) for target in node.targets) and not self._is_in_init:
            self._put(*self._span(node), "pass")
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Leaves types."""
        if node.value is not None:
            self.visit(node.value)

    _is_in_init = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Leaves types and decorators."""
        outer, self._is_in_init = self._is_in_init, node.name == "__init__"
        for default in (*node.args.defaults, *(one for one in node.args.kw_defaults if one)):
            self.visit(default)
        for statement in node.body:
            self.visit(statement)
        self._is_in_init = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Leaves bases and decorators."""
        for statement in node.body:
            self.visit(statement)

    def generic_visit(self, node: ast.AST) -> None:
        """Finds statements that can be left out."""
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_yield = isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield)
        if isinstance(node, _DELETED) and not is_docstring and not is_yield:
            self._put(*self._span(node), "pass")
        super().generic_visit(node)

    def _negate(self, test: ast.expr) -> None:
        if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.NamedExpr):
            start, end = self._span(test)
            self._put(start, end, f"(not ({self._content[start:end].decode()}))")

    def _between(self, left: ast.expr, right: ast.expr, before: str, after: str) -> None:
        """Changes the operator between two parts; parentheses and comments may stand beside it."""
        start, end = self._span(left)[1], self._start(right)
        at = self._content.find(before.encode(), start, end)
        if at >= 0:
            self._put(at, at + len(before), after)

    def _put(self, start: int, end: int, put: str) -> None:
        line = next(index for index, begin in enumerate(self._starts) if begin > start)
        first, last = self._starts[line - 1], self._content.find(b"\n", end)
        texts = self._content[first:start], self._content[start:end], self._content[end:last]
        head, old, tail = (text.decode() for text in texts)
        before, after = (" ".join((head + middle + tail).split()) for middle in (old, put))
        self.found.append(Change(self._module, start, end, line, before, after, put))

    def _start(self, node: ast.expr) -> int:
        return self._span(node)[0]

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        ends = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[ends[0] - 1] + ends[1]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
