"""What the kind of mask changes in the data plane (docs/protocol.md section 12, "masking back ends")."""

import data
import lattice


def wire_len(desc, words):
    """Bytes of a range of an upload."""
    if desc.geometry:
        return desc.geometry.wire_len(words)
    return data.packed_len(words, desc.modulus_bits)


def upload_len(desc):
    return wire_len(desc, desc.vector_len)


def upload_root(desc, upload):
    parts = data.chunks(upload, wire_len(desc, desc.chunk_len), desc.vector_len, desc.chunk_len)
    return data.root_of_chunks(parts, desc.vector_len, desc.chunk_len)


def read_range(desc, raw, words):
    """The words of a range of an upload, whose padding is checked; of lattice masks the bytes, of which any are good."""
    return raw if desc.geometry else data.unpack(raw, desc.modulus_bits, words)


def read_upload(desc, upload):
    return read_range(desc, upload, desc.vector_len)


def mask(desc, words, me, self_seed, pair_seeds, error_seed):
    """The upload of client `me`."""
    if desc.geometry:
        terms = lattice.client_terms(me, self_seed, pair_seeds)
        return lattice.mask(desc.sid, desc.geometry, desc.modulus_bits, words, terms, error_seed)
    return data.pack(data.mask(desc.sid, desc.modulus_bits, words, me, self_seed, pair_seeds), desc.modulus_bits)


def unmask(desc, uploads, self_seeds, dropped_pairs):
    """uploads: by member of U3, as `read_upload` gives them."""
    return unmask_range(desc, uploads, self_seeds, dropped_pairs, 0, desc.vector_len)


def unmask_range(desc, ranges, self_seeds, dropped_pairs, start, end):
    """The sum at these positions; ranges: by member of U3, as `read_range` gives them."""
    if desc.geometry:
        terms = lattice.sum_terms(self_seeds, dropped_pairs)
        return lattice.unmask(desc.sid, desc.geometry, desc.modulus_bits, list(ranges.values()), terms, end, start)
    return data.unmask(desc.sid, desc.modulus_bits, ranges, self_seeds, dropped_pairs, start)
