"""worker.py as a process: what it says at its start, what it hears, what it survives."""

import json
import time

from child_worker import SAMPLING, Start

ENDLESS = {"tokens": 10**6, "context_length": 10**8, "gap_ms": 5}


FOREVER_MS = 10**7


def test_it_greets_with_progress_a_heartbeat_and_ready(start: Start):
    worker = start()
    ready = worker.until("ready")
    assert (ready["protocol"], ready["engine"], ready["slots"]) == (1, "fake", 1)
    kinds = {message["type"] for message in worker.messages()}
    assert kinds == {"heartbeat", "loading", "ready"}


def test_heartbeats_come_every_second_also_while_loading_and_tell_what_runs(start: Start):
    started_s = time.monotonic()
    worker = start({"load_ms": FOREVER_MS})
    beats = [worker.until("heartbeat") for _ in range(3)]
    assert 2 <= time.monotonic() - started_s < 8
    assert (beats[2]["step"], beats[2]["running"]) == (0, 0)
    assert beats[2]["rss_bytes"] > 2**20


def test_heartbeats_count_steps_and_running_requests(start: Start):
    worker = start({**ENDLESS, "slots": 2})
    for request_id in "abc":
        worker.generate(request_id)
    worker.until("tokens", "b")
    # The first one may have been composed before those tokens and written after them.
    worker.until("heartbeat")
    beat = worker.until("heartbeat")
    assert (beat["running"], beat["step"] > 0) == (2, True)


def test_requests_sent_while_it_loads_are_all_answered_in_order(start: Start):
    worker = start({"load_ms": 200, "tokens": 3})
    for number in range(20):
        worker.generate(f"r{number}", f"nonce{number} x y")
    worker.until("done", "r19")
    assert [m["id"] for m in worker.messages() if m["type"] == "done"] == [f"r{n}" for n in range(20)]
    assert all(worker.answer(f"r{n}") == f"nonce{n} x y" for n in range(20))


def test_sixteen_at_once_share_each_step_and_nothing_crosses(start: Start):
    tokens = 1000
    worker = start({"slots": 16, "tokens": tokens, "prefill_ms": 50})
    for number in range(16):
        worker.generate(f"r{number}", f"nonce{number}")
    for _ in range(16):
        worker.until("done")
    assert all(set(worker.answer(f"r{n}").split()) == {f"nonce{n}"} for n in range(16))
    assert all(worker.ends(f"r{n}") == ["stop"] for n in range(16))
    lines = [m["items"] for m in worker.messages() if m["type"] == "tokens"]
    assert len(lines) < 16 * tokens / 2


def test_a_cancel_in_prefill_is_acknowledged_at_once(start: Start):
    worker = start({"prefill_ms": FOREVER_MS, "rules": [{"match": "next", "prefill_ms": 0, "tokens": 1}]})
    worker.generate("a")
    worker.until("started", "a")
    sent_s = time.monotonic()
    worker.send({"type": "cancel", "id": "a"})
    done = worker.until("done", "a")
    assert time.monotonic() - sent_s < 1
    assert (done["reason"], done["usage"]["completion_tokens"]) == ("cancelled", 0)
    worker.generate("b", "next")
    worker.until("done", "b")


def test_a_cancel_in_mid_stream_stops_that_request_and_no_other(start: Start):
    worker = start({**ENDLESS, "slots": 2, "rules": [{"match": "short", "tokens": 60}]})
    worker.generate("a", "endless talk")
    worker.generate("b", "short talk")
    worker.until("tokens", "a")
    worker.send({"type": "cancel", "id": "a"})
    done = worker.until("done", "a")
    assert done["reason"] == "cancelled"
    assert done["usage"]["completion_tokens"] == len(worker.answer("a").split())
    assert worker.until("done", "b")["reason"] == "stop"
    assert worker.ends("a") == ["cancelled"]
    last = max(i for i, m in enumerate(worker.messages()) if m.get("id") == "a" and m["type"] == "done")
    after = worker.messages()[last:]
    assert not any(item[0] == "a" for m in after if m["type"] == "tokens" for item in m["items"])


def test_a_cancel_of_a_waiting_request_costs_the_model_nothing(start: Start):
    worker = start(ENDLESS)
    worker.generate("a")
    worker.generate("b")
    worker.until("tokens", "a")
    worker.send({"type": "cancel", "id": "b"})
    assert worker.until("done", "b")["reason"] == "cancelled"
    assert not any(m["type"] == "started" and m["id"] == "b" for m in worker.messages())


def test_cancels_of_unknown_and_finished_requests_are_ignored(start: Start):
    worker = start({"tokens": 1})
    worker.generate("a")
    worker.until("done", "a")
    worker.send({"type": "cancel", "id": "a"}, {"type": "cancel", "id": "ghost"})
    worker.generate("b")
    worker.until("done", "b")
    assert (worker.ends("a"), worker.ends("ghost")) == (["stop"], [])
    assert worker.shut_down() == 0
    assert worker.stderr == b""


def test_tokens_are_counted_while_a_request_runs(start: Start):
    worker = start(ENDLESS)
    worker.generate("a")
    worker.until("tokens", "a")
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "how long is this"}]
    worker.send({"type": "tokenize", "id": "t", "messages": messages})
    assert worker.until("tokenized", "t")["tokens"] == 6
    worker.until("tokens", "a")


def test_bad_lines_are_answered_where_there_is_an_id_and_never_kill(start: Start):
    worker = start({"tokens": 2})
    head = b'{"type":"generate","id":"%s",'
    sampling = json.dumps({**SAMPLING, "seed": "HERE"}).encode()
    nobodys = [b"not JSON", b"null", b"[1]", b"7", b"", b"\xff\xfe", b"{}", b'{"type":"cancel"}']
    nobodys.append(b"[" * 100_000)
    bad = {
        "no-fields": head + b'"prompt":"x"}',
        "digits": head + b'"prompt":"x","sampling":' + sampling.replace(b'"HERE"', b"9" * 5000) + b"}",
        "deep": head + b'"prompt":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "torn": head + b'"prompt":"x',
        "surrogate": head + b'"prompt":"\\ud800","sampling":%s}' % json.dumps(SAMPLING).encode(),
        "huge": head + b'"prompt":"' + b"x" * 3_000_000 + b'"}',
        "float": head + b'"prompt":"x","sampling":' + sampling.replace(b'"HERE"', b"1e400") + b"}",
    }
    worker.send(*nobodys)
    worker.send(*(line.replace(b"%s", name.encode(), 1) for name, line in bad.items()))
    worker.generate("good", "still here")
    worker.until("done", "good")
    assert {name: worker.ends(name) for name in bad} == {
        name: ["invalid_unicode" if name == "surrogate" else "invalid_request"] for name in bad
    }
    assert not any(m["type"] == "error" and m["id"] is None for m in worker.messages())
    assert worker.shut_down() == 0
    events = [json.loads(line)["event"] for line in worker.stderr.splitlines()]
    assert events == ["bad_line"] * (len(nobodys) + len(bad))
