"""What several runs say of the paper's claims and of what it left open."""
