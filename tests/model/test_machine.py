"""The engine against a world that does its worst, drawn by hypothesis.

The real worker, transactions, webhook and sweep on real Postgres and JetStream; around them deliveries, duplicates,
deaths, pauses, cool-downs, cancels and deadlines in any order. After every move the books must balance; in the end,
once the world is well again, every job must end.

`MODEL_EXAMPLES=400` runs it longer than the suite does; a failure prints what reproduces it.
"""

import os
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from .books import Books
from .plant import Plant
from .upstream import BILLED, UNBILLED, UNPARSABLE, PagePlan, Person
from .world import Fate, Wish, World

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "20"))
MOVES = 40
PHASES = [Phase.explicit, Phase.reuse, Phase.generate] + [Phase.shrink] * ("MODEL_UNSHRUNK" not in os.environ)
JOBS_MAX = 6
PEOPLE_MAX = 14

picks = st.integers(0, 11)
hands = st.integers(0, 1)
people = st.lists(
    st.builds(
        Person,
        is_told=st.booleans(),
        is_private=st.sampled_from([False, False, False, True]),
        profile=st.sampled_from(["found", "found", "found", "private", "gone", "odd", "another"]),
    ),
    min_size=3,
    max_size=PEOPLE_MAX,
)
pages = st.builds(
    PagePlan,
    people=st.lists(st.integers(UNPARSABLE, PEOPLE_MAX), max_size=6).map(tuple),
    follows=st.sampled_from(["next", "next", "next", "next", "stuck", "repeat"]),
)
wishes = st.builds(
    Wish,
    owner=st.integers(0, 1),
    searches=st.lists(st.lists(pages, min_size=1, max_size=4).map(tuple), min_size=1, max_size=4).map(tuple),
    target=st.integers(1, 8),
    pages_max=st.integers(1, 8),
    credits_max=st.integers(1, 25),
    parallel=st.integers(1, 3),
)
deaths = st.one_of(st.just(Fate()), st.builds(Fate, passed=st.integers(0, 5), act=st.just("die")))
faults = st.sampled_from([*UNBILLED, *BILLED])


class Machine(RuleBasedStateMachine):
    """A rule is a move of the world; it does nothing if there is nothing to move."""

    def __init__(self, plant: Plant) -> None:
        super().__init__()
        self.plant = plant
        plant.examples += 1
        self.world = World(plant, prefix=f"x{plant.examples}")
        self.books = Books(self.world)

    def move(self, work: Any) -> None:
        self.plant.run(work)

    @initialize(invented=people, wish=wishes)
    def begin(self, invented: list[Person], wish: Wish) -> None:
        self.move(self.world.begin(invented))
        self.move(self.world.create(wish, Fate()))

    @rule(wish=wishes, fate=deaths)
    def create(self, wish: Wish, fate: Fate) -> None:
        if len(self.world.jobs) < JOBS_MAX:
            self.move(self.world.create(wish, fate))

    @rule(pick=picks, hand=hands)
    def work(self, pick: int, hand: int) -> None:
        self.move(self.world.work(pick, hand))

    @rule(hand=hands)
    def work_in_order(self, hand: int) -> None:
        for _ in range(3):
            self.move(self.world.work(0, hand))

    @rule(pick=picks, hand=hands, passed=st.integers(0, 14))
    def die_at_work(self, pick: int, hand: int, passed: int) -> None:
        self.move(self.world.work(pick, hand, Fate(passed=passed, act="die")))

    @rule(pick=picks, hand=hands, passed=st.integers(0, 14))
    def stand_still_at_work(self, pick: int, hand: int, passed: int) -> None:
        self.move(self.world.work(pick, hand, Fate(passed=passed, act="freeze")))

    @rule(several=st.lists(st.tuples(picks, hands), min_size=2, max_size=4))
    def work_together(self, several: list[tuple[int, int]]) -> None:
        self.move(self.world.work_together([pick for pick, _ in several], [hand for _, hand in several]))

    @rule(pick=picks, hand=hands)
    def work_again(self, pick: int, hand: int) -> None:
        self.move(self.world.work_again(pick, hand))

    @rule()
    def thaw(self) -> None:
        self.move(self.world.thaw())

    @rule(pick=picks, hand=hands)
    def overtake(self, pick: int, hand: int) -> None:
        """Whoever is at work loses its lease, another takes the step, then the first goes on."""
        self.move(self.world.let_leases_run_out())
        self.move(self.world.work(pick, hand))
        self.move(self.world.thaw())

    @rule(pick=picks)
    def kill(self, pick: int) -> None:
        self.move(self.world.kill(pick))

    @rule()
    def let_leases_run_out(self) -> None:
        self.move(self.world.let_leases_run_out())

    @rule(pick=picks, fate=deaths)
    def route(self, pick: int, fate: Fate) -> None:
        self.move(self.world.route(pick, fate))

    @rule(pick=picks, fate=deaths)
    def fail(self, pick: int, fate: Fate) -> None:
        self.move(self.world.fail(pick, fate))

    @rule(pick=picks)
    def give_up(self, pick: int) -> None:
        self.move(self.world.give_up(pick))

    @rule(pick=picks)
    def lose(self, pick: int) -> None:
        self.move(self.world.lose(pick))

    @rule(fate=deaths)
    def sweep(self, fate: Fate) -> None:
        self.move(self.world.sweep(fate))

    @rule(fault=st.sampled_from(["down", "lost"]), count=st.integers(1, 4))
    def spoil_qstash(self, fault: str, count: int) -> None:
        self.plant.qstash.faults.extend([fault] * count)

    @rule(kind=st.sampled_from(["page", "profile"]), several=st.lists(faults, min_size=1, max_size=3))
    def spoil_upstream(self, kind: str, several: list[str]) -> None:
        self.plant.upstream.faults[kind].extend(several)

    @rule(kind=st.sampled_from(["page", "profile"]), fault=st.sampled_from(["slow", "429"]))
    def spoil_work(self, kind: str, fault: str) -> None:
        self.plant.upstream.faults[kind].appendleft(fault)
        self.move(self.world.work(0, 0))

    @rule()
    def mend_upstream(self) -> None:
        self.plant.upstream.mend()
        self.move(self.world.settle())

    @rule()
    def answer_slow(self) -> None:
        self.move(self.world.answer_slow())

    @rule()
    def end_pause(self) -> None:
        self.books.forget_pause()
        self.move(self.world.end_pause())

    @rule()
    def pause(self) -> None:
        self.move(self.world.pause())

    @rule()
    def resume(self) -> None:
        self.books.forget_pause()
        self.move(self.world.resume())

    @rule(pick=picks, fate=deaths)
    def cancel(self, pick: int, fate: Fate) -> None:
        self.move(self.world.cancel(pick, fate))

    @rule(pick=picks)
    def let_deadline_pass(self, pick: int) -> None:
        self.move(self.world.let_deadline_pass(pick))

    @invariant()
    def books_balance(self) -> None:
        self.books.check()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.books.forget_pause()
                self.move(self.world.drive())
                self.books.check_end()
        finally:
            self.move(self.world.end())
            note(f"replies: {dict(self.world.replies)}")


@pytest.mark.timeout(0 if "MODEL_EXAMPLES" in os.environ else 300)
def test_whatever_happens_the_books_balance_and_every_job_ends(plant: Plant) -> None:
    run_state_machine_as_test(
        lambda: Machine(plant),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=MOVES,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=PHASES,
        ),
    )
