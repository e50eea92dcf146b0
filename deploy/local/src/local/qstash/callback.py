"""The body of a callback: what was asked, what came back, how often it was tried."""

import base64
import json
from typing import Any

from local.qstash.header import grouped
from local.qstash.message import Answer, Message


def callback_body(message: Message, answer: Answer, retried: int, dlq_id: str | None = None) -> bytes:
    """JSON; bodies in base64, times in milliseconds. The id of the dead letter is only in a failure callback."""
    told: dict[str, Any] = {
        "status": answer.status,
        "header": grouped(answer.headers),
        "body": _base64(answer.body or (answer.error or "").encode()),
        "retried": retried,
        "maxRetries": message.options.retries,
        "sourceMessageId": message.id,
        "url": message.url,
        "method": message.options.method,
        "sourceHeader": grouped(message.options.headers),
        "sourceBody": _base64(message.body),
        "notBefore": message.not_before_ms,
        "createdAt": message.created_at_ms,
        "callerIP": message.caller_ip,
    }
    if message.schedule_id:
        told["scheduleId"] = message.schedule_id
    if dlq_id:
        told["dlqId"] = dlq_id
    return json.dumps(told).encode()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
