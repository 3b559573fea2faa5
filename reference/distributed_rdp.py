"""Reference values for the divergences of the distributed mechanisms: python3 distributed_rdp.py > ../tests/data/distributed_rdp.json

Independent of the crate: 60 digits (mpmath 1.3.0), probabilities by their definitions (Bessel functions; convolution of the one-client
law with itself, n times, over a support outside of which less than 1e-40 of every sum is left), no tilting and no periodicity.
"""
import json
from mpmath import mp, mpf, exp, log, besseli, hyp2f1, gamma

mp.dps = 60


def divergence(pmf, order, shift, lo, hi):
    order = mpf(order)
    total = sum(pmf(x - shift) ** order * pmf(x) ** (1 - order) for x in range(lo, hi + 1))
    return log(total) / (order - 1)


def skellam(variance, order, shift):
    mu, cache = mpf(variance), {}

    def pmf(k):
        k = abs(k)
        if k not in cache:
            cache[k] = exp(-mu) * besseli(k, mu)
        return cache[k]

    width = int(16 * variance**0.5 + 60)
    return divergence(pmf, order, shift, -width, int(order * shift) + shift + 2 * width)


def law_of_sum(variance, n, reach):
    one = [exp(-mpf(k * k) / (2 * mpf(variance))) for k in range(-reach, reach + 1)]
    total = sum(one)
    one, power = [p / total for p in one], None
    square, bits = one, n
    while bits:
        if bits & 1:
            power = square if power is None else convolve(power, square, reach)
        square, bits = convolve(square, square, reach), bits >> 1
    return power


def convolve(a, b, reach):
    """The middle 2 reach + 1 entries; both arguments are centred."""
    size = 2 * reach + 1
    return [
        mp.fsum(a[i] * b[k + reach - i] for i in range(size) if 0 <= k + reach - i < size) for k in range(size)
    ]


def sums(variance, n, cases):
    deviation = (n * variance) ** 0.5
    # Twice as far as needed: entries near the end of a truncated convolution are too small.
    need = int(max(a * d + d for a, d in cases) + 15 * deviation + 12)
    law = law_of_sum(variance, n, 2 * need)
    pmf = lambda k: law[k + 2 * need]
    for order, shift in cases:
        yield order, shift, divergence(pmf, order, shift, -need + shift, need)


def main():
    rows = []
    for variance in (0.0625, 0.5, 2.0, 25.0, 300.0):
        for order in (1.0078125, 1.5, 2.0, 3.25, 8.0, 40.0):
            for shift in (1, 2, 7, 20):
                value = skellam(variance, order, shift)
                rows.append(dict(law="skellam", variance=variance, n=1, order=order, shift=shift, rdp=mp.nstr(value, 25)))
    for variance, n in ((0.0625, 4), (0.125, 7), (0.25, 5), (0.25, 24), (0.36, 12), (1.0, 3), (4.0, 2), (0.16, 100)):
        cases = [(a, d) for a in (1.0078125, 1.5, 2.0, 3.25, 8.0) for d in (1, 2, 5, n + 1)]
        if n > 24:
            cases = [(16.0, 10), (2.0, 10)]
        for order, shift, value in sums(variance, n, cases):
            rows.append(dict(law="discrete_gaussian", variance=variance, n=n, order=order, shift=shift, rdp=mp.nstr(value, 25)))
    for rate in (0.001, 0.1, 0.5, 2.0):
        for honest, needed in ((1, 100), (1, 2), (9, 10), (1, 1)):
            for shift in (1, 3, 40):
                f, z = mpf(honest) / needed, exp(-2 * mpf(rate))
                value = mpf(rate) * shift + log(
                    hyp2f1(f, f, 1, z) / hyp2f1(f, f + shift, 1 + shift, z) * gamma(shift + 1) * gamma(f) / gamma(f + shift)
                )
                rows.append(dict(law="laplace_shares", rate=rate, honest=honest, needed=needed, shift=shift, epsilon=mp.nstr(value, 25)))
    print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")


main()
