"""The worker that makes vectors alone."""

import sys

import pytest

from engines.none import NoEngine
from generation import GenerationInput, RequestError


def test_is_loaded_at_once_and_refuses_every_prompt():
    engine = NoEngine()
    stages = []
    model = engine.load(lambda *progress: stages.append(progress))
    assert model.id == "none"
    assert stages == [("loading", 1, 1)]
    with pytest.raises(RequestError) as refusal:
        engine.count_tokens(GenerationInput(prompt="x"))
    assert refusal.value.code == "model_unavailable"
    assert engine.step() == ()


def test_needs_no_torch():
    import subprocess
    from pathlib import Path

    program = "import sys, engines.none; assert 'torch' not in sys.modules"
    folder = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)
