"""What both engines ask of the tokenizer: every id is one of the model's, and text comes back whole."""

from dataclasses import replace

import pytest
import test_sampling
import tiny_models
from tiny_models import CHAT_TEMPLATE, CHAT_TOKENS

from generation import GenerationInput, Message, RequestError
from model_text import ModelText

TOKENIZER = tiny_models.byte_tokenizer(CHAT_TOKENS, CHAT_TEMPLATE)
TEXT = ModelText(TOKENIZER, len(TOKENIZER))


def test_ids_read_back_with_their_control_tokens():
    ids = TOKENIZER.encode("<|im_start|>Zürich")
    assert TEXT.decode(ids) == "<|im_start|>Zürich"
    assert TEXT.decode([]) == ""


def test_ids_that_the_model_lacks_are_refused_wherever_they_come():
    beyond = len(TOKENIZER)
    sources = [
        GenerationInput(token_ids=(1, beyond)),
        GenerationInput(prompt="x", context_ids=(beyond,)),
        GenerationInput((Message("user", "x"),), context_ids=(beyond,)),
    ]
    attempts = [lambda source=source: TEXT.encode(source) for source in sources]
    attempts.append(lambda: TEXT.decode([beyond]))
    attempts.append(lambda: TEXT.check_bias(replace(test_sampling.PLAIN, logit_bias={beyond: 1.0})))
    for attempt in attempts:
        with pytest.raises(RequestError) as raised:
            attempt()
        assert raised.value.code == "invalid_request"
    TEXT.check_bias(replace(test_sampling.PLAIN, logit_bias={beyond - 1: 1.0}))


def test_token_ids_of_nothing_are_refused():
    with pytest.raises(RequestError, match="no tokens"):
        TEXT.encode(GenerationInput(token_ids=()))
