"""The engine against a world that does its worst, drawn by hypothesis.

The real worker, transactions, webhook and sweep on real Postgres and JetStream; around them deliveries, duplicates,
deaths, pauses, cool-downs, cancels and deadlines in any order. After every move the books must balance; in the end,
once the world is well again, every job must end.

`MODEL_EXAMPLES=400` runs it longer than the suite does, `-s` shows what it saw. A failure prints what reproduces it, as
far as the order in which sockets answer allows; `MODEL_UNSHRUNK=1` shows it at once, without the search for a shorter
one, which takes minutes.
"""

import os
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from .books import Books
from .plant import Plant
from .process import Fate
from .upstream import BILLED, UNBILLED, UNPARSABLE, PagePlan, Person
from .world import Wish, World

# The suite draws the same examples each time; a long run draws new ones.
IS_LONG = "MODEL_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "12"))
MOVES = 40
PHASES = [Phase.explicit, Phase.reuse, Phase.generate] + [Phase.shrink] * ("MODEL_UNSHRUNK" not in os.environ)
JOBS_MAX = 8
PEOPLE_MAX = 20

picks = st.integers(0, 11)
hands = st.integers(0, 1)
people = st.lists(
    st.builds(
        Person,
        is_told=st.sampled_from([False, False, False, True]),
        is_private=st.sampled_from([False] * 5 + [True]),
        profile=st.sampled_from(["found"] * 5 + ["private", "gone", "odd", "another"]),
    ),
    min_size=8,
    max_size=PEOPLE_MAX,
)
pages = st.builds(
    PagePlan,
    people=st.lists(st.sampled_from(range(UNPARSABLE, PEOPLE_MAX)), min_size=1, max_size=7).map(tuple),
    follows=st.sampled_from(["next"] * 8 + ["stuck", "repeat"]),
)
wishes = st.builds(
    Wish,
    owner=st.integers(0, 1),
    searches=st.lists(st.lists(pages, min_size=2, max_size=5).map(tuple), min_size=1, max_size=4).map(tuple),
    target=st.sampled_from([8, 2, 5, 12, 3, 1]),
    pages_max=st.sampled_from([8, 4, 12, 2, 1]),
    credits_max=st.sampled_from([30, 15, 60, 8, 4, 1]),
    parallel=st.integers(1, 3),
)
deaths = st.one_of(st.just(Fate()), st.builds(Fate, passed=st.integers(0, 5), act=st.just("die")))
moments = st.sampled_from([0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 11, 13])
griefs = st.builds(Fate, passed=moments, act=st.sampled_from(["die", "freeze"]))
stops = st.builds(Fate, passed=moments, act=st.just("freeze"))
fates = st.one_of(st.just(Fate()), st.just(Fate()), griefs)
faults = st.sampled_from([*UNBILLED, *BILLED])
kinds = st.sampled_from(["page", "profile"])


class Machine(RuleBasedStateMachine):
    """A rule is a move of the world; it does nothing if there is nothing to move."""

    def __init__(self, plant: Plant) -> None:
        super().__init__()
        self.plant = plant
        plant.examples += 1
        self.is_begun = False

    def move(self, work: Any) -> None:
        self.plant.tally[f"move: {work.__name__}"] += 1
        self.plant.run(work)

    @initialize(
        invented=people,
        several=st.lists(wishes, min_size=1, max_size=3),
        spare=st.lists(wishes, min_size=3, max_size=5),
    )
    def begin(self, invented: list[Person], several: list[Wish], spare: list[Wish]) -> None:
        prefix = f"x{self.plant.examples}"
        self.world = self.plant.run(World.begin(self.plant, prefix, invented, spare))
        self.books = Books(self.world)
        self.is_begun = True
        for wish in several:
            self.move(self.world.create(wish, Fate()))

    @rule(wish=wishes, fate=deaths)
    def create(self, wish: Wish, fate: Fate) -> None:
        if len(self.world.jobs) < JOBS_MAX:
            self.move(self.world.create(wish, fate))

    # Work: most of what happens.

    @rule()
    def go_on(self) -> None:
        for hand in (0, 1):
            self.move(self.world.work(0, hand))

    @rule(several=st.lists(st.tuples(picks, hands), min_size=1, max_size=4))
    def work(self, several: list[tuple[int, int]]) -> None:
        for pick, hand in several:
            self.move(self.world.work(pick, hand))

    @rule(several=st.lists(st.tuples(picks, hands), min_size=2, max_size=4))
    def work_together(self, several: list[tuple[int, int]]) -> None:
        self.move(self.world.work_together([pick for pick, _ in several], [hand for _, hand in several]))

    @rule(pick=picks, hand=hands)
    def work_again(self, pick: int, hand: int) -> None:
        self.move(self.world.work_again(pick, hand))

    @rule(pick=picks, hand=hands, fate=griefs)
    def come_to_grief(self, pick: int, hand: int, fate: Fate) -> None:
        self.move(self.world.work(pick, hand, fate))

    @rule(pick=picks, first=griefs, second=fates, thaws=st.booleans())
    def relay(self, pick: int, first: Fate, second: Fate, thaws: bool) -> None:
        self.move(self.world.relay(pick, first, second))
        self.books.check()
        if thaws:
            self.move(self.world.crew.thaw())

    @rule(
        pick=picks,
        kind=kinds,
        slow=st.integers(1, 2),
        second=fates,
        end=st.sampled_from(["kill", "first", "last", "all", "leave"]),
    )
    def relay_slow(self, pick: int, kind: str, slow: int, second: Fate, end: str) -> None:
        """The first one waits for an answer that outlives its lease, and perhaps the second one, too."""
        self.plant.upstream.faults[kind].extendleft(["slow"] * slow)
        self.move(self.world.relay(pick, Fate(), second))
        self.books.check()
        match end:
            case "kill":
                self.move(self.world.crew.kill(0))
            case "first" | "last" | "all":
                which = {"first": 0, "last": -1, "all": None}[end]
                self.move(self.world.answer_slow(which))
            case _:
                pass

    @rule(pick=picks, kind=kinds, others=st.lists(picks, min_size=1, max_size=4))
    def work_beside_slow(self, pick: int, kind: str, others: list[int]) -> None:
        """While one waits for its answer, others work, perhaps at what it holds."""
        self.plant.upstream.faults[kind].appendleft("slow")
        self.move(self.world.work(pick, 0))
        for other in others:
            self.move(self.world.work(other, 1))
            self.books.check()
        self.move(self.world.answer_slow())

    @rule(
        pick=picks,
        first=stops,
        between=st.sampled_from(["cancel", "cancel", "deadline", "timeout", "retry", "pause"]),
        thaws=st.sampled_from([True, True, False]),
    )
    def interrupt(self, pick: int, first: Fate, between: str, thaws: bool) -> None:
        self.move(self.world.interrupt(pick, first, between))
        self.books.check()
        if thaws:
            self.move(self.world.crew.thaw())
            self.books.check()
        if between == "pause":
            self.move(self.world.resume())

    @rule(pick=picks, hand=hands, ends=st.booleans())
    def cool_down(self, pick: int, hand: int, ends: bool) -> None:
        for kind in ("page", "profile"):
            self.plant.upstream.faults[kind].appendleft("429")
        self.move(self.world.work(pick, hand))
        self.books.check()
        if ends:
            self.move(self.world.end_pause())

    # Time.

    @rule(fate=deaths)
    def sweep(self, fate: Fate) -> None:
        self.move(self.world.sweep(fate))

    @rule(what=st.sampled_from(["go_on", "leases", "thaw", "answer_slow", "end_pause", "kill", "day"]), pick=picks)
    def pass_time(self, what: str, pick: int) -> None:
        match what:
            case "go_on":
                # Whatever stood still, waited or was broken, does so no more.
                self.plant.upstream.mend()
                self.plant.qstash.faults.clear()
                self.move(self.world.allow())
                self.move(self.world.resume())
                self.move(self.world.crew.thaw())
            case "leases":
                self.move(self.world.let_leases_run_out())
            case "thaw":
                self.move(self.world.crew.thaw())
            case "answer_slow":
                self.move(self.world.answer_slow(pick))
            case "end_pause":
                self.move(self.world.end_pause())
            case "day":
                self.move(self.world.let_day_pass())
            case _:
                self.move(self.world.crew.kill(pick))

    # The world.

    @rule(kind=kinds, several=st.lists(faults, min_size=1, max_size=3))
    def spoil_upstream(self, kind: str, several: list[str]) -> None:
        self.plant.upstream.faults[kind].extend(several)

    @rule(fault=st.sampled_from(["down", "lost"]), count=st.integers(1, 4))
    def spoil_qstash(self, fault: str, count: int) -> None:
        self.plant.qstash.faults.extend([fault] * count)

    @rule(what=st.sampled_from(["route", "route", "fail", "give_up", "lose"]), pick=picks, fate=deaths)
    def spoil_message(self, what: str, pick: int, fate: Fate) -> None:
        match what:
            case "route":
                self.move(self.world.post.route(pick, fate))
            case "fail":
                self.move(self.world.post.fail(pick, fate))
            case "give_up":
                self.move(self.world.post.give_up(pick))
            case _:
                self.move(self.world.post.lose(pick))

    # People.

    @rule(several=st.lists(st.tuples(picks, hands), max_size=3), resumes=st.sampled_from([True, True, False]))
    def pause(self, several: list[tuple[int, int]], resumes: bool) -> None:
        """An operator's doing, and what is tried meanwhile."""
        self.move(self.world.pause())
        self.books.check()
        for pick, hand in several:
            self.move(self.world.work(pick, hand))
            self.books.check()
        if resumes:
            self.move(self.world.resume())

    @rule(several=st.lists(st.tuples(picks, hands), max_size=3), allows=st.sampled_from([True, True, False]))
    def stop(self, several: list[tuple[int, int]], allows: bool) -> None:
        """The switch over all paid calls, and what is tried meanwhile."""
        self.move(self.world.stop())
        self.books.check()
        for pick, hand in several:
            self.move(self.world.work(pick, hand))
            self.books.check()
        if allows:
            self.move(self.world.allow())

    @rule(what=st.sampled_from(["cancel", "deadline"]), pick=picks, fate=deaths)
    def end_job(self, what: str, pick: int, fate: Fate) -> None:
        if what == "cancel":
            self.move(self.world.cancel(pick, fate))
        else:
            self.move(self.world.let_deadline_pass(pick))

    @rule(pick=picks, more=st.sampled_from([0, 0, 1, 4]), fate=deaths)
    def reopen(self, pick: int, more: int, fate: Fate) -> None:
        self.move(self.world.reopen(pick, more, fate))

    @invariant()
    def books_balance(self) -> None:
        self.books.check()

    def teardown(self) -> None:
        if not self.is_begun:
            return
        try:
            if sys.exc_info()[0] is None:
                self.move(self.world.drive())
                self.books.check_end()
        finally:
            self.move(self.world.end())


@pytest.mark.faults
@pytest.mark.timeout(0 if IS_LONG else 600)
def test_whatever_happens_the_books_balance_and_every_job_ends(plant: Plant) -> None:
    run_state_machine_as_test(
        lambda: Machine(plant),
        settings=settings(
            max_examples=EXAMPLES,
            derandomize=not IS_LONG,
            stateful_step_count=MOVES,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=PHASES,
        ),
    )
    print("\n".join(f"{count:6} {what}" for what, count in sorted(plant.tally.items())))
