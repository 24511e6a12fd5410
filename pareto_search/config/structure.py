"""Settings of crystal structures: what is timed, and where a teacher's MD starts."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, model_validator

from pareto_search.config.base import Settings


class CrystalSettings(Settings):
    """A material: a crystal built by ASE, or a structure file."""

    ways: ClassVar[tuple[str, ...]] = ("symbol", "path")

    symbol: str | None = Field(None, description="element or formula of a bulk crystal built by ASE: Al, NaCl")
    crystal: Literal["fcc", "bcc", "hcp", "diamond", "sc", "rocksalt", "zincblende", "cesiumchloride", "fluorite"] = (
        "fcc"
    )
    a_ang: PositiveFloat | None = Field(None, description="lattice constant; omitted: ASE's reference value")
    path: Path | None = Field(None, description="structure file; its first frame is repeated")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        given = [name for name in self.ways if getattr(self, name) is not None]
        if len(given) != 1:
            names = f"{', '.join(self.ways[:-1])} and {self.ways[-1]}"
            raise ValueError(f"give exactly one of {names}, got {given or 'none'}")
        return self


class StructureSettings(CrystalSettings):
    """The material whose supercells are timed: a crystal, a structure file or a frame of the dataset."""

    ways: ClassVar[tuple[str, ...]] = ("symbol", "path", "frame")

    frame: NonNegativeInt | None = Field(None, description="dataset frame that is repeated")
