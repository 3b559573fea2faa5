"""Privacy accountants beside dp-accounting (Python), in one run: milliseconds, median of RUNS (default 3).

    python3 -m venv target/accounting-venv
    target/accounting-venv/bin/pip install -r benches/peers/accounting-requirements.txt
    target/accounting-venv/bin/python benches/peers/accounting.py [RUNS]

Runs `cargo bench --bench pld` first and reads what it measured.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import dp_accounting
from dp_accounting.pld import PLDAccountant

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# The grid at which dp-accounting has a relative error of about 1e-5; ours chooses its own for 1e-4.
INTERVAL = 1e-4


def sampled(sigma, q):
    return dp_accounting.PoissonSampledDpEvent(q, dp_accounting.GaussianDpEvent(sigma))


def accountant(*events):
    result = PLDAccountant(value_discretization_interval=INTERVAL)
    for sigma, q, count in events:
        result.compose(sampled(sigma, q), count)
    return result


def calibrate():
    return dp_accounting.calibrate_dp_mechanism(
        lambda: PLDAccountant(value_discretization_interval=INTERVAL),
        lambda sigma: dp_accounting.SelfComposedDpEvent(sampled(sigma, 0.01), 10_000),
        2.0,
        1e-5,
        dp_accounting.LowerEndpointAndGuess(0.1, 1.0),
        tol=1e-5,
    )


def curve():
    composed = accountant((1.0, 0.01, 10_000))
    return [composed.get_epsilon(10 ** (-3 - 0.1 * k)) for k in range(50)][-1]


CASES = {
    "sigma 1, q 0.01, T 1e4": lambda: accountant((1.0, 0.01, 10_000)).get_epsilon(1e-5),
    "sigma 1, q 0.001, T 1e6": lambda: accountant((1.0, 0.001, 1_000_000)).get_epsilon(1e-6),
    "20 groups of 500": lambda: accountant(*((1 + 0.1 * k, 0.01 + 0.001 * k, 500) for k in range(20))).get_epsilon(1e-6),
    "epsilon at 50 deltas": curve,
    "calibrate to epsilon 2": calibrate,
    "1000 different events": lambda: accountant(*((1 + 0.002 * k, 0.01, 1) for k in range(1000))).get_epsilon(1e-6),
}
# Over ten seconds: one run.
SLOW = {"1000 different events", "calibrate to epsilon 2"}


def measure(case, runs):
    samples, value = [], None
    for _ in range(1 if case in SLOW else runs):
        start = time.perf_counter()
        value = CASES[case]()
        samples.append((time.perf_counter() - start) * 1e3)
    return statistics.median(samples), value


def ours(case):
    """Criterion's median, in ms."""
    folder = case.replace("/", "_").replace("?", "_")
    estimates = TARGET / "criterion" / "pld" / folder / "new" / "estimates.json"
    return json.loads(estimates.read_text())["median"]["point_estimate"] / 1e6


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    subprocess.run(["cargo", "bench", "--quiet", "--bench", "pld"], cwd=ROOT, check=True, stdout=sys.stderr)
    print("| case | veilsum, ms | dp-accounting, ms | ratio | dp-accounting's value |")
    print("|---|---:|---:|---:|---:|")
    for case in CASES:
        mine = ours(case)
        theirs, value = measure(case, runs)
        print(f"| {case} | {mine:.2f} | {theirs:.0f} | {theirs / mine:.0f} | {value:.6g} |", flush=True)


if __name__ == "__main__":
    main()
