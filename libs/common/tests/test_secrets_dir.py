"""Variables as files: a folder that SECRETS_DIR names."""

from pathlib import Path

import pytest

from common.errors import ConfigurationError
from common.settings import DatabaseSettings, ServerSettings, UpstreamSettings, read_settings

URL = "postgresql://u:p@db.example/creatorscout"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What SECRETS_DIR names; nothing that it could hold stands in the environment."""
    for name in ("DATABASE_URL", "SCRAPECREATORS_API_KEY", "SCRAPECREATORS_BASE_URL", "PORT", "HTTPS_CA_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    return tmp_path


def fault() -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_settings(DatabaseSettings)
    return str(caught.value)


def test_a_file_is_read_like_the_variable_of_its_name(folder: Path) -> None:
    (folder / "DATABASE_URL").write_text(URL)
    (folder / "SCRAPECREATORS_API_KEY").write_text("key-of-ours")
    database, upstream = read_settings(DatabaseSettings, UpstreamSettings)
    assert database.database_url.get_secret_value() == URL
    assert upstream.scrapecreators_api_key.get_secret_value() == "key-of-ours"


def test_a_line_break_at_the_end_of_a_file_is_no_part_of_it(folder: Path) -> None:
    (folder / "DATABASE_URL").write_text(f"{URL}\r\n")
    [database] = read_settings(DatabaseSettings)
    assert database.database_url.get_secret_value() == URL


def test_the_environment_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "DATABASE_URL").write_text("postgresql://of.the.file/x")
    monkeypatch.setenv("DATABASE_URL", URL)
    [database] = read_settings(DatabaseSettings)
    assert database.database_url.get_secret_value() == URL


def test_a_file_beats_the_services_own_port(folder: Path) -> None:
    assert read_settings(ServerSettings, port=8010)[0].port == 8010
    (folder / "PORT").write_text("9000\n")
    assert read_settings(ServerSettings, port=8010)[0].port == 9000


def test_a_mounted_secret_is_a_link_and_is_read(folder: Path) -> None:
    """Kubernetes mounts `..data/NAME` and links to it, so that all files change at once."""
    (folder / "..data").mkdir()
    (folder / "..data" / "DATABASE_URL").write_text(URL)
    (folder / "DATABASE_URL").symlink_to("..data/DATABASE_URL")
    [database] = read_settings(DatabaseSettings)
    assert database.database_url.get_secret_value() == URL


def test_what_is_in_neither_is_missing(folder: Path) -> None:
    (folder / "database_url").write_text(URL)  # a variable's name is in capitals
    assert fault() == "DATABASE_URL is missing"


def test_a_file_without_text_is_no_value(folder: Path) -> None:
    (folder / "DATABASE_URL").write_text("\n")
    assert fault() == "DATABASE_URL: must start with postgresql://"


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_folder_that_is_none_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = folder / kind
    if kind == "file":
        path.write_text(URL)
    monkeypatch.setenv("SECRETS_DIR", str(path))
    assert fault() == "SECRETS_DIR: is not a folder"


@pytest.mark.parametrize("kind", ["folder", "bytes"])
def test_a_file_that_cannot_be_read_is_one_line_without_what_it_holds(folder: Path, kind: str) -> None:
    path = folder / "DATABASE_URL"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"\xff\xfe\x00")
    assert fault() == "DATABASE_URL: its file in SECRETS_DIR cannot be read"


def test_no_fault_shows_what_a_file_holds(folder: Path) -> None:
    (folder / "DATABASE_URL").write_text("mysql://hidden-word@db/x")
    assert "hidden-word" not in fault()
