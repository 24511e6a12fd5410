"""Join the rows of a folder into bench.json and a Markdown table, bench.md."""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

HEAD = ("measure", "threads", "this package", "hippynn", "unit", "ratio", "quartiles", "repeats", "limit")


def quartiles(row: dict[str, Any]) -> str:
    """Quartiles of the ratios of paired repeats."""
    if row["repeats"] < 2:
        return "–"
    low, _, high = statistics.quantiles(row["ratios"], n=4)
    return f"{low:.1f}–{high:.1f}"


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown, with the conditions below."""
    lines = [" | ".join(HEAD), " | ".join("---" for _ in HEAD)]
    for row in rows:
        limit = f"{row['limit'][0]:.3g}" if row["limit"] else "–"
        cells = (row["name"], row["threads"], f"{row['ours']:.4g}", f"{row['peer']:.4g}", row["unit"])
        lines.append(" | ".join(map(str, (*cells, f"{row['ratio']:.1f}", quartiles(row), row["repeats"], limit))))
    lines = [f"| {line} |" for line in lines]
    lines += ["", f"Machine: {rows[0]['machine']}. Versions: {json.dumps(rows[0]['versions'])}.", ""]
    lines += [f"- {row['name']}, {row['threads']} thread(s): {row['note']}" for row in rows]
    lines += [f"- limit of {row['name']}: {row['limit'][1]}" for row in rows if row["limit"] and row["threads"] == 1]
    lines += ["", "Every repeat:", ""]
    for row in rows:
        ours, peer = (" ".join(f"{value:.4g}" for value in row[key]) for key in ("ours_all", "peer_all"))
        lines.append(f"- {row['name']}, {row['threads']} thread(s): {ours} against {peer} {row['unit']}")
    return "\n".join(lines) + "\n"


def main() -> None:
    out = Path(sys.argv[1])
    rows = [row for path in sorted((out / "rows").glob("*.json")) for row in json.loads(path.read_text())]
    (out / "bench.json").write_text(json.dumps(rows, indent=1))
    (out / "bench.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
