"""int8 weights and activations by torchao, and `generate` over a static cache with a compiled step."""

from argparse import Namespace

import torch
from generate_runner import GenerateRunner
from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_
from transformers import AutoModelForCausalLM, AutoTokenizer, CompileConfig

PROMPT = "Write a very long and detailed story about house number 100."
"""As long as those that are measured: another shape would be compiled anew."""
BATCHES = (1, 16)
MOST_TOKENS = 128


def create(options: Namespace) -> GenerateRunner:
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.bfloat16).eval()
    quantize_(model, Int8DynamicActivationInt8WeightConfig())
    compiling = CompileConfig(fullgraph=False, mode="default")
    # Otherwise `generate` compiles on accelerators only.
    compiling._compile_all_devices = True
    runner = GenerateRunner(
        model,
        AutoTokenizer.from_pretrained(options.model),
        most_tokens=MOST_TOKENS,
        cache_implementation="static",
        compile_config=compiling,
    )
    for batch in BATCHES:
        runner.run([PROMPT] * batch, 4, float("inf"))
    return runner
