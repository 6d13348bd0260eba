"""What an engine reads from a model's tokenizer: texts to ids and back, and the grammars over its ids."""

from typing import TYPE_CHECKING

from engines.base import Report
from loading_progress import report_stage
from model_text import ModelText

if TYPE_CHECKING:
    from constraints import Grammars
    from model_loading import LoadedModel


def read_vocabulary(loaded: "LoadedModel", report: Report) -> tuple[ModelText, "Grammars"]:
    from constraints import Grammars

    token_count = loaded.model.get_input_embeddings().weight.shape[0]
    text = ModelText(loaded.tokenizer, token_count)
    with report_stage(report, "vocabulary"):
        return text, Grammars(loaded.tokenizer, token_count, loaded.end_ids)
