"""Figures of several rounds to a table of medians and ratios. Pure: numbers in, text out."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figures:
    """What one run of a generator came to."""

    calls_per_second: float
    # User and system time of the generator per 100,000 calls: in the middle of the run...
    cpu: float
    # ... and of the whole run, starting, stopping and reports included.
    whole_cpu: float
    peak_rss_mb: float


COLUMNS = [
    "generator",
    "checks",
    "calls/s",
    "CPU s / 100k",
    "gander's CPU / its",
    "CPU s / 100k, whole run",
    "gander's / its",
    "peak RSS MB",
    "its RSS / gander's",
]


def table(checks: dict[str, str], rounds: list[dict[str, Figures]]) -> str:
    """A Markdown table. The first generator is what the others are compared with. Ratios are medians of the ratios of
    each round, with the smallest and the largest."""
    reference = next(iter(checks))
    rows = [COLUMNS, ["---", "---"] + ["---:"] * (len(COLUMNS) - 2)]
    for name, what in checks.items():
        runs = [run[name] for run in rounds if name in run]
        pairs = [(run[reference], run[name]) for run in rounds if name in run and reference in run]
        if not runs:
            continue
        rows.append(
            [
                name,
                what,
                f"{median(run.calls_per_second for run in runs):,.0f}",
                f"{median(run.cpu for run in runs):.3f}",
                spread([ours.cpu / its.cpu for ours, its in pairs]),
                f"{median(run.whole_cpu for run in runs):.3f}",
                spread([ours.whole_cpu / its.whole_cpu for ours, its in pairs]),
                f"{median(run.peak_rss_mb for run in runs):,.0f}",
                spread([its.peak_rss_mb / ours.peak_rss_mb for ours, its in pairs]),
            ]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def spread(ratios: list[float]) -> str:
    """The median, and what it lies between."""
    if not ratios:
        return "-"
    return f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
