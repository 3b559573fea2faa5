"""Flower's SecAgg+ as the comparison runs it, through the functions of `flwr.common.secure_aggregation`.

`flower.py RUNS data-plane` masks, adds and unmasks, with seeds that are there already.
`flower.py RUNS protocol` does also what the seeds cost: key agreement, Shamir shares, and their encryption.

Every client shares with every other, as SecAgg and the other side of the comparison do: 99 neighbors, Flower's `num_shares` = 100.
The arithmetic, its order and the constants are those of Flower's own client and server. Prints one line of JSON.
"""

import json
import os
import sys
import time

import numpy as np
from flwr.common import bytes_to_ndarray, ndarray_to_bytes
from flwr.common.secure_aggregation import ndarrays_arithmetic as arithmetic
from flwr.common.secure_aggregation.crypto.shamir import combine_shares, create_shares
from flwr.common.secure_aggregation.crypto.symmetric_encryption import decrypt, encrypt, generate_shared_key
from flwr.common.secure_aggregation.quantization import dequantize, quantize
from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen, share_keys_plaintext_concat
from flwr.supercore.primitives.asymmetric import (
    bytes_to_private_key,
    bytes_to_public_key,
    generate_key_pairs,
    private_key_to_bytes,
    public_key_to_bytes,
)

# Flower's defaults.
CLIP, TARGET, MODULUS = 8.0, 1 << 22, 1 << 32


class Round:
    """A round of some clients, of whom the last ones drop out after the others have masked against them."""

    def __init__(self, clients, dropped, values):
        self.clients, self.survivors = clients, clients - dropped
        self.values = np.random.default_rng(1).normal(0, 1, values).astype(np.float32)
        # Flower's threshold is a choice of its user; this is the other side's.
        self.threshold = clients - (clients - 1) // 3
        self.own_seeds = [os.urandom(32) for _ in range(clients)]
        self.pairs = {}

    def pair_seed(self, a, b):
        key = (min(a, b), max(a, b))
        return self.pairs.setdefault(key, os.urandom(32))

    def upload(self, client, seeds):
        """A client's data plane: quantize, mask against all neighbors, make bytes. `seeds` gives the seed of each neighbor."""
        words = arithmetic.factor_combine(TARGET, quantize([self.values], CLIP, TARGET))
        shapes = arithmetic.get_parameters_shape(words)
        words = arithmetic.parameters_addition(words, pseudo_rand_gen(self.own_seeds[client], MODULUS, shapes))
        for other in range(self.clients):
            if other != client:
                mask = pseudo_rand_gen(seeds(other), MODULUS, shapes)
                combine = arithmetic.parameters_addition if client > other else arithmetic.parameters_subtraction
                words = combine(words, mask)
        return [ndarray_to_bytes(array) for array in arithmetic.parameters_mod(words, MODULUS)]

    def add(self, uploads):
        """The server's sum of the masked vectors."""
        total = None
        for upload in uploads:
            arrays = [bytes_to_ndarray(array) for array in upload]
            total = arrays if total is None else arithmetic.parameters_addition(total, arrays)
        return arithmetic.parameters_mod(total, MODULUS)

    def unmask(self, total, own_seed, pair_seed):
        """Takes the masks off and makes the mean. The functions give, or recover, the seeds."""
        shapes = arithmetic.get_parameters_shape(total)
        for survivor in range(self.survivors):
            total = arithmetic.parameters_subtraction(total, pseudo_rand_gen(own_seed(survivor), MODULUS, shapes))
        for dropped in range(self.survivors, self.clients):
            for survivor in range(self.survivors):
                mask = pseudo_rand_gen(pair_seed(dropped, survivor), MODULUS, shapes)
                # The survivor has the lower number: it subtracted.
                total = arithmetic.parameters_addition(total, mask)
        factor, total = arithmetic.factor_extract(arithmetic.parameters_mod(total, MODULUS))
        mean = dequantize(total, CLIP, TARGET)[0]
        mean -= (self.survivors - 1) * CLIP
        return mean * (TARGET / factor)


def data_plane_check():
    """A small round with every client's true upload: what is timed below gives the mean."""
    small = Round(7, 2, 1000)
    uploads = [small.upload(client, lambda other: small.pair_seed(client, other)) for client in range(small.survivors)]
    mean = small.unmask(small.add(uploads), lambda client: small.own_seeds[client], small.pair_seed)
    worst = float(np.abs(mean - small.values).max())
    assert worst < 4 * CLIP / TARGET, f"the mean is off by {worst}"


def cpu(work):
    """Result and processor seconds."""
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def data_plane(full):
    upload, client = cpu(lambda: full.upload(full.survivors - 1, lambda other: full.pair_seed(full.survivors - 1, other)))
    # The sum and the masks cost the same whatever they are: all uploads are this one. The check above used true ones.
    total, adding = cpu(lambda: full.add([upload] * full.survivors))
    _, unmasking = cpu(lambda: full.unmask(total, lambda c: full.own_seeds[c], full.pair_seed))
    return client, adding + unmasking, sum(map(len, upload))


def protocol(full):
    """One client's steps in full, and the server's. Every other client's keys are two key pairs, the same ones."""
    me, others = full.survivors - 1, full.clients - 1
    other1, other2 = generate_key_pairs(), generate_key_pairs()

    def advertise():
        first, second = generate_key_pairs(), generate_key_pairs()
        return [(private_key_to_bytes(secret), public_key_to_bytes(public)) for secret, public in (first, second)]

    (first, second), advertising = cpu(advertise)
    public1, public2 = public_key_to_bytes(other1[1]), public_key_to_bytes(other2[1])

    def share():
        own = create_shares(full.own_seeds[me], full.threshold, full.clients)
        key = create_shares(first[0], full.threshold, full.clients)
        agreed = [generate_shared_key(bytes_to_private_key(second[0]), bytes_to_public_key(public2)) for _ in range(others)]
        texts = [share_keys_plaintext_concat(me, other, own[other], key[other]) for other in range(others)]
        return own, key, agreed, [encrypt(k, text) for k, text in zip(agreed, texts, strict=True)]

    (own, key, agreed, sealed), sharing = cpu(share)

    def mask():
        for k, text in zip(agreed, sealed, strict=True):
            decrypt(k, text)
        return full.upload(me, lambda _: generate_shared_key(bytes_to_private_key(first[0]), bytes_to_public_key(public1)))

    upload, masking = cpu(mask)
    sent = len(first[1]) + len(second[1]) + sum(map(len, sealed)) + sum(map(len, upload)) + full.clients * len(own[0])

    # Every survivor sends its share of every secret; Flower's server combines all that it has got.
    def own_seed(_):
        return combine_shares(own[: full.survivors])

    recovered = {}

    def pair_seed(dropped, _):
        if dropped not in recovered:
            recovered[dropped] = combine_shares(key[: full.survivors])
        return generate_shared_key(bytes_to_private_key(recovered[dropped]), bytes_to_public_key(public1))

    total, adding = cpu(lambda: full.add([upload] * full.survivors))
    _, unmasking = cpu(lambda: full.unmask(total, own_seed, pair_seed))
    assert set(recovered.values()) == {first[0]}, "the shares give another secret"
    return advertising + sharing + masking, adding + unmasking, sent


def main():
    runs, part = int(sys.argv[1]), sys.argv[2]
    data_plane_check()
    full = Round(100, 10, 1_000_000)
    results = [{"data-plane": data_plane, "protocol": protocol}[part](full) for _ in range(runs)]
    client, server, sent = zip(*results, strict=True)
    print(json.dumps({"peer": "Flower SecAgg", "part": part, "client": client, "server": server, "bytes": sent[-1]}))


if __name__ == "__main__":
    main()
