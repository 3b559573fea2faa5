"""The primes of the parameter sets: found, proved prime and given roots. Standard library only."""


def is_prime(n):
    """Miller-Rabin with the first twelve primes as bases: a proof below 3.18 * 10^23 (Sorenson, Webster 2015)."""
    bases = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    if n < 2 or n >= 318665857834031151167461:
        raise ValueError("outside the range of the proof")
    if any(n % p == 0 for p in bases):
        return n in bases
    d, s = n - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    return all(strong_probable_prime(n, a, d, s) for a in bases)


def strong_probable_prime(n, base, d, s):
    x = pow(base, d, n)
    if x in (1, n - 1):
        return True
    for _ in range(s - 1):
        x = x * x % n
        if x == n - 1:
            return True
    return False


def largest(bits, order, count):
    """The `count` largest primes below 2^bits that are 1 modulo `order`."""
    found, q = [], (1 << bits) - (1 << bits) % order + 1
    while len(found) < count:
        if q < 1 << bits and is_prime(q):
            found.append(q)
        q -= order
    return found


def root(q, order):
    """(g, g^((q-1)/order)) for the smallest g whose power is a primitive root of unity of that order (a power of two)."""
    if (q - 1) % order:
        raise ValueError(f"{q} is not 1 modulo {order}")
    for g in range(2, 1000):
        psi = pow(g, (q - 1) // order, q)
        if pow(psi, order // 2, q) == q - 1:
            return g, psi
    raise ValueError("no root found")


def smallest_root(q, order):
    """The smallest of the primitive roots of unity of that order: the odd powers of any one."""
    psi = root(q, order)[1]
    square, power, least = psi * psi % q, psi, psi
    for _ in range(order // 2):
        least, power = min(least, power), power * square % q
    return least
