"""Ray clusters whose nodes are processes on this machine."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ray.cluster_utils import Cluster


@contextmanager
def cluster_without_nodes() -> Iterator[Cluster]:
    """A cluster to add nodes to; they end with it."""
    cluster = Cluster(shutdown_at_exit=False)
    try:
        yield cluster
    finally:
        cluster.shutdown()
        with warnings.catch_warnings():  # of files and sockets that Ray leaves open in this process
            warnings.simplefilter("ignore", ResourceWarning)
            vars(cluster).clear()  # whoever still holds the cluster holds no nodes
            gc.collect()
