"""The paper's claims as rows of a table."""

from pareto_search.analysis.claim import Claim

#: Headings of `claim_cells`.
CLAIM_HEADS = ("Claim", "Paper", "Quantity", "Here (95 % interval)", "From", "Verdict")


def claim_cells(claim: Claim) -> tuple[str, ...]:
    """A claim as a row of a table."""
    return (claim.statement, claim.source, claim.quantity, estimate_text(claim), claim.n, claim.verdict)


def estimate_text(claim: Claim) -> str:
    """Such as "−9.1 (−12.0 to −6.2)"."""
    digits = 2 if abs(claim.estimate) < 3 else 1
    numbers = [claim.estimate, *(claim.ci95 or ())]
    sign = "+" if claim.is_difference else ""
    value, *interval = (f"{number:{sign}.{digits}f}".replace("-", "−") for number in numbers)
    return f"{value} ({interval[0]} to {interval[1]})" if interval else f"{value} (no interval)"
