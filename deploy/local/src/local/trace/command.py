"""`make trace`: a job through every real part, and the traces that it leaves: of its request, its own, of its steps."""

import shutil
import tempfile
import time
from pathlib import Path
from uuid import UUID

from rich.console import Console

from common.tracing.identity import job_place
from local.child import ProcessError
from local.client import FINAL, Gateway, GatewayError
from local.interrupt import Interrupted, interruptible
from local.process import watched
from local.stack import Options, Stack
from local.trace.collector import Collector
from local.trace.seen import SeenSpan
from local.trace.tree import draw_trace, traces_of

KEYWORD = "vegan"
TARGET = 60
STEPS_SHOWN = 2
_JOB_S = 120.0
_POLL_S = 0.3


def run_trace(root: Path, console: Console, latency: str = "demo") -> int:
    """Run it, with its data below `root`/.local. Returns the exit code."""
    (root / ".local").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="trace-", dir=root / ".local"))
    try:
        with interruptible(), Collector() as collector:
            job_id = _run_job(Options(folder, latency=latency, environment=collector.environment), console)
            shown = job_traces(collector.spans, job_id)
        for title, spans in shown[: 2 + STEPS_SHOWN]:
            console.print(f"\n{title}", markup=False, highlight=False)
            for line in draw_trace(spans):
                console.print(line, markup=False, highlight=False, soft_wrap=True)
        console.print(f"\n{len(shown) - 2} steps in all, each a trace; began and took in milliseconds", highlight=False)
    except Interrupted as interrupted:
        console.print("interrupted; everything is stopped")
        return interrupted.exit_code
    except (ProcessError, GatewayError) as error:
        console.print(str(error), markup=False, highlight=False)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if len(shown) > 2 else 1


def job_traces(spans: list[SeenSpan], job_id: str) -> list[tuple[str, list[SeenSpan]]]:
    """With a title each: the request that made the job, the job, its steps in their order."""
    traces = traces_of(spans)
    own = [one for one in traces.values() if any(span.facts.get("creatorscout.job_id") == job_id for span in one)]
    jobs = [one for one in own if any(span.name == "create job" for span in one)]
    causes = {trace_id for one in jobs for span in one for trace_id, _ in span.linked("cause")}
    return [
        *(("The request", traces[trace_id]) for trace_id in causes if trace_id in traces),
        *(("The job", one) for one in jobs),
        *((_step_title(one), one) for one in own if one not in jobs),
    ]


def _step_title(spans: list[SeenSpan]) -> str:
    facts = next(span.facts for span in spans if "creatorscout.step" in span.facts)
    return f"Step {facts['creatorscout.step']}, generation {facts['creatorscout.generation']}"


def _run_job(options: Options, console: Console) -> str:
    """The job's id, when it has ended and everybody has sent what they recorded."""
    with Stack.start(options, lambda text: console.print(text, highlight=False)) as stack, watched(stack.supervisor):
        gateway = Gateway(stack.gateway_url, stack.mint_token)
        job_id = gateway.create_job(gateway.create_campaign("Traced"), [KEYWORD], TARGET)
        ends_at = time.monotonic() + _JOB_S
        while gateway.read_job(job_id).status not in FINAL and time.monotonic() < ends_at:
            stack.check()
            time.sleep(_POLL_S)
        console.print(f"job {job_id}: its trace is {job_place(UUID(job_id)).trace_hex}", highlight=False)
    return job_id
