"""Transcript files of sessions in which anybody may have signed anything, and how a vector writes a file that is nearly another.

`Forged` begins as the file of a session. Whatever is changed in it, all hashes and signatures behind the change are made again, so that the
change is the only fault.
"""

import functools
from dataclasses import replace

import core
import data
import masking
import recorder
from recorder import ALL_CHUNKS, OPENED_CHUNKS, PACKAGES, Chunks, File, Letter
from suite import H
from vec_common import SERVER

LISTS = {core.ADVERTS: core.ADVERT, core.DELIVERY: core.SHARES, core.SURVIVORS: core.MASKED_INPUT, core.AGREEMENT: core.CONSISTENCY}


class Forged:
    def __init__(self, run):
        self.run, self.desc, self.sid = run, run.desc, run.desc.sid
        self.messages = {kind: {m.client: m for m in run.messages if m.kind == kind} for kind in (*LISTS.values(), core.REVEAL)}
        self.messages[core.COMPLAINT] = dict(run.complaints)
        self.kept = set()  # (type, client) of messages that are not signed again
        # Changes by tag: of a body that is sent, of its letters, of messages that were received, of a whole part.
        self.bodies, self.letters, self.raws, self.parts = {}, {}, {}, {}
        s = run.server
        self.packages = {u: dict(s.packages[u]) for u in s.u2}
        self.uploads = {u: run.clients[u].upload for u in s.u3}
        self.root = getattr(s, "sum_root", None)
        self.leaves = recorder.sum_leaves(self.desc, s.sum) if self.root else []
        self.opened = None  # numbers of opened chunks, instead of all

    # changes

    def message(self, kind, u, kept=False, **changes):
        """Changes a client's message; one that is kept is as it is given, signature included."""
        self.messages[kind][u] = replace(self.messages[kind][u], **changes)
        if kept:
            self.kept.add((kind, u))
        return self

    def keep(self, message):
        """Puts a message in as it is."""
        self.messages[message.kind][message.client] = message
        self.kept.add((message.kind, message.client))
        return self

    def drop(self, kind, *clients):
        for u in clients:
            del self.messages[kind][u]
        return self

    def body(self, tag, change):
        self.bodies[tag] = change
        return self

    def letter(self, tag, change):
        self.letters[tag] = change
        return self

    def raw(self, tag, change):
        """change: of the list of encoded messages."""
        self.raws[tag] = change
        return self

    def part(self, tag, change):
        """change: of the bytes behind the tag; None takes the part out."""
        self.parts[tag] = change
        return self

    def redeal(self, dealer, holder, **changes):
        """Another package, with its digest in the dealing."""
        package = replace(self.packages[dealer][holder], **changes)
        self.packages[dealer][holder] = package
        dealing = core.Dealing.form(self.messages[core.SHARES][dealer].body)
        digests = [(v, package.digest(dealer, v) if v == holder else x) for v, x in dealing.digests]
        return self.message(core.SHARES, dealer, body=replace(dealing, digests=digests).encode())

    def upload(self, u, raw):
        """Another upload, with its root in the MaskedInput."""
        self.uploads[u] = raw
        body = core.masked_input_encode(masking.upload_root(self.desc, raw), self.desc.vector_len, self.desc.chunk_len)
        return self.message(core.MASKED_INPUT, u, body=body)

    def announce(self, leaves):
        """Another sum, by the leaves of its chunks."""
        self.leaves = leaves
        self.root = data.root_of_top(self.desc.vector_len, self.desc.chunk_len, data.tree(leaves))
        return self

    def sum(self, words):
        return self.announce(recorder.sum_leaves(self.desc, words))

    def drop_out(self, u):
        """A survivor that has sent nothing after its Shares: others reveal its mask root, and the sum is without it."""
        for kind in (core.MASKED_INPUT, core.CONSISTENCY, core.REVEAL):
            self.drop(kind, u)
        del self.uploads[u]
        for v in self.messages[core.REVEAL]:
            held = self.run.clients[v].shares_held
            rows = [(w, *(held[w][2:] if w in self.u3 else held[w][:2])) for w in self.u2]
            self.message(core.REVEAL, v, body=core.reveal_encode(rows))
        columns = zip(*(self.run.words[v] for v in self.u3))
        return self.sum([sum(column) % 2**self.desc.modulus_bits for column in columns])

    # the file

    @property
    def u1(self):
        return self._members(core.ADVERT)

    @property
    def u2(self):
        return self._members(core.SHARES)

    @property
    def u3(self):
        return self._members(core.MASKED_INPUT)

    def _members(self, kind):
        return [u for u in sorted(self.messages[kind]) if u in self.desc.ids]

    def signed(self, kind, prev):
        return [m if (kind, u) in self.kept else replace(m, prev=prev).sign(self.run.seed(u))
                for u, m in sorted(self.messages[kind].items())]

    def file(self):
        self.out, self.sent = File(self.desc.encode()), {}
        adverts = self._list(core.ADVERTS, self.sid, self.u1)
        self.h1 = core.transcript_1(self.sid, adverts)
        shares = self._list(core.DELIVERY, self.h1, self.u2)
        self.h2 = core.transcript_2(self.h1, shares)
        self._received(core.COMPLAINT, self.h1)
        inputs = self._list(core.SURVIVORS, self.h2, self.u2)
        self.h3 = core.transcript_3(self.desc, self.h2, self.u3, inputs)
        self._list(core.AGREEMENT, self.h3, self.u3)
        self._received(core.REVEAL, self.h3)
        self._rest()
        for tag, change in self.parts.items():
            if change is None:
                del self.out.parts[tag]
            else:
                self.out.parts[tag] = change(self.out.parts.get(tag, b""))
        return self.out

    def encode(self):
        return self.file().encode()

    def _list(self, tag, prev, recipients):
        entries = [m.entry() for m in self.signed(LISTS[tag], prev)]
        body = (core.survivors_encode(self.desc, self.u3, entries) if tag == core.SURVIVORS
                else core.entries_encode(entries))
        self._sent(tag, prev, body, recipients)
        return entries

    def _sent(self, tag, prev, body, recipients):
        body = self.bodies.get(tag, lambda b: b)(body)
        self.sent[tag] = body
        self.sign = functools.partial(self._sign, tag, prev, body)
        letters = [self.sign(v) for v in recipients]
        letters = self.letters.get(tag, lambda x: x)(letters)
        self.out.parts[tag] = recorder.sent(body, letters)

    def _sign(self, tag, prev, body, v):
        attachment = core.packages_encode(self._packages_for(v)) if tag == core.DELIVERY else b""
        message = core.Message(self.sid, tag, v, prev, body, attachment).sign(self.run.seed(SERVER))
        return Letter(v, message.signature, H("attachment", attachment) if tag == core.DELIVERY else b"")

    def _packages_for(self, v):
        dealers = [u for u in self.u2 if u != v and v in self.packages.get(u, {})]
        return [replace(self.packages[u][v], peer=u) for u in dealers]

    def _received(self, tag, prev):
        if self.messages[tag]:
            raws = [m.encode() for m in self.signed(tag, prev)]
            self.out.parts[tag] = recorder.received(self.raws.get(tag, lambda x: x)(raws))

    def _rest(self):
        pairs = recorder.opened_pairs(self.u2, self.u3)
        self.out.parts[PACKAGES] = recorder.packages([(u, self.packages[u][v]) for u, v in pairs if v in self.packages.get(u, {})])
        if self.root is None:
            return
        self._sent(core.ANNOUNCEMENT, self.h3, self.root, self.u3)
        tag = ALL_CHUNKS if self.opened is None else OPENED_CHUNKS
        chunks = self.chunks()
        self.out.parts[tag] = chunks.all() if self.opened is None else chunks.opened(self.opened)

    def chunks(self):
        size, desc = masking.wire_len(self.desc, self.desc.chunk_len), self.desc
        return Chunks([data.chunks(self.uploads[u], size, desc.vector_len, desc.chunk_len) for u in self.u3], self.leaves)


# --- a file by pieces of another -----------------------------------------------------------------------

WINDOW = 24  # bytes that a piece has at least


@functools.cache
def windows(base):
    out = {}
    for at in range(len(base) - WINDOW + 1):
        out.setdefault(base[at:at + WINDOW], []).append(at)
    return out


def common(a, i, b, j):
    """How many bytes a from i on and b from j on begin with alike."""
    size, most = 0, min(len(a) - i, len(b) - j)
    while size < most:
        step = 1
        while size + step <= most and a[i + size:i + size + step] == b[j + size:j + size + step]:
            size, step = size + step, step * 2
        if step == 1:
            break
    return size


def pieces(base, raw):
    """[first, end) of the base, or bytes that are not from it, which make up raw."""
    out, fresh, at = [], b"", 0
    while at < len(raw):
        found = windows(base).get(raw[at:at + WINDOW], [])[:16]
        if not found:
            fresh, at = fresh + raw[at:at + 1], at + 1
            continue
        out += [fresh] if fresh else []
        first = max(found, key=lambda j: common(base, j, raw, at))
        size = common(base, first, raw, at)
        out.append([first, first + size])
        fresh, at = b"", at + size
    return out + ([fresh] if fresh else [])


def joined(base, parts):
    return b"".join(part if isinstance(part, bytes) else base[part[0]:part[1]] for part in parts)
