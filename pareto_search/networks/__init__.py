"""One network of a study: what it is, its controls, its teacher, its cost, and how it is trained and kept."""
