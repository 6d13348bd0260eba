"""The fake engine in a real worker process: its answers and its pace."""

import time

import pytest
from child_worker import SAMPLING, Start


def test_an_answer_repeats_the_words_of_its_own_prompt(start: Start):
    worker = start({"tokens": 5, "slots": 3})
    for nonce in ("n1", "n2", "n3"):
        worker.generate(nonce, f"say {nonce} again")
    for nonce in ("n1", "n2", "n3"):
        worker.until("done", nonce)
        assert worker.answer(nonce) == f"say {nonce} again say {nonce}"
    assert worker.shut_down() == 0


def test_only_the_last_user_message_is_repeated_and_all_of_them_are_counted(start: Start):
    worker = start({"tokens": 2})
    said = [("system", "be kind"), ("user", "old words"), ("assistant", "yes"), ("user", "new\twords here")]
    messages = [{"role": role, "content": content} for role, content in said]
    line = {"type": "generate", "id": "a", "messages": messages, "sampling": SAMPLING}
    worker.send(line)
    assert worker.until("started")["prompt_tokens"] == 8
    worker.until("done")
    assert worker.answer("a") == "new words"


def test_max_tokens_ends_with_length_and_the_plan_with_stop(start: Start):
    worker = start({"tokens": 4})
    for request_id, max_tokens in (("short", 3), ("exact", 4), ("long", 5)):
        worker.generate(request_id, max_tokens=max_tokens)
    ended = {request_id: worker.until("done", request_id) for request_id in ("short", "exact", "long")}
    assert {request_id: done["reason"] for request_id, done in ended.items()} == {
        "short": "length",
        "exact": "stop",
        "long": "stop",
    }
    assert ended["short"]["usage"] == {"prompt_tokens": 2, "cached_tokens": 0, "completion_tokens": 3}


@pytest.mark.parametrize(("words", "refused"), [(7, False), (8, True), (9, True)])
def test_the_context_holds_prompt_and_answer(start: Start, words: int, refused: bool):
    worker = start({"tokens": 40, "context_length": 8})
    worker.generate("a", " ".join(["w"] * words))
    if refused:
        error = worker.until("error")
        assert error["code"] == "context_length_exceeded"
        assert f"{words} tokens" in error["message"]
        assert "holds 8" in error["message"]
    else:
        done = worker.until("done")
        assert (done["reason"], done["usage"]["completion_tokens"]) == ("length", 8 - words)


def test_a_prompt_without_words_is_refused_and_the_next_is_answered(start: Start):
    worker = start({"tokens": 1})
    worker.generate("blank", " \n")
    worker.generate("b", "hello")
    assert worker.until("error", "blank")["code"] == "invalid_request"
    worker.until("done", "b")


def test_rules_override_the_plan_for_the_prompts_they_match(start: Start):
    text = "Grüße  an 👩‍👩‍👧 alle!\n"
    rules = [
        {"match": "FIXED", "text": text},
        {"match": "BRIEF", "tokens": 1},
        {"match": "NONE", "tokens": 0},
    ]
    worker = start({"tokens": 3, "rules": rules})
    for prompt in ("FIXED", "BRIEF x", "other y", "NONE"):
        worker.generate(prompt, prompt)
        worker.until("done", prompt)
    answers = [worker.answer(prompt) for prompt in ("FIXED", "BRIEF x", "other y", "NONE")]
    assert answers == [text, "BRIEF", "other y other", ""]
    pieces = [m for m in worker.messages() if m["type"] == "tokens" and m["items"][0][0] == "FIXED"]
    assert len(pieces) == 4


def test_stop_strings_work_on_its_answers(start: Start):
    worker = start({"tokens": 40})
    worker.generate("a", "one two three", stop=["two thr", "never"])
    done = worker.until("done")
    assert (done["reason"], done["stop_sequence"]) == ("stop", "two thr")
    assert worker.answer("a") == "one "


def test_prefill_and_gap_set_the_pace_and_the_timings_tell_it(start: Start):
    worker = start({"tokens": 5, "prefill_ms": 60, "gap_ms": 20})
    worker.generate("a")
    timings = worker.until("done")["timings"]
    assert timings["queue"] + timings["prefill"] >= 60
    assert sum(timings.values()) >= 60 + 4 * 20
    assert timings["decode"] > 0


def test_loading_takes_its_time_in_ten_parts(start: Start):
    started_s = time.monotonic()
    worker = start({"load_ms": 100})
    worker.until("ready")
    assert time.monotonic() - started_s >= 0.1
    parts = [m["done"] for m in worker.messages() if m["type"] == "loading" and m["total"] == 10]
    assert parts == list(range(1, 11))
