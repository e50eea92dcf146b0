"""Where what takes long to make is kept for the next run: outside the repository."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def cache_folder() -> Path:
    """Ours in the user's cache; it is there."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "creatorscout"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def key(parts: Iterable[str | bytes]) -> str:
    """A short name for something that was made of these."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.hexdigest()[:16]
