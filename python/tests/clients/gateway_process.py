"""The built gateway as a child process on the fake engine, for official Python clients to talk to."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from child_worker import wait_for

REPOSITORY = Path(__file__).parents[3]
MAIN = REPOSITORY / "dist" / "main.js"
SERVE = REPOSITORY / "server" / "testing" / "fixtures" / "serve.mjs"
BUILD = ("node", "node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json")


class GatewayProcess:
    """Listens when made; `plan` is the fake engine's, `settings` are environment variables."""

    def __init__(self, plan: dict[str, Any] | None = None, settings: dict[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="minivault-"))
        self.process = subprocess.Popen(
            ["node", str(SERVE)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ.get("HOME", str(self.folder)),
                "PORT": "0",
                "RATE_LIMIT_ENABLED": "false",
                "MINIVAULT_ENGINE": "fake",
                "MINIVAULT_PYTHON": sys.executable,
                "MINIVAULT_DATA_DIR": str(self.folder),
                "MINIVAULT_LOG_FILE": str(self.folder / "log.jsonl"),
                "MINIVAULT_FAKE_PLAN": json.dumps({"state_dir": str(self.folder), **(plan or {})}),
                **(settings or {}),
            },
        )
        self._output = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            wait_for(lambda: self.process.poll() is not None or self._address() is not None)
            address = self._address()
            assert address is not None, f"the gateway did not start: {self._output.decode()}"
        except AssertionError:
            self.kill()
            raise
        self.url = address
        """`http://127.0.0.1:…`, without a slash at its end."""

    def log(self) -> list[dict[str, Any]]:
        """Every exchange that was kept so far."""
        path = self.folder / "log.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def kill(self) -> None:
        """The worker ends itself when its gateway is gone."""
        self.process.kill()
        self.process.wait()
        self._reader.join(15)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _address(self) -> str | None:
        found = re.search(rb"listens on (http:\S+)", self._output)
        return found and found[1].decode()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while data := self.process.stdout.read1(1 << 16):
            self._output += data


def build() -> None:
    """Compiles the gateway when a source is newer than what set-up has built."""
    sources = (file for file in (REPOSITORY / "server").rglob("*.ts") if not file.name.endswith(".test.ts"))
    newest = max(file.stat().st_mtime for file in sources if "testing" not in file.parts)
    if not MAIN.exists() or MAIN.stat().st_mtime < newest:
        subprocess.run(BUILD, cwd=REPOSITORY, check=True)


StartGateway = Callable[..., GatewayProcess]
"""The fixture of conftest.py: start_gateway(plan, settings) as in GatewayProcess."""
