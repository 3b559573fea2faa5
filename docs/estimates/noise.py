"""Decoding margins, the smoothing condition, and what the precision of the error table costs.

Standard library only. Widths are standard deviations; probabilities and distances are given as base-2 logarithms.
"""

from decimal import Decimal, getcontext
from math import lgamma, log, log2, pi, sqrt

getcontext().prec = 120
LN2 = log(2)


# --- Decoding ------------------------------------------------------------------------------------------------------------

def largest_error(modulus, plaintext_bits):
    """Largest |sum of errors| that decodes: t e + p stays in (-Q/2, Q/2) for every 0 <= p < t."""
    return modulus // (1 << (plaintext_bits + 1)) - 1


def failure(bound, clients, sigma):
    """log2 of 2 exp(-B^2 / (2 n sigma^2)), B = bound + 1: the chance that one coefficient of a sum of n errors exceeds `bound`."""
    return 1 - (bound + 1) ** 2 / (2 * clients * sigma**2) / LN2


def most_clients(bound, sigma, coefficients, target):
    """Largest n with coefficients * 2 exp(-B^2 / (2 n sigma^2)) <= 2^target."""
    return int((bound + 1) ** 2 / (2 * sigma**2 * LN2 * (1 + log2(coefficients) - target)))


# --- Smoothing -----------------------------------------------------------------------------------------------------------

def smoothing(coordinates, log2_epsilon):
    """eta_epsilon(Z^k): sqrt(ln(2k (1 + 1/epsilon)) / 2) / pi (Micciancio, Regev 2007, lemma 3.3, as a standard deviation)."""
    return sqrt((log(2 * coordinates) - log2_epsilon * LN2) / 2) / pi


def smallest_epsilon(coordinates, sigma_0, tau):
    """log2 of the epsilon at which sigma_0 tau / sqrt(sigma_0^2 + tau^2) = eta_epsilon(Z^k)."""
    width = sigma_0 * tau / sqrt(sigma_0**2 + tau**2)
    return log2(2 * coordinates) - 2 * (pi * width) ** 2 / LN2


def widest(residual, coordinates, log2_epsilon):
    """Largest sigma_0 such that tau^2 = residual^2 - sigma_0^2 satisfies the smoothing condition, or None."""
    product = smoothing(coordinates, log2_epsilon) * residual
    if residual**2 < 2 * product:
        return None
    return (sqrt(residual**2 + 2 * product) + sqrt(residual**2 - 2 * product)) / 2


def convolution_distance(sigma_0, tau):
    """log2 of the exact statistical distance, in one coordinate, between D(Z, sigma_0) + D(Z, tau) and D(Z, sqrt(sigma_0^2 + tau^2)):
    the check of the smoothing bound. (For sigma_0 = tau and centre 1/2 the two are equal: the translates that matter, by +-1/4, weigh
    the same.)"""
    reach = int(20 * (sigma_0 + tau))
    variance = Decimal(str(sigma_0)) ** 2, Decimal(str(tau)) ** 2
    weigh = lambda v: [(-(Decimal(x) ** 2) / (2 * v)).exp() for x in range(-reach, reach + 1)]
    first, second, ideal = (normalise(weigh(v)) for v in (*variance, sum(variance)))
    size = len(ideal)
    convolved = [sum(first[y] * second[x - y + reach] for y in range(size) if 0 <= x - y + reach < size) for x in range(size)]
    return float((sum(abs(a - b) for a, b in zip(convolved, ideal)) / 2).ln() / Decimal(2).ln())


def normalise(weights):
    total = sum(weights)
    return [w / total for w in weights]


# --- The table of the error sampler --------------------------------------------------------------------------------------

def folded(sigma):
    """P[|e| = k] of the discrete Gaussian, far beyond every cut used here."""
    two = 2 * Decimal(str(sigma)) ** 2
    rho = [(-(Decimal(k) ** 2) / two).exp() for k in range(int(24 * sigma))]
    total = rho[0] + 2 * sum(rho[1:])
    return [rho[0] / total] + [2 * r / total for r in rho[1:]]


def table(sigma, bits):
    """T_k = round(2^bits P[|e| <= k]) below 2^bits; |e| is the number of thresholds <= a uniform `bits`-bit integer."""
    thresholds, cumulative = [], Decimal(0)
    for p in folded(sigma):
        cumulative += p
        t = int((cumulative * (1 << bits)).to_integral_value())
        if t >= 1 << bits:
            return thresholds
        thresholds.append(t)
    raise ValueError("working precision too small for this table")


def table_distance(sigma, bits):
    """(entries, log2 statistical distance, log2 chi-square divergence) of one sample from the table against the exact distribution."""
    edges = [0, *table(sigma, bits), 1 << bits]
    real = [Decimal(b - a) / (1 << bits) for a, b in zip(edges, edges[1:])]
    ideal = folded(sigma)
    difference = [abs((real[k] if k < len(real) else 0) - p) for k, p in enumerate(ideal)]
    logarithm = lambda x: float(x.ln() / Decimal(2).ln())
    return len(real) - 1, logarithm(sum(difference) / 2), logarithm(sum(d * d / p for d, p in zip(difference, ideal)))


# --- Rejection sampling of residues --------------------------------------------------------------------------------------

def spare_words(q, words, target):
    """Smallest s such that `words` accepted residues are among words + s masked words but for a chance below 2^target (first term of
    the union bound: some s + 1 of them are rejected)."""
    reject = log2(((1 << q.bit_length()) - q) / (1 << q.bit_length()))
    spare = 0
    while choose(words + spare, spare + 1) + (spare + 1) * reject > target:
        spare += 1
    return spare


def choose(n, k):
    return (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) / LN2
