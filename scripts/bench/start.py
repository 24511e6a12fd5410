"""Seconds from process start to the first training step, and of the first step of a second architecture after it.

Each repeat is a process of its own; compiled code is on disk from a first one, which is not counted.
"""

import json
import subprocess
import sys
import time

from measuring import arguments, prepared, row

FIRST, SECOND = "24_10_2", "32_20_2"


def child(engine: str) -> None:
    """Take a step with each architecture; print when the first was done and how long the second took."""
    from measuring import architecture
    from train_step import SETTINGS, WEIGHTS, crystal_data, our_step

    from pareto_search.potential.hipnn import HipnnPotential

    data = crystal_data()
    systems = data.split.train[:4]

    def first_step(size: str) -> None:
        potential = HipnnPotential(architecture(size), data.references, seed=0)
        if engine == "ours":
            our_step(potential, data, systems)()
        else:
            from peer import Trainer

            Trainer(potential, data, {"train": systems, "valid": systems}, WEIGHTS, SETTINGS).one_step()()

    first_step(FIRST)
    done = time.time()
    first_step(SECOND)
    print(json.dumps([done, time.time() - done]))


def spawned(engine: str, threads: int) -> tuple[float, float]:
    """Seconds to the first step and of the second architecture, in a new process."""
    started = time.time()
    command = [sys.executable, __file__, "--child", engine, "--threads", str(threads)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    done, second_s = json.loads(output.splitlines()[-1])
    return done - started, second_s


def main() -> None:
    parser = arguments(__doc__, with_size=False)
    parser.add_argument("--child", choices=("ours", "peer"), help="used by the script itself")
    options = prepared(parser)
    if options.child:
        child(options.child)
        return
    for engine in ("ours", "peer"):
        spawned(engine, options.threads)
    pairs = [(spawned("ours", options.threads), spawned("peer", options.threads)) for _ in range(options.repeats)]
    note = f"wall clock, compiled code on disk; {FIRST}, then {SECOND}"
    for place, name in enumerate(("first_step_s", "second_architecture_s")):
        ours, peer = ([pair[side][place] for pair in pairs] for side in (0, 1))
        file = options.json and options.json.with_name(f"{options.json.stem}_{name}.json")
        row(name, ours, peer, "s", note=note).save(file)


if __name__ == "__main__":
    main()
