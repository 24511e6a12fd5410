"""A job that scripts/submit_job.sh hands to a Ray head, which asks for a token, on this machine."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from tests.tiny_study import write_config

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

ROOT = Path(__file__).parents[1]


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
def short_folder():
    # Ray's sockets lie below its temporary folder, and their paths may be no longer than 107 bytes.
    with tempfile.TemporaryDirectory(prefix="ps-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def head(short_folder):
    """Address of a Ray head with a token, and the environment of someone who has none."""
    stranger = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    stranger |= {
        "HOME": str(short_folder),  # no ~/.ray/auth_token there
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONWARNINGS": "ignore",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    (short_folder / "token").write_text("c0ffee" * 8)
    port, dashboard, agent, client = free_ports(4)
    command = ["ray", "start", "--head", "--block", "--node-ip-address=127.0.0.1", "--num-cpus=2"]
    command += [f"--port={port}", f"--dashboard-port={dashboard}", f"--temp-dir={short_folder / 'ray'}"]
    command += [f"--dashboard-agent-listen-port={agent}", f"--ray-client-server-port={client}"]
    command += ["--min-worker-port=0", "--max-worker-port=0", "--object-store-memory=100000000"]
    with (short_folder / "head.log").open("w") as log:
        process = subprocess.Popen(
            command,
            env={**stranger, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(short_folder / "token")},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 90
        while True:
            assert process.poll() is None, (short_folder / "head.log").read_text()
            assert time.monotonic() < deadline, "the dashboard of the head never answered"
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{dashboard}/api/version", timeout=5).close()
                break
            except urllib.error.HTTPError as refusal:  # it is up too, and asks for the token
                refusal.close()
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{dashboard}", stranger
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # whatever of it has not ended
            process.wait()


def submit(address, environment, *arguments):
    return subprocess.run(
        ["bash", ROOT / "scripts" / "submit_job.sh", address, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_job_runs_on_a_head_with_a_token_and_only_with_it(head, tmp_path):
    address, stranger = head
    config, out = write_config(tmp_path), tmp_path / "run"
    small = ["search.n_trials=1", "search.controls=[]", "teacher.training.max_epochs=2"]
    search = ("search", config, "--out", out, *(word for setting in small for word in ("--set", setting)))

    refused = submit(address, {**stranger, "RAY_AUTH_MODE": "disabled"}, *search)  # sends nothing
    assert refused.returncode == 1
    assert "Missing authentication token" in refused.stderr
    wrong = submit(address, {**stranger, "RAY_AUTH_TOKEN": "decaf" * 8}, *search)
    assert wrong.returncode == 1
    assert "Invalid authentication token" in wrong.stderr
    assert not out.exists()

    done = submit(address, {**stranger, "RAY_AUTH_TOKEN": "c0ffee" * 8}, *search)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "succeeded" in done.stdout
    assert len(list((out / "models").glob("student-*/weights.npz"))) == 1
    assert yaml.safe_load((out / "config.yaml").read_text())["cluster"]["address"] == "auto"  # it joined the head

    failed = submit(address, {**stranger, "RAY_AUTH_TOKEN": "c0ffee" * 8}, "plan", tmp_path / "absent.yaml")
    assert failed.returncode == 1
    assert "absent.yaml" in failed.stdout
    assert "failed" in failed.stderr
