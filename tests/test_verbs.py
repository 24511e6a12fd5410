"""Every verb of the command line does its stage, one after the other on one run directory."""

import pytest

from tests.study import start, write_config

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


def test_stages_one_by_one(tmp_path):
    config, out = write_config(tmp_path), tmp_path / "run"
    planning = start("plan", config)  # it writes nothing, so it may run beside the others
    for verb, arguments, made in [
        ("data", (config, "--out", out), "data.html"),
        ("teacher", (config, "--out", out), "teacher/weights.npz"),
        ("label", (config, "--out", out), "labels.npz"),
        ("costs", (config, "--out", out, "--ladder", 1), "costs.json"),
        ("search", (config, "--out", out), "study.db"),
        ("confirm", (config, "--out", out), "models"),
        ("report", (out, "--figures", out / "figures", "--format", "pdf"), "figures/fig2a.pdf"),
        ("measure", (out, "teacher"), None),
    ]:
        process = start(verb, *arguments)
        said, errors = process.communicate(timeout=200)
        assert process.returncode == 0, (verb, errors)
        assert len(said) > 50, (verb, said)
        assert made is None or (out / made).exists(), verb
    said, errors = planning.communicate(timeout=200)
    assert planning.returncode == 0, errors
    assert len(said) > 50
