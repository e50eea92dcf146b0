"""Asks a running issuer for tokens."""

from collections.abc import Mapping
from typing import Any

import httpx

from local.loopback import PLAIN_HTTP


def mint(issuer_url: str, user: str = "user_demo", org: str | None = None, **wish: Any) -> str:
    """A token for this user; `wish` takes `claims`, `header`, `expires_in` and `key` of `POST /token`.

    `issuer_url` is where the issuer listens. Raises httpx.HTTPError if it is not there or refuses.
    """
    body: Mapping[str, Any] = {"user": user, "org": org, **wish}
    url = f"{issuer_url.rstrip('/')}/token"
    if url.startswith("https://"):  # believed is whom SSL_CERT_FILE names: its authority is one of our own
        response = httpx.post(url, json=body, timeout=10)
    else:
        response = httpx.post(url, json=body, timeout=10, **PLAIN_HTTP)
    response.raise_for_status()
    return response.json()["token"]
