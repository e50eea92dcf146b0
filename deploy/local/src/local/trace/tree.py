"""Traces as text: a line for each span, below the one that it belongs to, with when it began and how long it took."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from local.trace.seen import SeenSpan

ALIKE_MAX = 3
_NAME_WIDTH = 58
_SHOWN = {
    "http.response.status_code": "status",
    "http.response.size": "bytes",
    "creatorscout.credits": "credits",
    "creatorscout.answer": "answer",
    "creatorscout.reason": "reason",
    "creatorscout.outcome": "outcome",
    "creatorscout.attempt": "attempt",
    "creatorscout.deliveries": "deliveries",
    "creatorscout.generation": "generation",
    "creatorscout.items": "items",
    "creatorscout.delivered": "delivered",
    "creatorscout.pending": "pending",
    "creatorscout.bought": "bought",
    "creatorscout.cached": "cached",
    "error.type": "error",
}


def traces_of(spans: Iterable[SeenSpan]) -> dict[str, list[SeenSpan]]:
    """The spans of each trace, in the order of their beginning, the earliest trace first."""
    found: dict[str, list[SeenSpan]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.began_ns):
        found[span.trace_id].append(span)
    return dict(found)


def draw_trace(spans: Sequence[SeenSpan]) -> list[str]:
    """One trace. A span whose parent never came stands at the left, as the first does."""
    known = {span.span_id for span in spans}
    below: dict[str, list[SeenSpan]] = defaultdict(list)
    for span in spans:
        below[span.parent_id if span.parent_id in known else ""].append(span)
    began_ns = min(span.began_ns for span in spans)
    lines = [f"trace {spans[0].trace_id}"]
    for span in below[""]:
        lines += _draw(span, below, began_ns, "")
    for link in dict.fromkeys(link for span in spans for link in span.links):
        lines.append(f"  {link.role}: span {link.span_id} of trace {link.trace_id}")
    return lines


def _draw(span: SeenSpan, below: dict[str, list[SeenSpan]], began_ns: int, indent: str) -> list[str]:
    lines = [_line(span, began_ns, indent)]
    counts: dict[str, int] = defaultdict(int)
    left_out: dict[str, list[SeenSpan]] = defaultdict(list)
    for child in below[span.span_id]:
        counts[child.name] += 1
        if counts[child.name] <= ALIKE_MAX:
            lines += _draw(child, below, began_ns, indent + "  ")
        else:
            left_out[child.name].append(child)
    for name, alike in left_out.items():
        times = sorted(child.ms for child in alike)
        lines.append(f"{indent}  ... {len(alike)} more: {name}, {times[0]:.1f} to {times[-1]:.1f} ms")
    return lines


def _line(span: SeenSpan, began_ns: int, indent: str) -> str:
    facts = " ".join(f"{short}={span.facts[name]}" for name, short in _SHOWN.items() if name in span.facts)
    at_ms = (span.began_ns - began_ns) / 1e6
    name = f"{indent}{span.service}: {span.name}"
    return f"{name:<{_NAME_WIDTH}} +{at_ms:8.1f} {span.ms:8.1f} ms  {facts}".rstrip()
