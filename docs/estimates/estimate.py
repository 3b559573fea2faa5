#!/usr/bin/env python3
"""Concrete security of the lattice masks: primes, attacks, margins and sampler, for every parameter set.

    python3 docs/estimates/estimate.py

writes output.txt and output.json beside this file (some two minutes, one core). Standard library only.
"""

import json
from math import log, log2, prod, sqrt
from pathlib import Path

import attacks
import noise
import primes
from attacks import BDGL, CORE, MATZOV, MATZOV_QUANTUM, WALKS, Lwe, bdd, dual, usvp

SIGMA = 6.4
BLOCKS = 1024
TARGET = -40
# Name: (N, bits of a prime, order that they are found for, number of primes).
SETS = {
    "L96": (4096, 48, 8192, 2),
    "L100": (4096, 50, 8192, 2),
    "L108": (4096, 36, 8192, 3),
    "S44": (2048, 44, 4096, 1),
    "S46": (2048, 46, 4096, 1),
    "S48": (2048, 48, 4096, 1),
    "S50": (2048, 50, 4096, 1),
    "L150": (8192, 50, 16384, 3),
    "L160": (8192, 40, 16384, 4),
    "L188": (8192, 47, 16384, 4),
    "L192": (8192, 48, 16384, 4),
    "L200": (8192, 50, 16384, 4),
}
WIDTHS = {
    "6.4": (SIGMA, "sigma_e, no hint"),
    "4.525": (SIGMA / sqrt(2), "6.4 given a sum of two"),
    "3.2": (SIGMA / 2, "6.4 reduced to RLWE; also sigma_e = 3.2, no hint"),
    "2.263": (3.2 / sqrt(2), "3.2 given a sum of two"),
    "1.6": (1.6, "3.2 reduced to RLWE (not proved, see below)"),
}
KYBER512 = Lwe(512, log(3329), sqrt(1.5), sqrt(1.5), 512)
KYBER768 = Lwe(768, log(3329), 1, 1, 768)
KYBER1024 = Lwe(1024, log(3329), 1, 1, 1024)
HE1024 = Lwe(1024, log(2) * 27, 3, 3, 1024)
SEAL8192 = Lwe(8192, log(107839786668602559178668060348078522694548577690162289924414373888001), sqrt(2 / 3), 3.19)

lines = []


def say(text=""):
    print(text, flush=True)
    lines.append(text)


def calibration():
    """Our figures beside those that the lattice estimator prints in its own documentation and tests."""
    say("1. Calibration: (this script) / (published by the lattice estimator), log2 of operations")
    rows = [
        ("Kyber512 usvp, MATZOV", usvp(KYBER512, MATZOV), "143.8, beta 406, d 998"),
        ("Kyber512 usvp, core-SVP", usvp(KYBER512, CORE), "118.6, beta 406, d 998"),
        ("Kyber512 bdd, MATZOV", bdd(KYBER512, MATZOV), "140.2, beta 389, eta 422, d 1005"),
        ("Kyber512 dual hybrid, MATZOV", dual(KYBER512, MATZOV, 512), "139.2, beta 385, p 6, zeta 15, t 30"),
        ("Kyber512 dual hybrid, core-SVP", dual(KYBER512, CORE, 512), "115.4, beta 395, p 6, zeta 5, t 30"),
        ("Kyber768 bdd, MATZOV", bdd(KYBER768, MATZOV), "201.0, beta 606, eta 640, d 1420"),
        ("Kyber1024 bdd, MATZOV", bdd(KYBER1024, MATZOV), "270.7, beta 855, eta 889, d 1867"),
        ("HE standard 1024/27 error, bdd", bdd(HE1024, MATZOV), "136.7, beta 374, eta 404, d 2044"),
        ("SEAL 2.2 8192/226, dual hybrid", dual(SEAL8192, MATZOV, 8192), "121.8, beta 306, p 3, zeta 10, t 40"),
    ]
    for name, (cost, details), published in rows:
        say(f"   {name:32} {cost:6.1f} {str(details):75} / {published}")
        if abs(cost - float(published.split(",")[0])) > 0.15:
            raise SystemExit(f"{name}: differs from the published figure")
    say("   Homomorphic encryption standard 2018, 128-bit rows (ternary secret, sigma 3.2), usvp, BDGL / core-SVP:")
    for n, bits in ((1024, 27), (2048, 54), (4096, 109), (8192, 218)):
        lwe = Lwe(n, log(2) * bits, sqrt(2 / 3), 3.2)
        say(f"   N = {n:5}, log2 Q = {bits:3}: {usvp(lwe, BDGL)[0]:6.1f} / {usvp(lwe, CORE)[0]:6.1f}")
    return [{"case": n, "cost": round(c, 1), "details": d, "published": p} for n, (c, d), p in rows]


def set_primes():
    say("\n2. Primes: largest below 2^bits that are 1 mod the order; Miller-Rabin, bases 2..37 (a proof below 3.18e23)")
    found = {}
    for name, (n, bits, order, count) in SETS.items():
        qs = primes.largest(bits, order, count)
        found[name] = qs
        say(f"   {name:5} N = {n}: log2 Q = {sum(map(log2, qs)):.4f}")
        for q in qs:
            g, psi = primes.root(q, 2 * n)
            spare = noise.spare_words(q, n, -128)
            least = primes.smallest_root(q, 2 * n)
            say(f"         {q}  g = {g:2}, g^((q-1)/{2 * n}) = {psi}, smallest root {least}, spare words {spare}")
    say("   Spare words s: N + s masked words hold N residues but for a chance below 2^-128.")
    return found


def attack(n, modulus, sigma):
    lwe = Lwe(n, log(modulus), sigma, sigma)
    core, details = usvp(lwe, CORE)
    full = {"usvp": usvp(lwe, MATZOV), "bdd": bdd(lwe, MATZOV), "dual": dual(lwe, MATZOV)}
    quantum = {"usvp": usvp(lwe, MATZOV_QUANTUM), "bdd": bdd(lwe, MATZOV_QUANTUM), "dual": dual(lwe, MATZOV_QUANTUM)}
    best, best_quantum = (min(x, key=lambda k: x[k][0]) for x in (full, quantum))
    return {
        "beta": details["beta"], "core": core, "core_dual": dual(lwe, CORE)[0],
        "core_quantum_265": 0.265 * details["beta"], "core_quantum_257": 0.257 * details["beta"],
        **{f"matzov_{k}": v[0] for k, v in full.items()}, "full": full[best][0], "best": best, "attack": full[best][1],
        "bdgl": usvp(lwe, BDGL)[0], "full_quantum": quantum[best_quantum][0], "best_quantum": best_quantum,
        "walks_bkz": usvp(lwe, WALKS)[0],
        "bkw_at_least": attacks.bkw(lwe), "arora_ge_at_least": attacks.arora_ge(lwe, int(3 * sigma)),
    }


def attack_table(found):
    say("\n3. Attacks, log2. Secret in normal form (as the error), samples unlimited. beta: block of the primal attack.")
    say("   core: 0.292 beta; q265, q257: quantum 0.265, 0.257 beta; c-dual: dual hybrid, core-SVP; usvp, bdd, dual: MATZOV gates;")
    say("   full: least of the three; BDGL: usvp, 0.292 beta + 16.4 + log2(8d); dw: least of the three, MATZOV quantum depth-width;")
    say("   CL: usvp, quantum 0.257 beta + 16.4 + log2(8d)")
    say("   set   sigma  beta   core   q265   q257 c-dual |  usvp    bdd   dual   full  best |  BDGL |    dw     CL")
    table = {}
    for name, qs in found.items():
        table[name] = {}
        for label, (sigma, _) in WIDTHS.items():
            r = attack(SETS[name][0], prod(qs), sigma)
            table[name][label] = r
            core = "".join(f"{r[k]:7.1f}" for k in ("core", "core_quantum_265", "core_quantum_257", "core_dual"))
            full = "".join(f"{r[k]:7.1f}" for k in ("matzov_usvp", "matzov_bdd", "matzov_dual", "full"))
            others = f"{r['best']:4} | {r['bdgl']:5.1f} | {r['full_quantum']:5.1f}  {r['walks_bkz']:5.1f}"
            say(f"   {name:5} {label:5} {r['beta']:5}{core} |{full}  {others}")
    for label, (_, meaning) in WIDTHS.items():
        say(f"   {label:5}: {meaning}")
    for label in ("3.2", "1.6"):
        bkw, algebra = (min(t[label][key] for t in table.values()) for key in ("bkw_at_least", "arora_ge_at_least"))
        say(f"   Not competitive, width {label}, lower bounds over all sets: BKW 2^{bkw:.0f}, "
            f"Arora-Ge and Groebner bases (|e| <= 3 sigma) 2^{algebra:.0f}")
    return table


def ceilings():
    say("\n4. Largest log2 Q at width 3.2 (the proved residual of sigma_e = 6.4)")
    rows = []
    for n in (2048, 4096, 8192):
        lwe = lambda bits: Lwe(n, bits * log(2), 3.2, 3.2)
        cautious = max(b for b in range(n // 64, n // 20) if usvp(lwe(b), CORE)[0] >= 118)
        full = max(b for b in range(cautious, n // 20) if min(usvp(lwe(b), MATZOV)[0], bdd(lwe(b), MATZOV)[0]) >= 128)
        rows.append({"n": n, "core_118": cautious, "full_128": full})
        say(f"   N = {n}: core-SVP >= 118 up to {cautious} bits; MATZOV gates >= 128 up to {full} bits")
    return rows


def hint():
    say(f"\n5. Smoothing condition of the reduction from RLWE, {BLOCKS} blocks a key")
    rows = []
    for n in (2048, 4096, 8192):
        k = n * BLOCKS
        for sigma in (6.4, 3.2):
            eps = noise.smallest_epsilon(k, sigma / 2, sigma / 2)
            wide = {e: noise.widest(sigma / sqrt(2), k, e) for e in (-64, -80, -100, -120)}
            text = ", ".join(f"2^{e}: {w:.2f}" if w else f"2^{e}: none" for e, w in wide.items())
            say(f"   N = {n}, sigma_e = {sigma}: reduced to width sigma_e/2 with epsilon = 2^{eps:.1f}; widest sigma_0 by epsilon {text}")
            rows.append({"n": n, "sigma": sigma, "log2_epsilon": round(eps, 1), "widest": wide})
    for half in (3.2, 1.6):
        exact = noise.convolution_distance(half, half)
        say(f"   Exact distance in one coordinate, sigma_0 = tau = {half}: 2^{exact:.1f}; times 4096 * {BLOCKS}: 2^{exact + 22:.1f}")
    return rows


def margins(found):
    words, lanes = 10**11, 4
    say(f"\n6. Margin = log2 Q - log2 t, sigma_e = {SIGMA}, |sum of errors| <= floor(Q/2t) - 1; log2 chance of a wrong coefficient, and that")
    say(f"   of any in 10^11 words at {lanes} lanes; n max: most clients for 2^{TARGET} in all. For a modulus just below a power of two")
    ns = (16, 64, 128, 195, 256, 512, 1000, 1024)
    say("   margin  bound " + "".join(f"{f'n = {n}':>16}" for n in ns) + "   n max")
    rows = []
    for margin in range(8, 15):
        bound = (1 << (margin - 1)) - 2
        one = {n: noise.failure(bound, n, SIGMA) for n in ns}
        most = noise.most_clients(bound, SIGMA, words / lanes, TARGET)
        rows.append({"margin": margin, "bound": bound, "most_clients": most, "one": {n: round(v, 1) for n, v in one.items()}})
        say(f"   {margin:6} {bound:6} " + "".join(f"{v:8.1f} {v + log2(words / lanes):7.1f}" for v in one.values()) + f"   {most:5}")
    say(f"   By set: plaintext bits with n max (10^11 words in lanes of about 21 bits, 2^{TARGET})")
    by_set = {}
    for name, qs in found.items():
        total = sum(q.bit_length() for q in qs)
        most = lambda t: noise.most_clients(noise.largest_error(prod(qs), t), SIGMA, words / max(t // 21, 1), TARGET)
        by_set[name] = {total - m: most(total - m) for m in range(9, 14)}
        say(f"   {name:5} " + ", ".join(f"{bits} bits: n <= {n}" for bits, n in by_set[name].items()))
    return {"by_margin": rows, "by_set": by_set}


def sampler():
    say("\n7. Table of the error sampler: entries, log2 of statistical distance and chi-square of one sample; distance over 2^40, 2^48")
    rows = []
    for sigma in (6.4, 3.2):
        for bits in (31, 32, 48, 63, 64, 72, 80, 96, 112, 127, 128):
            entries, distance, chi2 = noise.table_distance(sigma, bits)
            rows.append({"sigma": sigma, "bits": bits, "entries": entries, "distance": round(distance, 1), "chi2": round(chi2, 1)})
            many = f"{distance + 40:7.1f}, {distance + 48:7.1f}"
            say(f"   sigma {sigma}, {bits:3} bits: {entries:3} entries, distance {distance:7.1f}, chi2 {chi2:7.1f}; {many}")
    thresholds = noise.table(SIGMA, 127)
    first = sum(t >> 64 < (1 << 63) - 1 for t in thresholds)
    say(f"   127 bits, sigma {SIGMA}: of {len(thresholds)} thresholds {first} have first 63 bits below 2^63 - 1; a 63-bit word equals one of these,")
    say(f"   or 2^63 - 1, with probability {first + 1} * 2^-63 = 2^{log2(first + 1) - 63:.1f}")
    return {"precision": rows, "thresholds_127": [f"{t:#034x}" for t in thresholds], "scanned": first}


def wire(found):
    say("\n8. Wire: bits sent over bits packed, 1.000 = the plain packed size; width w of a lane, margin 12")
    names = [n for n in found if n not in ("S44", "S46")]
    say("   w     " + "".join(f"{n:>8}" for n in names))
    for w in (8, 12, 14, 16, 17, 18, 20, 21, 22, 24, 28, 32):
        row = f"   {w:2}    "
        for name in names:
            total = sum(q.bit_length() for q in found[name])
            row += f"{total / ((total - 12) // w * w):8.3f}"
        say(row)


def main():
    here = Path(__file__).parent
    result = {"calibration": calibration()}
    found = set_primes()
    result["primes"] = found
    result["attacks"] = {n: {w: {k: round(v, 1) if isinstance(v, float) else v for k, v in r.items()} for w, r in t.items()}
                         for n, t in attack_table(found).items()}
    result["ceilings"] = ceilings()
    result["hint"] = hint()
    result["margins"] = margins(found)
    result["sampler"] = sampler()
    wire(found)
    (here / "output.txt").write_text("\n".join(lines) + "\n")
    (here / "output.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
