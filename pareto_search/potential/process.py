"""Process-wide settings of PyTorch, set once by whatever starts a worker."""

import torch


def prepare_torch(n_threads: int) -> None:
    """Use exactly n_threads and flush denormals: far Gaussians underflow, and denormal arithmetic costs 2-3 times."""
    torch.set_num_threads(n_threads)
    torch.set_flush_denormal(True)
