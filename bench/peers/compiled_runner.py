"""int8 weights and activations by torchao, and `generate` over a static cache with a compiled step."""

from argparse import Namespace

import torch
from generate_runner import GenerateRunner
from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_
from transformers import AutoModelForCausalLM, AutoTokenizer, CompileConfig

WARM_UP = "Say hello."


def create(options: Namespace) -> GenerateRunner:
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.bfloat16).eval()
    quantize_(model, Int8DynamicActivationInt8WeightConfig())
    compiling = CompileConfig(fullgraph=False, mode="default")
    # Otherwise `generate` compiles on accelerators only.
    compiling._compile_all_devices = True
    runner = GenerateRunner(
        model,
        AutoTokenizer.from_pretrained(options.model),
        cache_implementation="static",
        compile_config=compiling,
    )
    runner.run([WARM_UP], 4, float("inf"))
    return runner
