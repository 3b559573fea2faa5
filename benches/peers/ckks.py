"""TenSEAL's CKKS as the comparison runs it: `ckks.py RUNS`.

One client encrypts a vector of 10^6 numbers and makes bytes of it; the server reads 90 uploads and adds them, and makes bytes of the
sum; a client decrypts. All 90 additions are run, each on bytes that are read anew. Prints one line of JSON.
"""

import json
import sys
import time

import numpy as np
import tenseal as ts

SURVIVORS, VALUES = 90, 1_000_000


def cpu(work):
    """Result and processor seconds."""
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def main():
    runs = int(sys.argv[1])
    # NVFlare's parameters: encryption under the secret key, which all clients share.
    context = ts.context(
        ts.SCHEME_TYPE.CKKS,
        poly_modulus_degree=8192,
        coeff_mod_bit_sizes=[60, 40, 40],
        encryption_type=ts.ENCRYPTION_TYPE.SYMMETRIC,
        n_threads=1,
    )
    context.global_scale = 2**40
    public = ts.context_from(context.serialize(save_secret_key=False), n_threads=1)
    values = np.random.default_rng(1).normal(0, 1, VALUES)

    client, server, decryption, sent = [], [], [], 0
    for _ in range(runs):
        upload, seconds = cpu(lambda: ts.ckks_vector(context, values).serialize())
        client.append(seconds)
        sent = len(upload)

        def add():
            total = ts.ckks_vector_from(public, upload)
            for _ in range(SURVIVORS - 1):
                total += ts.ckks_vector_from(public, upload)
            return total.serialize()

        total, seconds = cpu(add)
        server.append(seconds)
        decrypted, seconds = cpu(lambda: np.array(ts.ckks_vector_from(context, total).decrypt()))
        decryption.append(seconds)
        assert np.abs(decrypted / SURVIVORS - values).max() < 1e-6, "the mean is wrong"
    # Every client decrypts the sum: it is a part of a client's work.
    client = [a + b for a, b in zip(client, decryption, strict=True)]
    print(json.dumps({"peer": "TenSEAL CKKS", "part": "all", "client": client, "server": server, "bytes": sent}))


if __name__ == "__main__":
    main()
