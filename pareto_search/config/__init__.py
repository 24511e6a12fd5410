"""Validated settings of a study: YAML in, frozen pydantic models out.

Distances are in Å, energies in eV, forces in eV/Å. Nothing here reads files, environment variables or builds live
objects; `config_file` does the reading.
"""

from pareto_search.config.architecture import Architecture, imported
from pareto_search.config.base import LabelWeighting, Settings
from pareto_search.config.data import (
    AniH5Source,
    AseDatabaseSource,
    CrystalSettings,
    DataSource,
    EmtAluminumSource,
    ExtxyzSource,
    FileSource,
    SourceSettings,
    SplitSettings,
    StructureSettings,
    TeacherMdSource,
)
from pareto_search.config.dimensions import Choice, Dimension, Label, Numeric, Range, bounds
from pareto_search.config.families import FAMILIES, family_named, parse_architecture
from pareto_search.config.hipnn import HipnnArchitecture
from pareto_search.config.liquid_settings import LiquidSettings
from pareto_search.config.network import (
    NO_TRANSFER,
    PAPER_CONTROL_WEIGHTS,
    BornAgainSettings,
    ExternalTeacher,
    LossWeights,
    PretrainingSettings,
    ScheduledWeights,
    TeacherSettings,
    TrainingSettings,
    TransferSettings,
)
from pareto_search.config.search import (
    TAUGHT_CONTROLS,
    CapSettings,
    ConfirmSettings,
    ControlKind,
    PruningSettings,
    SearchSettings,
)
from pareto_search.config.space import SpaceSettings
from pareto_search.config.study_config import ClusterSettings, MeasureSettings, StudyConfig

__all__ = [
    "FAMILIES", "NO_TRANSFER", "PAPER_CONTROL_WEIGHTS", "TAUGHT_CONTROLS", "AniH5Source",
    "Architecture", "AseDatabaseSource", "BornAgainSettings", "CapSettings", "Choice", "ClusterSettings",
    "ConfirmSettings", "ControlKind", "CrystalSettings", "DataSource", "Dimension", "EmtAluminumSource",
    "ExternalTeacher", "ExtxyzSource", "FileSource", "HipnnArchitecture", "Label", "LabelWeighting", "LiquidSettings",
    "LossWeights", "MeasureSettings", "Numeric", "PretrainingSettings", "PruningSettings", "Range",
    "ScheduledWeights", "SearchSettings", "Settings", "SourceSettings", "SpaceSettings", "SplitSettings",
    "StructureSettings", "StudyConfig", "TeacherMdSource", "TeacherSettings", "TrainingSettings", "TransferSettings",
    "bounds", "family_named", "imported", "parse_architecture",
]  # fmt: skip
