"""Generated aluminium with ASE's EMT: needs no download, seeded, kept in a cache folder."""

import logging
import time
from dataclasses import replace
from pathlib import Path

from ase.build import bulk
from ase.calculators.emt import EMT
from pydantic import JsonValue

from pareto_search.config import CrystalSettings, EmtAluminumSource, TeacherMdSource
from pareto_search.data.dataset import Dataset, from_frames
from pareto_search.data.frame_cache import read_frames, write_frames
from pareto_search.data.md_frames import Recipe, groups, make_frames

logger = logging.getLogger(__name__)

#: Raised whenever the same settings make other frames; part of the cache file's name.
_FORMAT = 3
#: Lattice constant of EMT aluminium, Å.
_LATTICE_ANG = 3.995


def emt_aluminum(settings: EmtAluminumSource, cache_dir: Path) -> Dataset:
    """Frames of solid, damaged and molten aluminium with EMT energies and forces.

    The same settings give the same frames; a cache file that is missing or damaged is made again.
    """
    path = cache_dir / cache_name(settings)
    dataset = read_frames(path)
    if dataset is None:
        started = time.perf_counter()
        dataset = generate(settings)
        logger.info("generated %d EMT frames in %.1f s", settings.n_frames, time.perf_counter() - started)
        write_frames(path, dataset)
    return replace(dataset, notes=_notes(settings))


def generate(settings: EmtAluminumSource) -> Dataset:
    """The frames, made anew."""
    recipe = recipe_of(settings)
    frames, origin = [], []
    for group in groups(recipe):
        made = make_frames(recipe, group, EMT()).frames
        frames += made
        origin += [group.name] * len(made)
    return from_frames(frames, origin, {})


def recipe_of(settings: EmtAluminumSource) -> Recipe:
    """Which frames are made."""
    kinds = TeacherMdSource.model_construct(  # which checks nothing: a demonstration may have fewer frames
        source="teacher-md", structure=CrystalSettings(symbol="Al", a_ang=_LATTICE_ANG),
        n_atoms=settings.n_atoms, n_frames=settings.n_frames, seed=settings.seed, n_replicas=1, share_crystals=0.5,
        temperatures_k=(300, 600, 900, 1200, 1600, 2000), melt_above_k=1000, timestep_fs=6.0,
    )  # fmt: skip
    return Recipe(bulk("Al", "fcc", a=_LATTICE_ANG, cubic=True), kinds)


def cache_name(settings: EmtAluminumSource) -> str:
    """File name that states every setting that changes the frames, and the format version."""
    return f"emt-aluminum-v{_FORMAT}-frames{settings.n_frames}-atoms{settings.n_atoms}-seed{settings.seed}.npz"


def _notes(settings: EmtAluminumSource) -> dict[str, JsonValue]:
    return {
        "source": "generated",
        "potential": "ASE EMT: a demonstration potential, not a physical model of aluminium",
        "seed": settings.seed,
    }
