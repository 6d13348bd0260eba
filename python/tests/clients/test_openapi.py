"""schemathesis asks everything that /openapi.json describes, rightly and wrongly; what comes is described."""

import re
import subprocess
import sys
from pathlib import Path

from gateway_process import StartGateway

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "negative_data_rejection",
)
ENDLESS = ("/api/v1/chat/stream/{client_id}",)
"""Streams that stay open until their client leaves: a fuzzer that reads to the end would wait for ever."""
CONFIG = """
[checks.negative_data_rejection]
expected-statuses = [400, 404, 405, 406, 413, 415]
"""
"""A list with more items than the schema allows may be refused for its size, before anybody counts them."""
EXAMPLES = 10
TIMEOUT_S = 400


def test_no_request_that_the_document_describes_meets_a_fault_or_an_answer_that_it_does_not_describe(
    start_gateway: StartGateway,
):
    gateway = start_gateway({"tokens": 3})
    (gateway.folder / "schemathesis.toml").write_text(CONFIG)
    words = [
        *(str(Path(sys.executable).with_name("st")), "run", f"{gateway.url}/openapi.json"),
        *("--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--seed", "1"),
        *("--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "20"),
        *(word for path in ENDLESS for word in ("--exclude-path", path)),
    ]
    result = subprocess.run(
        words, cwd=gateway.folder, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert result.returncode == 0, result.stdout[-8000:]
    tested = re.search(r"Tested: (\d+)", result.stdout)
    assert tested is not None
    assert int(tested[1]) >= 7
    assert gateway.process.poll() is None
