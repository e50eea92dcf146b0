"""Every shape of answer is read to exactly what golden/ says.

A file of data/ is named for the kind of search that reads it, or `profile`, and for what is particular to it. After a
wanted change write the golden files anew with `.venv/bin/python services/tiktok/tests/test_golden.py`, and read the
difference before committing it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from common.domain.creator import Account
from common.errors import NotFoundError
from common.platform import Page, Unparsable
from tiktok.table import TIKTOK

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in (HERE / "data").glob("*.json"))
PROFILE = TIKTOK.profile
assert PROFILE is not None
READERS: dict[str, Any] = {"profile": PROFILE.read} | {kind: one.read for kind, one in TIKTOK.searches.items()}


def kind_of(name: str) -> str:
    """The longest kind with which the file's name begins."""
    return max((kind for kind in READERS if f"{name}_".startswith(f"{kind}_")), key=len)


def read(name: str) -> Any:
    try:
        told = READERS[kind_of(name)]((HERE / "data" / f"{name}.json").read_bytes())
    except NotFoundError:
        return {"error": "NotFoundError"}
    return shown(told) if isinstance(told, Account) else shown_page(told)


def shown_page(page: Page) -> dict[str, Any]:
    items = [{"unparsable": item.reason} if isinstance(item, Unparsable) else shown(item) for item in page.items]
    told: dict[str, Any] = {"cursor": page.cursor, "items": items}
    if page.target is not None or page.target_contents:
        told["target"] = page.target and shown(page.target)
        told["target_contents"] = [shown(content) for content in page.target_contents]
    return told


def shown(model: Any) -> Any:
    return model.model_dump(mode="json")


def golden(name: str) -> Path:
    return HERE / "golden" / f"{name}.json"


def write_all() -> None:
    for name in NAMES:
        golden(name).write_text(json.dumps(read(name), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_read_to_its_golden_file(name: str) -> None:
    """A sample gives what its golden file says."""
    assert read(name) == json.loads(golden(name).read_text(encoding="utf-8"))


def test_no_golden_file_lacks_its_sample() -> None:
    """A golden file that nothing is compared with would rot."""
    assert sorted(path.stem for path in (HERE / "golden").glob("*.json")) == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if kind_of(name) == "profile"])
def test_a_target_is_read_as_its_profile_is(name: str) -> None:
    """Both are one endpoint; the page holds nothing else."""
    body = (HERE / "data" / f"{name}.json").read_bytes()
    if read(name) == {"error": "NotFoundError"}:
        with pytest.raises(NotFoundError):
            TIKTOK.searches["target"].read(body)
    else:
        page = TIKTOK.searches["target"].read(body)
        assert page == Page(items=(), cursor=None, target=READERS["profile"](body))


if __name__ == "__main__":
    write_all()
