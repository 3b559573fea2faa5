"""The table of the error distribution of lattice masks (docs/protocol.md, section 11.2).

T_k = round(2^63 Pr[|X| >= k]) for k = 1, 2, .. while T_k >= 1, X a discrete Gaussian over the integers with pmf proportional to
exp(-x^2 / (2 sigma^2)). Prints the table, and how far the sampled distribution is from X: statistical distance, Renyi divergence
of infinite order, and the mass that is cut off. Needs mpmath. Run: python error_table.py
"""

import mpmath

mpmath.mp.prec = 400
SIGMA = mpmath.mpf("6.4")
BITS = 63


def pmf():
    weight = lambda x: mpmath.exp(-mpmath.mpf(x) ** 2 / (2 * SIGMA**2))
    weights = [weight(x) for x in range(400)]
    total = weights[0] + 2 * mpmath.fsum(weights[1:])
    return [w / total for w in weights]


def thresholds(p):
    tails, tail = [], mpmath.mpf(0)
    for x in reversed(range(1, len(p))):
        tail += 2 * p[x]
        tails.append(tail)
    scaled = [int(mpmath.floor(t * 2**BITS + mpmath.mpf("0.5"))) for t in reversed(tails)]
    return [t for t in scaled if t >= 1]


def main():
    p = pmf()
    table = thresholds(p)
    steps = [2**BITS] + table + [0]
    # Both signs: value 0 has all of its mass, value k > 0 half of it each.
    sampled = [mpmath.mpf(a - b) / 2**BITS for a, b in zip(steps, steps[1:])]
    exact = [p[0]] + [2 * q for q in p[1:]]
    distance = mpmath.fsum(abs(s - e) for s, e in zip(sampled, exact)) / 2 + mpmath.fsum(exact[len(sampled) :]) / 2
    divergence = max(s / e for s, e in zip(sampled, exact))
    print(f"// sigma = {SIGMA}, {len(table)} entries")
    for start in range(0, len(table), 4):
        print("    " + " ".join(f"{t:#018x}," for t in table[start : start + 4]))
    log = lambda x: mpmath.nstr(mpmath.log(x, 2), 6)
    print(f"// log2 of the statistical distance: {log(distance)}")
    print(f"// log2 of (max over x of sampled / exact) - 1: {log(divergence - 1)}")
    print(f"// log2 of the mass beyond the table: {log(mpmath.fsum(exact[len(sampled):]))}")
    variance = mpmath.fsum(x * x * s for x, s in enumerate(sampled))
    print(f"// variance: {mpmath.nstr(variance, 12)}")


main()
