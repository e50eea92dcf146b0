"""Programs end with what they printed, or with one line that says what went wrong."""

import os
import signal
import sys

import pytest

from ship.images.check import CheckError
from ship.images.program import find, run, undisturbed


def test_a_failure_is_one_line_with_the_end_of_what_was_said() -> None:
    script = "import sys; print('a\\n\\nb\\nc\\nd', file=sys.stderr); sys.exit(3)"
    with pytest.raises(CheckError, match=r"^python\S* ended with 3: b \| c \| d$"):
        run([sys.executable, "-c", script])


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(CheckError, match="no-such-program is not installed"):
        run(["no-such-program"])


def test_a_variable_can_be_kept_from_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSTASH_TOKEN", "mine")
    script = "import os; print(os.environ.get('QSTASH_TOKEN'), os.environ.get('VERSION'))"
    told = run([sys.executable, "-c", script], environment={"QSTASH_TOKEN": None, "VERSION": "check"})
    assert told.split() == ["None", "check"]


def test_who_asks_to_stop_waits_until_what_was_made_is_taken_away() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with undisturbed():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_programs_are_found_in_the_order_of_the_path() -> None:
    assert find("sh")[0].name == "sh"
    assert find("no-such-program") == []
