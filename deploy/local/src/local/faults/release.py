"""The sources of the release before, out of the repository's history, to be run beside ours.

`deploy/previous-release` names the commit; it is set anew with each release.
"""

import io
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[5]
NAMED = ROOT / "deploy/previous-release"
_MEMBERS = ("libs/common", "services", "deploy/migrate", "deploy/local", "deploy/operate")


def previous_commit() -> str:
    return NAMED.read_text(encoding="utf-8").strip()


def has_previous() -> bool:
    """Whether the history has it: a shallow clone does not."""
    asked = ["git", "cat-file", "-e", f"{previous_commit()}^{{commit}}"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, check=False).returncode == 0


def unpack_previous(folder: Path) -> str:
    """Put the sources into the folder; returns the PYTHONPATH with which our commands run them instead of ours."""
    asked = ["git", "archive", "--format=tar", previous_commit(), *_MEMBERS]
    packed = subprocess.run(asked, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return ":".join(str(path) for path in sorted(folder.glob("**/src")))
