"""Ids by chance, in the form of the real ones."""

import secrets
import string

_CHARACTERS = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 40) -> str:
    """`msg_…`, `scd_…`, `jwt_…` or `sig_…`."""
    return prefix + "_" + "".join(secrets.choice(_CHARACTERS) for _ in range(length))
