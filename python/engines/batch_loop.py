"""Which tokens of which requests go through the model next: the iteration of the batched engine.

Knows no text, no tokenizer and no loading. Requests join and leave between any two steps.
"""

import math
from collections.abc import Sequence

import torch

from engines.base import StepOutput
from engines.batch_row import BatchRow
from engines.kv_blocks import BlockPool
from engines.step_model import Segment, StepModel
from generation import RequestError


class BatchLoop:
    def __init__(self, model: StepModel, blocks: int, end_ids: frozenset[int]) -> None:
        self._model = model
        self._pool = BlockPool(blocks)
        self._end_ids = end_ids
        self._rows: dict[str, BatchRow] = {}
        """In the order of their coming."""

    def add(self, row: BatchRow) -> int | None:
        """Returns the number of cached prompt tokens; None, and nothing added, without room in the cache."""
        cached = row.start(self._pool)
        if cached is not None:
            self._rows[row.id] = row
        return cached

    def cancel(self, request_id: str) -> None:
        row = self._rows.get(request_id)
        if row is not None:
            row.is_cancelled = True

    def step(self) -> Sequence[StepOutput]:
        outputs = [StepOutput(row.id, finish="cancelled") for row in self._rows.values() if row.is_cancelled]
        self._drop(outputs)
        picked = self._pick()
        if picked:
            answers = self._advance(picked)
            self._drop(answers)
            outputs += answers
        return outputs

    def _pick(self) -> list[tuple[BatchRow, Segment]]:
        generating = [row for row in self._rows.values() if row.pending == 1]
        entering = [row for row in self._rows.values() if row.pending > 1]
        picked = [(row, row.segment(1)) for row in generating]
        room = min(self._model.entering_tokens(len(generating)), self._model.max_tokens - len(generating))
        if not entering or room < 1:
            return picked
        # The oldest is sure of half; the shortest go first with the rest.
        oldest, *others = entering
        first = room if not others else math.ceil(room / 2)
        others.sort(key=lambda row: row.pending)
        for row in (oldest, *others):
            segment = row.segment(first if row is oldest else room)
            if segment.token_ids:
                picked.append((row, segment))
            room -= len(segment.token_ids)
        return picked

    def _advance(self, picked: Sequence[tuple[BatchRow, Segment]]) -> list[StepOutput]:
        with torch.inference_mode():
            logits = self._model.forward([segment for _, segment in picked])
            for row, segment in picked:
                row.advance(self._pool, len(segment.token_ids))
            peaks, best = logits.max(dim=-1)
            rows = [row for row, segment in picked if segment.wants_logits]
            chosen = zip(rows, peaks.tolist(), best.tolist(), strict=True)
            return [self._answer(row, logits[i : i + 1], *top) for i, (row, *top) in enumerate(chosen)]

    def _answer(self, row: BatchRow, logits: torch.Tensor, peak: float, best: int) -> StepOutput:
        try:
            if row.sampler is None:
                return row.accept(_checked(best, peak), None, self._end_ids)
            draw = row.sampler.draw(row.context_ids, logits)
            return row.accept(draw.token_id, draw.logprob, self._end_ids)
        except Exception as error:  # noqa: BLE001 -- it is that request's end, and no other's
            return StepOutput(row.id, error=error)

    def _drop(self, outputs: Sequence[StepOutput]) -> None:
        for output in outputs:
            if output.finish is not None or output.error is not None:
                self._rows.pop(output.request_id).release(self._pool, is_sound=output.error is None)


def _checked(token_id: int, peak: float) -> int:
    if not math.isfinite(peak):
        raise RequestError("worker_error", "The model computed NaN or infinity.")
    return token_id
