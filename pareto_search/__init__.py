"""Multi-objective search for light HIPNN student potentials, taught by a larger network."""
