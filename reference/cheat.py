"""A client of the example `file_drop` that deals a bad share to one holder: `cheat.py client .. --victim ID`. For interop.py."""

import sys

import client
import file_drop
import sharing


class Cheat(client.Client):
    victim = None

    def _plaintext(self, holder):
        share = self._share(self.desc.index(holder))
        if holder == self.victim:
            share[0] += 1
        return sharing.plaintext_encode(*share)


def main():
    *sys.argv[1:], option, victim = sys.argv[1:]
    if option != "--victim":
        sys.exit(__doc__)
    Cheat.victim = int(victim)
    file_drop.main(Cheat)


if __name__ == "__main__":
    main()
