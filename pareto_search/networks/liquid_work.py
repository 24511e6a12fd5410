"""MD of the liquid by the networks of a run: what a worker does, and which networks still need it."""

import hashlib
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import Calculator

from pareto_search.config import ExternalTeacher, LiquidSettings
from pareto_search.errors import MeasurementError
from pareto_search.measure.liquid import LiquidRun, NoLiquidError, melt, run_liquid
from pareto_search.measure.liquid_files import LiquidFolder, LiquidResult, protocol_hash
from pareto_search.networks.device_gate import DeviceGate
from pareto_search.networks.external_calculator import build_calculator, teacher_hash
from pareto_search.potential.model_files import load_model
from pareto_search.potential.process import prepare_torch

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LiquidJob:
    """A network that is to run MD of the liquid.

    Attributes:
        role: teacher, student or control.
        external: Of an external teacher: what it is.
    """

    model_id: str
    role: str
    folder: Path
    external: ExternalTeacher | None = None


@dataclass(frozen=True)
class LiquidWork:
    """What workers need; sent to them once.

    Attributes:
        results: Where results are kept, on storage that all machines share.
        skin_ang: Skin of the neighbour list.
        gate: While a cost is measured, no MD is run.
    """

    settings: LiquidSettings
    crystal: Atoms
    teacher: LiquidJob
    results: LiquidFolder
    device: str
    n_threads: int
    skin_ang: float
    gate: DeviceGate

    @property
    def protocol(self) -> str:
        """Hash of all that the networks' results have in common."""
        return protocol_hash(self.settings, self.crystal, _weights_hash(self.teacher))

    def done(self, jobs: Iterable[LiquidJob]) -> dict[str, LiquidResult]:
        """The results, by network, that need not be made again."""
        protocol = self.protocol
        found = ((job, self.results.read(job.model_id)) for job in jobs)
        return {
            job.model_id: result
            for job, result in found
            if result is not None and result.protocol == protocol and result.weights == _weights_hash(job)
        }

    def run(self, job: LiquidJob) -> tuple[LiquidResult, float]:
        """Run MD of the liquid by a network, keep the result and return it with the seconds it took.

        The teacher makes the liquid first; others find it there.

        Raises:
            MeasurementError: If the teacher has not made the liquid.
        """
        prepare_torch(self.n_threads)
        began_s = time.perf_counter()
        calculator = self._calculator(job)
        protocol = self.protocol
        try:
            run = self._run(job, calculator, protocol)
        except NoLiquidError as error:
            run = error.run
        result = LiquidResult(job.model_id, job.role, protocol, _weights_hash(job), run)
        self.results.write(result)
        return result, time.perf_counter() - began_s

    def _run(self, job: LiquidJob, calculator: Calculator, protocol: str) -> LiquidRun:
        start = self.results.read_start(protocol)
        if start is None and job != self.teacher:
            raise MeasurementError(f"{self.results.path / 'start.npz'}, the teacher's liquid, is not there")
        if start is None:
            start = melt(self.crystal, calculator, self.settings, guard=self.gate.training)
            self.results.write_start(start, protocol)
        return run_liquid(start, self.crystal, calculator, self.settings, name=job.model_id, guard=self.gate.training)

    def _calculator(self, job: LiquidJob) -> Calculator:
        if job.external is not None:
            external: Calculator = build_calculator(job.external)
            return external
        return load_model(job.folder).to(self.device).calculator(skin_ang=self.skin_ang)


def log_result(result: LiquidResult, columns: dict[str, float | None]) -> None:
    """One line on a network's liquid."""
    run = result.run
    if run.reason is not None:
        text = "%s: liquid MD stayed sane for %.3g of %.3g ps: %s"
        logger.warning(text, result.model_id, run.stable_ps, run.asked_ps, run.reason)
    if result.role == "teacher" and run.rdf is not None:
        text = "%s: liquid of %d atoms, %.3g g/cm³, %.0f K"
        logger.info(text, result.model_id, run.n_atoms, run.density_g_per_cm3, run.temperature_k)
    if columns["rdf_error"] is not None:
        errors = (columns[name] for name in ("rdf_error", "rdf_error_std", "rdf_noise"))
        drift = "–" if run.nve_drift_ev_per_atom_ps is None else f"{run.nve_drift_ev_per_atom_ps:.2g}"
        text = "%s: rdf_error=%.4f ± %.4f Å (noise alone %.4f Å), NVE drift %s eV/atom/ps"
        logger.info(text, result.model_id, *errors, drift)


def _weights_hash(job: LiquidJob) -> str:
    if job.external is not None:
        return teacher_hash(job.external)[:16]
    return hashlib.sha256((job.folder / "weights.npz").read_bytes()).hexdigest()[:16]
