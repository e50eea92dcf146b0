"""Whom our HTTPS clients believe beside the public authorities."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.errors import ConfigurationError
from common.tls import trusted_authorities
from local.keyring import make_authority, write_pair


def names(ca_file: str | None = None) -> set[str]:
    context = trusted_authorities(trust_env=False, ca_file=ca_file)
    return {str(certificate["subject"]) for certificate in context.get_ca_certs()}


def test_what_is_named_is_believed_beside_the_public_authorities(tmp_path: Path) -> None:
    write_pair(make_authority(datetime.now(UTC)), tmp_path / "ca.pem", tmp_path / "ca.key")
    own = names(str(tmp_path / "ca.pem")) - names()
    assert len(own) == 1
    assert "Creatorscout local authority" in own.pop()
    assert names()
    assert names() < names(str(tmp_path / "ca.pem"))


@pytest.mark.parametrize("text", [None, "", "no certificate\n"])
def test_a_file_without_certificates_is_one_line(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"^HTTPS_CA_FILE: is not a readable file of certificates$"):
        trusted_authorities(trust_env=False, ca_file=str(path))
