"""An answer under a constraint is whole even when its limit comes before its end, and says `length` then."""

import json
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
import torch
from test_constraints import END, PERSON, TOKENIZER
from test_sampling import PLAIN

from constraints import Grammars
from generation import Constraint
from sampling import Sampler

NESTED = {
    "$defs": {"node": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "$ref": "#/$defs/node",
}
WORDS = {"type": "array", "items": {"type": "string"}}
LATER = {
    "type": "object",
    "properties": {"notes": {"type": "array", "items": PERSON}},
    "required": ["notes"],
}
NEEDED = {json.dumps(each): count for each, count in ((PERSON, 49), (NESTED, 2), (WORDS, 2), (LATER, 13))}


@pytest.fixture(scope="module")
def grammars() -> Grammars:
    return Grammars(TOKENIZER, len(TOKENIZER), frozenset([END]))


def answer(grammars: Grammars, schema: dict[str, Any], room: int, seed: int) -> tuple[str, str]:
    """Text and reason of what a model says that likes to open and never to end."""
    constraint = Constraint(schema)
    opening = {token_id: 8.0 for letter in '[{,"' for token_id in TOKENIZER.encode(letter)}
    sampling = replace(PLAIN, seed=seed, constraint=constraint, logit_bias={**opening, END: -50.0})
    sampler = Sampler(sampling, torch.device("cpu"), grammars.rule(constraint, room))
    opinions = torch.Generator().manual_seed(seed)
    ids: list[int] = []
    while len(ids) < room:
        logits = 3 * torch.randn(1, len(TOKENIZER), generator=opinions)
        token_id = sampler.draw(torch.tensor([[1, *ids]]), logits).token_id
        if token_id == END:
            return TOKENIZER.decode(ids), sampler.end_reason
        ids.append(token_id)
    return TOKENIZER.decode(ids), "length"


@pytest.mark.parametrize("schema", [PERSON, NESTED, WORDS, LATER], ids=lambda schema: json.dumps(schema)[:40])
def test_every_limit_that_can_hold_an_answer_holds_a_whole_one(grammars: Grammars, schema: dict[str, Any]):
    reasons = set()
    for extra in (0, 1, 2, 3, 7, 20, 61, 200):
        for seed in range(2):
            room = NEEDED[json.dumps(schema)] + extra
            text, reason = answer(grammars, schema, room, seed)
            jsonschema_rs.validate(schema, json.loads(text))
            assert len(TOKENIZER.encode(text)) <= room
            reasons.add(reason)
    assert "length" in reasons


def test_an_answer_that_ends_by_itself_says_stop(grammars: Grammars):
    assert answer(grammars, {"enum": ["x"]}, 50, 0) == ('"x"', "stop")


def test_a_limit_too_small_for_any_answer_ends_it_midway(grammars: Grammars):
    text, reason = answer(grammars, PERSON, 20, 0)
    assert reason == "length"
    assert len(TOKENIZER.encode(text)) == 20
    with pytest.raises(ValueError, match="line 1"):
        json.loads(text)
