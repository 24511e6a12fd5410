import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

JOIN = """
import sys
from pathlib import Path
import ray
from ray._private.worker import global_worker
from ray.cluster_utils import Cluster
from pareto_search.config import ClusterSettings
from pareto_search.cluster.session import ray_session
from pareto_search.cluster.jobs import run_jobs

def square(shared, number):
    return shared * number * number

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 3, "include_dashboard": False})
settings = ClusterSettings(address=cluster.address)
results = []
with ray_session(settings, "joined") as session:
    run_jobs(cluster=settings, shared=2, jobs=[1, 2, 3], job=square, name=str, notes=Path(sys.argv[1]),
             on_result=lambda job, result, reason: results.append(result))
    (job,) = global_worker.gcs_client.get_all_job_info().values()
print(dict(job.config.metadata))
print(sorted(results), session.n_slots, ray.is_initialized())
ray.init(address=cluster.address, log_to_driver=False)  # it was left running
print(int(ray.cluster_resources()["CPU"]))
ray.shutdown()
cluster.shutdown()
"""


def test_joins_a_running_cluster_and_leaves_it_running(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", JOIN, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    name = "{'job_name': 'joined'}"  # where Ray's dashboard looks for it
    assert done.stdout.splitlines()[-3:] == [name, "[2, 8, 18] 3 False", "3"]
