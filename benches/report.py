#!/usr/bin/env python3
"""Every figure of the last benchmark runs beside its limit: a Markdown table, and a bar chart of the ratios.

    cargo bench
    python3 benches/report.py                     # the table, on standard output
    python3 benches/report.py --svg benches/report.svg

It reads what criterion leaves in target/criterion. All figures are medians. A figure and its limit must come from one run of one
benchmark: only then the ratio says something about the code, and not about the machine's mood.
"""

import argparse
import json
import os
import sys
from collections import namedtuple
from html import escape
from pathlib import Path

# Our figure and its limit, in the same unit a second; `also` is our figure in another unit, for people.
Row = namedtuple("Row", "bench case ours limit against unit also", defaults=[""])
Result = namedtuple("Result", "seconds amount written")

# As benches/server_sum.rs and benches/pack.rs have it.
SUM_WORDS = 1 << 22
SAME_RUN_SECONDS = 2 * 3600


class Missing(Exception):
    """A result that a row needs and that is not there."""


class Results:
    """The last results of each benchmark, by group, function and parameter."""

    def __init__(self, folder):
        self.of = {}
        for path in sorted(Path(folder).glob("**/new/benchmark.json")):
            about = json.loads(path.read_text())
            estimates = path.with_name("estimates.json")
            if not estimates.exists():
                raise Missing(f"{path.parent} has no estimates.json: was the benchmark interrupted?")
            seconds = json.loads(estimates.read_text())["median"]["point_estimate"] / 1e9
            amount = next(iter((about["throughput"] or {"Elements": 1}).values()))
            key = about["group_id"], about["function_id"], about["value_str"]
            self.of[key] = Result(seconds, amount, estimates.stat().st_mtime)

    def groups(self):
        return {group for group, _, _ in self.of}

    def get(self, group, function, parameter):
        try:
            return self.of[group, function, str(parameter)]
        except KeyError:
            raise Missing(f"no result of {group}/{function}/{parameter}: run `cargo bench --bench {group}`") from None

    def rate(self, group, function, parameter):
        result = self.get(group, function, parameter)
        return result.amount / result.seconds

    def spread(self, group):
        """Seconds between the first and the last result of a group."""
        written = [result.written for (name, _, _), result in self.of.items() if name == group]
        return max(written) - min(written)


def mask(results):
    """The kernel adds keystreams to words; the client, of words of some bits, also copies, masks and packs them for the wire."""
    for what in ("kernel", "20 bits", "32 bits"):
        for neighbors in (1, 10, 30, 100, 199):
            ours = results.rate("mask", what, neighbors)
            limit = results.rate("mask", "limit: raw AES-256-CTR", neighbors)
            case = f"{'kernel' if what == 'kernel' else f'client, {what}'}, {neighbors} neighbor{'s'[: neighbors > 1]}"
            yield Row("mask", case, ours, limit, "raw AES-256-CTR", "GB/s of keystream")


def prg(results):
    for lane in ("u32", "u64"):
        for words in (1 << 11, 1 << 14, 1 << 18):
            ours, limit = results.rate("prg", lane, words), results.rate("prg", "limit: raw AES-256-CTR", words)
            yield Row("prg", f"{lane}, {4 * words >> 10} KiB", ours, limit, "raw AES-256-CTR", "GB/s of keystream")


def unmask(results):
    for dropped in (0, 10, 33):
        ours, limit = results.rate("unmask", "read", dropped), results.rate("unmask", "limit: raw AES-256-CTR", dropped)
        yield Row("unmask", f"100 clients, {dropped} dropped out", ours, limit, "raw AES-256-CTR", "GB/s of keystream")


def pack(results):
    """Elements a second for people, bytes moved a second for the ratio: memcpy moves 8 for each `u32`."""
    widths = {"cache": (8, 13, 16, 20, 24, 32, 40, 48, 64), "memory": (16, 20, 24)}
    for place, bits_of in widths.items():
        copied = 8 * results.rate("pack", f"limit: memcpy, {place}", 32)
        for what in ("pack", "add"):
            for bits in bits_of:
                lane = 4 if bits <= 32 else 8
                # Packing reads lanes and writes wire bytes; adding reads both and writes lanes.
                moved = bits / 8 + lane * (1 if what == "pack" else 2)
                elements = results.rate("pack", f"{what}, {place}", bits)
                against, also = f"memcpy, {place}", f"{elements / 1e9:.2f} G elements/s = "
                yield Row("pack", f"{what} {bits} bits, {place}", elements * moved, copied, against, "GB/s moved", also)
    for bits in (8, 13, 16, 20, 24, 32):
        elements = results.rate("pack", "add 8 at once, cache", bits)
        # Eight wires are read, and the words read and written once.
        moved, also = bits / 8 + 1, f"{elements / 1e9:.2f} G elements/s = "
        copied = 8 * results.rate("pack", "limit: memcpy, cache", 32)
        yield Row("pack", f"add 8 at once, {bits} bits, cache", elements * moved, copied, "memcpy, cache", "GB/s moved", also)


def server_sum(results):
    for bits, uploads in ((20, 1), (20, 8), (20, 32), (32, 8), (32, 32)):
        summed = results.get("server_sum", f"{uploads} uploads", bits)
        # The wire bytes of all uploads, and the accumulator in and out once: its piece of 2^16 words stays in the cache
        # while the uploads' pieces are added to it.
        moved = (summed.amount + 8 * SUM_WORDS) / summed.seconds
        limits = {
            "reading": results.rate("server_sum", f"limit: read, {uploads} uploads", bits),
            "adding a vector": results.rate("server_sum", "limit: add a vector (12 bytes a word)", 32),
        }
        # Of one upload the sum is most of the traffic, of many the uploads are.
        for against, limit in limits.items() if uploads == 1 else [*limits.items()][:1]:
            yield Row("server_sum", f"{uploads} upload{'s'[: uploads > 1]}, {bits} bits", moved, limit, against, "GB/s moved")


def vss(results):
    for holders in (10, 100, 195, 1000):
        ours = results.rate("vss", "check", holders)
        limit = results.rate("vss", "limit: decode and one multiplication", holders)
        yield Row("vss", f"check, {holders} holders", ours, limit, "decoding and one MSM", "M points/s")


BENCHES = {"mask": mask, "prg": prg, "unmask": unmask, "pack": pack, "server_sum": server_sum, "vss": vss}


def table(rows):
    lines = ["| bench | what | ours | limit | ours / limit |", "|---|---|---:|---:|---:|"]
    for row in rows:
        scale = 1e6 if row.unit.startswith("M") else 1e9
        ours, limit = f"{row.also}{row.ours / scale:.2f} {row.unit}", f"{row.limit / scale:.2f}, {row.against}"
        lines.append(f"| {row.bench} | {row.case} | {ours} | {limit} | **{row.ours / row.limit:.2f}** |")
    return "\n".join(lines)


# The chart: a heading for each bench and limit, under it a bar for each case.
LEFT, WIDTH, RIGHT, BAR, HEAD = 220, 480, 60, 18, 34
COLORS = {"mask": "#1b6ca8", "prg": "#3a86c8", "unmask": "#0b4f6c", "pack": "#6a994e", "server_sum": "#bc6c25", "vss": "#7b5ea7"}


def chart(rows):
    most = max([1.0] + [row.ours / row.limit for row in rows])
    step = WIDTH / (most * 1.02)
    body, y, heading = [], 44, None
    for row in rows:
        if (row.bench, row.against) != heading:
            heading = row.bench, row.against
            y += HEAD
            body.append(f'<text x="8" y="{y - 10}" class="head">{escape(row.bench)} against {escape(row.against)}</text>')
        ratio = row.ours / row.limit
        body.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(row.case)}</text>')
        body.append(f'<rect x="{LEFT}" y="{y + 2}" width="{ratio * step:.1f}" height="{BAR - 4}" fill="{COLORS[row.bench]}"/>')
        body.append(f'<text x="{LEFT + ratio * step + 6:.1f}" y="{y + 13}">{ratio:.2f}</text>')
        y += BAR
    height = y + 20
    axis = []
    for tenth in range(0, int(most * 10) + 1, 2):
        x = LEFT + tenth / 10 * step
        kind = "limit" if tenth == 10 else "grid"
        axis.append(f'<line x1="{x:.1f}" y1="46" x2="{x:.1f}" y2="{height - 14}" class="{kind}"/>')
        axis.append(f'<text x="{x:.1f}" y="40" text-anchor="middle">{tenth / 10:.1f}</text>')
    style = (
        "text{font:12px sans-serif;fill:#222;paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}.head{font-weight:bold}.title{font:bold 14px sans-serif}"
        ".grid{stroke:#ddd}.limit{stroke:#c1121f;stroke-width:1.5}"
    )
    width = LEFT + WIDTH + RIGHT
    title = "Rate as a part of its limit, measured in the same run (red: the limit)"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
            f"<style>{style}</style>",
            '<rect width="100%" height="100%" fill="#fff"/>',
            f'<text x="8" y="20" class="title">{title}</text>',
            *axis,
            *body,
            "</svg>\n",
        ]
    )


def grouped(rows):
    """Bars of one heading side by side, in the order in which the headings first come."""
    headings = list(dict.fromkeys((row.bench, row.against) for row in rows))
    return sorted(rows, key=lambda row: headings.index((row.bench, row.against)))


def collect(results, benches):
    rows = []
    for bench in benches:
        if bench not in results.groups():
            print(f"report: no results of {bench}; run `cargo bench --bench {bench}`", file=sys.stderr)
            continue
        if results.spread(bench) > SAME_RUN_SECONDS:
            print(f"report: the results of {bench} are of different runs; their ratios may mislead", file=sys.stderr)
        rows += BENCHES[bench](results)
    return rows


def main():
    root = Path(__file__).resolve().parent.parent
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--svg", type=Path, help="write the bar chart here, and no table")
    parser.add_argument("--results", type=Path, default=target / "criterion", help="criterion's folder")
    parser.add_argument("bench", nargs="*", help=f"only these: {', '.join(BENCHES)}")
    arguments = parser.parse_args()
    unknown = [bench for bench in arguments.bench if bench not in BENCHES]
    if unknown:
        parser.error(f"no bench is called {', '.join(unknown)}")
    if not arguments.results.is_dir():
        sys.exit(f"report: {arguments.results} does not exist; run `cargo bench` first")
    try:
        rows = collect(Results(arguments.results), arguments.bench or BENCHES)
    except Missing as missing:
        sys.exit(f"report: {missing}")
    if not rows:
        sys.exit(f"report: {arguments.results} has no results; run `cargo bench` first")
    if arguments.svg:
        arguments.svg.write_text(chart(grouped(rows)))
    else:
        print(table(rows))


if __name__ == "__main__":
    main()
