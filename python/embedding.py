"""Texts to vectors: a small BERT, its tokens' vectors averaged and scaled to unit length.

Knows no protocol and no thread. What sentence-transformers 6.2.0 computes for the same folder, to 1e-5 (the
tests hold vectors of it), without that package: importing it, scikit-learn and scipy included, takes 8.4 s of
CPU time in a worker that may be streaming, and it takes 150 MB on disk. transformers is loaded anyway.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from engines.base import EmbedderInfo, ModelUnavailableError
from generation import RequestError
from model_folder import one_line

if TYPE_CHECKING:
    from embedder_folder import EmbedderPlace

EmbedInput = str | tuple[int, ...]


class Embedder(Protocol):
    """Called from one thread. Made without heavy work; `load` comes before everything else."""

    info: EmbedderInfo

    def load(self) -> None:
        """Raises ModelUnavailableError."""
        ...

    def encode(self, source: EmbedInput) -> list[int]:
        """All ids of a text, however many. Raises RequestError for an id beyond the vocabulary."""
        ...

    def cut(self, ids: list[int]) -> list[int]:
        """The ids that the context holds: the first ones, and what closes a text."""
        ...

    def embed(self, rows: Sequence[Sequence[int]]) -> list[bytes]:
        """A vector each, of unit length, as little-endian float32."""
        ...


class BertEmbedder:
    def __init__(self, place: "EmbedderPlace") -> None:
        self.info = place.info
        self._place = place

    def load(self) -> None:
        """On the CPU, whatever the model runs on: a GPU's free memory is the model's cache."""
        folder = self._place.folder
        try:
            from tokenizers import Tokenizer
            from transformers import AutoConfig, AutoModel
            from transformers.utils.logging import disable_progress_bar

            disable_progress_bar()
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model, loaded = AutoModel.from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype="float32",
                output_loading_info=True,
            )
        except Exception as error:
            raise ModelUnavailableError(
                f"The embedder at {folder} cannot be loaded: {one_line(error)}."
            ) from error
        missing = sorted(name for name in loaded["missing_keys"] if not name.startswith("pooler."))
        if missing:
            # transformers only warns, and would answer with random weights.
            raise ModelUnavailableError(f"The embedder at {folder} is incomplete ({missing[0]} is missing).")
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._model = model.eval()
        self._vocabulary = model.get_input_embeddings().weight.shape[0]
        self._before, self._after = self._surroundings()

    def encode(self, source: EmbedInput) -> list[int]:
        """Ids are taken as they are, between the tokens that surround a text, which they may have or not."""
        if isinstance(source, str):
            # `encode` keeps the interpreter's lock: a second for a megabyte. This gives it away.
            return self._tokenizer.encode_batch_fast([source])[0].ids
        if max(source, default=0) >= self._vocabulary:
            raise RequestError(
                "invalid_request",
                f"{max(source)} is no token of the embedder, which knows {self._vocabulary} from 0 on.",
            )
        ids = list(source)
        before = [] if ids[: len(self._before)] == self._before else self._before
        after = [] if ids[-len(self._after) :] == self._after else self._after
        return [*before, *ids, *after]

    def cut(self, ids: list[int]) -> list[int]:
        return [*ids[: self.info.context_length - len(self._after)], *self._after]

    def embed(self, rows: Sequence[Sequence[int]]) -> list[bytes]:
        import torch
        from torch.nn.functional import normalize

        longest = max(map(len, rows))
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row)
            mask[number, : len(row)] = 1
        with torch.inference_mode():
            states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            if self._place.pooling == "cls":
                pooled = states[:, 0]
            else:
                weights = mask.unsqueeze(-1).to(states.dtype)
                pooled = (states * weights).sum(1) / weights.sum(1)
            vectors = normalize(pooled, dim=1).numpy().astype("<f4", copy=False)
        return [vector.tobytes() for vector in vectors]

    def _surroundings(self) -> tuple[list[int], list[int]]:
        whole = self._tokenizer.encode("a").ids
        bare = self._tokenizer.encode("a", add_special_tokens=False).ids
        start = next(at for at in range(len(whole)) if whole[at : at + len(bare)] == bare)
        return whole[:start], whole[start + len(bare) :]
