"""The main thread's life once the model is loaded: take messages, admit, step, write, again.

Owns that every accepted request gets exactly one `done` or `error`; knows no model and no file descriptor.
"""

import time
from collections.abc import Sequence

from embed_thread import EmbedThread
from engines.base import Engine, StepOutput
from fault_log import report_fault
from generation import FinishReason, GenerateRequest, RequestError
from heartbeat import Pulse
from inbox import Inbox, Prepared
from protocol import (
    Cancel,
    Delayed,
    Detokenize,
    Detokenized,
    Done,
    Embed,
    EncodeError,
    LineError,
    Shutdown,
    Started,
    TokenItem,
    Tokenize,
    Tokenized,
    encode,
    encode_tokens,
    error_message,
)
from protocol_stream import ProtocolStream
from scheduler import Run, Scheduler

DELAY_INTERVAL_S = 1.0


class GenerationLoop:
    def __init__(
        self, engine: Engine, inbox: Inbox, stream: ProtocolStream, pulse: Pulse, embeds: EmbedThread
    ) -> None:
        self._engine = engine
        self._inbox = inbox
        self._stream = stream
        self._pulse = pulse
        self._embeds = embeds
        self._scheduler = Scheduler(engine.slots, engine.numerics)
        self._is_full = False
        """The engine had no room for the next in line, and no running request has ended since."""
        self._delay_told_at = 0.0

    def run(self) -> None:
        """Returns after a shutdown, when every live request has been told. Raises what `step` raises."""
        running = self._scheduler.running
        while True:
            if self._scheduler.is_idle():
                self._inbox.wait(None)
            for message, received_at in self._inbox.take():
                if isinstance(message, Shutdown):
                    self._shut_down()
                    return
                self._handle(message, received_at)
            self._admit()
            self._tell_delay()
            self._stream.flush()
            if running:
                outputs = self._engine.step()
                if outputs:
                    self._pulse.step += 1
                    self._report(outputs)
                    self._stream.flush()
                    self._pulse.running = len(running)

    def _handle(self, message: object, received_at: float) -> None:
        if isinstance(message, GenerateRequest):
            self._submit(message, received_at)
        elif isinstance(message, Prepared):
            self._scheduler.set_ready(message.id, True)
        elif isinstance(message, Cancel):
            cancelled = self._scheduler.cancel(message.id, time.perf_counter())
            if isinstance(cancelled, Done):
                self._is_full = False
                self._stream.queue(encode(cancelled))
            elif cancelled == "running":
                self._engine.cancel(message.id)
            else:
                self._embeds.cancel(message.id)
        elif isinstance(message, Embed):
            self._embeds.submit(message)
        elif isinstance(message, (Tokenize, Detokenize)):
            self._answer(message)
        elif isinstance(message, LineError):
            self._refuse(message)

    def _submit(self, request: GenerateRequest, received_at: float) -> None:
        if not self._scheduler.submit(request, received_at):
            report_fault("duplicate_id", request_id=request.id, trace=request.trace)
        elif not self._engine.prepare(request, lambda: self._inbox.put(Prepared(request.id))):
            self._scheduler.set_ready(request.id, False)

    def _answer(self, question: Tokenize | Detokenize) -> None:
        try:
            self._stream.queue(encode(self._find_answer(question)))
        except EncodeError:
            too_long = RequestError("invalid_request", "token_ids: the text of so many is too long.")
            self._fail(question.id, too_long)
        except Exception as error:  # noqa: BLE001 -- one request's failure is that request's alone
            self._fail(question.id, error)

    def _find_answer(self, question: Tokenize | Detokenize) -> Tokenized | Detokenized:
        if isinstance(question, Tokenize):
            return Tokenized(question.id, self._engine.count_tokens(question.input))
        return Detokenized(question.id, self._engine.detokenize(question.token_ids))

    def _refuse(self, line: LineError) -> None:
        report_fault("bad_line", request_id=line.request_id, detail=line.message)
        # A broken line that repeats a live id must not end that request.
        if line.request_id is not None and not self._scheduler.is_live(line.request_id):
            self._stream.queue(encode(error_message(line.request_id, line.code, line.message)))

    def _admit(self) -> None:
        while not self._is_full and (waited := self._scheduler.next()) is not None:
            request = waited.request
            try:
                admitted = self._engine.admit(request)
            except Exception as error:  # noqa: BLE001 -- one request's failure is that request's alone
                self._fail(request.id, error, request.trace)
                continue
            if admitted is None:
                if not self._scheduler.running:
                    raise RuntimeError("The engine runs nothing and has no room.")
                self._scheduler.put_back(waited)
                self._is_full = True
                self._delay_told_at = 0.0
                return
            self._scheduler.start(waited, admitted, time.perf_counter())
            self._pulse.running += 1
            self._stream.queue(encode(Started(request.id, admitted.prompt_tokens, admitted.cached_tokens)))

    def _tell_delay(self) -> None:
        """Said by this thread, not the heartbeat's: the gateway's patience is for a loop that goes on."""
        now = time.perf_counter()
        if self._is_full and now - self._delay_told_at >= DELAY_INTERVAL_S:
            self._delay_told_at = now
            self._stream.queue(encode(Delayed(tuple(self._scheduler.waiting_ids()))))

    def _report(self, outputs: Sequence[StepOutput]) -> None:
        now = time.perf_counter()
        running = self._scheduler.running
        items: list[TokenItem] = []
        ended: list[tuple[Run, FinishReason]] = []
        for request_id, token_ids, logprobs, finish, error in outputs:
            run = running.get(request_id)
            if run is None:
                continue
            try:
                if token_ids and run.is_open:
                    if run.first_token_at is None:
                        run.first_token_at = now
                    piece = run.push(token_ids, logprobs)
                    if piece is not None:
                        items.append((request_id, *piece))
                    if run.answer.stop_sequence is not None:
                        self._close(run)
                if finish is not None or error is not None:
                    ended.append((run, finish or "stop"))
                    if run.is_open and (rest := run.answer.finish()) is not None:
                        items.append((request_id, *rest))
            except Exception as failure:  # noqa: BLE001 -- one request's failure is that request's alone
                self._close(run, failure)
            if error is not None:
                run.fault = error
        if items:
            self._send_tokens(items)
        for run, reason in ended:
            self._end(run, reason, now)

    def _end(self, run: Run, reason: FinishReason, now: float) -> None:
        del self._scheduler.running[run.id]
        self._is_full = False
        if run.fault is None:
            self._stream.queue(encode(run.done(reason, now, self._scheduler.numerics)))
        else:
            self._fail(run.id, run.fault, run.trace)

    def _send_tokens(self, items: Sequence[TokenItem]) -> None:
        try:
            self._stream.queue(encode_tokens(items))
        except EncodeError as error:
            if len(items) == 1:
                self._close(self._scheduler.running[items[0][0]], error)
                return
            for item in items:
                self._send_tokens([item])

    def _close(self, run: Run, fault: Exception | None = None) -> None:
        """Takes no more tokens of a run; its terminal message waits until the engine has let go of it."""
        run.is_open = False
        run.fault = run.fault or fault
        self._engine.cancel(run.id)

    def _fail(self, request_id: str, error: Exception, trace: str | None = None) -> None:
        if isinstance(error, RequestError):
            message = error_message(request_id, error.code, error.message)
        else:
            report_fault("request_failed", error, request_id=request_id, trace=trace)
            message = error_message(
                request_id, "worker_error", "The model failed on this request; the worker's log tells why."
            )
        self._stream.queue(encode(message))

    def _shut_down(self) -> None:
        for request_id in self._scheduler.drain():
            self._stream.queue(encode(error_message(request_id, "shutting_down", "The worker is stopping.")))
        self._stream.flush()
