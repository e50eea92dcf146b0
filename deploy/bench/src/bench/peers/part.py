"""Our steps by other engines: how many a second, and what becomes of a step whose worker is killed by SIGKILL."""

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median
from typing import Final

from bench.floor.ground import Scale, open_ground
from bench.peers.crash import Wreck, crash_all
from bench.peers.journal import Aftermath
from bench.peers.peer import DURABILITY, PEERS, Engine, Peer
from bench.peers.rate import measure_peer
from bench.row import Bench, Finding, Ratio, Row, at_least, at_most
from bench.series import alternate
from bench.steps.measure import CONNECTIONS, Window, measure, start_worker

ROUNDS: Final = 2
SCALE: Final = Scale(jobs=100, steps=40, pages=45)  # so few that our jobs end within the wreck's cap, too
WINDOW: Final = Window(after_s=0.5, lasts_s=3.0)
RECOVERED_MAX_S: Final = 20.0
_OURS = "ours"


def run(bench: Bench) -> Finding:
    return measure_all(bench, PEERS, SCALE, ROUNDS, WINDOW, Wreck())


def measure_all(  # noqa: PLR0913, PLR0917 - what there is to choose
    bench: Bench, peers: Sequence[Peer], scale: Scale, rounds: int, window: Window, wreck: Wreck
) -> Finding:
    rated = {peer.name: peer for peer in peers if peer.has_rate}
    with open_ground(bench.folder, scale, bench.report) as ground:
        turns = {
            _OURS: partial(measure, ground, start_worker, "tiktok", window),
            **{name: partial(measure_peer, peer, ground, bench.root, scale, window) for name, peer in rated.items()},
        }
        paces = alternate(turns, rounds, bench.report)
        rates = {name: [pace.per_s for pace in measured] for name, measured in paces.items()}
        bench.report("killing a worker of each")
        own, aftermaths = crash_all(peers, ground, bench.root, wreck)
    return judge(peers, rates, own, aftermaths, wreck)


def judge(
    peers: Sequence[Peer],
    rates: Mapping[str, list[float]],
    own: Aftermath,
    aftermaths: Mapping[str, Aftermath],
    wreck: Wreck,
) -> Finding:
    keepers = {name for name, after in aftermaths.items() if not after.lost}
    rows = [_rate_row(peer, rates, aftermaths[peer.name]) for peer in peers if peer.has_rate]
    rows += _recovery_rows(peers, own, {name: aftermaths[name] for name in keepers})
    return Finding(rows=tuple(rows), detail=_table(peers, rates, own, aftermaths, wreck))


def _rate_row(peer: Peer, rates: Mapping[str, list[float]], after: Aftermath) -> Row:
    ours, theirs = rates[_OURS], rates[peer.name]
    is_keeper = not after.lost
    return Row(
        what=f"the same steps by {peer.package}",
        ours=f"{median(ours):.0f}/s",
        theirs=f"{median(theirs):.0f}/s",
        ratio=Ratio.of(ours, theirs),
        goal=at_least(1.0) if is_keeper else None,
        note="" if is_keeper else "no goal: steps of a killed worker did not come back in time, see below",
    )


def _recovery_rows(peers: Sequence[Peer], own: Aftermath, keepers: Mapping[str, Aftermath]) -> list[Row]:
    assert own.recovered_s is not None
    took = {
        peer.package: after.recovered_s
        for peer in peers
        if (after := keepers.get(peer.name)) is not None and after.recovered_s is not None and not peer.is_restarted
    }
    best = min(took, key=lambda name: took[name], default=None)
    lost = f"{own.lost} of our jobs did not end" if own.lost else ""
    ours = f"{own.recovered_s:.1f} s"
    return [
        Row(
            what="kill -9 of a worker, until its last step has begun elsewhere",
            ours=ours,
            theirs=f"promised: {RECOVERED_MAX_S:.0f} s",
            ratio=None if lost else Ratio((own.recovered_s / RECOVERED_MAX_S,)),
            goal=at_most(1.0),
            note=lost or f"{own.in_hand} steps were in its hand; another worker stood by; no job was lost",
        ),
        Row(
            what="the same, beside the fastest engine whose jobs all ended",
            ours=ours,
            theirs=f"{best} {took[best]:.1f} s" if best else "none",
            ratio=Ratio((own.recovered_s / took[best],)) if best and not lost else None,
            goal=at_most(1.0) if best else None,
            note="each engine as its documentation asks for safety; a worker stood by" + _restarted(peers, keepers),
        ),
    ]


def _restarted(peers: Sequence[Peer], keepers: Mapping[str, Aftermath]) -> str:
    """What is left out of the fastest, and why."""
    return "".join(
        f". {peer.package}, the killed process started again at once: {after.recovered_s:.1f} s, but nothing begins "
        "elsewhere, so it is not among them"
        for peer in peers
        if peer.is_restarted and (after := keepers.get(peer.name)) is not None and after.recovered_s is not None
    )


def _table(
    peers: Sequence[Peer],
    rates: Mapping[str, list[float]],
    own: Aftermath,
    aftermaths: Mapping[str, Aftermath],
    wreck: Wreck,
) -> str:
    durable = f"{DURABILITY[Engine.POSTGRES]}; {DURABILITY[Engine.NATS]}"
    lines = [
        f"For the rates 100 jobs at once, 16 slots and {CONNECTIONS} connections each. For the kill {wreck.jobs} jobs "
        f"of {wreck.steps} steps of {wreck.step_s:g} s ({wreck.own_jobs} jobs of our own steps with ours), two "
        "workers, of which one is killed by SIGKILL with all that it started. A job that has not ended "
        f"{wreck.cap_s:.0f} s later counts as lost. `DBOS, same executor`: the killed one is started again at once; "
        "without Conductor its steps come back in no other way.",
        "",
        "| engine | steps/s | its state | in hand | begun elsewhere after | jobs lost | begun again | ended twice |",
        "|---|---:|---|---:|---:|---:|---:|---:|",
        _line("ours", rates[_OURS], durable, own, wreck),
        *(
            _line(peer.package, rates.get(peer.name, []), DURABILITY[peer.engine], aftermaths[peer.name], wreck)
            for peer in peers
        ),
    ]
    return "\n".join(lines)


def _line(name: str, rates: Sequence[float], state: str, after: Aftermath, wreck: Wreck) -> str:
    recovered = f"not within {wreck.cap_s:.0f} s" if after.recovered_s is None else f"{after.recovered_s:.1f} s"
    twice = "the schema forbids it" if after.twice is None else str(after.twice)
    cells = (name, f"{median(rates):.0f}" if rates else "–", state, str(after.in_hand), recovered)
    return f"| {' | '.join(cells)} | {after.lost} | {after.again} | {twice} |"
