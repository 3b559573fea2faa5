"""edwards25519 and ristretto255 in plain Python.

RFC 9496 (ristretto255: decoding 4.3.1, encoding 4.3.2, one-way map 4.3.4) and the strict checks of
Ed25519 keys and signatures of section 3 of docs/protocol.md. Nothing here is constant time: it is a
reference for test vectors, not for secrets.
"""

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
# The constants of RFC 9496 section 4.1; the tests check what they are.
SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235
INVSQRT_A_MINUS_D = 54469307008909316920995813868745141605393597292927456921205312896311721017578
ONE_MINUS_D_SQ = 1159843021668779879193775521855586647937357759715417654439879720876111806838
D_MINUS_ONE_SQ = 40440834346308536858101042469323190826248399146238708352240133220865137265952


# --- field -------------------------------------------------------------------------------------

def _negative(x):
    return x & 1 == 1


def _abs(x):
    return P - x if x & 1 else x


def sqrt_ratio_m1(u, v):
    """(was_square, sqrt(u/v) or sqrt(SQRT_M1*u/v)), the root non-negative (RFC 9496 section 4.2)."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    correct, flipped, flipped_i = check == u % P, check == -u % P, check == -u * SQRT_M1 % P
    if flipped or flipped_i:
        r = r * SQRT_M1 % P
    return correct or flipped, _abs(r)


# --- edwards25519, extended coordinates (X : Y : Z : T) -----------------------------------------

ZERO = (0, 1, 1, 0)


def add(p, q):
    """Complete addition for a = -1 (RFC 8032 section 5.1.4)."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def double(p):
    a, b, c = p[0] * p[0] % P, p[1] * p[1] % P, 2 * p[2] * p[2] % P
    h = a + b
    e = h - (p[0] + p[1]) ** 2
    g = a - b
    f = c + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def mul(k, p):
    """k * p for 0 <= k, with windows of 4 bits."""
    table = [ZERO, p]
    for _ in range(14):
        table.append(add(table[-1], p))
    out = ZERO
    for digit in f"{k:x}":
        out = double(double(double(double(out))))
        if digit != "0":
            out = add(out, table[int(digit, 16)])
    return out


def edwards_equal(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def edwards_decode(data):
    """RFC 8032 section 5.1.3, canonical only; None if refused."""
    n = int.from_bytes(data, "little")
    y, sign = n & (2**255 - 1), n >> 255
    if len(data) != 32 or y >= P:
        return None
    square, x = sqrt_ratio_m1(y * y - 1, D * y * y + 1)
    if not square or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def edwards_encode(p):
    z = pow(p[2], -1, P)
    x, y = p[0] * z % P, p[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def small_order(p):
    return edwards_equal(double(double(double(p))), ZERO)


def strict_point(data):
    """Section 3: a canonical encoding of a point that has not small order."""
    p = edwards_decode(data)
    return p is not None and not small_order(p)


BASE = edwards_decode(bytes.fromhex("5866666666666666666666666666666666666666666666666666666666666666"))


# --- ristretto255 --------------------------------------------------------------------------------

def decode(data):
    """RFC 9496 section 4.3.1; None if refused."""
    s = int.from_bytes(data, "little")
    if len(data) != 32 or s >= P or _negative(s):
        return None
    ss = s * s % P
    u1, u2 = (1 - ss) % P, (1 + ss) % P
    u2_sqr = u2 * u2 % P
    v = (-(D * u1 * u1) - u2_sqr) % P
    was_square, invsqrt = sqrt_ratio_m1(1, v * u2_sqr % P)
    den_x = invsqrt * u2 % P
    den_y = invsqrt * den_x * v % P
    x = _abs(2 * s * den_x % P)
    y = u1 * den_y % P
    t = x * y % P
    if not was_square or _negative(t) or y == 0:
        return None
    return x, y, 1, t


def encode(p):
    """RFC 9496 section 4.3.2."""
    x0, y0, z0, t0 = p
    u1 = (z0 + y0) * (z0 - y0) % P
    u2 = x0 * y0 % P
    _, invsqrt = sqrt_ratio_m1(1, u1 * u2 * u2 % P)
    den1, den2 = invsqrt * u1 % P, invsqrt * u2 % P
    z_inv = den1 * den2 * t0 % P
    if _negative(t0 * z_inv % P):
        x, y, den_inv = y0 * SQRT_M1 % P, x0 * SQRT_M1 % P, den1 * INVSQRT_A_MINUS_D % P
    else:
        x, y, den_inv = x0, y0, den2
    if _negative(x * z_inv % P):
        y = -y % P
    return _abs(den_inv * (z0 - y) % P).to_bytes(32, "little")


def equal(p, q):
    """RFC 9496 section 4.3.3."""
    return (p[0] * q[1] - p[1] * q[0]) % P == 0 or (p[1] * q[1] - p[0] * q[0]) % P == 0


def _map(t):
    r = SQRT_M1 * t * t % P
    u = (r + 1) * ONE_MINUS_D_SQ % P
    v = (-1 - r * D) * (r + D) % P
    was_square, s = sqrt_ratio_m1(u, v)
    c = P - 1
    if not was_square:
        s, c = -_abs(s * t % P) % P, r
    n = (c * (r - 1) * D_MINUS_ONE_SQ - v) % P
    w0, w1 = 2 * s * v % P, n * SQRT_AD_MINUS_ONE % P
    w2, w3 = (1 - s * s) % P, (1 + s * s) % P
    return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P


def one_way_map(data):
    """RFC 9496 section 4.3.4 on 64 bytes."""
    halves = [int.from_bytes(data[i:i + 32], "little") % 2**255 % P for i in (0, 32)]
    return add(_map(halves[0]), _map(halves[1]))


# --- scalars (section 2) ---------------------------------------------------------------------------

def scalar_reduce(data):
    return int.from_bytes(data, "little") % L


def scalar_encode(k):
    return (k % L).to_bytes(32, "little")


def scalar_decode(data):
    """A canonical scalar; None if refused."""
    k = int.from_bytes(data, "little")
    return k if len(data) == 32 and k < L else None
