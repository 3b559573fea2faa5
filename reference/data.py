"""Mask generator, masks, packing and Merkle roots (docs/protocol.md sections 11 and 12)."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from suite import H, Fault, kdf, require, u32, u64

BLOCK = 2**20


def lane(bits):
    return 4 if bits <= 32 else 8


def prg_key(sid, seed, block):
    return kdf(sid, "prg-block", seed, u64(block), 32)


def keystream(key, start, length):
    """Bytes start .. start + length of AES-256-CTR under key, from the all-zero counter block."""
    counter = (start // 16).to_bytes(16, "big")
    skip = start % 16
    cipher = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return cipher.update(bytes(skip + length))[skip:]


def prg(sid, seed, bits, start, count):
    """PRG(seed)[start .. start + count]."""
    w, out, p = lane(bits), [], start
    while p < start + count:
        block, o = divmod(p, BLOCK)
        k = min(BLOCK - o, start + count - p)
        stream = keystream(prg_key(sid, seed, block), o * w, k * w)
        out += [int.from_bytes(stream[i * w:(i + 1) * w], "little") % 2**bits for i in range(k)]
        p += k
    return out


def accumulate(words, mask, sign, bits):
    return [(x + sign * y) % 2**bits for x, y in zip(words, mask)]


def mask(sid, bits, words, me, self_seed, pair_seeds):
    """The masked vector of client `me`; pair_seeds: {other id: seed}."""
    out = accumulate(words, prg(sid, self_seed, bits, 0, len(words)), 1, bits)
    for v, seed in pair_seeds.items():
        out = accumulate(out, prg(sid, seed, bits, 0, len(words)), 1 if v > me else -1, bits)
    return out


def unmask(sid, bits, masked, self_seeds, dropped_pairs, start=0):
    """masked, self_seeds: by member of U3, from position `start` on; dropped_pairs: {(u in U3, v in D): seed}."""
    length = len(next(iter(masked.values())))
    out = [0] * length
    for words in masked.values():
        out = accumulate(out, words, 1, bits)
    for seed in self_seeds.values():
        out = accumulate(out, prg(sid, seed, bits, start, length), -1, bits)
    for (u, v), seed in dropped_pairs.items():
        out = accumulate(out, prg(sid, seed, bits, start, length), -1 if v > u else 1, bits)
    return out


def centred(word, bits):
    return word if word < 2 ** (bits - 1) else word - 2**bits


# --- section 12 ----------------------------------------------------------------------------------

def packed_len(count, bits):
    return (count * bits + 7) // 8


PACKED_TOGETHER = 64


def plane_widths(bits):
    """The powers of two that sum to bits, largest first."""
    return [w for w in (64, 32, 16, 8, 4, 2, 1) if bits & w]


def dense(words, bits):
    stream = 0
    for p, word in enumerate(words):
        stream |= word << p * bits
    return stream.to_bytes(packed_len(len(words), bits), "little")


def pack_block(words, bits):
    out, shift = b"", 0
    for w in plane_widths(bits):
        fields = [word >> shift & (2**w - 1) for word in words]
        if w >= 8:
            out += b"".join(f.to_bytes(w // 8, "little") for f in fields)
        else:
            m = 8 * w
            out += bytes(sum(f << w * k for k, f in enumerate(fields[i::m])) for i in range(m))
        shift += w
    return out


def unpack_block(data, bits):
    words, shift = [0] * PACKED_TOGETHER, 0
    for w in plane_widths(bits):
        plane, data = data[:8 * w], data[8 * w:]
        for i in range(PACKED_TOGETHER):
            if w >= 8:
                field = int.from_bytes(plane[i * w // 8:(i + 1) * w // 8], "little")
            else:
                field = plane[i % (8 * w)] >> i // (8 * w) * w & (2**w - 1)
            words[i] |= field << shift
        shift += w
    return words


def pack(words, bits):
    assert all(0 <= word < 2**bits for word in words)
    whole = len(words) // PACKED_TOGETHER * PACKED_TOGETHER
    blocks = [pack_block(words[i:i + PACKED_TOGETHER], bits) for i in range(0, whole, PACKED_TOGETHER)]
    return b"".join(blocks) + dense(words[whole:], bits)


def unpack(data, bits, count, any_padding=False):
    require(len(data) == packed_len(count, bits), 207)
    whole, size, words = count // PACKED_TOGETHER, 8 * bits, []
    for i in range(whole):
        words += unpack_block(data[i * size:(i + 1) * size], bits)
    stream, tail = int.from_bytes(data[whole * size:], "little"), count % PACKED_TOGETHER
    require(any_padding or stream >> tail * bits == 0, 213)
    return words + [stream >> p * bits & (2**bits - 1) for p in range(tail)]


def chunks(packed, chunk_bytes, vector_len, chunk_len):
    """The chunks of a packed vector or an upload; every one begins on a byte, and all but the last have this size."""
    count = (vector_len + chunk_len - 1) // chunk_len
    return [packed[i * chunk_bytes:(i + 1) * chunk_bytes] for i in range(count)]


def leaf(i, chunk):
    return H("leaf", u64(i), chunk)


def node(a, b):
    return H("node", a, b)


def left(k):
    """How many of k leaves are in the left subtree: the largest power of two less than k."""
    return 1 << (k - 1).bit_length() - 1


def tree(leaves):
    if len(leaves) == 1:
        return leaves[0]
    split = left(len(leaves))
    return node(tree(leaves[:split]), tree(leaves[split:]))


def root_of_top(vector_len, chunk_len, top):
    return H("root", u64(vector_len), u32(chunk_len), top)


def root_of_chunks(parts, vector_len, chunk_len):
    return root_of_top(vector_len, chunk_len, tree([leaf(i, c) for i, c in enumerate(parts)]))


def merkle_root(packed, bits, vector_len, chunk_len):
    """Of wire words of b bits: a sum, or an upload under pairwise masks."""
    parts = chunks(packed, chunk_len * bits // 8, vector_len, chunk_len)
    return root_of_chunks(parts, vector_len, chunk_len)


def check_input(desc, words):
    """Error 603 of section 16: range and exact bound of the input words."""
    for w in words:
        if not 0 <= w < 2**desc.modulus_bits:
            raise Fault(603)
        if desc.bound_kind == 0x01 and abs(centred(w, desc.modulus_bits)) > desc.bound:
            raise Fault(603)
