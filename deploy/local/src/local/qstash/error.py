"""What a caller of the REST API is refused with: a status and a text, `{"error": text}` on the wire.

ApiError
  BadRequestError 400, UnauthorizedError 401, NotFoundError 404, QuotaError 412, NotSupportedError 501
"""


class ApiError(Exception):
    """A refusal; `status` is the HTTP status."""

    status = 500

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


class BadRequestError(ApiError):
    status = 400


class UnauthorizedError(ApiError):
    status = 401

    def __init__(self) -> None:
        super().__init__("unable to authenticate: invalid token")


class NotFoundError(ApiError):
    status = 404


class QuotaError(ApiError):
    """Over the plan's limit. The real server says 412 for sizes and counts, 400 for what one message asks for."""

    status = 412

    def __init__(self, text: str, status: int = 412) -> None:
        self.status = status
        super().__init__(text)


class NotSupportedError(ApiError):
    """Real, but left out of the stand-in."""

    status = 501

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: not supported by the QStash stand-in")
