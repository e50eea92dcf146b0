"""The parts `steps` and `handoff` from end to end at a tiny size, and that the floor does what our worker does."""

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from bench.floor.ground import Ground, Scale, Turn, open_ground
from bench.floor.replay import OPTIONS, perform_sync
from bench.floor.tape import read_tapes
from bench.handoff.part import hand_overs
from bench.handoff.part import judge as judge_handoff
from bench.steps.measure import Window, start_floor, start_worker
from bench.steps.part import judge, rounds_on
from local.child import wait_until
from local.process import Supervisor

SCALE = Scale(jobs=2, steps=25, pages=32)
STEPS = 3
STEP_ROWS = 30

# What is true of every step that is done, and what two workers of the same steps agree on.
BOOKS = """select s.search_id, s.step, s.items_count, s.attempts, s.published_generation is not null,
        (select count(*) from candidates c where c.search_id = s.search_id and c.step = s.step
            and c.outcome = 'delivered' and c.seq is not null),
        (select array_agg((o.outcome, o.rule, o.count) order by o.outcome)::text from step_outcomes o
            where o.search_id = s.search_id and o.step = s.step),
        (select array_agg((l.status, l.credits_charged, l.http_status))::text from upstream_calls l
            where l.search_id = s.search_id and l.step = s.step)
    from steps s where s.phase = 'done' and s.step < %s order by 1, 2"""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with open_ground(tmp_path_factory.mktemp("steps"), SCALE, lambda _: None) as opened:
        yield opened


def books(turn: Turn) -> list[tuple[object, ...]]:
    with psycopg.connect(turn.ground.postgres.database_url(turn.database)) as connection:
        return connection.execute(BOOKS, [STEPS]).fetchall()


def books_after(ground: Ground, start: Callable[[Turn, Supervisor], None]) -> list[tuple[object, ...]]:
    wanted = SCALE.jobs * STEPS
    with ground.turn() as turn:
        with Supervisor() as supervisor:
            start(turn, supervisor)
            turn.publish_first(ground.jobs)
            assert wait_until(lambda: len(books(turn)) == wanted, 20)
            time.sleep(0.2)  # the publications are noted beside
        return books(turn)


@pytest.mark.server
def test_the_floor_leaves_in_postgres_what_our_worker_leaves(ground: Ground) -> None:
    ours, floor = books_after(ground, start_worker), books_after(ground, start_floor)
    assert floor == ours
    assert {row[5] for row in ours} == {STEP_ROWS}


@pytest.mark.server
def test_a_peer_without_an_event_loop_does_the_same_and_a_step_that_is_done_no_more(ground: Ground) -> None:
    tape = read_tapes(ground.tapes_file)[1]
    published: list[int] = []
    with ground.turn() as turn:
        with psycopg.connect(turn.database_url, **OPTIONS) as connection:
            for number, step in enumerate(tape.steps[:STEPS]):
                assert perform_sync(connection, step, lambda number=number: published.append(number))
                assert not perform_sync(connection, step, lambda: published.append(-1))
        assert [(row[1], row[5]) for row in books(turn)] == [(number, STEP_ROWS) for number in range(STEPS)]
    assert published == list(range(STEPS))


@pytest.mark.server
def test_rows_come_for_steps_and_for_the_hand_off(ground: Ground) -> None:
    # So short that nobody comes to the end of the tape.
    paces = rounds_on(ground, 1, Window(after_s=0.0, lasts_s=0.05), lambda _: None)
    steps, with_http = judge(paces).rows
    assert steps.ratio is not None
    assert with_http.ratio is not None
    assert min(steps.ratio.median, with_http.ratio.median) > 0
    ours, raw = hand_overs(ground, 8, 30)
    assert ours
    assert len(raw) == 10
    assert all(seconds > 0 for seconds in raw)
    assert judge_handoff([sum(ours)], [sum(raw)]).rows[0].goal is not None
