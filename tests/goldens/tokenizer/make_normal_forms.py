#!/usr/bin/env python3
"""Normal forms by Python's unicodedata, for normalizer_test.cpp.

    make_normal_forms.py OUT     writes OUT/texts.bin and OUT/NFC.bin, NFD.bin, NFKC.bin, NFKD.bin

Every assigned character alone, every mark among others, and random sequences. The files are as
those of make_cases.py.
"""

import pathlib
import random
import struct
import sys
import unicodedata


def blobs(path, records):
    with open(path, "wb") as file:
        file.write(struct.pack("<I", len(records)))
        for record in records:
            file.write(struct.pack("<I", len(record)) + record)


def main():
    out = pathlib.Path(sys.argv[1])
    assigned = [
        chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")
    ]
    marks = [c for c in assigned if unicodedata.category(c).startswith("M")]
    changing = [c for c in assigned if unicodedata.normalize("NFKD", c) != c]
    rng = random.Random(1)
    texts = list(assigned)
    texts += ["a\u0301" + c + "\u0323e" + c + "\u0345" for c in marks]
    for pool in (marks, changing, marks + changing, assigned, marks + list("aeiouAEIOUnN가각각")):
        texts += ["".join(rng.choices(pool, k=rng.randint(1, 8))) for _ in range(8000)]
    blobs(out / "texts.bin", [text.encode() for text in texts])
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        blobs(out / f"{form}.bin", [unicodedata.normalize(form, text).encode() for text in texts])


if __name__ == "__main__":
    main()
