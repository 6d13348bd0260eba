"""What clients may ask about a model beyond what serving needs: its shape, its files and its chat template.

Imports no torch; reads what has been loaded already.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from engines.base import ModelDetails
from model_folder import utc_text

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerFast


def describe_details(
    folder: Path, config: "PreTrainedConfig", tokenizer: "PreTrainedTokenizerFast"
) -> ModelDetails:
    """Figures that the model's configuration does not have are None."""
    text = config.get_text_config(decoder=True)
    heads = _count(text, "num_attention_heads")
    weights = [file.stat() for file in folder.glob("*.safetensors")]
    return ModelDetails(
        family=str(config.model_type),
        layers=_count(text, "num_hidden_layers"),
        embedding_length=_count(text, "hidden_size"),
        heads=heads,
        kv_heads=_count(text, "num_key_value_heads") or heads,
        vocabulary=_count(text, "vocab_size"),
        size_bytes=sum(file.st_size for file in weights),
        modified_at=utc_text(max(file.st_mtime for file in weights)),
        template=_template(tokenizer),
    )


def _count(config: "PreTrainedConfig", name: str) -> int | None:
    value = getattr(config, name, None)
    return value if isinstance(value, int) else None


def _template(tokenizer: "PreTrainedTokenizerFast") -> str | None:
    """Of several, the one that is used for chats without tools."""
    template = tokenizer.chat_template
    return template.get("default") if isinstance(template, dict) else template
