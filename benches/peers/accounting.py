"""Privacy accountants beside dp-accounting (Python), in one run: milliseconds, median of RUNS (default 3).

    python3 -m venv target/accounting-venv
    target/accounting-venv/bin/pip install -r benches/peers/accounting-requirements.txt
    target/accounting-venv/bin/python benches/peers/accounting.py [RUNS]

Runs `cargo bench --bench account --bench pld` first and reads what it measured: composing and converting, by Rényi divergences and by privacy
loss distributions, 10^6 compositions, different events, a curve, and calibration. What takes the other library over ten seconds runs once.
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
from dp_accounting.rdp import RdpAccountant

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# The grid at which dp-accounting has a relative error of about 1e-5; ours chooses its own for 1e-4.
INTERVAL = 1e-4


def sampled(sigma, q):
    return dp_accounting.PoissonSampledDpEvent(q, dp_accounting.GaussianDpEvent(sigma))


def new_pld():
    return PLDAccountant(value_discretization_interval=INTERVAL)


def epsilon(accountant, delta, *events):
    for sigma, q, count in events:
        accountant.compose(sampled(sigma, q), count)
    return accountant.get_epsilon(delta)


def calibrate(make):
    return dp_accounting.calibrate_dp_mechanism(
        make,
        lambda sigma: dp_accounting.SelfComposedDpEvent(sampled(sigma, 0.01), 10_000),
        2.0,
        1e-5,
        dp_accounting.LowerEndpointAndGuess(0.1, 1.0),
        tol=1e-5,
    )


def curve(accountant, deltas):
    accountant.compose(sampled(1.0, 0.01), 10_000)
    return [accountant.get_epsilon(delta) for delta in deltas][-1]


GROUPS = [(1 + 0.1 * k, 0.01 + 0.001 * k, 500) for k in range(20)]
# Name of the bench and of the case in it, and the same in Python.
CASES = {
    ("account", "rdp/sigma 1 q 0.01 T 1e4"): lambda: epsilon(RdpAccountant(), 1e-5, (1.0, 0.01, 10_000)),
    ("account", "rdp/sigma 1 q 0.001 T 1e6"): lambda: epsilon(RdpAccountant(), 1e-5, (1.0, 0.001, 1_000_000)),
    ("account", "rdp/epsilon at 50 deltas"): lambda: curve(RdpAccountant(), [10 ** (-0.2 * k) for k in range(1, 51)]),
    ("account", "rdp/calibrate epsilon 2 q 0.01 T 1e4"): lambda: calibrate(RdpAccountant),
    ("account", "rdp/heterogeneous 1000"): lambda: epsilon(RdpAccountant(), 1e-5, *((1 + k / 1000, 0.01, 1) for k in range(1000))),
    ("pld", "sigma 1, q 0.01, T 1e4"): lambda: epsilon(new_pld(), 1e-5, (1.0, 0.01, 10_000)),
    ("pld", "sigma 1, q 0.001, T 1e6"): lambda: epsilon(new_pld(), 1e-6, (1.0, 0.001, 1_000_000)),
    ("pld", "20 groups of 500"): lambda: epsilon(new_pld(), 1e-6, *GROUPS),
    ("pld", "epsilon at 50 deltas"): lambda: curve(new_pld(), [10 ** (-3 - 0.1 * k) for k in range(50)]),
    ("pld", "calibrate to epsilon 2"): lambda: calibrate(new_pld),
    ("pld", "1000 different events"): lambda: epsilon(new_pld(), 1e-6, *((1 + 0.002 * k, 0.01, 1) for k in range(1000))),
}
# Over ten seconds.
SLOW = {"1000 different events", "calibrate to epsilon 2", "rdp/heterogeneous 1000"}


def measure(case, runs):
    samples, value = [], None
    for _ in range(1 if case[1] in SLOW else runs):
        start = time.perf_counter()
        value = CASES[case]()
        samples.append((time.perf_counter() - start) * 1e3)
    return statistics.median(samples), value


def ours(case):
    """Criterion's median, in ms."""
    group, name = case
    estimates = TARGET / "criterion" / group / name.replace("/", "_") / "new" / "estimates.json"
    return json.loads(estimates.read_text())["median"]["point_estimate"] / 1e6


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    benches = ["--bench", "account", "--bench", "pld"]
    subprocess.run(["cargo", "bench", "--quiet", *benches], cwd=ROOT, check=True, stdout=sys.stderr)
    print("| accountant | case | veilsum, ms | dp-accounting, ms | ratio | dp-accounting's value |")
    print("|---|---|---:|---:|---:|---:|")
    for case in CASES:
        mine = ours(case)
        theirs, value = measure(case, runs)
        accountant = "RDP" if case[0] == "account" else "PLD"
        name = case[1].removeprefix("rdp/")
        print(f"| {accountant} | {name} | {mine:.3f} | {theirs:.0f} | {theirs / mine:.0f} | {value:.6g} |", flush=True)


if __name__ == "__main__":
    main()
