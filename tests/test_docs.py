"""What the documents say is so: the drawn page is what the code draws, the promises name tests that are there."""

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
PROMISES = ROOT / "docs" / "promises.md"
PROMISE_COUNT = 7
SECURITY = ROOT / "docs" / "security.md"
CONCERN_COUNT = 28
TEST_ID = re.compile(r"`((?:libs|services|deploy|tests)/[\w/.-]+\.py)::(test_\w+)`")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def names_of_tests(path: Path) -> set[str]:
    """The names of a file's test functions, also of those in classes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


def promises() -> list[str]:
    """The rows of the table: a number, the promise, its tests."""
    return [line for line in PROMISES.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d+ \|", line)]


def test_the_state_machine_is_drawn_from_the_code() -> None:
    module = load(ROOT / "docs" / "state_machine.py")
    assert module.PAGE.read_text(encoding="utf-8") == module.draw(), "make docs"


def test_every_promise_names_the_tests_that_prove_it() -> None:
    rows = promises()
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, PROMISE_COUNT + 1))
    assert all(TEST_ID.search(row) for row in rows)


def test_the_tests_that_the_promises_name_are_there() -> None:
    named = [match for row in promises() for match in TEST_ID.findall(row)]
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file() or name not in names_of_tests(ROOT / path)
    ]
    assert missing == []
    cited = PROMISES.read_text(encoding="utf-8").count("::test_")
    assert cited == len(named), "every id in the page is in the form that is checked"


def concerns() -> list[list[str]]:
    """The rows of docs/security.md: a number, the concern, what is demanded, how it is proved."""
    lines = SECURITY.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.split(" | ")] for line in lines if re.match(r"\| \d+ \|", line)]


def test_every_concern_of_security_is_answered() -> None:
    """By tests that are there, or by why it does not apply yet."""
    rows = concerns()
    assert [int(row[0].strip("| ")) for row in rows] == list(range(1, CONCERN_COUNT + 1))
    for row in rows:
        proof = row[3]
        named = TEST_ID.findall(proof)
        assert named or proof.startswith("not yet:"), row[1]
        assert proof.count("::test_") == len(named), row[1]
        assert [each for each in named if each[1] not in names_of_tests(ROOT / each[0])] == []
