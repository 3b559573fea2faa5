"""Cost models of the known lattice attacks on LWE with Gaussian secret and error of one width (the normal form).

An independent implementation, in floating point and without Sage, of the formulas that the lattice estimator uses (Albrecht, Player,
Scott 2015; github.com/malb/lattice-estimator); `estimate.py` compares it with figures that the estimator publishes. Costs are base-2
logarithms.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, e, exp, floor, inf, lgamma, log, log2, pi, sqrt, tanh

LN2 = log(2)
PROGRESSIVE = 5.46  # progressive sieving, sum of 2^(0.292 i): Kyber round 3 specification, section 5.2
MAX_BLOCK = 1754  # 0.292 * 1754 = 512 bits


@dataclass(frozen=True)
class Lwe:
    """n: dimension; log_q: natural logarithm of Q; sigma_s, sigma: standard deviations of secret and error; m: samples."""

    n: int
    log_q: float
    sigma_s: float
    sigma: float
    m: float = inf


def add(*costs):
    """log2 of the sum of 2^cost."""
    top = max(costs)
    return top if top in (inf, -inf) else top + log2(sum(2 ** (c - top) for c in costs))


@lru_cache(maxsize=None)
def log_delta(beta):
    """ln of the root Hermite factor of BKZ-beta (Chen 2013), beta > 40."""
    return log(beta / (2 * pi * e) * (pi * beta) ** (1 / beta)) / (2 * (beta - 1))


# --- Cost of lattice reduction -------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Sieve:
    """2^(a beta + b) operations for a sieve. `calls`: how a BKZ run is counted: "core" one sieve, "8d" 8 d sieves, "progressive"
    5.46 (d - beta) progressive sieves, with dimensions for free (Ducas 2018)."""

    name: str
    a: float
    b: float
    calls: str

    def sieve_dimension(self, beta):
        if self.calls != "progressive":
            return beta
        return beta - max(beta * log(4 / 3) / log(beta / (2 * pi * e)), 0)

    def bkz(self, beta, d):
        """log2 cost of BKZ-beta in dimension d."""
        sieve = self.a * self.sieve_dimension(beta) + self.b
        if self.calls == "core":
            return sieve
        if self.calls == "8d":
            return add(3 * log2(d), sieve + log2(8 * d if beta < d else 1))
        return add(3 * log2(d), sieve + log2(PROGRESSIVE) + log2(PROGRESSIVE * max(d - beta, 1)))

    def short_vectors(self, beta, d, log2_count):
        """(log2 cost, dimension of the sieve) for 2^log2_count short vectors: a sieve of about the cost of the reduction on its first
        block (Guo, Johansson 2021; MATZOV 2022)."""
        sieve_dim, cost = beta, self.bkz(beta, d)
        if self.calls == "progressive":
            sieve_dim = beta - floor(beta - self.sieve_dimension(beta))
            if beta < d:
                sieve_dim = min(d, floor(sieve_dim + log2((d - beta) * PROGRESSIVE) / self.a))
            cost = add(cost, log2(PROGRESSIVE) + self.a * sieve_dim + self.b)
        repeat = log2_count - 0.2075 * sieve_dim
        return cost + (log2(ceil(2**repeat)) if repeat < 40 else repeat), sieve_dim


CORE = Sieve("core-SVP 0.292", 0.292, 0, "core")
CORE_QUANTUM = Sieve("core-SVP 0.265", 0.265, 0, "core")  # Laarhoven 2015
CORE_WALKS = Sieve("core-SVP 0.257", 0.257, 0, "core")  # Chailloux, Loyer 2021
BDGL = Sieve("BDGL 2016, 8d calls", 0.292, 16.4, "8d")
WALKS = Sieve("Chailloux-Loyer 2021, 8d calls", 0.257, 16.4, "8d")
# Fits of the gate counts of Albrecht, Gheorghiu, Postlethwaite, Schanck 2020 with the improvement of MATZOV 2022, as published by the
# lattice estimator: list decoding, classical gates, and quantum "depth times width".
MATZOV = Sieve("MATZOV gates", 0.29613500308205365, 20.387885985467914, "progressive")
MATZOV_QUANTUM = Sieve("MATZOV depth-width", 0.2663676536352464, 25.299541499216627, "progressive")


# --- Primal attacks ------------------------------------------------------------------------------------------------------

def usvp_reached(lwe, beta, d):
    """Whether BKZ-beta finds the embedded vector in dimension d (Alkim et al. 2016, geometric series assumption)."""
    xi = max(lwe.sigma / lwe.sigma_s, 1)
    volume = log(lwe.sigma) + lwe.n * log(xi) + lwe.log_q * (d - lwe.n - 1)
    return log(lwe.sigma * sqrt(beta)) <= log_delta(beta) * (2 * beta - d - 1) + volume / d


def best_dimension(lwe, beta):
    """Dimension in which BKZ-beta reaches furthest, at most n + m."""
    return int(min(ceil(sqrt(lwe.n * lwe.log_q / log_delta(beta))), lwe.m + lwe.n))


def smallest(low, high, holds):
    """Smallest integer in [low, high] for which `holds`, if it is monotone."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def usvp(lwe, model):
    """Primal attack, embedding as a unique shortest vector: (cost, details)."""
    furthest = lambda beta: max(best_dimension(lwe, beta), beta + 1)
    beta = smallest(50, 4 * MAX_BLOCK, lambda b: usvp_reached(lwe, b, furthest(b)))
    d = smallest(max(lwe.n, beta + 1), furthest(beta), lambda x: usvp_reached(lwe, beta, x))
    return model.bkz(beta, d), {"beta": beta, "d": d}


def ball(n):
    return n / 2 * log(pi) - lgamma(n / 2 + 1)


def final_rank(lwe, beta, d):
    """Rank of the last SVP call that finds the error in a BKZ-beta reduced basis of dimension d; more than d if none does."""
    xi = max(lwe.sigma / lwe.sigma_s, 1)
    total = (d - lwe.n) * lwe.log_q + lwe.n * log(xi)
    for rank in range(min(d, MAX_BLOCK), 1, -1):
        volume = rank / d * total - (d - rank) * rank * log_delta(beta)
        heuristic = (2 * volume + 2 * log(lwe.sigma) - 2 * ball(rank + 1)) / (rank + 1)
        if heuristic < log(lwe.sigma**2 * (rank + 1)):
            return rank + 1
    return 2


def bdd_at(lwe, model, beta, d):
    eta = final_rank(lwe, beta, d)
    if eta > min(d, MAX_BLOCK):
        return inf, {}
    svp = add(model.bkz(eta + 1, eta + 1), 2 * log2(max(d - eta, 1)))
    return add(model.bkz(beta, d), svp), {"beta": beta, "eta": eta, "d": d}


def best(candidates):
    return min(candidates, key=lambda c: c[0])


def bdd(lwe, model):
    """Primal attack, reduction and then one larger SVP call (Liu, Nguyen 2013): (cost, details)."""
    reach = usvp(lwe, model)[1]["beta"]
    found = best(bdd_at(lwe, model, b, max(best_dimension(lwe, b), b)) for b in range(max(reach - 60, 50), reach + 1))
    for step in (64, 8, 1):
        beta, d = found[1]["beta"], found[1]["d"]
        near = ((beta + i, d + step * j) for i in (-1, 0, 1) for j in range(-8, 5))
        found = best([found, *(bdd_at(lwe, model, b, x) for b, x in near if x >= max(lwe.n, b) and x <= lwe.n + lwe.m)])
    return found


# --- Dual attack ---------------------------------------------------------------------------------------------------------

C_MUL, C_ADD = 32**2, 5 * 32  # MATZOV 2022, p. 37, and the estimator's choice


def entropy(sigma):
    """Bits of a guessed coordinate (MATZOV 2022)."""
    return (0.5 + log(sqrt(2 * pi) * sigma) - log(tanh(pi**2 * sigma**2))) / LN2


def dual_at(lwe, model, beta, m, k_enum, k_fft, p):
    """Dual hybrid attack of MATZOV 2022 (theorem 7.6): reduce, guess `k_enum` coordinates, Fourier transform over `k_fft` mod p."""
    k = lwe.n - k_enum - k_fft
    length = (m * log(lwe.sigma) + k * (log(lwe.sigma_s) + lwe.log_q)) / (m + k)
    length += log(sqrt(4 / 3)) + log(beta / (2 * pi * e)) / 2 + (m + k - beta) * log_delta(beta)
    ratio = exp(min(length - lwe.log_q, 20)) * pi
    count = 4 * ratio**2 + k_fft / 3 * (lwe.sigma_s * pi / p) ** 2
    count = count / LN2 + log2(k_enum * entropy(lwe.sigma_s) + k_fft * log(p) + LN2)
    sample, sieve_dim = model.short_vectors(beta, m + k, count)
    transform = log2(C_MUL) + (log2(k_fft) if k_fft else -inf) + (k_fft + 1) * log2(p)
    alpha = pi**2 * lwe.sigma_s**2
    loss = 1 + 8 * alpha * exp(-2 * alpha) * tanh(alpha) / LN2 - 0.5 / LN2
    guess = k_enum * (loss + entropy(lwe.sigma_s)) + add(transform, log2(4 * C_ADD) + count) - log2(1 - exp(-0.5 / lwe.sigma_s**2))
    return add(sample, guess), {"beta": beta, "zeta": k_enum, "t": k_fft, "p": p, "sieve": sieve_dim, "d": m + k}


def dual_samples(lwe, beta, k):
    """The number of samples that makes the dual vectors shortest, at most m."""
    return int(min(max(sqrt(k * (log(lwe.sigma_s / lwe.sigma) + lwe.log_q) / log_delta(beta)) - k, 1), lwe.m))


def dual(lwe, model, m=None):
    """Dual hybrid attack: (cost, details). `m` fixes the number of samples; else the best is taken."""
    def at(beta, k_enum, k_fft, p):
        samples = m if m is not None else dual_samples(lwe, beta, lwe.n - k_enum - k_fft)
        return dual_at(lwe, model, beta, samples, k_enum, k_fft, p)

    def over_blocks(k_enum, k_fft, p):
        low, high = 50, 2 * MAX_BLOCK
        while high - low > 3:
            third = (high - low) // 3
            a, b = low + third, high - third
            low, high = (low, b) if at(a, k_enum, k_fft, p)[0] <= at(b, k_enum, k_fft, p)[0] else (a, high)
        return best(at(beta, k_enum, k_fft, p) for beta in range(low, high + 1))

    return best(over_blocks(z, t, p) for p in range(2, 9) for z in range(0, 41, 5) for t in range(0, 121, 5))


# --- Attacks that are not competitive here: lower bounds -----------------------------------------------------------------

def arora_ge(lwe, cut):
    """Any algebraic attack whose equations hold for |e| <= cut works in degree 2 cut + 1 at least: binomial(n + D, D) columns, and at
    least the square of that in operations."""
    degree = 2 * cut + 1
    return 2 * (lgamma(lwe.n + degree + 1) - lgamma(degree + 1) - lgamma(lwe.n + 1)) / LN2


def bkw(lwe):
    """Lower bound of plain BKW: a steps leave noise sigma 2^(a/2) < Q, so blocks have n / a >= n / (2 log2(Q / sigma)) coordinates, and
    a table has Q^(n/a) entries."""
    bits = lwe.log_q / LN2
    return lwe.n / (2 * (bits - log2(lwe.sigma))) * bits
