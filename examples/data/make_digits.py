"""Write digits.csv.gz: the 1,797 handwritten digits shipped with scikit-learn.

Usage: python make_digits.py   (needs the Python package scikit-learn)

One line per image: 64 grey values (0 to 16, row by row), then the digit shown.
The gzip header carries neither a time nor a file name, so that running the
script twice gives the same bytes.
"""

import gzip
import hashlib
from pathlib import Path

from sklearn.datasets import load_digits


def digits_as_csv() -> bytes:
    """Return the data set as comma-separated text, one image per line."""
    digits = load_digits()
    lines = []
    for pixels, label in zip(digits.data, digits.target):
        values = [int(value) for value in pixels]
        assert all(0 <= value <= 16 for value in values)
        assert values == list(pixels), "grey values must be whole numbers"
        lines.append(",".join(map(str, [*values, label])) + "\n")
    return "".join(lines).encode("ascii")


def write_gzip(path: Path, content: bytes) -> None:
    """Compress `content` into `path` with an empty name and time zero."""
    with path.open("wb") as raw:
        with gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0) as packed:
            packed.write(content)


def main() -> None:
    content = digits_as_csv()
    path = Path(__file__).with_name("digits.csv.gz")
    write_gzip(path, content)
    print(hashlib.sha256(path.read_bytes()).hexdigest(), path.name)
    print(hashlib.sha256(content).hexdigest(), path.stem)


if __name__ == "__main__":
    main()
