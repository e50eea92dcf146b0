"""Jobs through the containers: one with two replicas, one whose worker is killed, one with one worker and with four."""

import csv
import io
import json
import time

from ship.images.check import demand
from ship.images.compose import Container
from ship.images.stack import Stack, Visitor

_KEYWORDS = ("vegan", "ramen", "cycling", "sourdough", "running")
_TARGET = 150
_THROUGHPUT_TARGET = 300
_WORKERS = (1, 4)


def two_replicas(stack: Stack) -> None:
    """One job with two tiktok containers: both do steps, everything adds up, the export has everybody."""
    stack.take(search=0.3, profile=0.1)
    visitor = stack.visitor()
    job_id = visitor.create(*_KEYWORDS, target=_TARGET)
    poll = visitor.await_end(job_id)
    row = stack.books.judge(job_id)
    _judge_answers(visitor, job_id, poll)
    _judge_token(stack, visitor)
    workers = stack.compose.running("tiktok")
    steps = {worker.name: _steps(stack, worker, job_id) for worker in workers}
    demand(len(steps) == 2 and all(steps.values()), f"not both replicas did steps of the job: {steps}")
    stack.sheet.confirm("job", f"{_TARGET} creators through the containers", f"{row['seconds']:.1f} s")
    stack.sheet.confirm("job", "two tiktok containers did its steps", ", ".join(map(str, steps.values())))
    rows = _export(visitor, job_id)
    demand(rows == _TARGET, f"the CSV export has {rows} rows instead of {_TARGET}")
    stack.sheet.confirm("job", "creators are distinct, the funnel adds up, the CSV has all", f"{rows} rows")


def killed_worker(stack: Stack) -> None:
    """One of two tiktok containers is killed in the middle of a job; the job completes, nobody comes twice."""
    stack.forget()
    stack.take(search=0.5, profile=0.5)
    visitor = stack.visitor()
    job_id = visitor.create(*_KEYWORDS, target=_TARGET)
    visitor.await_count(job_id, _TARGET // 5)
    victim = _busiest(stack, job_id)
    stack.compose.docker.run("kill", "--signal", "KILL", victim.id)
    at = visitor.poll(job_id)["processedResults"]
    stack.sheet.confirm("kill", f"{victim.name} died by SIGKILL", f"at {at} of {_TARGET} creators")
    visitor.await_end(job_id)
    row = stack.books.judge(job_id)
    unnamed, named = stack.books.bought_twice(job_id)
    demand(unnamed == 0, f"{unnamed} calls were bought twice without a named window")
    stack.sheet.confirm("kill", "the job completes without a duplicate", f"{row['seconds']:.1f} s")
    stack.sheet.confirm("kill", "nothing was bought twice but in a named window", f"{named} in a window")
    [told] = stack.compose.docker.inspect(victim.id)
    demand(told["HostConfig"]["RestartPolicy"]["Name"] != "no", f"{victim.name} would stay dead")
    if not told["State"]["Running"]:  # an engine does not restart what it was told to kill
        stack.start(victim)


def throughput(stack: Stack) -> None:
    """The same job with one tiktok container and with four."""
    rates: list[float] = []
    for count in _WORKERS:
        stack.compose.up("tiktok", tiktok=count)
        demand(len(stack.compose.running("tiktok")) == count, f"there are not {count} tiktok containers")
        stack.forget()
        stack.take(search=1.0, profile=1.5)
        visitor = stack.visitor()
        began_at = time.monotonic()
        job_id = visitor.create(*_KEYWORDS, target=_THROUGHPUT_TARGET)
        visitor.await_end(job_id, within_s=300)
        row = stack.books.judge(job_id)
        calls = stack.upstream("GET", "/calls")["paid"]
        rates.append(_THROUGHPUT_TARGET / row["seconds"])
        stack.sheet.confirm(
            "throughput",
            f"a job of {_THROUGHPUT_TARGET} completes with {count} tiktok container{'s' * (count > 1)}",
            f"{row['seconds']:.1f} s ({time.monotonic() - began_at:.1f} s for who polls), {rates[-1]:.1f} creators/s, "
            f"{calls['total']} paid calls",
        )
    stack.sheet.note("throughput", f"four workers are {rates[1] / rates[0]:.2f} times as fast as one")
    stack.compose.up("tiktok", tiktok=2)


def _judge_answers(visitor: Visitor, job_id: str, poll: dict[str, object]) -> None:
    """What a frontend is told agrees with itself."""
    results = poll["results"]
    assert isinstance(results, list)
    handles = [one["creator"]["uniqueId"] for result in results for one in result["creators"]]
    demand(len(handles) == len(set(handles)) == poll["processedResults"], "a poll shows a creator twice, or not all")
    counts = visitor.read(job_id)["counts"]
    demand(counts["itemsSeen"] == sum(counts["outcomes"].values()), f"the funnel does not add up: {counts}")


def _judge_token(stack: Stack, visitor: Visitor) -> None:
    """People get a token as the README says."""
    token = stack.compose.exec("issuer", "/app/bin/local", "token").strip()
    status = visitor.ask("GET", "/api/v1/jobs", token=token).status_code
    demand(status == 200, f"a token of `local token` in the issuer's container is answered {status}")
    stack.sheet.confirm("job", "`local token` in the issuer's container prints a token that is taken", status)


def _steps(stack: Stack, worker: Container, job_id: str) -> int:
    """How many steps of the job this container says that it has performed."""
    done = stack.compose.docker.attempt("logs", worker.id)
    lines = [json.loads(line) for line in (done.stdout + done.stderr).splitlines() if line.startswith("{")]
    return sum(line.get("event") == "step.performed" and line.get("job_id") == job_id for line in lines)


def _busiest(stack: Stack, job_id: str) -> Container:
    """The worker that has done most of the job."""
    return max(stack.compose.running("tiktok"), key=lambda worker: _steps(stack, worker, job_id))


def _export(visitor: Visitor, job_id: str) -> int:
    answer = visitor.ask("GET", f"/api/v1/jobs/{job_id}/export.csv")
    demand(answer.status_code == 200, f"the CSV export answered {answer.status_code}")
    return len(list(csv.reader(io.StringIO(answer.text)))) - 1
