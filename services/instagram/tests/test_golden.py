"""Every shape of answer is read to exactly what golden/ says.

A file of data/ is named for the kind of search that reads it, or `profile`, and for what is particular to it. After a
wanted change write the golden files anew with `.venv/bin/python services/instagram/tests/test_golden.py`, and read the
difference before committing it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from common.domain.creator import Account
from common.errors import NotFoundError
from common.platform import Page, Unparsable
from instagram.table import INSTAGRAM

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in (HERE / "data").glob("*.json"))
PROFILE = INSTAGRAM.profile
assert PROFILE is not None
READERS: dict[str, Any] = {"profile": PROFILE.read} | {kind: one.read for kind, one in INSTAGRAM.searches.items()}


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


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("profile")])
def test_a_target_is_the_profile_with_its_posts_and_related_profiles(name: str) -> None:
    """All are one endpoint; what is related tells no target."""
    body = (HERE / "data" / f"{name}.json").read_bytes()
    target, related = INSTAGRAM.searches["target"], INSTAGRAM.searches["related"]
    if read(name) == {"error": "NotFoundError"}:
        for one in (target, related):
            with pytest.raises(NotFoundError):
                one.read(body)
    else:
        page = target.read(body)
        shown_target = shown_page(page)
        assert shown_target["target"] == shown(READERS["profile"](body))
        assert shown_page(related.read(body))["items"] == shown_target["items"][: len(related.read(body).items)]


if __name__ == "__main__":
    write_all()
