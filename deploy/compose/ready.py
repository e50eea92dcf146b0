"""A container's own look at its `/readyz`, without a shell: `python -I -S ready.py PORT [PATH] [--tls]`.

Exit code 0 if it answers 200 within two seconds, else 1. With `--tls` the answer comes over TLS; whose certificate it
is matters to callers, not to who asks himself.
"""

import http.client
import ssl
import sys


def main() -> int:
    arguments = [word for word in sys.argv[1:] if word != "--tls"]
    port, path = int(arguments[0]), (arguments[1] if len(arguments) > 1 else "/readyz")
    if "--tls" in sys.argv:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=2, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, http.client.HTTPException):
        return 1


if __name__ == "__main__":
    sys.exit(main())
