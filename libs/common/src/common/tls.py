"""Whom our HTTPS clients trust."""

import ssl
from functools import cache

import httpx


@cache
def trusted_authorities(*, trust_env: bool) -> ssl.SSLContext:
    """What httpx trusts by itself, loaded once for all clients of the process: 40 ms of CPU each time.

    With `trust_env` that is what SSL_CERT_FILE or SSL_CERT_DIR name, if one is set.
    """
    return httpx.create_ssl_context(trust_env=trust_env)
