"""Whom our HTTPS clients trust."""

import ssl
from functools import cache

import httpx

from common.errors import ConfigurationError


@cache
def trusted_authorities(*, trust_env: bool, ca_file: str | None = None) -> ssl.SSLContext:
    """What httpx trusts by itself, loaded once for all clients of the process: 40 ms of CPU each time.

    With `trust_env` that is what SSL_CERT_FILE or SSL_CERT_DIR name, if one is set. What `ca_file` holds is trusted
    too; raises ConfigurationError if it holds no certificates.
    """
    context = httpx.create_ssl_context(trust_env=trust_env)
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError:  # ssl.SSLError is one
            raise ConfigurationError("HTTPS_CA_FILE: is not a readable file of certificates") from None
    return context
