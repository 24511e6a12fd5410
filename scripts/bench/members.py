"""A training step of two networks of one architecture at once, along a leading axis, against one after the other.

Both are compiled and take the same batch, as a student and its control would. Compiles anew for the sizes asked for.
"""

import os
import tempfile

import torch
from measuring import architecture, arguments, paired, prepared, row
from train_step import SETTINGS, WEIGHTS, crystal_data

from pareto_search.potential.batch import Batch
from pareto_search.potential.compiled import compiled, leaves, rebuilt
from pareto_search.potential.hipnn import HipnnPotential, engine
from pareto_search.potential.hipnn.engine import HipnnConstants, HipnnWeights
from pareto_search.potential.loader import Targets
from pareto_search.training.loss import step_functions, term_weights

N_MEMBERS = 2
train_step, _ = step_functions(engine.evaluate, engine.regularized)


def member_step(
    weights: HipnnWeights, constants: HipnnConstants, batch: Batch, targets: Targets, loss_weights: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """`train_step` of every member: weights and loss weights have a leading axis of members."""
    return torch.func.vmap(train_step, in_dims=(0, None, None, None, 0))(
        weights, constants, batch, targets, loss_weights
    )


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=4, help="of 64 atoms, in a batch")
    options = prepared(parser)
    data, shape = crystal_data(), architecture(options.size)
    potentials = [HipnnPotential(shape, data.references, seed=seed) for seed in range(N_MEMBERS)]
    constants = potentials[0].constants()
    batch, targets = data.loader(shape, labels=data.labels, device="cpu").load(data.split.train[: options.frames])
    weights = [potential.weights() for potential in potentials]
    singles = [rebuilt(nested, (leaf.detach() for leaf in leaves(nested))) for nested in weights]
    stacked = [torch.stack(tensors) for tensors in zip(*map(leaves, singles), strict=True)]
    together = rebuilt(singles[0], iter(stacked))
    of_one = term_weights(WEIGHTS, SETTINGS, potentials[0].dtype, potentials[0].device)
    of_all = of_one.expand(N_MEMBERS, -1).contiguous()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PARETO_SEARCH_CACHE_DIR"] = folder
        one_form = compiled(train_step, singles[0], constants, batch, targets, of_one)
        all_form = compiled(member_step, together, constants, batch, targets, of_all)

    def one_by_one() -> list[tuple[torch.Tensor, ...]]:
        return [one_form(weights, constants, batch, targets, of_one) for weights in singles]

    def at_once() -> tuple[torch.Tensor, ...]:
        return all_form(together, constants, batch, targets, of_all)

    with torch.no_grad():
        for ours, theirs in zip(at_once(), zip(*one_by_one(), strict=True), strict=True):
            torch.testing.assert_close(ours, torch.stack(theirs), rtol=1e-3, atol=1e-4)
        a, b = paired(at_once, one_by_one, repeats=options.repeats)
    at_once_ms, one_by_one_ms = ([1e3 * value for value in values] for values in (a, b))
    note = f"{N_MEMBERS} members, {batch.species.shape[0]} atoms; the peer is one member after the other"
    row(f"members_{options.size}", at_once_ms, one_by_one_ms, "ms", note=note).save(options.json)


if __name__ == "__main__":
    main()
