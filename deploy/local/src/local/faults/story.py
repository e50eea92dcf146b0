"""What happens around a death: how the place is come to, and how the jobs are to end all the same."""

from collections.abc import Callable
from dataclasses import dataclass

from local.faults.check import REACHED, End
from local.faults.site import Site
from local.faults.upstream import PROFILE

TARGET = 40
EXHAUSTED_BY_HAND = End("completed", "exhausted", 0)
FAILED = End("error", "failed", 0)
CANCELLED = End("cancelled", "cancelled")
LATE = End("timeout", "deadline")


def nothing(_: Site) -> None:
    """No need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """`prepare` comes before the process is armed, `begin` leads it to its death, `mend` follows its return.

    `ends` are those of the jobs that `begin` creates, in their order.
    """

    name: str
    ends: tuple[End, ...]
    begin: Callable[[Site], None]
    prepare: Callable[[Site], None] = nothing
    mend: Callable[[Site], None] = nothing


def hunt(site: Site) -> None:
    """A job of two pages."""
    site.user.create("vegan", target=TARGET)


HUNT = Story(name="hunt", begin=hunt, ends=(REACHED,))


def _one_at_a_time(site: Site) -> None:
    site.limit_owners(1)


def _two_jobs(site: Site) -> None:
    """The second waits for its turn."""
    site.user.create("vegan", target=TARGET)
    site.user.create("ramen", target=TARGET)


# the gateway


def _cancel_the_first(site: Site) -> None:
    site.upstream.take(search=0.2, profile=0.5)
    first = site.user.create("vegan", target=TARGET)
    site.user.create("ramen", target=TARGET)
    site.wait(lambda: site.upstream.in_flight(PROFILE) > 0, "profiles are being bought")
    site.user.act(str(first), "cancel")


CANCEL = Story(name="cancel", prepare=_one_at_a_time, begin=_cancel_the_first, ends=(CANCELLED, REACHED))


def _fail_a_job(site: Site) -> None:
    """Its page cannot be read, twice."""
    site.upstream.fail("broken_json", count=2)
    hunt(site)
    site.await_end()
    site.upstream.mend()


def _retry(site: Site) -> None:
    site.user.act(str(site.books.jobs()[0]["id"]), "retry")


RETRY = Story(name="retry", prepare=_fail_a_job, begin=_retry, ends=(REACHED,))


def _complete_a_job(site: Site) -> None:
    hunt(site)
    site.await_end()


def _extend(site: Site) -> None:
    site.user.act(str(site.books.jobs()[0]["id"]), "extend", {"targetResults": 3 * TARGET})


def _delete_the_first(site: Site) -> None:
    """Its calls stay in the ledger, and another job finds its creators in the cache."""
    first = site.books.jobs()[0]["id"]
    site.user.create("ramen", target=TARGET)
    site.user.delete(str(first))


DELETE = Story(name="delete", prepare=_complete_a_job, begin=_delete_the_first, ends=(REACHED,))


def _leave(site: Site) -> None:
    """The first user goes with all that is theirs; another's job goes on."""
    site.frontends.append(site.frontend())
    site.frontends[1].create("ramen", target=TARGET)
    site.user.leave()


def _await_departure(site: Site) -> None:
    jobs = "select count(*) from jobs where owner = %(owner)s"
    site.wait(lambda: site.books.value(jobs, owner=site.user.owner) == 0, "nothing of who left is there")


LEAVE = Story(name="leave", prepare=_complete_a_job, begin=_leave, mend=_await_departure, ends=(REACHED,))
EXTEND = Story(name="extend", prepare=_complete_a_job, begin=_extend, ends=(REACHED,))


def _fail_a_job_of_an_administrator(site: Site) -> None:
    """Its only step is given up; the letter stays."""
    site.books.set("limits.admin_user_ids", [site.user.user])
    site.books.set("recovery.attempts_max", 1)
    site.upstream.fail("500", count=None, query="vegan")
    hunt(site)
    site.await_end()
    site.upstream.mend()


def _redrive(site: Site) -> None:
    letter = site.books.value("select id from dead_letters where resolved_at is null")
    site.user.post(f"/api/v1/dead-letters/{letter}/redrive")


REDRIVE = Story(name="redrive", prepare=_fail_a_job_of_an_administrator, begin=_redrive, ends=(REACHED,))

# deliveries


def _deliver_to_nobody(site: Site) -> None:
    """Every attempt of the step's message fails; its failure callback arrives."""
    site.books.set("recovery.stalled_after", 60)
    site.drop_schedule()
    site.qstash.switch(fail_next=4, fail_status=503)
    hunt(site)
    site.wait(lambda: site.qstash.hurry() >= 0 and site.qstash.stats()["dead_letters"] > 0, "QStash gave up")


UNDELIVERED = Story(name="undelivered", begin=_deliver_to_nobody, ends=(REACHED,))


def _die_before_publishing(site: Site) -> None:
    """The gateway dies between commit and publish: what is left is the sweep's to publish."""
    site.arm("gateway", "job.committed")
    hunt(site)
    site.await_death("gateway", "job.committed")
    site.revive("gateway")


UNPUBLISHED = Story(name="unpublished", begin=_die_before_publishing, ends=(REACHED,))

# the sweep


def _short_of_time(site: Site) -> None:
    site.books.set("timeouts.standard_job_timeout", 3)
    _one_at_a_time(site)


def _hang(site: Site) -> None:
    """The second page hangs past the deadline."""
    site.upstream.fail("slow", seconds=8, skip=1, query="vegan")
    site.user.create("vegan", target=200)
    site.user.create("ramen", target=TARGET)
    site.books.query("update jobs set timeout = interval '1 minute' where admitted_at is null")


OVERDUE = Story(name="overdue", prepare=_short_of_time, begin=_hang, ends=(LATE, REACHED))


def _no_worker(site: Site) -> None:
    site.halt("tiktok")


def _worker(site: Site) -> None:
    site.revive("tiktok")


def _await_message(site: Site) -> int:
    """Create a job that no worker takes; returns where the stream keeps its step."""
    hunt(site)
    site.wait(lambda: _sequence(site) > 0, "the step is in the stream")
    return _sequence(site)


def _sequence(site: Site) -> int:
    return site.books.value("select coalesce(max(stream_sequence), 0) from steps")


def _lose_message(site: Site) -> None:
    _await_message(site)
    site.stream.purge()


def _age_profiles(site: Site) -> None:
    """What is cached was kept long enough, and it is time to look."""
    site.books.query("update profiles set fetched_at = fetched_at - interval '40 days'")
    site.books.query("delete from purges")


PURGE = Story(name="purge", prepare=_complete_a_job, begin=_age_profiles, ends=(REACHED,))
PURGED = Story(name="purged", prepare=_no_worker, begin=_lose_message, mend=_worker, ends=(REACHED,))


def _give_up_message(site: Site) -> None:
    site.stream.give_up("tiktok", _await_message(site))


GIVEN_UP = Story(name="given_up", prepare=_no_worker, begin=_give_up_message, mend=_worker, ends=(REACHED,))


def _few_redrives(site: Site) -> None:
    _no_worker(site)
    _one_at_a_time(site)
    site.books.set("recovery.redrives_max", 1)


def _give_up_message_twice(site: Site) -> None:
    first = _await_message(site)
    site.user.create("ramen", target=TARGET)
    site.stream.give_up("tiktok", first)
    site.wait(lambda: _sequence(site) > first, "the step is in the stream again")
    site.stream.give_up("tiktok", _sequence(site))


GIVEN_UP_TWICE = Story(
    name="given_up_twice", prepare=_few_redrives, begin=_give_up_message_twice, mend=_worker, ends=(FAILED, REACHED)
)


def _raise_limit(site: Site) -> None:
    _two_jobs(site)
    site.limit_owners(2)


def _one_at_a_time_and_slowly(site: Site) -> None:
    _one_at_a_time(site)
    site.upstream.take(search=5, profile=0)


RAISED_LIMIT = Story(
    name="raised_limit", prepare=_one_at_a_time_and_slowly, begin=_raise_limit, ends=(REACHED, REACHED)
)


def _alone(site: Site) -> None:
    _no_worker(site)
    _one_at_a_time(site)


def _leave_nothing_to_do(site: Site) -> None:
    """The first job's only search ends, and nobody asks whether the job is over."""
    site.forbid_sweeps()
    _two_jobs(site)
    site.books.query(
        """with ended as (update searches set status = 'ended', end_reason = 'exhausted', ended_at = now()
               where status = 'active' returning id, job_id),
           closed as (update steps set phase = 'done', done_at = now() from ended where search_id = ended.id)
           update jobs set status = 'processing', started_at = now() from ended where jobs.id = ended.job_id"""
    )
    site.allow_sweeps()


IDLE = Story(name="idle", prepare=_alone, begin=_leave_nothing_to_do, mend=_worker, ends=(EXHAUSTED_BY_HAND, REACHED))

# the worker


def _stumble(site: Site) -> None:
    """One answer is a 500."""
    site.upstream.fail("500")
    hunt(site)


STUMBLE = Story(name="stumble", begin=_stumble, ends=(REACHED,))


def _fall(site: Site) -> None:
    """As many answers are 500 as a turn tries."""
    site.upstream.fail("500", count=3)
    hunt(site)


FALL = Story(name="fall", begin=_fall, ends=(REACHED,))


def _read_nothing(site: Site) -> None:
    """One of two searches gets a page that cannot be read, and once more."""
    site.upstream.fail("broken_json", count=4, query="vegan")
    site.user.create("vegan", "ramen", target=TARGET)


UNREADABLE = Story(name="unreadable", begin=_read_nothing, ends=(REACHED,))


def _spend_more(site: Site) -> None:
    """Ten searches cost two pages each and bring nothing: more than the job was thought to cost."""
    useless = [f"useless {number}" for number in range(10)]
    for query in useless:
        site.upstream.fail("broken_json", count=None, query=query)
    site.user.create(*useless, "vegan", target=5)


COSTLY = Story(name="costly", begin=_spend_more, ends=(REACHED,))


def _slow_down(site: Site) -> None:
    site.upstream.fail("429", retry_after="2")
    hunt(site)


SLOW_DOWN = Story(name="slow_down", begin=_slow_down, ends=(REACHED,))


def _one_attempt(site: Site) -> None:
    site.books.set("recovery.attempts_max", 1)
    _one_at_a_time(site)


def _hope_in_vain(site: Site) -> None:
    site.upstream.fail("500", count=None, query="vegan")
    _two_jobs(site)


HOPELESS = Story(name="hopeless", prepare=_one_attempt, begin=_hope_in_vain, ends=(FAILED, REACHED))


def _late_at_the_gate(site: Site) -> None:
    """The page came after the deadline: the gate is shut for its profiles. Nobody sweeps."""
    site.forbid_sweeps()
    site.upstream.fail("slow", seconds=4, query="vegan")
    site.user.create("vegan", target=TARGET)


LATE_AT_THE_GATE = Story(
    name="late_at_the_gate",
    prepare=_short_of_time,
    begin=_late_at_the_gate,
    mend=lambda site: site.allow_sweeps(),
    ends=(LATE,),
)


def _late_at_the_claim(site: Site) -> None:
    """The step's worker died, and the deadline is over before its lease. Nobody sweeps."""
    site.forbid_sweeps()
    site.user.create("vegan", target=TARGET)


LATE_AT_THE_CLAIM = Story(
    name="late_at_the_claim",
    prepare=_short_of_time,
    begin=_late_at_the_claim,
    mend=lambda site: site.allow_sweeps(),
    ends=(LATE,),
)
