"""Settings of the liquid that networks are judged by: its structure, and how MD of it holds out."""

from collections.abc import Iterator

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from pareto_search.config.base import Settings


class LiquidSettings(Settings):
    """NVT and NVE dynamics of a melt of `measure.structure`; lengths of time are in steps."""

    temperature_k: PositiveFloat = Field(1200.0, description="of the liquid; above the melting point")
    melt_temperature_k: PositiveFloat = Field(3000.0, description="at which the teacher melts the crystal")
    n_atoms: PositiveInt = Field(2000, description="atoms of the liquid (nearest supercell); the paper has 18634")
    volume_scale: PositiveFloat = Field(1.10, description="volume of the liquid over that of the crystal")
    timestep_fs: PositiveFloat = 2.0
    n_steps_melt: PositiveInt = Field(2500, description="of the teacher at the melting temperature")
    n_steps_equilibration: NonNegativeInt = Field(2500, description="at temperature_k before frames are taken")
    n_steps_sampling: PositiveInt = Field(10_000, description="at temperature_k while frames are taken")
    n_steps_between_frames: PositiveInt = 20
    n_steps_nve: NonNegativeInt = Field(1000, description="without thermostat, for the energy drift; 0: none")
    r_max_ang: PositiveFloat = Field(8.0, description="g(r) reaches so far; at most half the height of the supercell")
    n_bins: PositiveInt = 160
    n_blocks: int = Field(10, ge=2, description="equal parts of the sampling, whose scatter gives the errors")
    max_temperature_factor: float = Field(
        3.0, gt=1, description="MD that is hotter than the thermostat by this factor has failed"
    )
    min_distance_fraction: float = Field(
        0.4, ge=0, lt=1, description="MD with atoms nearer than this part of the crystal's shortest distance has failed"
    )
    seed: NonNegativeInt = 0

    @property
    def n_frames(self) -> int:
        """Frames that g(r) is averaged over: as many as equal blocks allow."""
        return self.n_steps_sampling // self.n_steps_between_frames // self.n_blocks * self.n_blocks

    @property
    def melt_ps(self) -> float:
        """Length of the teacher's melting and cooling in ps."""
        return (self.n_steps_melt + self.n_steps_equilibration) * self.timestep_fs * 1e-3

    @property
    def run_ps(self) -> float:
        """Length of a network's dynamics in ps: equilibration, sampling and NVE."""
        n_steps = self.n_steps_equilibration + self.n_frames * self.n_steps_between_frames + self.n_steps_nve
        return n_steps * self.timestep_fs * 1e-3

    def _faults(self) -> Iterator[str]:
        if self.melt_temperature_k <= self.temperature_k:
            yield (
                f"melt_temperature_k must be above temperature_k, got {self.melt_temperature_k:g} and "
                f"{self.temperature_k:g} K"
            )
        if self.n_frames == 0:
            yield (
                f"n_steps_sampling {self.n_steps_sampling} and n_steps_between_frames {self.n_steps_between_frames} "
                f"give fewer frames than n_blocks {self.n_blocks}; sample for longer or more often"
            )
        if 0 < self.n_steps_nve < 2:
            yield "n_steps_nve must be 0 or at least 2: a drift is the slope of a line"
