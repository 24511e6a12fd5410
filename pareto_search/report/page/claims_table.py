"""The paper's claims as a table: for the page, and as Markdown for documents."""

from collections.abc import Sequence
from html import escape

from pareto_search.analysis.claim import Claim

#: Headings of `claim_cells`.
CLAIM_HEADS = ("Claim", "Paper", "Quantity", "Here (95 % interval)", "From", "Verdict")
#: How the page colours a verdict: as it does the ends of networks.
_TAGS = {"holds": "complete", "does not hold": "failed", "not sure": "pruned"}


def claims_html(claims: Sequence[Claim]) -> str:
    """A table of claims; empty text without any."""
    if not claims:
        return ""
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in CLAIM_HEADS)
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in claim_cells(claim)[:-1])
        + f'<td><span class="tag {_TAGS[claim.verdict]}">{claim.verdict}</span></td></tr>'
        for claim in claims
    )
    return (
        '<section id="claims"><h2>The paper\'s claims</h2><p class="sub">What this run says of each. A claim holds '
        "where the whole 95 % interval lies on its side of 0, or of the limit that it names, and does not hold where "
        "it lies on the other.</p>"
        f'<div class="scroll"><table class="plain"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        "</section>"
    )


def claims_markdown(claims: Sequence[Claim]) -> str:
    """The same as a Markdown table."""
    return markdown_table(CLAIM_HEADS, [claim_cells(claim) for claim in claims])


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


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
