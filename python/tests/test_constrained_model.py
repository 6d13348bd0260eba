"""The packaged SmolLM2 under a JSON schema, through the real worker: every answer parses and validates."""

import json
import subprocess
from typing import Any

import jsonschema_rs
import pytest
from child_worker import PYTHON, SAMPLING, ChildWorker
from test_packaged_model import DATA_DIR, PREPARE

pytestmark = pytest.mark.model

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "hobbies": {"type": "array", "items": {"type": "string"}},
        "address": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "zip": {"type": "string", "pattern": "^[0-9]{4,5}$"}},
            "required": ["city"],
        },
    },
    "required": ["name", "age", "hobbies", "address"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(("engine", "count"), [("batched", 50), ("streamer", 4)])
def test_every_answer_parses_and_validates(engine: str, count: int):
    subprocess.run([*PREPARE, str(DATA_DIR)], check=True, stdout=subprocess.DEVNULL, timeout=300)
    words = ["--engine", engine, "--model", "smollm2-135m-instruct", "--data-dir", str(DATA_DIR)]
    worker = ChildWorker(python=["-u", str(PYTHON / "worker.py"), *words])
    try:
        worker.until("ready", within_s=120)
        for number in range(count):
            worker.send(request(number))
        waiting = {str(number) for number in range(count)}
        while waiting:
            waiting.discard(worker.until("done", within_s=240)["id"])
        for number in range(count):
            answer = worker.answer(str(number))
            jsonschema_rs.validate(SCHEMA, json.loads(answer))
            assert "\n" not in answer
        assert worker.answer("0") == worker.answer("2"), "greedy answers to one question"
        assert worker.answer("1") != worker.answer("3"), "seeds"
    finally:
        worker.kill()


def request(number: int) -> dict[str, Any]:
    """Even ones greedy, odd ones at temperature 1, every fifth with log-probabilities and penalties."""
    changes = {"logprobs": 1, "repetition_penalty": 1.2, "frequency_penalty": 0.3} if number % 5 == 4 else {}
    sampling = {
        **SAMPLING,
        "max_tokens": 100,
        "temperature": number % 2,
        "seed": number,
        "constraint": {"type": "json_schema", "schema": SCHEMA},
        **changes,
    }
    messages = [{"role": "user", "content": "Describe an invented person as JSON."}]
    return {"type": "generate", "id": str(number), "messages": messages, "sampling": sampling}
