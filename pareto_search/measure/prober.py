"""The caller's side of the probe server."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from pareto_search.errors import MeasurementError
from pareto_search.measure.probe import ProbeSpec, Reply, Request, StepMemory

logger = logging.getLogger(__name__)

_SERVER = "pareto_search.measure.probe_server"
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_MAX_MESSAGE_CHARS = 2000


class Prober:
    """Runs capacity probes, each in a process of its own, while it is open (`with Prober() as prober`).

    Starting takes the seconds in which a server imports PyTorch; a probe then costs a fork. The server is a plain
    Python program, so it works alike under scripts, notebooks, `python -` and Ray workers.
    """

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the server

    def __enter__(self) -> Self:
        paths = [str(_PACKAGE_PARENT), os.environ.get("PYTHONPATH", "")]
        # One thread each: those that an import starts would be lost in a fork, and a child that waits for them hangs.
        # One compile thread: torch.compile in a child then starts no processes of its own.
        settings = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TORCHINDUCTOR_COMPILE_THREADS"), "1")
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-m", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            start_new_session=True,  # server and probe form one group, which can be ended together
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            with contextlib.suppress(BrokenPipeError):
                server.communicate()
        self._log.close()

    def memory_of_step(self, spec: ProbeSpec, n_atoms: int, *, budget_bytes: int | None) -> StepMemory | None:
        """Memory of an MD step of about n_atoms atoms; None if it does not fit.

        Args:
            spec: Network, material and device.
            n_atoms: Atoms wanted; the nearest supercell is run.
            budget_bytes: On a CPU, what the step may add to the process's resident memory; None on a GPU.

        Raises:
            MeasurementError: If the probe fails for another reason than memory.
        """
        reply = self._ask({"spec": spec.to_plain(), "n_atoms": n_atoms, "budget_bytes": budget_bytes})
        if reply["outcome"] == "fits":
            return StepMemory(used_bytes=reply["used_bytes"], baseline_bytes=reply["baseline_bytes"])
        if reply["outcome"] == "does not fit":
            return None
        if reply.get("signal") == signal.SIGKILL:  # the kernel's answer to a machine out of memory
            return None
        reason = reply.get("message") or f"it was ended by {signal.Signals(reply['signal']).name}"
        logger.error("a capacity probe failed: %s", reason)
        failure = MeasurementError(
            f"a capacity probe may only fail for lack of memory, but one of {n_atoms} atoms on {spec.device} failed: "
            f"{reason}; measure another structure or device, or report this"
        )
        failure.add_note(f"In the probe: {reply.get('traceback', 'no traceback')}")
        raise failure

    def _ask(self, request: Request) -> Reply:
        if self._server is None or self._server.stdin is None or self._server.stdout is None:
            raise MeasurementError("a Prober must be open to run probes; use it as `with Prober() as prober:`")
        with contextlib.suppress(BrokenPipeError):
            self._server.stdin.write(json.dumps(request) + "\n")
            self._server.stdin.flush()
        line = self._server.stdout.readline()
        if not line:
            raise MeasurementError(
                f"the probe server must stay alive, but it ended. Its last output: {self._last_output()}"
            )
        reply: Reply = json.loads(line)
        return reply

    def _last_output(self) -> str:
        self._log.seek(0)
        return self._log.read()[-_MAX_MESSAGE_CHARS:] or "nothing"
