"""The manifests as kustomize renders them, once for each process."""

from copy import deepcopy
from pathlib import Path

import pytest

from ship.manifest import tool
from ship.manifest.contract import ROOT
from ship.manifest.document import Manifest, render

OVERLAYS = ROOT / "deploy" / "kubernetes" / "overlays"


@pytest.fixture(scope="session")
def rendered() -> Manifest:
    """Production. Take `manifest` to change it."""
    return render(OVERLAYS / "production", tool.KUBECTL)


@pytest.fixture
def manifest(rendered: Manifest) -> Manifest:
    """Production, to be broken."""
    return deepcopy(rendered)


@pytest.fixture(scope="session")
def overlays() -> list[Path]:
    return sorted(path for path in OVERLAYS.iterdir() if path.is_dir())
