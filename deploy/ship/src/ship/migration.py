"""Looks at the sources of every revision: may it run while an old and a new version serve (docs/decisions/0035)?

Two readers: squawk, which knows what each statement locks and rewrites, and rules of our own for what it does not ask.
Reads files alone; no database.
"""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[4]
MIGRATE = ROOT / "deploy/migrate/src/migrate"
SQUAWK = ROOT / ".venv-ship/bin/squawk"
POSTGRES_MIN = "15.0"
# From before there were rules, and before a version was deployed anywhere.
EXEMPT = frozenset({"0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008"})

# The runner sets both timeouts, every file is guarded by its revision, and integers are what our tables count with.
_NOT_ASKED = (
    "require-lock-timeout",
    "require-statement-timeout",
    "require-timeout-settings",
    "prefer-robust-stmts",
    "prefer-bigint-over-int",
    "prefer-text-field",
)
# To drop an index is quick once its table's lock is had, and for that the runner steps back and asks again.
_CONTRACTS_MAY = (
    "ban-drop-column",
    "ban-drop-table",
    "ban-drop-not-null",
    "adding-not-nullable-field",
    "require-concurrent-index-deletion",
)
_IN_TRANSACTION, _OUTSIDE = "run_file", ("build_index", "fill")
_LITERAL = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|(\$\w*\$).*?\1", re.DOTALL)

_NEVER = (
    (r"\bgenerated\s+always\s+as\s*\([^;]*\bstored\b", "a stored generated column writes the whole table anew"),
    (r"\bconcurrently\b", "concurrently is not for a transaction: build_index"),
    (r"\btruncate\b", "truncate empties a table under everybody"),
    (r"\brename\b", "a rename breaks one of the two versions: add, fill, and drop in a contract"),
    (r"(?:^|;)\s*(?:update|delete)\b", "rows are changed in batches (fill), not in one transaction"),
    (r"\b(?:cluster|vacuum|reindex)\b", "this locks a whole table for as long as it takes"),
)
_NOT_IN_EXPAND = (
    (r"\bdrop\s+(?!default\b)", "an expand takes nothing away: drop in a contract"),
    (r"\brevoke\b", "an expand takes nothing away: revoke in a contract"),
    (r"\bset\s+not\s+null\b", "the version before may still write null: set not null in a contract"),
)


@dataclass(slots=True)
class Revision:
    """What a revision's file says; `parts` are its calls in order: the function and its literal arguments."""

    path: Path
    name: str = ""
    phase: str | None = None
    parts: list[tuple[str, list[str]]] = field(default_factory=list[tuple[str, list[str]]])
    is_plain: bool = True
    """Whether it does nothing but run its parts."""


def find_faults(migrate: Path = MIGRATE, squawk: Path = SQUAWK) -> list[str]:
    """What is wrong with the revisions in this package, a line each; none if all are fine.

    Raises FileNotFoundError if squawk is not installed (`make .venv-ship/.installed`).
    """
    found: list[str] = []
    for path in sorted((migrate / "versions").glob("[0-9]*.py")):
        revision = read(path)
        if revision.name not in EXEMPT:
            files = sorted((migrate / "sql").glob(f"{revision.name}_*.sql"))
            found += [f"{path.name}: {fault}" for fault in _look_at_shape(revision, files)]
            found += [fault for file in files for fault in _look_at_file(file, revision)]
            found += _ask_squawk(squawk, files, revision)
    return found


def read(path: Path) -> Revision:
    """Without running it."""
    revision = Revision(path)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="revision")], value=ast.Constant(value=str(name))):
                revision.name = name
            case ast.Assign(targets=[ast.Name(id="phase")], value=ast.Constant(value=str(phase))):
                revision.phase = phase
            case ast.FunctionDef(name="upgrade", body=body):
                parts = [_part(statement) for statement in body]
                revision.is_plain = None not in parts
                revision.parts = [part for part in parts if part is not None]
            case _:
                pass
    return revision


def _part(statement: ast.stmt) -> tuple[str, list[str]] | None:
    """A call of one of our functions with nothing but literals."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=args, keywords=keywords)):
            values = [*args, *(keyword.value for keyword in keywords)]
            texts = [
                value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)
            ]
            return (name, texts) if name == _IN_TRANSACTION or name in _OUTSIDE else None
        case _:
            return None


def _look_at_shape(revision: Revision, files: list[Path]) -> Iterator[str]:
    if revision.phase not in ("expand", "contract"):
        yield "does not say whether its phase is expand or contract"
    if not revision.is_plain:
        yield f"upgrade does something else than {_IN_TRANSACTION}, {' and '.join(_OUTSIDE)}"
    kinds = [name for name, _ in revision.parts]
    if kinds.count(_IN_TRANSACTION) > 1 or (_IN_TRANSACTION in kinds and len(kinds) > 1):
        yield f"is more than one {_IN_TRANSACTION}, or one beside parts that commit by themselves"
    used = {text for _, texts in revision.parts for text in texts if text.endswith(".sql")}
    if used != {file.name for file in files}:
        yield f"runs {sorted(used)}, but its files are {[file.name for file in files]}"
    for name, texts in revision.parts:
        fitting = {"build_index": ".index.sql", "fill": ".fill.sql"}.get(name, ".sql")
        if not texts or not texts[0].endswith(fitting):
            yield f"{name} takes a file that ends in {fitting}"


def _look_at_file(file: Path, revision: Revision) -> Iterator[str]:
    whole = file.read_text(encoding="utf-8")
    text = _LITERAL.sub(" ", whole).lower()
    if file.name.endswith(".index.sql"):
        yield from _look_at_index(file, text, revision)
    elif file.name.endswith(".fill.sql"):
        if "for update skip locked" not in text or "%(batch)s" not in text:
            yield f"{file.name}: a batch has a limit of %(batch)s and passes over what is held (for update skip locked)"
    elif not file.name.endswith(".left.sql"):
        rules = (*_NEVER, *(_NOT_IN_EXPAND if revision.phase == "expand" else ()))
        yield from (f"{file.name}: {why}" for pattern, why in rules if re.search(pattern, text))
        made = set(re.findall(r"\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?(\w+)", text))
        altered = set(re.findall(r"\balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(\w+)", text)) - made
        if len(altered) > 1:
            yield f"{file.name}: holds the lock of one table while it waits for another's: {sorted(altered)}"


def _look_at_index(file: Path, text: str, revision: Revision) -> Iterator[str]:
    named = next((texts[1] for _, texts in revision.parts if texts[0] == file.name and len(texts) > 1), None)
    match = re.fullmatch(r"\s*create\s+(?:unique\s+)?index\s+concurrently\s+(\w+)\s+on\s[^;]*;?\s*", text)
    if match is None or match[1] != named:
        yield f"{file.name}: is not one `create index concurrently {named} on ...`"


def _ask_squawk(squawk: Path, files: list[Path], revision: Revision) -> list[str]:
    """Batches are no SQL before their parameter is filled in, and lock rows alone."""
    asked = [file for file in files if not file.name.endswith((".fill.sql", ".left.sql"))]
    excluded = (*_NOT_ASKED, *(_CONTRACTS_MAY if revision.phase == "contract" else ()))
    found: list[str] = []
    for file in asked:
        options = ["--no-assume-in-transaction"] if file.name.endswith(".index.sql") else ["--assume-in-transaction"]
        done = subprocess.run(
            [
                squawk,
                "--reporter=json",
                f"--pg-version={POSTGRES_MIN}",
                f"--exclude={','.join(excluded)}",
                *options,
                file,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 1) or not done.stdout:
            found.append(f"{file.name}: squawk could not say: {done.stderr.strip()}")
            continue
        found += [f"{file.name}: {each['rule_name']}: {each['message']}" for each in json.loads(done.stdout)]
    return found
