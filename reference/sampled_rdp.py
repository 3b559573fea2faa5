"""Rényi divergences of integer noise on a Poisson sample, in both directions, with 50 digits: tests/data/sampled_rdp.json.

    python reference/sampled_rdp.py > tests/data/sampled_rdp.json

With noise N and a party that adds a vector D with probability q, outputs have the law (1 - q) N + q (N + D) with the party, and N without. "removed" is
the divergence of the first from the second, "added" the other one. Sums run over all integer vectors that matter, one by one, from the
definitions alone.
"""

import itertools
import json

from mpmath import besseli, exp, fabs, fsum, log, mp, mpf, power

mp.dps = 50
# Masses below this are left out.
NEGLIGIBLE = mpf(10) ** -45


def discrete_gaussian(sigma):
    return lambda x: exp(-mpf(x) ** 2 / (2 * mpf(sigma) ** 2))


def discrete_laplace(rate):
    return lambda x: exp(-mpf(rate) * abs(x))


def skellam(variance):
    return lambda x: exp(-mpf(variance)) * besseli(x, mpf(variance))


def table(weight, order, shift):
    """Probabilities of the integers that matter in any sum of these orders."""
    half = 1
    while weight(half - int(order * shift) - 1) > NEGLIGIBLE or half < 3 * order * shift + 5:
        half += 1
    weights = {x: weight(x) for x in range(-half - shift, half + shift + 1)}
    total = fsum(weights.values())
    return {x: value / total for x, value in weights.items()}


def divergences(law, shift, q, order):
    """Of vectors with independent coordinates, coordinate i shifted by shift[i]."""
    laws = [table(law, order, part) for part in shift]
    removed, added = [], []
    for x in itertools.product(*(sorted(one) for one in laws)):
        if not all(value - part in one for value, part, one in zip(x, shift, laws)):
            continue
        without, with_party = mpf(1), mpf(1)
        for value, part, one in zip(x, shift, laws):
            without *= one[value]
            with_party *= one[value - part]
        mixture = (1 - q) * without + q * with_party
        removed.append(power(mixture, order) * power(without, 1 - order))
        added.append(power(without, order) * power(mixture, 1 - order))
    return log(fsum(removed)) / (order - 1), log(fsum(added)) / (order - 1)


def main():
    cases = [
        ("discrete_gaussian", discrete_gaussian, "0.6", [1]),
        ("discrete_gaussian", discrete_gaussian, "2.5", [3]),
        ("discrete_laplace", discrete_laplace, "0.7", [2]),
        ("skellam", skellam, "1.5", [1]),
        ("skellam", skellam, "6", [2]),
        ("skellam", skellam, "4", [2, 1]),
        ("discrete_gaussian_vector", discrete_gaussian, "1.5", [1, 1]),
    ]
    rows = []
    for name, law, parameter, shift in cases:
        for q in ("0.001", "0.1", "0.5", "0.95"):
            for order in ("1.5", "2", "3", "6") if len(shift) == 1 else ("2", "3", "4"):
                removed, added = divergences(law(parameter), shift, mpf(q), mpf(order))
                assert fabs(added) <= removed
                values = {"removed": mp.nstr(removed, 20), "added": mp.nstr(added, 20)}
                rows.append({"law": name, "parameter": parameter, "shift": shift, "q": q, "order": order, **values})
    print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")


if __name__ == "__main__":
    main()
