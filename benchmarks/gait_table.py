"""The gait of a policy beside humans as one Markdown table, from the report.json of an evaluation.

musclemimic eval gains.json --clips walk_cycle.npz --reference falisse2019_adult --out report
python benchmarks/gait_table.py report/report.json --out gait.md
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from musclemimic_models.files import write_text

PARAMETERS = ("stride time", "stride length", "step width", "stance", "double support")


def table(report: dict) -> str:
    """Parameters beside the imitated motion's; r and RMSE of curves; r of activations."""
    gait, imitated = report["gait"], report["gait"]["imitated"]
    share = 100 * gait["kinetics"]["residual_share"]
    lines = [
        f"{gait['source']}: {len(gait['cycles'])} strides, {gait['kind']} at "
        f"{gait['speed_m_per_s']:.2f} m/s (imitated: {imitated['speed_m_per_s']:.2f} m/s); "
        f"residual force {share:.1f} % of the largest ground force (RMS).",
        "",
        "| parameter | simulated | imitated |",
        "|---|---|---|",
    ]
    for name in PARAMETERS:
        ours, theirs = (one["parameters"]["both"][name] for one in (gait, imitated))
        lines.append(
            f"| {name}, {ours['unit']} | {ours['mean']:.3g} ± {ours['sd']:.2g} | "
            f"{theirs['mean']:.3g} |"
        )
    comparison = gait["comparison"]
    lines += [
        "",
        f"Against {comparison['reference']} ({comparison['group']}), left / right; "
        "RMSE in degrees, N m/kg, W/kg or body weights:",
        "",
        "| curve | r | RMSE | without its offset | inside ± 2 SD |",
        "|---|---|---|---|---|",
    ]
    lines += _rows(comparison["agreement"], "variable", ("r", "rmse", "rmse_shape", "inside_2sd"))
    lines += [f"{len(comparison['warnings'])} warnings: {'; '.join(comparison['warnings'])}."]
    lines += ["", "| activation against EMG | r | best r | at a lag of, % |", "|---|---|---|---|"]
    lines += _rows(gait["emg"], "site", ("r", "best_r", "lag_percent"))
    return "\n".join(lines) + "\n"


def _rows(records: list[dict], name: str, columns: tuple[str, ...]) -> list[str]:
    """A line for each curve: left / right."""
    feet: dict[str, dict[str, dict]] = defaultdict(dict)
    for record in records:
        feet[record[name]][record["foot"]] = record
    lines = []
    for curve, sides in feet.items():
        pairs = [[sides[foot][column] for foot in sorted(sides)] for column in columns]
        cells = [" / ".join("n/a" if x is None else f"{x:.2f}" for x in pair) for pair in pairs]
        lines.append(f"| {curve} | {' | '.join(cells)} |")
    return [*lines, ""]


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    text = table(json.loads(args.report.read_text(encoding="utf-8")))
    write_text(args.out, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
