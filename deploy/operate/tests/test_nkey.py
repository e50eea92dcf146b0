"""`operate nkey`: a seed in a file of one's own, without a database."""

import stat
from pathlib import Path
from typing import Any

from common.messaging.nkey import read_nkey


def test_a_new_seed_is_for_its_maker_alone_and_its_public_nkey_is_printed(
    installed_operate: Any, tmp_path: Path
) -> None:
    file = tmp_path / "gateway.seed"
    done = installed_operate("nkey", "new", str(file), DATABASE_URL="")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{read_nkey(str(file)).public}\n"
    assert done.stdout.startswith("U")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    seed = file.read_text().strip()
    assert seed.startswith("SU")
    assert seed not in done.stdout
    again = installed_operate("nkey", "public", str(file), DATABASE_URL="")
    assert (again.returncode, again.stdout) == (0, done.stdout)


def test_two_seeds_are_two(installed_operate: Any, tmp_path: Path) -> None:
    printed = {installed_operate("nkey", "new", str(tmp_path / name), DATABASE_URL="").stdout for name in "ab"}
    assert len(printed) == 2


def test_a_seed_that_is_there_is_kept(installed_operate: Any, tmp_path: Path) -> None:
    file = tmp_path / "gateway.seed"
    installed_operate("nkey", "new", str(file), DATABASE_URL="")
    seed = file.read_text()
    done = installed_operate("nkey", "new", str(file), DATABASE_URL="")
    assert (done.returncode, done.stdout, file.read_text()) == (1, "", seed)
    assert "is there already" in done.stderr


def test_what_is_no_seed_is_one_line_that_does_not_show_it(installed_operate: Any, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("hunter2")
    for name, why in (("other", "is not the seed of a user nkey"), ("missing", "cannot be read")):
        done = installed_operate("nkey", "public", str(tmp_path / name), DATABASE_URL="")
        assert (done.returncode, done.stdout) == (2, "")
        assert why in done.stderr
        assert "hunter2" not in done.stderr
    done = installed_operate("nkey", "new", str(tmp_path / "no" / "folder"), DATABASE_URL="")
    assert (done.returncode, done.stdout) == (2, "")
