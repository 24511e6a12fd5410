"""Make the table that `search_quality.py` replays: curves and costs of a finished search of a whole grid of networks.

    pareto-search costs  scripts/bench/curves.yaml --out RUN --ladder 0 --set data.path=DATA
    pareto-search search scripts/bench/curves.yaml --out RUN --set data.path=DATA
    python scripts/bench/record_curves.py RUN scripts/bench/curves.parquet

DATA is a folder in the ANI-Al layout. One row per network and epoch; where it came from is in the file's metadata.
"""

import argparse
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pareto_search.networks.cost_table import CostTable
from pareto_search.run_directory import RunDirectory
from pareto_search.store import ResultStore

_NETWORK = [
    "model_id", "role", "control_kind", "n_features", "n_sensitivities", "n_atom_layers", "dist_hard_max_ang",
    "weight_energy", "weight_forces", "weight_atomic_energy", "md_us_per_atom_step", "max_atoms", "bytes_per_atom",
    "final_valid_force_rmse_ev_per_ang",
]  # fmt: skip
_EPOCH = ["epoch", "valid_force_rmse_ev_per_ang", "seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run directory of the search")
    parser.add_argument("out", type=Path, help="Parquet file")
    arguments = parser.parse_args()
    directory = RunDirectory(arguments.run.resolve())
    with ResultStore(directory.results_sqlite) as store:
        models, curves = store.models(), store.curves()
    models = models.rename(columns={"valid_force_rmse_ev_per_ang": "final_valid_force_rmse_ev_per_ang"})
    networks = models[(models["role"] != "teacher") & (models["status"] == "complete")]
    table = networks[_NETWORK].merge(curves[["model_id", *_EPOCH]], on="model_id")
    floats = table.select_dtypes("float64").columns
    table[floats] = table[floats].astype("float32")
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.replace_schema_metadata({"provenance": json.dumps(provenance(directory, networks))})
    pq.write_table(arrow, arguments.out, compression="zstd")
    print(f"{len(networks)} networks, {len(table)} epochs in {arguments.out}")


def provenance(directory: RunDirectory, networks: pd.DataFrame) -> dict[str, object]:
    """What the networks were trained on and measured with."""
    cost = CostTable(directory.costs_dir).all()[-1]
    return {
        "data": "aluminium in the ANI-Al layout, a sample of 300 frames",
        "dataset_hash": networks["dataset_hash"].iloc[0],
        "label_hash": networks["label_hash"].dropna().iloc[0],
        "device": cost.device,
        "versions": cost.versions,
    }


if __name__ == "__main__":
    main()
