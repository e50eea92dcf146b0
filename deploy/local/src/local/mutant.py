"""Mutants: copies of a module, each with one small fault, to see whether tests notice.

The rule: one fault a mutant, none in a docstring, an annotation or an import. A fault is named by its line and what was
changed, so that those that change nothing can be listed by the tests that know why.
"""

import ast
import copy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Mod: ast.Add,
}  # fmt: skip

Change = Callable[[Any], object]


class Mutant(NamedTuple):
    name: str
    tree: ast.Module


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of the source, in its order."""
    tree = ast.parse(path.read_text())
    places = [node for node in ast.walk(tree) if not isinstance(node, ast.expr_context | ast.operator)]
    hidden = _hidden(tree)
    for number, node in enumerate(places):
        if id(node) in hidden:
            continue
        for what, change in _changes(node):
            mutated = copy.deepcopy(tree)
            twin = [one for one in ast.walk(mutated) if not isinstance(one, ast.expr_context | ast.operator)][number]
            change(twin)
            yield Mutant(f"{getattr(node, 'lineno', 0)}: {what}", ast.fix_missing_locations(mutated))


def load(mutant: Mutant, original: ModuleType) -> ModuleType:
    """The mutant as a module. It may raise whatever a faulty module raises."""
    module = ModuleType(original.__name__)
    module.__file__ = original.__file__
    before = sys.modules[original.__name__]
    sys.modules[original.__name__] = module  # dataclasses look themselves up
    try:
        exec(compile(mutant.tree, str(original.__file__), "exec"), module.__dict__)  # noqa: S102 - it is our own code
    finally:
        sys.modules[original.__name__] = before
    return module


def _hidden(tree: ast.Module) -> set[int]:
    """What says nothing to the machine: docstrings, annotations, decorators."""
    nodes: list[ast.AST | None] = []
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                first = node.body[0]
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                    nodes.append(first)
                nodes += getattr(node, "decorator_list", [])
                nodes.append(getattr(node, "returns", None))
            case ast.arg(annotation=ast.AST() as annotation) | ast.AnnAssign(annotation=annotation):
                nodes.append(annotation)
            case ast.Assign(targets=[ast.Name(id="KeyName")]):
                nodes.append(node)
            case _:
                pass
    return {id(inner) for node in nodes if node is not None for inner in ast.walk(node)}


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Compare(ops=[operator]):
            yield from _swap(operator, lambda twin, new: setattr(twin, "ops", [new()]))
        case ast.BoolOp(op=operator) | ast.BinOp(op=operator):
            yield from _swap(operator, lambda twin, new: setattr(twin, "op", new()))
        case ast.UnaryOp(op=ast.Not()):
            yield "not left out", _double
        case ast.Constant(value=value):
            yield from _constants(value)
        case _:
            yield from _changes_of_form(node)


def _changes_of_form(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.If() | ast.IfExp():
            for truth in (True, False):
                yield f"if {truth}", lambda twin, truth=truth: setattr(twin, "test", ast.Constant(truth))
        case ast.Return(value=ast.Constant(value=None)):
            pass
        case ast.Return(value=ast.AST()):
            yield "return None", lambda twin: setattr(twin, "value", ast.Constant(None))
        case ast.List(ctx=ast.Load()) | ast.Set() | ast.Tuple(ctx=ast.Load()):
            for place in range(len(node.elts)):
                yield f"element {place} left out", lambda twin, place=place: twin.elts.pop(place)
        case ast.Raise() | ast.Expr(value=ast.Call()):
            yield f"{type(node).__name__.lower()} left out", _leave_out
        case _:
            pass


def _swap(operator: ast.AST, change: Callable[[Any, Any], None]) -> Iterator[tuple[str, Change]]:
    new = _SWAPS.get(type(operator))
    if new is not None:
        yield f"{type(operator).__name__} is {new.__name__}", lambda twin: change(twin, new)


def _constants(value: object) -> Iterator[tuple[str, Change]]:
    match value:
        case bool():
            yield f"{value} is {not value}", lambda twin: setattr(twin, "value", not value)
        case int():
            for new in (value + 1, value - 1):
                yield f"{value} is {new}", lambda twin, new=new: setattr(twin, "value", new)
        case str():
            yield f"{value!r} has a letter more", lambda twin: setattr(twin, "value", value + "x")
        case bytes():
            yield f"{value!r} has a letter more", lambda twin: setattr(twin, "value", value + b"x")
        case _:
            pass


def _double(twin: Any) -> None:
    """`not x` becomes `not not x`, which is x for whoever asks for its truth."""
    twin.op, twin.operand = ast.Not(), ast.UnaryOp(ast.Not(), twin.operand)


def _leave_out(twin: Any) -> None:
    """The statement becomes one that does nothing: a node cannot be taken out of its list from here."""
    twin.__class__ = ast.Pass
