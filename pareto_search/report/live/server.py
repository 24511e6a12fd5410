"""The server of the live page."""

import errno
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from pareto_search.errors import ConfigError
from pareto_search.report.live.app import make_app
from pareto_search.report.live.board import Board
from pareto_search.report.live.followed_run import FollowedRun, check_followable


def serve(run_dir: Path, host: str, port: int, on_ready: Callable[[int, bool], None]) -> None:
    """Serve the live page of a run directory until interrupted.

    Args:
        run_dir: The run directory. It may be empty or missing: then the page waits for a run in it.
        host: Address to listen on.
        port: Port; 0: any that is free.
        on_ready: Called with the port and whether there is a run yet, once the page can be opened.

    Raises:
        StoreError: If the path can hold no run.
        ConfigError: If the address or the port cannot be had.
    """
    check_followable(run_dir)
    with _listen(host, port) as listener:
        app = make_app(Board(FollowedRun(run_dir)))
        settings: dict[str, Any] = {"threaded": True, "request_handler": _QuietHandler, "fd": listener.fileno()}
        with make_server(host, port, app.server, **settings) as server:
            on_ready(server.port, (run_dir / "config.yaml").is_file())
            server.serve_forever()  # ends at an interrupt


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        where = f"the dashboard cannot listen on {host}, port {port}"
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"{where}: it is taken; choose another, such as --port {port + 1}") from error
        reason = (error.strerror or str(error)).partition(" (while")[0]
        raise ConfigError(f"{where} ({reason}); choose another --host or --port") from error


class _QuietHandler(WSGIRequestHandler):
    """Leaves out the line per request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""
