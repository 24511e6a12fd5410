"""Sources to a ragged dataset in eV and Å; split, reference energies and neighbour tables."""
