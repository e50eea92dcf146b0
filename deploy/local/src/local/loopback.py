"""HTTP on loopback, where nothing is encrypted and no proxy is asked."""

import ssl
from typing import TypedDict


class _ClientOptions(TypedDict):
    trust_env: bool
    verify: ssl.SSLContext


# Options of an httpx client that only ever asks http:// on loopback. Its TLS trusts nobody: loading the authorities
# that a client trusts otherwise takes 40 ms of CPU each time.
PLAIN_HTTP: _ClientOptions = {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
