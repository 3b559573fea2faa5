"""Vectors of whole sessions: every message, every upload, and every value on the way."""

import copy
from dataclasses import dataclass, field

import client
import core
import data
import server
from sharing import KIND_B, KIND_M
from suite import Fault
from vec_common import SERVER, descriptor_json, hexed, identity_seed, random_stream, rnd, scalar


def inputs(name, desc, u):
    """Input words inside the exact bound (or, for a tail, an equal share of it), with the extremes first."""
    bound = desc.bound if desc.bound_kind == core.EXACT else desc.bound // desc.n
    words = [bound, -bound, 0, -1]
    for p in range(4, desc.vector_len):
        r = int.from_bytes(rnd(f"{name}/input/{u}/{p}", 16), "little")
        words.append(r % (2 * bound + 1) - bound)
    if desc.vector_len == 1:
        words = [-bound if u % 2 else bound - u]
    return [w % 2**desc.modulus_bits for w in words[:desc.vector_len]]


@dataclass
class Run:
    """A session that was played: every message in order, and copies of the parties before each round."""

    name: str
    desc: core.Descriptor
    words: dict
    messages: list = field(default_factory=list)
    before: dict = field(default_factory=dict)  # (client id or "server", round): party
    server: object = None  # the server and the clients at the end
    clients: dict = None
    fault: Fault = None
    complaints: dict = field(default_factory=dict)

    def keep(self, who, number, party):
        """A copy of a party as it is before it takes a message of this round."""
        self.before[who, number] = copy.deepcopy(party)

    def sent(self, message):
        self.messages.append(message)
        return message.encode()

    def sent_to_each(self, to_each):
        return {v: self.sent(m) for v, m in to_each.items()}

    def message(self, kind, u):
        return next(m for m in self.messages if (m.kind, m.client) == (kind, u))

    def seed(self, who):
        return identity_seed(self.name, who)


def make_clients(name, desc, kinds=None):
    kinds = kinds or {}
    return {u: kinds.get(u, client.Client)(desc, u, identity_seed(name, u), random_stream(name, u))
            for u in desc.ids}


def run_session(name, desc, no_advert=(), no_shares=(), no_input=(), no_consistency=(), no_reveal=(), kinds=None, complains=()):
    """Plays a session in which some clients are gone from a round on; kinds: who is not honest, and how; complains: who has to.

    What ends a dishonest session is in `fault`.
    """
    run = Run(name, desc, {u: inputs(name, desc, u) for u in desc.ids}, clients=make_clients(name, desc, kinds))
    s = run.server = server.Server(desc, identity_seed(name, SERVER))
    run.keep(SERVER, 0, s)
    for u in desc.ids:
        if u not in no_advert:
            s.accept_advert(run.sent(run.clients[u].join()))
    adverts = run.sent_to_each(s.close_adverts())
    run.keep(SERVER, 1, s)
    for u in s.u1:
        run.keep(u, 0, run.clients[u])
        if u not in no_shares:
            s.accept_shares(run.sent(run.clients[u].on_adverts(adverts[u])))
    inputs_and_rest(run, no_input, no_consistency, no_reveal, complains)
    return run


def inputs_and_rest(run, no_input, no_consistency, no_reveal, complains):
    s, clients = run.server, run.clients
    deliveries = run.sent_to_each(s.close_shares())
    run.keep(SERVER, 2, s)
    for u in s.u2:
        run.keep(u, 1, clients[u])
        complaint = clients[u].on_delivery(deliveries[u])
        assert (complaint is not None) == (u in complains)
        if complaint:
            run.complaints[u] = complaint
        if u not in no_input:
            upload, message = clients[u].mask(run.words[u])
            s.accept_input(upload, run.sent(message))
    survivors = run.sent_to_each(s.close_inputs())
    run.keep(SERVER, 3, s)
    for u in s.u3:
        run.keep(u, 2, clients[u])
        if u not in no_consistency:
            s.accept_consistency(run.sent(clients[u].on_survivors(survivors[u])))
    agreement = run.sent_to_each(s.close_consistency())
    run.keep(SERVER, 4, s)
    here = [u for u in s.agreed if u not in no_reveal]
    for u in here:
        run.keep(u, 3, clients[u])
        s.accept_reveal(run.sent(clients[u].on_agreement(agreement[u])))
        run.keep(u, 4, clients[u])
    try:
        finish(run, here)
    except Fault as fault:
        run.fault = fault


def finish(run, here):
    s, clients, desc = run.server, run.clients, run.desc
    announcements = run.sent_to_each(s.close_reveals())
    for u in here:
        clients[u].on_announcement(announcements[u], s.sum)
        assert clients[u].h4 == s.h4
    columns = zip(*(run.words[u] for u in s.u3))
    assert s.sum == [sum(column) % 2**desc.modulus_bits for column in columns]


# --- as JSON -----------------------------------------------------------------------------------------

def unfinished_json(run):
    """What leads to any state of a session without a sum."""
    return hexed({
        "name": run.name, "descriptor": descriptor_json(run.desc), "server_identity_seed": run.seed(SERVER),
        "clients": [{k: v for k, v in client_json(run, c).items() if k != "derived"} for c in run.clients.values()],
        "messages": [message_json(m) for m in run.messages]})


def session_json(run):
    assert run.fault is None, run.fault
    s, bits = run.server, run.desc.modulus_bits
    return hexed({
        "name": run.name, "descriptor": descriptor_json(run.desc), "server_identity_seed": run.seed(SERVER),
        "clients": [client_json(run, c) for c in run.clients.values()],
        "u1": s.u1, "u2": s.u2, "u3": s.u3,
        "h0": s.sid, "h1": s.h1, "h2": s.h2, "h3": s.h3, "h4": s.h4,
        "messages": [message_json(m) for m in run.messages],
        "derived": server_derived(s) | {"sum_packed": data.pack(s.sum, bits)},
        "sum": s.sum, "sum_centred": [data.centred(w, bits) for w in s.sum],
        "sum_root": s.sum_root})


def message_json(m):
    sender = "server" if m.kind in core.FROM_SERVER else "client"
    return {"from": sender, "client": m.client, "type": m.kind, "name": core.NAMES[m.kind],
            "message": m.encode()}


def server_derived(s):
    return {
        "recovered": [{"id": u, "secret": "b" if u in s.u3 else "m", "value": scalar(s.recovered[u])}
                      for u in s.u2],
        "self_seeds": [{"id": u, "seed": seed} for u, seed in s.self_seeds.items()],
        "dropped_pairs": [{"survivor": u, "dropped": v, "seed": seed}
                          for (u, v), seed in sorted(s.dropped_pairs.items())]}


def client_json(run, c):
    out = {"id": c.me, "identity_seed": c.identity_seed, "input": run.words[c.me]}
    if hasattr(c, "m"):
        draws = (5 if c.error_seed else 4) + len(getattr(c, "envelopes", {}))
        drawn, secret_bytes = c.stream.consumed(), 64 * draws
        out |= {"random": drawn[:secret_bytes], "weights": drawn[secret_bytes:], "derived": client_derived(c)}
    if hasattr(c, "upload"):
        out["upload"] = c.upload
    return out


def client_derived(c):
    """What only the inside of an implementation sees."""
    out = {"index": c.index, "m": scalar(c.m), "b": scalar(c.b), "channel_sk": c.channel_sk,
           "mask_sk": c.mask_sk}
    if c.error_seed:
        out["error_seed"] = c.error_seed
    if hasattr(c, "polynomials"):
        out["coefficients"] = {
            key: {"f": [scalar(x) for x in c.polynomials[kind][0]],
                  "g": [scalar(x) for x in c.polynomials[kind][1]]}
            for key, kind in (("m", KIND_M), ("b", KIND_B))}
        out["envelopes"] = [
            {"holder": v, "coins": e.coins, "shared_secret": e.shared_secret, "key": e.key, "kc": e.kc,
             "plaintext": e.plaintext} for v, e in c.envelopes.items()]
        out["mask_encapsulations"] = [
            {"peer": v, "coins": coins, "ciphertext": ct, "shared_secret": ss, "pair_seed": seed}
            for v, (coins, ct, ss, seed) in c.mask_encaps.items()]
    if hasattr(c, "pair_seeds"):
        out |= {"self_seed": c.self_seed,
                "pair_seeds": [{"peer": v, "seed": s} for v, s in c.pair_seeds.items()],
                "shares_held": [{"dealer": u, "scalars": [scalar(x) for x in s]}
                                for u, s in sorted(c.shares_held.items())]}
    if hasattr(c, "root"):
        out["root"] = c.root
    return out
