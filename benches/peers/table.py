"""Makes one Markdown table of the lines of JSON that the comparison's programs print: `table.py RESULTS`."""

import json
import statistics
import sys
from pathlib import Path

OURS = {part: ("veilsum", part) for part in ("data-plane", "protocol")}
NAMES = {
    ("veilsum", "data-plane"): "veilsum, data plane",
    ("Flower SecAgg", "data-plane"): "Flower SecAgg, data plane",
    ("veilsum", "protocol"): "veilsum, whole protocol",
    ("Flower SecAgg", "protocol"): "Flower SecAgg, with keys and shares",
    ("TenSEAL CKKS", "all"): "TenSEAL CKKS",
    ("prio", "Prio3SumVec"): "prio, Prio3SumVec, 8 bits",
}


def compared_with(key):
    """A data plane with ours; everything else with our whole protocol."""
    return OURS["data-plane" if key[1] == "data-plane" else "protocol"]


def spread(samples):
    """The slowest run over the fastest: above 1.2 the machine was disturbed."""
    return f"{max(samples) / min(samples):.2f}" if len(samples) > 1 else "one run"


def ratio(value, ours):
    if ours is None:
        return "?"
    return f"{value / ours:.2f}" if value < 10 * ours else f"{value / ours:.0f}"


def row(key, result, ours):
    name = NAMES[key]
    if "failed" in result:
        return f"| {name} | FAILED: {result['failed']} | | | | | | |"
    client, server = statistics.median(result["client"]), statistics.median(result["server"])
    against = ours.get(compared_with(key), (None, None, None))
    ratios = [ratio(value, our) for value, our in zip((client, server, result["bytes"]), against, strict=True)]
    spreads = f"{spread(result['client'])} / {spread(result['server'])}"
    figures = f"{client:.4f} | {server:.3f} | {result['bytes'] / 1e6:.2f}"
    return f"| {name} | {figures} | {' / '.join(ratios)} | {len(result['client'])} | {spreads} |"


def main():
    lines = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    results = {(line["peer"], line["part"]): line for line in lines}
    ours = {
        key: (statistics.median(result["client"]), statistics.median(result["server"]), result["bytes"])
        for key, result in results.items()
        if key[0] == "veilsum" and "failed" not in result
    }
    print("| what | client, s | server, s | sent by a client, MB | ratio to ours: client / server / bytes | runs | slowest / fastest run |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for key in NAMES:
        print(row(key, results.get(key, {"failed": "did not run"}), ours))
    missing = [key for key in NAMES if "failed" in results.get(key, {"failed": ""})]
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
