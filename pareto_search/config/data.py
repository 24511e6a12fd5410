"""Settings of crystal structures, of the data source and of the split."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

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

    def _faults(self) -> Iterator[str]:
        given = [name for name in self.ways if getattr(self, name) is not None]
        if len(given) != 1:
            names = f"{', '.join(self.ways[:-1])} and {self.ways[-1]}"
            yield f"give exactly one of {names}, got {given or 'none'}"


class StructureSettings(CrystalSettings):
    """The material whose supercells are timed: a crystal, a structure file or a frame of the dataset."""

    ways: ClassVar[tuple[str, ...]] = ("symbol", "path", "frame")

    frame: NonNegativeInt | None = Field(None, description="dataset frame that is repeated")


class SourceSettings(Settings):
    """What every data source shares."""

    elements: tuple[str, ...] | None = Field(
        None, description="elements the study may meet; any other is an error; omitted: whatever the data hold"
    )
    min_distance_ang: PositiveFloat = Field(0.7, description="a frame with atoms nearer than this is an error")
    max_frames: PositiveInt | None = Field(None, description="use a seeded random sample of this many frames")

    @field_validator("elements")
    @classmethod
    def _known_elements(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        from ase.data import atomic_numbers

        for symbol in value or ():
            if symbol not in atomic_numbers or symbol == "X":
                raise ValueError(f"{symbol!r} is not a chemical element; write symbols such as Al")
        if value is not None and len(set(value)) != len(value):
            raise ValueError("an element is listed twice")
        return value


class EmtAluminumSource(SourceSettings):
    """Aluminium generated with ASE's EMT: a demonstration potential, softer than the real metal."""

    source: Literal["emt-aluminum"]
    n_frames: PositiveInt = Field(240, ge=10, description="frames to generate")
    n_atoms: Literal[32, 108] = Field(32, description="atoms a frame, fcc supercells of 2x2x2 or 3x3x3 cubic cells")
    seed: NonNegativeInt = 0


class FileSource(SourceSettings):
    """A source that is read from a path."""

    path: Path = Field(description="file, or for ani-h5 a file or a folder of .h5 files")


class ExtxyzSource(FileSource):
    """extxyz or any other file of frames that ASE reads, with energies and forces."""

    source: Literal["extxyz"]
    format: str | None = Field(None, description="ASE format name; omitted: by the file's ending")


class AseDatabaseSource(FileSource):
    """An ASE database (.db or .json)."""

    source: Literal["ase-db"]


class AniH5Source(FileSource):
    """The ANI-Al HDF5 layout ("pyanitools"): energies in Hartree, forces in Hartree/Å."""

    source: Literal["ani-h5"]
    force_sign: Literal["auto", "gradient", "force"] = Field(
        "auto", description="is the stored array +dE/dR (gradient) or -dE/dR (force); auto decides by a reference"
    )


class TeacherMdSource(SourceSettings):
    """Frames that an external teacher makes by MD, from nothing but a structure; energies and forces are its own."""

    source: Literal["teacher-md"]
    structure: CrystalSettings
    n_atoms: PositiveInt = Field(64, ge=8, description="atoms a frame (nearest supercell)")
    n_frames: PositiveInt = Field(400, ge=20, description="frames to make")
    temperatures_k: tuple[PositiveFloat, ...] = Field(min_length=1, description="temperatures of the trajectories")
    melt_above_k: PositiveFloat | None = Field(
        None, description="trajectories hotter than this start from a melt; omitted: all start from the crystal"
    )
    n_replicas: PositiveInt = Field(3, description="independent trajectories at each temperature")
    share_crystals: float = Field(
        0.3, ge=0, lt=1, description="share of frames that are strained, compressed and damaged crystals"
    )
    strain: float = Field(0.06, ge=0, le=0.2, description="largest component of the strain")
    timestep_fs: PositiveFloat = Field(2.0, le=10)
    seed: NonNegativeInt = 0

    def _faults(self) -> Iterator[str]:
        if len(set(self.temperatures_k)) < len(self.temperatures_k):
            yield "temperatures_k has one twice; n_replicas makes several trajectories at each"

    @property
    def melts(self) -> tuple[bool, ...]:
        """For each temperature, whether its trajectories start from a melt."""
        return tuple(self.melt_above_k is not None and kelvin > self.melt_above_k for kelvin in self.temperatures_k)


DataSource = Annotated[
    EmtAluminumSource | ExtxyzSource | AseDatabaseSource | AniH5Source | TeacherMdSource, Field(discriminator="source")
]


class SplitSettings(Settings):
    """How frames are shared out between training, validation and test."""

    kind: Literal["random", "source"] = Field(
        "random", description="random: frame by frame; source: whole sources (info['source']) go to one part"
    )
    train: PositiveFloat = 0.8
    valid: PositiveFloat = 0.1
    test: PositiveFloat = 0.1
    seed: NonNegativeInt = 0

    def _faults(self) -> Iterator[str]:
        total = self.train + self.valid + self.test
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            yield f"train + valid + test must be 1, got {total:g}"
