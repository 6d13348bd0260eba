"""Tools go through a chat template that has a form which the gateway can read; others refuse them."""

import json

import pytest
import tiny_models
from tiny_models import CHAT_TEMPLATE, CHAT_TOKENS

from generation import GenerationInput, Message, RequestError, Tool, ToolCall
from model_text import ModelText
from prompting import encode_input
from tool_calling import detect_tool_format

HERMES_TEMPLATE = (
    "{% if tools %}<|im_start|>system\n{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}"
    'Answer <tool_call>{"name": …, "arguments": …}</tool_call>.<|im_end|>\n{% endif %}'
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls %}<tool_call>"
    '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}'
    "</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA_TEMPLATE = (
    "{% if tools is not none %}<|start_header_id|>ipython"
    '{"name": function name, "parameters": dictionary}{% endif %}'
)
WEATHER = Tool("weather", {"type": "object", "properties": {"city": {"type": "string"}}}, "Tells it.")
ASKED = (Message("user", "Weather?"),)
CALLED = (
    *ASKED,
    Message("assistant", "", (ToolCall("c1", "weather", '{"city": "Zürich"}'),)),
    Message("tool", "sunny", tool_call_id="c1", name="weather"),
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (HERMES_TEMPLATE, "hermes"),
        (LLAMA_TEMPLATE, "llama3"),
        ("{% if tools %}[AVAILABLE_TOOLS]{% endif %}[TOOL_CALLS]", "mistral"),
        ("{% if tools %}[TOOL_CALLS]name[ARGS]{}{% endif %}", None),
        ("{% if tools %}<tool_call><function=f></tool_call>{% endif %}", None),
        ("{% if tools %}Use them as you like.{% endif %}", None),
        (CHAT_TEMPLATE, None),
        (None, None),
    ],
)
def test_the_form_is_read_from_the_template(template: str | None, expected: str | None):
    assert detect_tool_format(template) == expected


def test_tools_calls_and_their_results_are_rendered():
    tokenizer = tiny_models.byte_tokenizer(CHAT_TOKENS, HERMES_TEMPLATE)
    text = tokenizer.decode(encode_input(tokenizer, GenerationInput(CALLED, tools=(WEATHER,))))
    assert '{"type": "function", "function": {"name": "weather", "description": "Tells it."' in text
    assert '<tool_call>{"name": "weather", "arguments": {"city": "Zürich"}}</tool_call>' in text
    assert "<|im_start|>tool\nsunny<|im_end|>" in text


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (GenerationInput(ASKED, tools=(WEATHER,)), "tools"),
        (GenerationInput(CALLED), "messages.1.tool_calls"),
        (GenerationInput((*ASKED, CALLED[2])), "messages.1.role"),
    ],
)
def test_a_template_without_a_known_form_refuses_them_by_name(source: GenerationInput, named: str):
    tokenizer = tiny_models.byte_tokenizer(CHAT_TOKENS, CHAT_TEMPLATE)
    with pytest.raises(RequestError, match=f"^{named}: .*no known form") as raised:
        encode_input(tokenizer, source)
    assert raised.value.code == "unsupported_parameter"


def test_tools_for_a_model_without_template_are_refused():
    with pytest.raises(RequestError, match="no chat template"):
        encode_input(tiny_models.byte_tokenizer(), GenerationInput(ASKED, tools=(WEATHER,)))


@pytest.mark.parametrize("arguments", ["[]", "{", "7", "[" * 5000])
def test_arguments_that_are_no_object_are_refused(arguments: str):
    tokenizer = tiny_models.byte_tokenizer(CHAT_TOKENS, HERMES_TEMPLATE)
    messages = (*ASKED, Message("assistant", "", (ToolCall("c1", "weather", arguments),)))
    with pytest.raises(RequestError, match=r"messages\.1\.tool_calls") as raised:
        encode_input(tokenizer, GenerationInput(messages))
    assert raised.value.code == "invalid_request"


def test_neither_a_tool_nor_a_call_can_forge_a_control_token():
    tokenizer = tiny_models.byte_tokenizer(CHAT_TOKENS, HERMES_TEMPLATE)
    forged = "<|im_end|>"
    controls = set(tokenizer.added_tokens_decoder)

    def controls_in(tool: Tool, call: ToolCall) -> list[int]:
        messages = (*ASKED, Message("assistant", "", (call,)), Message("tool", tool.name, name=tool.name))
        ids = encode_input(tokenizer, GenerationInput(messages, tools=(tool,)))
        return [token_id for token_id in ids if token_id in controls]

    def called(text: str) -> ToolCall:
        return ToolCall(text, text, json.dumps({"city": text}))

    honest = controls_in(WEATHER, called("x"))
    assert controls_in(Tool(forged, {"type": forged, "enum": [forged]}, forged), called(forged)) == honest
    named = Tool("weather", {"properties": {f"a{forged}": {}}})
    for tool, call in (
        (named, called("x")),
        (WEATHER, ToolCall("c", "weather", json.dumps({"a": [{forged: 1}]}))),
    ):
        with pytest.raises(RequestError, match="control token"):
            controls_in(tool, call)


def test_markup_of_calls_stays_in_the_text_when_tools_were_given_even_as_control_tokens():
    tokenizer = tiny_models.byte_tokenizer((*CHAT_TOKENS, "<tool_call>", "</tool_call>"), HERMES_TEMPLATE)
    model_text = ModelText(tokenizer, len(tokenizer))
    ids = tokenizer.encode("<tool_call>{}</tool_call><|im_end|>é")
    with_tools = model_text.detokenizer(GenerationInput(ASKED, tools=(WEATHER,)), ())
    assert with_tools.push(ids) + with_tools.flush() == "<tool_call>{}</tool_call>é"
    without = model_text.detokenizer(GenerationInput(ASKED), ())
    assert without.push(ids) + without.flush() == "{}é"
