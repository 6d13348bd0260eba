"""The gateway that the client tests share is the real one, on the fake engine."""

import json
from urllib.request import Request, urlopen

from gateway_process import GatewayProcess, StartGateway


def ask(gateway: GatewayProcess, prompt: str) -> list[dict[str, object]]:
    body = json.dumps({"prompt": prompt}).encode()
    request = Request(f"{gateway.url}/generate", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=15) as response:
        return [json.loads(line) for line in response]


def said(lines: list[dict[str, object]]) -> str:
    return "".join(str(line["response"]) for line in lines)


def test_answers_with_the_words_of_the_prompt_and_keeps_the_exchange(gateway: GatewayProcess):
    assert said(ask(gateway, "alpha beta")) == " ".join(["alpha beta"] * 6)
    assert gateway.log()[-1]["prompt"] == "alpha beta"


def test_fails_midway_where_the_prompt_says_so_and_goes_on(gateway: GatewayProcess):
    lines = ask(gateway, "FAILS-MIDWAY please")
    assert lines[-1]["done_reason"] == "error"
    assert said(lines) == "FAILS-MIDWAY please FAILS-MIDWAY"
    assert ask(gateway, "alpha")[-1]["done_reason"] == "stop"


def test_another_plan_has_a_gateway_of_its_own(start_gateway: StartGateway):
    assert said(ask(start_gateway({"tokens": 1}), "alpha beta")) == "alpha"
