"""The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a creation that may be repeated safely."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import msgspec

from common.db.idempotency import KeptAnswer
from common.db.poll import JobView
from common.domain.model import CamelModel
from common.errors import CallerError
from common.transaction.creation import Repetition
from gateway.problem import Kind, ProblemError

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LENGTH_MAX = 255

# A string of structured fields (RFC 9651), or the bare text that most clients send.
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])+)"')
_BARE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The key with the fingerprint of what it was sent with."""

    text: str
    fingerprint: str

    def repetition(self, write: Callable[[JobView], str]) -> Repetition:
        return Repetition(key=self.text, fingerprint=self.fingerprint, write=write)

    def check(self, kept: KeptAnswer) -> bytes:
        """The answer to give again. Raises ProblemError if the key was used for something else."""
        if kept.fingerprint != self.fingerprint or kept.answer is None:
            raise ProblemError(
                Kind.KEY_REUSED, "This Idempotency-Key was used for another body; use a new key for a new job."
            )
        return kept.answer.encode()


def read_key(text: str | None, body: CamelModel) -> Key | None:
    """None if there is none. Raises CallerError."""
    if text is None:
        return None
    quoted = _QUOTED.fullmatch(text.strip())
    if quoted:
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    elif _BARE.fullmatch(text.strip()):
        key = text.strip()
    else:
        key = ""
    if not 0 < len(key) <= LENGTH_MAX:
        raise CallerError(
            f"must be a text of 1 to {LENGTH_MAX} visible characters", pointer=f"/{HEADER}", code="idempotency_key"
        )
    # Fields stand in the order of the model and what was left out stays out: the same wish has the same print.
    wish = body.model_dump_json(by_alias=True, exclude_unset=True)
    return Key(text=key, fingerprint=hashlib.sha256(wish.encode()).hexdigest())


def in_flight() -> ProblemError:
    """Another request with the key is being answered just now."""
    return ProblemError(
        Kind.KEY_IN_FLIGHT,
        "A request with this Idempotency-Key is being worked on; repeat it in a moment.",
        retry_after_s=1,
    )


class _Identified(msgspec.Struct):
    id: UUID


def job_of(answer: bytes) -> UUID:
    """The id of the job that a kept answer tells of."""
    return msgspec.json.decode(answer, type=_Identified).id
