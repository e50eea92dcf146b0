"""The little language of `Upstash-Retry-Delay`: milliseconds to wait, from `retried`, the retries made so far.

Numbers, `retried`, `+ - * /`, parentheses and nine functions, all in floating point. Nothing else is evaluated.
"""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

_LENGTH_MAX = 300
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SIGNS: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def _round(value: float) -> float:
    """Halves go up, as in the other languages that the expression could be written for."""
    return math.floor(value + 0.5)


_FUNCTIONS: dict[str, tuple[int | None, Callable[..., Any]]] = {
    "pow": (2, math.pow),
    "sqrt": (1, math.sqrt),
    "abs": (1, abs),
    "exp": (1, math.exp),
    "floor": (1, math.floor),
    "ceil": (1, math.ceil),
    "round": (1, _round),
    "min": (None, min),
    "max": (None, max),
}


class ExpressionError(ValueError):
    """Not an expression of the language, or without a value for this `retried`."""


Expression = Callable[[int], float]


def parse(text: str) -> Expression:
    """The function that the text describes; it raises ExpressionError where it has no value, as in 1/0."""
    if len(text) > _LENGTH_MAX:
        raise ExpressionError("the expression is too long")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ExpressionError("not an expression") from error
    _check(tree)

    def evaluate(retried: int) -> float:
        try:
            value = _value(tree, float(retried))
        except (ArithmeticError, ValueError) as error:
            raise ExpressionError(str(error)) from error
        if not math.isfinite(value):
            raise ExpressionError("not a finite number")
        return value

    return evaluate


def _check(node: ast.expr) -> None:
    """Raises ExpressionError if a node is not of the language."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return
        case ast.Name(id="retried"):
            return
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            _check(left)
            _check(right)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _SIGNS:
            _check(operand)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if _takes(name, len(args)):
            for arg in args:
                _check(arg)
        case _:
            raise ExpressionError(f"{type(node).__name__} is not allowed")


def _takes(name: str, count: int) -> bool:
    if name not in _FUNCTIONS:
        return False
    wanted, _ = _FUNCTIONS[name]
    return count == wanted if wanted is not None else count >= 1


def _value(node: ast.expr, retried: float) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_value(left, retried), _value(right, retried))
        case ast.UnaryOp(op=op, operand=operand):
            return _SIGNS[type(op)](_value(operand, retried))
        case ast.Call(func=ast.Name(id=name), args=args):
            return float(_FUNCTIONS[name][1](*(_value(arg, retried) for arg in args)))
        case _:
            return retried
