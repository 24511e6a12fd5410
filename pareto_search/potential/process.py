"""Process-wide settings of PyTorch, set once by whatever starts a worker, and the devices it has."""

import gc

import torch

from pareto_search.errors import ConfigError


def prepare_torch(n_threads: int) -> None:
    """Use exactly n_threads and flush denormals: far Gaussians underflow, and denormal arithmetic costs 2-3 times."""
    torch.set_num_threads(n_threads)
    torch.set_flush_denormal(True)


def release_memory(device: str) -> None:
    """Give a GPU back what PyTorch keeps of it for later, so that other processes find it free."""
    if torch.device(device).type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()


def check_device(device: str) -> None:
    """Make sure that a device exists.

    Raises:
        ConfigError: If it is a GPU that this machine, or this installation of PyTorch, does not have.
    """
    wanted = torch.device(device)
    if wanted.type == "cpu":
        return
    n_gpus = torch.cuda.device_count() if wanted.type == "cuda" else 0
    if (wanted.index or 0) >= n_gpus:
        raise ConfigError(
            f"device must exist where the work is done: asked for {device!r}, but PyTorch {torch.__version__} "
            f"sees {n_gpus} CUDA device(s) here; set device to 'cpu', or install a CUDA build on a machine with a GPU"
        )
