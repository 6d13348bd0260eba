"""The worker process: guards the protocol's descriptors, loads an engine, serves until told to stop.

Exit codes: 0 clean, 78 a fault that no restart mends (told as an `error` without id), anything else a crash.
"""

import gc
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from arguments import Arguments, parse_arguments
from embed_thread import EmbedThread
from embedder_folder import locate_embedder
from embedding import BertEmbedder, Embedder
from engines.base import Engine, ModelUnavailableError
from fault_log import report_fault
from generation_loop import GenerationLoop
from heartbeat import Pulse, start_heartbeat
from inbox import Inbox, start_reader
from parent_watch import watch_parent
from protocol import PROTOCOL_VERSION, Loading, Ready, Shutdown, encode, error_message
from protocol_stream import ProtocolStream, guard_stdio
from stop_signal import handle_signals

EXIT_CLEAN = 0
EXIT_CRASH = 1
EXIT_PERMANENT = 78
"""sysexits.h EX_CONFIG."""

STOP_GRACE_S = 2.0
"""How long a ready worker may take to end its requests after a shutdown; a loading one has nothing to end."""


def assemble(
    arguments: Arguments, fd: int, on_shutdown: Callable[[], None]
) -> tuple[ProtocolStream, Inbox, Callable[[], Engine], Callable[[], Embedder]]:
    """The ports to the gateway, what makes the engine and what finds the embedder.

    Imports the engine asked for and no other; looks for the embedder at once, in a thread. The last raises
    ModelUnavailableError if there is none.
    """
    if arguments.engine == "fake":
        from engines.fake import create_fake_engine
        from engines.fake_embedder import create_fake_embedder
        from engines.fake_faults import FaultyInbox, FaultyStream

        ports = FaultyStream(fd), FaultyInbox(on_shutdown)
        plan = os.environ.get("MINIVAULT_FAKE_PLAN", "{}")
        return (
            *ports,
            lambda: create_fake_engine(plan, *ports),
            lambda: create_fake_embedder(arguments.embedder, plan, *ports),
        )

    def create_engine() -> Engine:
        if arguments.engine == "batched":
            from engines.batched_or_streamer import BatchedOrStreamer

            return BatchedOrStreamer(arguments.model, arguments.data_dir)
        if arguments.engine == "none":
            from engines.none import NoEngine

            return NoEngine()
        from engines.streamer import StreamerEngine

        return StreamerEngine(arguments.model, arguments.data_dir)

    # Its digest reads all of it: beside the load of the model, so that `ready` does not wait for it.
    place = ThreadPoolExecutor(1, "embedder folder").submit(locate_embedder, arguments.embedder)

    def create_embedder() -> Embedder:
        return BertEmbedder(place.result())

    return ProtocolStream(fd), Inbox(on_shutdown), create_engine, create_embedder


def start_embedding(create_embedder: Callable[[], Embedder], stream: ProtocolStream) -> EmbedThread:
    """Without an embedder the worker still answers prompts; who asks for vectors is told what is missing."""
    try:
        return EmbedThread(create_embedder(), stream)
    except ModelUnavailableError as error:
        report_fault("no_embedder", detail=str(error))
        return EmbedThread(error, stream)


def give_up(stream: ProtocolStream, message: str) -> int:
    stream.send(encode(error_message(None, "model_unavailable", message)))
    return EXIT_PERMANENT


def serve(arguments: Arguments, fd_in: int, fd_out: int) -> int:
    """Loads and serves; returns the exit code. Raises what is a crash."""
    is_loaded = threading.Event()

    def leave_soon() -> None:
        grace = threading.Timer(STOP_GRACE_S if is_loaded.is_set() else 0, os._exit, (EXIT_CLEAN,))
        grace.daemon = True
        grace.start()

    stream, inbox, create_engine, create_embedder = assemble(arguments, fd_out, leave_soon)
    pulse = Pulse()
    handle_signals(lambda: inbox.put(Shutdown()))
    watch_parent()
    start_reader(fd_in, inbox)
    start_heartbeat(stream, pulse)

    def report(stage: str, done: float, total: float) -> None:
        stream.send(encode(Loading(stage, done, total)))

    report("starting", 0, 1)
    # What is imported and loaded stays. Looking for garbage among it takes a tenth of the loading.
    gc.disable()
    try:
        engine = create_engine()
        model = engine.load(report)
    except ModelUnavailableError as error:
        return give_up(stream, str(error))
    except ImportError as error:
        report_fault("import_failed", error)
        remedy = "Run `npm start`, which installs requirements.txt, or set MINIVAULT_PYTHON."
        return give_up(stream, f"{sys.executable} lacks a package: {error}. {remedy}")
    gc.freeze()
    gc.enable()
    is_loaded.set()
    embeds = start_embedding(create_embedder, stream)
    stream.send(encode(Ready(PROTOCOL_VERSION, model, engine.name, engine.slots, embeds.info)))
    GenerationLoop(engine, inbox, stream, pulse, embeds).run()
    return EXIT_CLEAN


def main(words: Sequence[str]) -> int:
    fd_in, fd_out = guard_stdio()
    try:
        arguments = parse_arguments(words)
    except ModelUnavailableError as error:
        return give_up(ProtocolStream(fd_out), str(error))
    try:
        return serve(arguments, fd_in, fd_out)
    except BaseException as error:  # noqa: BLE001 -- told in one line, then the supervisor replaces us
        report_fault("worker_crashed", error)
        return EXIT_CRASH


if __name__ == "__main__":
    # Past interpreter shutdown: a model's threads need not, and may not, finish first.
    os._exit(main(sys.argv[1:]))
