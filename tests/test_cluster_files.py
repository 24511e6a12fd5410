"""The files for clusters hold what Ray, SLURM and our command line accept, as far as one machine can tell."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.scripts.scripts import cli as ray_cli
from ray.scripts.symmetric_run import curate_and_validate_ray_start_args, symmetric_run

from pareto_search.cli import app
from pareto_search.config import ClusterSettings

ROOT = Path(__file__).parents[1]
CLUSTERS = ROOT / "configs" / "clusters"
DOCS = ROOT / "docs" / "cluster.md"
OF_CLUSTERS = ("run_local.sh", "run_slurm.sh", "submit_job.sh", "resume.sh")
SUCCEEDED, FAILED, STOPPED = "Job 'JOB' succeeded", "Job 'JOB' failed", "Job 'JOB' was stopped"
IN_SLURM = {"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "3", "SLURM_CPUS_PER_TASK": "8"}

#: Stands in for every program that a script calls: notes how it was called. srun starts its command on every node; ray
#: symmetric-run runs what follows the -- on the first; ray job status says the next of STATUSES.
FAKE = f"""#!{sys.executable} -SE
import itertools, json, os, subprocess, sys
name, *arguments = os.path.basename(sys.argv[0]), *sys.argv[1:]
if arguments[:2] == ["job", "status"]:
    asked = open(os.environ["CALLS"]).read().count('"job", "status"')
    print(os.environ.get("STATUSES", "{SUCCEEDED}").split(",")[asked].replace("JOB", arguments[-1]))
with open(os.environ["CALLS"], "a") as calls:
    ray = {{key: value for key, value in os.environ.items() if key.startswith("RAY_")}}
    calls.write(json.dumps([[name, *arguments], ray]) + "\\n")
if name == "hostname":
    print("10.0.0.7 172.17.0.1 ")
if name == "srun":
    command = list(itertools.dropwhile(lambda word: word.startswith("-"), arguments))
    for node in range(int(os.environ["SLURM_JOB_NUM_NODES"])):
        subprocess.run(command, env=dict(os.environ, SLURM_PROCID=str(node)), check=True)
if arguments[:1] == ["symmetric-run"] and os.environ.get("SLURM_PROCID") == "0":
    subprocess.run(arguments[arguments.index("--") + 1 :], check=True)
"""


def parse(command):
    """Settings of a pareto-search command, read by the program's own parser and not run."""
    name, verb, *arguments = command
    assert name == "pareto-search"
    program: Any = typer.main.get_command(app)
    return program.commands[verb].make_context(verb, arguments).params


def parse_ray(command):
    """Likewise for a command of Ray."""
    program, *arguments = command
    assert Path(program).name == "ray"
    parser: Any = ray_cli
    while hasattr(parser, "commands"):
        name = arguments.pop(0)
        parser = parser.commands[name]
    return parser.make_context(name, arguments).params


class Scripts:
    """Runs a copy of scripts/ where the programs they call are stand-ins."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("bench"))
        (folder / "bin").mkdir()
        for name in ("pareto-search", "ray", "srun", "hostname"):
            (folder / "bin" / name).write_text(FAKE)
            (folder / "bin" / name).chmod(0o755)
        (folder / "runs" / "study").mkdir(parents=True)
        (folder / "runs" / "study" / "config.yaml").touch()

    def run(self, name, *arguments, **environment):
        """The ended process, and the calls it made: words and Ray's variables, by program."""
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "SLURM_"))}
        plain |= {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "CALLS": str(self.folder / "calls")}
        done = subprocess.run(
            ["bash", f"scripts/{name}", *arguments],
            cwd=self.folder,
            env=plain | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        calls: dict[str, Any] = {}
        if (self.folder / "calls").exists():
            for line in (self.folder / "calls").read_text().splitlines():
                words, ray = json.loads(line)
                calls.setdefault(words[0], []).append((words, ray))
            (self.folder / "calls").unlink()
        return done, calls


@pytest.fixture
def scripts(tmp_path):
    return Scripts(tmp_path)


# --- ray up ---------------------------------------------------------------------------------------------------------


def ray_commands(lines):
    parts = [part for line in lines for part in re.split(r";|&&|\|\|", line)]
    words = [shlex.split(part) for part in parts]
    return [command for command in words if command and Path(command[0]).name == "ray"]


@pytest.mark.parametrize("name", ["aws", "on-premise"])
def test_ray_up_accepts_the_file_and_starts_all_nodes_with_a_token(name):
    config = prepare_config(yaml.safe_load((CLUSTERS / f"{name}.yaml").read_text()))
    validate_config(config)

    workers = [kind for key, kind in config["available_node_types"].items() if name != "aws" or key != "head"]
    assert sum(kind["min_workers"] for kind in workers) == config["max_workers"] > 0
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    for role in ("head", "worker"):
        stop, start = ray_commands(config[f"{role}_start_ray_commands"])
        assert stop[1:] == ["stop"]
        assert parse_ray(start)["head"] == (role == "head")
        everywhere = " ".join(config["docker"].get("run_options", []))
        assert "RAY_AUTH_MODE=token" in everywhere + " ".join(config[f"{role}_start_ray_commands"])


def test_aws_installs_the_project_and_mounts_the_storage_that_the_container_sees():
    config = yaml.safe_load((CLUSTERS / "aws.yaml").read_text())
    assert config["file_mounts"]["~/pareto_search"] == "."
    assert any("cd ~/pareto_search && pip install" in command for command in config["setup_commands"])
    assert "--volume=/shared:/shared" in config["docker"]["run_options"]
    assert any(command.endswith(":/ /shared") for command in config["initialization_commands"])
    for kind in config["available_node_types"].values():
        assert {"InstanceType", "ImageId"} <= set(kind["node_config"])
    assert "InstanceMarketOptions" not in config["available_node_types"]["head"]["node_config"]  # never taken away


def test_ray_is_the_pinned_version_in_every_file():
    pinned = re.search(r"^ray==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[1]
    for path in [*CLUSTERS.iterdir(), DOCS]:
        found = re.findall(r"(?:rayproject/ray:|rayVersion: \")(\d+\.\d+\.\d+)", path.read_text())
        assert set(found) <= {pinned}, path
        assert found or path.name == "on-premise.yaml", path


# --- KubeRay --------------------------------------------------------------------------------------------------------


def test_kuberay_job_is_whole_and_every_pod_sees_the_run_directory():
    claim, job = yaml.safe_load_all((CLUSTERS / "kuberay-job.yaml").read_text())
    assert (claim["apiVersion"], claim["kind"]) == ("v1", "PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["spec"]["resources"]["requests"]["storage"]
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert set(job["spec"]) == {
        "entrypoint",
        "backoffLimit",
        "shutdownAfterJobFinishes",
        "ttlSecondsAfterFinished",
        "rayClusterSpec",
    }
    command = parse(shlex.split(job["spec"]["entrypoint"]))
    assert command["address"] == "auto"

    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    assert len(groups) == 2
    for group in cluster["workerGroupSpecs"]:
        assert group["groupName"]
        assert group["replicas"] == group["minReplicas"] == group["maxReplicas"] > 0
    for group in groups:
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        [container] = pod["containers"]
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", container["name"])
        assert container["image"] == "example.org/pareto_search:0.1.0"
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert int(container["resources"]["limits"]["nvidia.com/gpu"]) > 0  # the driver, on the head, needs one too
        volumes = {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"]}
        [mount] = container["volumeMounts"]
        assert volumes[mount["name"]] == claim["metadata"]["name"]
        assert command["config"].is_relative_to(mount["mountPath"])
        assert command["out"].is_relative_to(mount["mountPath"])


# --- scripts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").rglob("*.sh")), ids=lambda path: path.name)
def test_script_is_sound_bash(path):
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in path.read_text()
    checkers = [["bash", "-n"], *([["shellcheck"]] if shutil.which("shellcheck") else [])]
    for checker in checkers:
        done = subprocess.run([*checker, path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "arguments", "environment"),
    [
        ("run_local.sh", ["study.yaml"], {}),
        ("resume.sh", [], {}),
        ("resume.sh", ["runs"], {}),  # not a run directory
        ("submit_job.sh", ["http://head:8265"], {}),
        ("run_slurm.sh", ["study.yaml"], IN_SLURM),
        ("run_slurm.sh", ["study.yaml", "runs/study"], {}),  # not submitted with sbatch
    ],
)
def test_wrong_arguments_show_the_usage(scripts, name, arguments, environment):
    done, calls = scripts.run(name, *arguments, **environment)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
    assert name in done.stderr
    assert not calls


def test_run_local_and_resume(scripts):
    _, calls = scripts.run("run_local.sh", "study.yaml", "runs/my study", "--set", "search.n_trials=4")
    [(words, _)] = calls["pareto-search"]
    assert parse(words) == {
        "config": Path("study.yaml"),
        "out": Path("runs/my study"),
        "settings": ["search.n_trials=4"],
        "address": None,
    }
    _, calls = scripts.run("resume.sh", "runs/study", "--address", "auto")
    [(words, _)] = calls["pareto-search"]
    assert parse(words) == {
        "config": Path("runs/study/config.yaml"),
        "out": Path("runs/study"),
        "settings": (),
        "address": "auto",
    }


@pytest.mark.parametrize("verb", ["run", "search", "confirm", "teacher", "plan"])
def test_submit_job_joins_the_cluster_where_the_verb_uses_one(scripts, verb):
    out = [] if verb == "plan" else ["--out", "/shared/runs/my study"]
    _, calls = scripts.run("submit_job.sh", "http://head:8265", verb, "/shared/study.yaml", *out)
    words, ray = calls["ray"][0]
    assert words[:3] == ["ray", "job", "submit"]
    job = parse_ray(words)
    assert job["address"] == "http://head:8265"
    driver = parse(job["entrypoint"])
    assert driver["config"] == Path("/shared/study.yaml")
    assert driver.get("out") == (Path(out[1]) if out else None)
    assert driver.get("address") == ("auto" if verb in ("run", "search", "confirm") else None)
    assert ray == {"RAY_AUTH_MODE": "token"}


def test_submit_job_leaves_the_mode_of_ray_to_its_user(scripts):
    _, calls = scripts.run("submit_job.sh", "http://head:8265", "plan", "study.yaml", RAY_AUTH_MODE="disabled")
    assert all(variables == {"RAY_AUTH_MODE": "disabled"} for _, variables in calls["ray"])


@pytest.mark.parametrize(("end", "exit_status"), [(SUCCEEDED, 0), (FAILED, 1), (STOPPED, 1)])
def test_submit_job_follows_a_job_to_its_end_though_ray_drops_its_log(scripts, end, exit_status):
    done, calls = scripts.run(
        "submit_job.sh", "http://head:8265", "plan", "study.yaml", STATUSES=f"Status for job 'JOB': RUNNING,{end}"
    )
    assert done.returncode == exit_status
    parsed = [(words[2], parse_ray(words)) for words, _ in calls["ray"]]
    assert [verb for verb, _ in parsed] == ["submit", "logs", "status", "logs", "status"]
    assert all(job["address"] == "http://head:8265" for _, job in parsed)
    assert {job.get("job_id") or job["submission_id"] for _, job in parsed} == {parsed[0][1]["submission_id"]}


def test_slurm_starts_ray_once_a_node_and_the_study_once(scripts):
    done, calls = scripts.run("run_slurm.sh", "study.yaml", "runs/study", "--set", "search.n_trials=4", **IN_SLURM)
    assert done.returncode == 0, done.stderr
    [(srun, _)] = calls["srun"]
    assert srun[1:4] == ["--nodes=3", "--ntasks-per-node=1", "--cpus-per-task=8"]
    assert len(calls["ray"]) == 3

    for words, variables in calls["ray"]:
        separator = words.index("--")
        assert words[:2] == ["ray", "symmetric-run"]
        params = symmetric_run.make_context("symmetric-run", words[2:separator]).params
        assert (params["address"], params["min_nodes"]) == ("10.0.0.7:6379", 3)
        for_start = curate_and_validate_ray_start_args(words[2:separator])
        assert parse_ray(["ray", "start", *for_start])["num_cpus"] == 8
        assert variables["RAY_AUTH_MODE"] == "token"
        assert re.fullmatch("[0-9a-f]{64}", variables["RAY_AUTH_TOKEN"])
        assert int(variables["RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT"]) >= 60
    assert len({variables["RAY_AUTH_TOKEN"] for _, variables in calls["ray"]}) == 1  # one for all nodes

    [(driver, _)] = calls["pareto-search"]
    assert parse(driver) == {
        "config": Path("study.yaml"),
        "out": Path("runs/study"),
        "settings": ["search.n_trials=4"],
        "address": "auto",
    }


def test_slurm_asks_for_one_task_a_node_and_the_whole_node():
    header = (ROOT / "scripts" / "run_slurm.sh").read_text().partition("set -euo")[0]
    options = re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", header, re.MULTILINE)
    assert {("ntasks-per-node", "1"), ("exclusive", ""), ("requeue", "")} <= set(options)
    assert "cpus-per-task" in dict(options)  # the script hands it on to srun, which does not inherit it
    assert header.count("#SBATCH") == len(options)


# --- documentation --------------------------------------------------------------------------------------------------


def test_commands_and_settings_of_the_documentation_are_real(scripts):
    text = DOCS.read_text()
    examples = "\n".join(re.findall(r"^    (.*)$", text, re.MULTILINE))
    [settings] = re.findall(r"^cluster:\n(?:  .*\n)+", examples, re.MULTILINE)
    assert ClusterSettings.model_validate(yaml.safe_load(settings)["cluster"]).gpus_per_trial == 1

    seen = []
    for line in examples.splitlines():
        words = shlex.split(line, comments=True)
        if words[0] == "ray":
            seen.append(words[1])
            parse_ray(words)
        elif words[0] in ("bash", "sbatch"):
            name = words[1].removeprefix("scripts/")
            seen.append(name)
            done, calls = scripts.run(name, *words[2:], **IN_SLURM if words[0] == "sbatch" else {})
            assert done.returncode == 0, done.stderr
            called = calls.get("pareto-search") or [(parse_ray(calls["ray"][0][0])["entrypoint"], None)]
            parse(called[0][0])
    assert {"up", "down", *OF_CLUSTERS} <= set(seen)
    for name in (*OF_CLUSTERS, *(path.name for path in CLUSTERS.iterdir())):
        assert name in text
