#!/usr/bin/env python3
"""Makes golden/: two small tokenizers and hard strings with the ids that the tokenizers package
gives them, so that tokenizer_test.cpp needs no Python.

    make_golden.py
"""

import json
import pathlib
import random

import corpus
import make_cases
from make_cases import AddedToken, Regex, Tokenizer, models, normalizers, pre, special

OUT = pathlib.Path(__file__).parent / "golden"

HARD = [
    b"", b" ", b"  ", b"\n", b"a", b"\x00", b"Hello, world!", b"I'M they'Ll don't '\xc5\xbfx",
    b"tabs\t\tand\r\n\r\nlines \n \n x", b"   leading and trailing   ", b"1234567890 12 3",
    "漢字かな交じり文，。！".encode(), "e\u0301 é a\u0323\u0302 \u1e69 \u212b".encode(),
    "한국어 \u1112\u1161\u11ab".encode(), "👩‍👩‍👧‍👦🇩🇪🏴󠁧󠁢󠁳󠁣󠁴󠁿".encode(), "\u180e\u3000\u200b\u2028\u00a0x".encode(),
    b"<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", b"<|im_end|><|im_end|x> <|im_end|",
    b"  <|pad|>  x<|pad|>\n\ny", b"the other then the", b"\xff\xfe\x80", b"\xe4\xbd", b"ab\xe4\xbdcd",
    b"\xf0\x9f\x98 \xf0\x9f\x98\x80", b"\xed\xa0\x80\xed\xb0\x80", b"\xc0\x80\xf5\x80\x80\x80",
    b"x" * 300, b"ab" * 100, b" " * 70, "é".encode() * 90, b"def f(x):\n    return x ** 2  # ok\n",
    "₀¹½Ⅷ①१२३".encode(), "ǅ ŉ İi ı ß ẞ ﬁ".encode(), b"https://example.org/?q=%20#x_y-z",
]


def strings():
    rng = random.Random(5)
    maker = corpus.Maker(rng, ["<|im_start|>", "<|im_end|>", "<|pad|>"])
    out = HARD + [s.encode() for s in corpus.SENTENCES]
    out += [maker.mixture() for _ in range(8)] + [maker.invalid() for _ in range(8)]
    return out


def bytes_tokenizer():
    tokenizer = make_cases.byte_level(
        normalizers.NFC(),
        pre.Split(Regex(make_cases.LLAMA3), "isolated"),
        pre.ByteLevel(False, use_regex=False),
    )
    make_cases.train(tokenizer, corpus.SENTENCES * 2, 800)
    tokenizer.add_special_tokens(
        [special("<|im_start|>"), special("<|im_end|>"), special("<|pad|>", lstrip=True, rstrip=True)]
    )
    tokenizer.add_tokens([AddedToken("the", single_word=True, normalized=True)])
    tokenizer.post_processor = make_cases.processors.TemplateProcessing(
        single="<|im_start|> $A <|im_end|>",
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("<|im_start|>", "<|im_end|>")],
    )
    return tokenizer


def characters_tokenizer():
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    d = make_cases.decoders
    tokenizer.decoder = d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    trainer = make_cases.trainers.BpeTrainer(
        vocab_size=700, show_progress=False, limit_alphabet=90, max_token_length=8,
        special_tokens=[special(t) for t in ("<unk>", "<s>", "</s>")]
        + [AddedToken(f"<0x{b:02X}>", normalized=False) for b in range(256)],
    )
    tokenizer.train_from_iterator(
        (" " + word for text in corpus.SENTENCES * 2 for word in text.split()), trainer
    )
    settings = json.loads(tokenizer.to_str())
    settings["added_tokens"] = settings["added_tokens"][:3]
    return Tokenizer.from_str(json.dumps(settings))


def main():
    OUT.mkdir(exist_ok=True)
    golden = {}
    for name, tokenizer in (("bytes", bytes_tokenizer()), ("characters", characters_tokenizer())):
        settings = json.loads(tokenizer.to_str())
        text = json.dumps(settings, ensure_ascii=False, separators=(",", ":"))
        (OUT / f"{name}.json").write_text(text + "\n")
        cases = []
        for line in strings():
            ids = tokenizer.encode(line.decode("utf-8", "replace"), add_special_tokens=False).ids
            decoded = tokenizer.decode(ids, skip_special_tokens=False)
            cases.append({"bytes": line.hex(), "ids": ids, "decoded": decoded})
        golden[name] = cases
    lines = (
        f'"{name}": [\n' + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]"
        for name, cases in golden.items()
    )
    (OUT / "cases.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
