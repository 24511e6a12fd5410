"""The document of the runs that `scripts/reproduce.py` makes, for the paper's claims and its open questions."""
