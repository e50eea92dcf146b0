"""Every shape of answer is read to exactly what golden/ says.

After a wanted change write them anew with `.venv/bin/python services/youtube/tests/test_golden.py`, and read the
difference before committing it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from common.platform import Page, Unparsable
from youtube.table import YOUTUBE

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in (HERE / "data").glob("*.json"))


def read(name: str) -> Any:
    body = (HERE / "data" / f"{name}.json").read_bytes()
    if name.startswith("channel"):
        assert YOUTUBE.profile is not None
        return YOUTUBE.profile.read(body).model_dump(mode="json")
    page: Page = YOUTUBE.searches["_".join(name.split("_")[:2]).replace("search_", "")].read(body)
    items = [
        {"unparsable": item.reason} if isinstance(item, Unparsable) else item.model_dump(mode="json")
        for item in page.items
    ]
    told = {"cursor": page.cursor, "items": items}
    contents = [content.model_dump(mode="json") for content in page.target_contents]
    return told | {"target_contents": contents} if contents else told


def golden(name: str) -> Path:
    return HERE / "golden" / f"{name}.json"


def write_all() -> None:
    for name in NAMES:
        golden(name).write_text(json.dumps(read(name), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_read_to_its_golden_file(name: str) -> None:
    """A sample gives what its golden file says."""
    assert read(name) == json.loads(golden(name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("channel")])
def test_the_target_is_read_as_its_profile(name: str) -> None:
    """It is the same endpoint; its page holds nothing else."""
    page: Page = YOUTUBE.searches["target"].read((HERE / "data" / f"{name}.json").read_bytes())
    assert page.target is not None
    assert page.target.model_dump(mode="json") == json.loads(golden(name).read_text(encoding="utf-8"))
    assert (page.items, page.target_contents, page.cursor, page.items_count) == ((), (), None, 1)


def test_no_golden_file_lacks_its_sample() -> None:
    """A golden file that nothing is compared with would rot."""
    assert sorted(path.stem for path in (HERE / "golden").glob("*.json")) == NAMES


if __name__ == "__main__":
    write_all()
