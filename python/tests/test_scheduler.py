"""scheduler.py alone: no engine, no clock."""

import random
from collections.abc import Sequence

from engines.base import Admitted
from generation import GenerateRequest, GenerationInput, Sampling
from protocol import Done, Timings, Usage
from scheduler import Scheduler, Waiting


class Letters:
    """A detokenizer of code points."""

    def push(self, token_ids: Sequence[int]) -> str:
        return "".join(map(chr, token_ids))

    def flush(self) -> str:
        return ""

    def text_of(self, token_id: int) -> str:
        return chr(token_id)


def request(request_id: str, stop: tuple[str, ...] = ()) -> GenerateRequest:
    sampling = Sampling(10, 0.0, 1.0, 0, 0.0, 1.0, 0.0, 0.0, seed=1, stop=stop, logprobs=None)
    return GenerateRequest(request_id, GenerationInput(prompt="x"), sampling)


def start_next(scheduler: Scheduler, now: float = 0.0) -> str | None:
    waited = scheduler.next()
    if waited is None:
        return None
    scheduler.start(waited, Admitted(7, 3, Letters()), now)
    return waited.request.id


def test_requests_start_in_the_order_they_came_and_only_into_free_slots():
    scheduler = Scheduler(2, "int8")
    for request_id in "abcd":
        assert scheduler.submit(request(request_id), 0.0)
    assert [start_next(scheduler) for _ in range(3)] == ["a", "b", None]
    del scheduler.running["a"]
    assert [start_next(scheduler) for _ in range(2)] == ["c", None]


def test_an_id_that_waits_or_runs_is_not_taken_twice():
    scheduler = Scheduler(1, "int8")
    assert scheduler.submit(request("a"), 0.0)
    assert not scheduler.submit(request("a"), 0.0)
    assert start_next(scheduler) == "a"
    assert not scheduler.submit(request("a"), 0.0)
    del scheduler.running["a"]
    assert scheduler.submit(request("a"), 0.0)


def test_a_cancelled_waiting_request_is_gone_at_once_and_tells_how_long_it_waited():
    scheduler = Scheduler(1, "int8")
    for request_id in "abc":
        scheduler.submit(request(request_id), 1.0)
    start_next(scheduler, 1.0)
    cancelled = scheduler.cancel("b", 1.25)
    assert cancelled == Done("b", "cancelled", None, Usage(0, 0, 0), Timings(250.0, 0.0, 0.0), "int8")
    del scheduler.running["a"]
    assert start_next(scheduler) == "c"


def test_cancelling_what_runs_is_left_to_the_engine_and_what_is_unknown_to_nobody():
    scheduler = Scheduler(1, "int8")
    scheduler.submit(request("a"), 0.0)
    start_next(scheduler)
    assert scheduler.cancel("a", 0.0) == "running"
    assert scheduler.cancel("z", 0.0) == "unknown"
    assert "a" in scheduler.running


def test_done_tells_the_three_spans_in_milliseconds():
    scheduler = Scheduler(1, "int8")
    scheduler.submit(request("a"), 1.0)
    start_next(scheduler, 1.5)
    run = scheduler.running["a"]
    run.answer.push((65,))
    run.first_token_at = 2.0
    assert run.done("length", 4.0, "int8") == Done(
        "a", "length", None, Usage(7, 3, 1), Timings(500.0, 500.0, 2000.0), "int8"
    )


def test_a_run_without_a_token_was_prefilling_to_its_end():
    scheduler = Scheduler(1, "int8")
    scheduler.submit(request("a"), 1.0)
    start_next(scheduler, 1.0)
    assert scheduler.running["a"].done("cancelled", 3.0, "int8").timings == Timings(0.0, 2000.0, 0.0)


def test_a_stop_string_outweighs_the_cancel_that_follows_from_it():
    scheduler = Scheduler(1, "int8")
    scheduler.submit(request("a", stop=("B",)), 0.0)
    start_next(scheduler)
    run = scheduler.running["a"]
    run.answer.push((65, 66, 67))
    done = run.done("cancelled", 1.0, "int8")
    assert (done.reason, done.stop_sequence, done.usage.completion_tokens) == ("stop", "B", 2)


def test_drain_names_all_that_are_owed_a_last_word_once():
    scheduler = Scheduler(1, "int8")
    for request_id in "abc":
        scheduler.submit(request(request_id), 0.0)
    start_next(scheduler)
    assert scheduler.drain() == ["a", "b", "c"]
    assert scheduler.drain() == []
    assert scheduler.next() is None


def test_whatever_the_order_of_events_nothing_is_lost_doubled_or_over_the_slots():
    draw = random.Random(11)
    for _ in range(200):
        slots = draw.randint(1, 4)
        scheduler = Scheduler(slots, "int8")
        submitted: list[str] = []
        ended: list[str] = []
        for number in range(40):
            act = draw.choice(("submit", "start", "end", "cancel"))
            if act == "submit":
                scheduler.submit(request(str(number)), 0.0)
                submitted.append(str(number))
            elif act == "start":
                start_next(scheduler)
            elif act == "end" and scheduler.running:
                ended.append(draw.choice(list(scheduler.running)))
                del scheduler.running[ended[-1]]
            elif act == "cancel" and submitted:
                cancelled = scheduler.cancel(draw.choice(submitted), 0.0)
                if isinstance(cancelled, Done):
                    ended.append(cancelled.id)
            assert len(scheduler.running) <= slots
        assert sorted(ended + scheduler.drain()) == sorted(submitted)


def test_a_waiting_request_keeps_when_it_was_received():
    scheduler = Scheduler(1, "int8")
    first = request("a")
    scheduler.submit(first, 4.5)
    assert scheduler.next() == Waiting(first, 4.5)
