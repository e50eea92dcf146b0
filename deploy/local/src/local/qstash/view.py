"""How messages, events, dead letters and schedules look in answers. Optional fields without a value are left out."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

from local.qstash.header import Pairs, grouped, under
from local.qstash.message import Answer, DeadLetter, Event, Message
from local.qstash.option import Callback, Options
from local.qstash.schedule import Schedule

Json = dict[str, Any]


def tell_message(message: Message) -> Json:
    return (
        {"messageId": message.id, "url": message.url}
        | _tell_request(message.options, message.body)
        | {
            "maxRetries": message.options.retries,
            "notBefore": message.not_before_ms,
            "createdAt": message.created_at_ms,
            "callerIP": message.caller_ip,
        }
        | _present({"scheduleId": message.schedule_id, "retryDelayExpression": message.options.retry_delay})
    )


def tell_dead_letter(letter: DeadLetter) -> Json:
    answer = letter.answer
    told = _tell_content(answer.body, "responseBody", "responseBodyBase64") if answer.body else {}
    return (
        tell_message(letter.message)
        | {"dlqId": letter.id, "responseStatus": answer.status}
        | _present({"responseHeader": grouped(answer.headers)})
        | told
    )


def tell_event(event: Event) -> Json:
    """Under both names where the documentation and the Python SDK differ."""
    message, options = event.message, event.message.options
    told = tell_message(message)
    for name in ("bodyBase64", "notBefore", "createdAt", "callerIP", "callbackHeader", "failureCallbackHeader"):
        told.pop(name, None)
    return (
        told
        | {"time": event.time_ms, "state": event.state.value}
        | _present(
            {
                "body": _shown_base64(options, message.body),
                "error": event.error,
                "nextDeliveryTime": event.next_delivery_at_ms,
                "timeout": int(options.timeout / timedelta(milliseconds=1)),
                "retryDelayExpr": options.retry_delay,
                "callbackHeaders": _callback_headers(options.callback),
                "failureCallbackHeaders": _callback_headers(options.failure_callback),
            }
        )
        | _tell_answer(event.answer)
    )


def tell_schedule(schedule: Schedule, next_run_at_ms: int | None, last_states: Json) -> Json:
    options = schedule.options
    return (
        {
            "scheduleId": schedule.id,
            "cron": schedule.cron.text,
            "destination": schedule.url,
            "createdAt": schedule.created_at_ms,
            "retries": options.retries,
            "isPaused": schedule.is_paused,
            "callerIP": schedule.caller_ip,
        }
        | _tell_request(options, schedule.body)
        | _present(
            {
                "delay": int(options.delay.total_seconds()) if options.delay else None,
                "retryDelayExpression": options.retry_delay,
                "lastScheduleTime": schedule.last_run_at_ms,
                "nextScheduleTime": next_run_at_ms,
                "lastScheduleStates": last_states,
                "error": schedule.error,
            }
        )
    )


def _tell_request(options: Options, body: bytes) -> Json:
    flow = options.flow
    told = _present(
        {
            "method": options.method,
            "header": _shown_headers(options),
            "callback": options.callback and options.callback.url,
            "callbackHeader": _callback_headers(options.callback),
            "failureCallback": options.failure_callback and options.failure_callback.url,
            "failureCallbackHeader": _callback_headers(options.failure_callback),
            "label": options.labels[0] if options.labels else None,
            "labels": list(options.labels),
            "flowControlKey": flow and flow.key,
            "rate": flow and flow.rate,
            "period": flow and flow.period_s,
            "parallelism": flow and flow.parallelism,
        }
    )
    if not body:
        return told
    if "body" in options.redacted:
        return told | {"body": _redacted(body)}
    return told | _tell_content(body, "body", "bodyBase64")


def _tell_answer(answer: Answer | None) -> Json:
    if answer is None:
        return {}
    headers = grouped(answer.headers)
    return {"responseStatus": answer.status} | _present(
        {
            "responseHeader": headers,
            "responseHeaders": headers,
            "responseBody": answer.body.decode("utf-8", "replace"),
        }
    )


def _tell_content(content: bytes, name: str, name_base64: str) -> Json:
    try:
        return {name: content.decode()}
    except UnicodeDecodeError:
        return {name_base64: base64.b64encode(content).decode()}


def _shown_headers(options: Options) -> dict[str, list[str]]:
    pairs: Pairs = tuple(
        (name, _redacted(value.encode()) if _is_redacted(options, name) else value) for name, value in options.headers
    )
    return grouped(pairs)


def _is_redacted(options: Options, name: str) -> bool:
    wanted = name.lower()
    return not options.redacted.isdisjoint({"header", "headers", f"header[{wanted}]", f"headers[{wanted}]"})


def _shown_base64(options: Options, body: bytes) -> str:
    shown = _redacted(body).encode() if body and "body" in options.redacted else body
    return base64.b64encode(shown).decode()


def _redacted(content: bytes) -> str:
    return f"REDACTED:{hashlib.sha256(content).hexdigest()}"


def _callback_headers(callback: Callback | None) -> dict[str, list[str]]:
    return grouped(under(callback.settings, "Upstash-Forward-")) if callback else {}


def _present(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
