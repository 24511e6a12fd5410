"""What the benchmarks share: paired process times, rows as JSON, and the conditions under which they were taken."""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from pareto_search.config import HipnnArchitecture
from pareto_search.measure.device import software_versions
from pareto_search.potential.process import prepare_torch

#: The paper's cutoffs: about 106 neighbours an atom in aluminium.
CUTOFFS = {"dist_soft_max_ang": 7.0, "dist_hard_max_ang": 7.5}
SIZES = {"24_10_2": (24, 10, 2), "32_20_2": (32, 20, 2), "128_40_4": (128, 40, 4)}


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: Of the measure.
        ours: Median of this package.
        peer: Median of hippynn.
        unit: Of both.
        threads: PyTorch threads.
        ratio: How many times better this package is.
        ours_all: Every repeat.
        peer_all: Every repeat, each taken beside the one of the same place in ours_all.
        ratios: Of the paired repeats.
        limit: What the machine would allow, in the same unit, and how that was computed; None where nothing was.
        note: Kernel setting of the peer and other conditions.
        versions: Of the software.
        machine: Processor.
    """

    name: str
    ours: float
    peer: float
    unit: str
    threads: int
    ratio: float
    ours_all: list[float]
    peer_all: list[float]
    ratios: list[float]
    limit: tuple[float, str] | None = None
    note: str = ""
    versions: dict[str, str] = field(default_factory=software_versions)
    machine: str = field(default_factory=lambda: _processor())

    @property
    def repeats(self) -> int:
        """Number of paired measurements."""
        return len(self.ours_all)

    def save(self, path: Path | None) -> None:
        """Print the row, and write it if a file is named."""
        spread = ""
        if self.repeats > 1:
            low, _, high = statistics.quantiles(self.ratios, n=4)
            spread = f"quartiles {low:.1f}-{high:.1f}, "
        print(
            f"{self.name}, {self.threads} thread(s): {self.ours:.4g} against {self.peer:.4g} {self.unit}, "
            f"ratio {self.ratio:.1f} ({spread}{self.repeats} repeats) {self.note}",
            flush=True,
        )
        if path is not None:
            path.write_text(json.dumps([{**asdict(self), "repeats": self.repeats}], indent=1))


def row(
    name: str,
    ours: list[float],
    peer: list[float],
    unit: str,
    *,
    more_is_better: bool = False,
    limit: tuple[float, str] | None = None,
    note: str = "",
) -> Row:
    """A row from the repeats of both."""

    def ratio(a: float, b: float) -> float:
        return a / b if more_is_better else b / a

    a, b = statistics.median(ours), statistics.median(peer)
    ratios = [ratio(*pair) for pair in zip(ours, peer, strict=True)]
    return Row(name, a, b, unit, torch.get_num_threads(), ratio(a, b), ours, peer, ratios, limit, note)


def paired(
    ours: Callable[[], object], peer: Callable[[], object], *, repeats: int, min_s: float = 0.2
) -> tuple[list[float], list[float]]:
    """Process seconds of a call of each, alternately, after a warm-up; short calls are looped for min_s."""
    loops = [_loops(call, min_s) for call in (ours, peer)]
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for call, n, found in zip((ours, peer), loops, times, strict=True):
            started = time.process_time()
            for _ in range(n):
                call()
            found.append((time.process_time() - started) / n)
    return times


def _loops(call: Callable[[], object], min_s: float) -> int:
    for _ in range(2):
        call()
    started = time.process_time()
    call()
    return max(1, int(min_s / max(time.process_time() - started, 1e-6)))


def architecture(size: str) -> HipnnArchitecture:
    """The architecture named features_sensitivities_layers."""
    n_features, n_sensitivities, n_atom_layers = SIZES[size]
    return HipnnArchitecture(
        n_features=n_features, n_sensitivities=n_sensitivities, n_atom_layers=n_atom_layers, **CUTOFFS
    )


def arguments(description: str, *, with_size: bool = True) -> argparse.ArgumentParser:
    """Options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    if with_size:
        parser.add_argument("size", choices=SIZES)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, help="file to write the row to")
    return parser


def prepared(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options given, with PyTorch set to the threads asked for."""
    options = parser.parse_args()
    prepare_torch(options.threads)
    return options


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
