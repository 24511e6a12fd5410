"""A process that has imported everything and forks one child for each capacity probe.

It reads requests from stdin and writes replies to stdout, one JSON object a line; run it as
`python -m pareto_search.measure.probe_server`. It never computes anything itself, so that it has neither threads
nor a CUDA context, with which a fork would be unsafe.
"""

import json
import os
import sys
import threading
import traceback
from typing import NoReturn, TextIO

from pareto_search.errors import is_out_of_memory
from pareto_search.measure.memory import free_of_soft_limit, volunteer_for_oom_killer
from pareto_search.measure.probe import ProbeSpec, Reply, Request, memory_of_step

DOES_NOT_FIT: Reply = {"outcome": "does not fit"}


def serve(requests: TextIO, replies: TextIO) -> None:
    """Answer requests until there are no more."""
    for line in requests:
        replies.write(json.dumps(_answer(json.loads(line))) + "\n")
        replies.flush()


def _answer(request: Request) -> Reply:
    """The reply of the child that ran a probe, or the signal that ended it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_child(request, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if said:
        reply: Reply = json.loads(said)
        return reply
    if os.WIFSIGNALED(status):
        return {"outcome": "killed", "signal": os.WTERMSIG(status)}
    return {"outcome": "error", "message": f"the probe ended with exit status {os.waitstatus_to_exitcode(status)}"}


def _run_child(request: Request, writing: int) -> NoReturn:
    first = threading.Lock()  # memory may be watched in a thread, which gives up at the moment when the probe ends

    def finish(reply: Reply) -> NoReturn:
        first.acquire()
        os.write(writing, json.dumps(reply).encode())
        os._exit(0)

    volunteer_for_oom_killer()
    try:
        spec = ProbeSpec.from_plain(request["spec"])
        memory = memory_of_step(
            spec, request["n_atoms"], budget_bytes=request["budget_bytes"], give_up=lambda: finish(DOES_NOT_FIT)
        )
    except Exception as error:  # whatever it is, the calling process raises it again
        if is_out_of_memory(error):  # on a GPU the host's too: neighbour lists are built there
            finish(DOES_NOT_FIT)
        finish({"outcome": "error", "message": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()})
    finish({"outcome": "fits", "used_bytes": memory.used_bytes, "baseline_bytes": memory.baseline_bytes})


def main() -> None:
    """Serve stdin and stdout; whatever else is written to stdout goes to stderr."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    free_of_soft_limit()
    serve(sys.stdin, replies)


if __name__ == "__main__":
    main()
