"""Every answer under a constraint is JSON of its schema, whatever the logits say; others are refused."""

import json
import threading
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
import tiny_models
import torch
from test_sampling import GREEDY, PLAIN

from constraints import Grammars
from generation import Constraint, RequestError, Sampling
from sampling import Sampler

TOKENIZER = tiny_models.byte_tokenizer()
END = TOKENIZER.eos_token_id
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 6},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
        "size": {"anyOf": [{"type": "null"}, {"type": "number", "multipleOf": 0.5, "maximum": 99}]},
    },
    "required": ["name", "age", "tags", "size"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def grammars() -> Grammars:
    return Grammars(TOKENIZER, len(TOKENIZER), frozenset([END]))


def answer(grammars: Grammars, schema: dict[str, Any] | None, sampling: Sampling, spread: float = 2.0) -> str:
    """What a model of random opinions says, to its end token."""
    rule = grammars.rule(Constraint(schema), 600)
    sampler = Sampler(replace(sampling, constraint=Constraint(schema)), torch.device("cpu"), rule)
    opinions = torch.Generator().manual_seed(sampling.seed)
    context = [1]
    while len(context) < 600:
        logits = spread * torch.randn(1, len(TOKENIZER), generator=opinions)
        token_id = sampler.draw(torch.tensor([context]), logits).token_id
        if token_id == END:
            return TOKENIZER.decode(context[1:])
        context.append(token_id)
    raise AssertionError(f"no end: {TOKENIZER.decode(context)!r}")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"temperature": 0.0},
        {"temperature": 5.0, "top_k": 3},
        {"top_p": 0.1, "min_p": 0.5, "typical_p": 0.5},
        {"repetition_penalty": 5.0, "frequency_penalty": 2.0, "presence_penalty": -2.0},
        {"logit_bias": {END: 100.0}},
        {"logprobs": 2},
    ],
    ids=str,
)
def test_an_answer_is_valid_however_it_is_sampled(grammars: Grammars, changes: dict[str, Any]):
    for seed in range(5):
        text = answer(grammars, PERSON, replace(PLAIN, seed=seed, **changes))
        jsonschema_rs.validate(PERSON, json.loads(text))


def test_white_space_cannot_go_on_for_ever(grammars: Grammars):
    spaces = {token_id: 100.0 for letter in " \n\t\r" for token_id in TOKENIZER.encode(letter)}
    text = answer(
        grammars, {"type": "array", "items": {"const": 1}, "maxItems": 3}, replace(PLAIN, logit_bias=spaces)
    )
    assert json.loads(text) == json.loads(text.replace(" ", ""))
    assert "  " not in text
    assert text.isprintable()


def test_any_object_will_do_without_a_schema(grammars: Grammars):
    assert isinstance(json.loads(answer(grammars, None, replace(PLAIN, logit_bias={125: 4.0}))), dict)


def test_a_seed_repeats_the_answer_and_grammars_are_shared_by_requests_of_one_schema(grammars: Grammars):
    first, second, other = (answer(grammars, PERSON, replace(PLAIN, seed=seed)) for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_nothing_but_the_end_may_follow_the_json(grammars: Grammars):
    rule = grammars.rule(Constraint({"const": 7}), 9)
    (only,) = rule.allowed().tolist()
    rule.accept(only)
    assert rule.allowed().tolist() == [END]


@pytest.mark.parametrize(
    ("schema", "code", "why"),
    [
        ({"not": {"type": "null"}}, "unsupported_parameter", 'Unimplemented keys: ."not".'),
        ({"type": "array", "uniqueItems": True}, "unsupported_parameter", "uniqueItems"),
        ({"not": {}, "x-guidance": {"lenient": True}}, "unsupported_parameter", "not"),
        ({"type": "string", "format": "zzz"}, "unsupported_parameter", "zzz"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "unsupported_parameter", "oneOf"),
        ({"$ref": "https://example.com/schema"}, "unsupported_parameter", "example.com"),
        ({"type": "string", "pattern": "(?=a)"}, "invalid_request", "regex"),
        ({"type": "thing"}, "invalid_request", "thing"),
        ({"$ref": "#/nowhere"}, "invalid_request", "nowhere"),
        ({"enum": []}, "invalid_request", "Unsatisfiable"),
        ({"$ref": "#"}, "invalid_request", "NoExtension"),
        ({"minimum": float("nan")}, "invalid_request", "not JSON"),
        ({"enum": ["x" * 70_000]}, "unsupported_parameter", "longer"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_schema_that_cannot_be_held_is_refused_and_says_why(
    grammars: Grammars, schema: dict[str, Any], code: str, why: str
):
    with pytest.raises(RequestError, match=why) as raised:
        grammars.rule(Constraint(schema), 99)
    assert raised.value.code == code


def test_a_grammar_is_made_beside_the_loop_once_and_told_when_ready(grammars: Grammars):
    constraint = Constraint(
        {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(300)}}
    )
    ready = threading.Event()
    if not grammars.prepare(constraint, ready.set):
        assert ready.wait(15)
    assert grammars.prepare(constraint, ready.clear)
    assert ready.is_set() or grammars.prepare(constraint, ready.set)
    assert grammars.rule(constraint, 99).allowed().numel() > 0


def test_what_needs_no_grammar_or_can_have_none_is_ready_at_once(grammars: Grammars):
    def never() -> None:
        raise AssertionError("it was ready already")

    assert grammars.prepare(None, never)
    assert grammars.rule(None, 99) is None
    assert grammars.prepare(Constraint({"enum": ["x" * 70_000]}), never)


def test_a_model_without_an_end_token_refuses_constraints_only(capfd: pytest.CaptureFixture[str]):
    endless = Grammars(TOKENIZER, len(TOKENIZER), frozenset())
    assert "no end token" in capfd.readouterr().err
    with pytest.raises(RequestError, match="cannot be held") as raised:
        endless.rule(Constraint(), 99)
    assert raised.value.code == "unsupported_parameter"


def test_greedy_takes_the_best_of_what_is_allowed(grammars: Grammars):
    schema = {"enum": [True, False]}
    liking = {TOKENIZER.encode("f")[0]: 50.0}
    assert answer(grammars, schema, replace(GREEDY, logit_bias=liking), 1.0) == "false"
