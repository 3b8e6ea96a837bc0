#!/usr/bin/env python3
"""Encodes a corpus with the Hugging Face tokenizers package, for tokenizer_test.cpp to compare with.

    make_cases.py OUT [--data DIR] [--lines N] [--only KIND...]

OUT/corpus.bin holds the lines, OUT/KIND/ a tokenizer's files, ids.bin (of every line), decoded.bin
(of these ids, special ones and all), excluded.bin (numbers of lines whose Unicode normal form or
punctuation the package takes from older tables than Python has), random.bin and random_decoded.bin
(of random ids). Numbers are little-endian 32-bit: a file is a count, then per record its length and
its bytes or ids. OUT/splits.jsonl holds what split patterns do. OUT/kinds.txt lists the kinds and why
others are missing.
"""

import argparse
import base64
import json
import os
import pathlib
import random
import shutil
import struct
import sys
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import corpus
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, processors
from tokenizers import pre_tokenizers as pre
from tokenizers import trainers

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|eot_id|>"]


def special(content, **flags):
    return AddedToken(content, special=True, normalized=False, **flags)


def blobs(path, records):
    with open(path, "wb") as file:
        file.write(struct.pack("<I", len(records)))
        for record in records:
            file.write(struct.pack("<I", len(record)) + record)


def id_lists(path, records):
    blobs_of_ids = [struct.pack(f"<{len(ids)}i", *ids) for ids in records]
    blobs(path, blobs_of_ids)


def later_punctuation():
    """Punctuation of Unicode versions later than the package's tables, which do not split at it."""
    split = pre.Punctuation("isolated")
    return [c for c in map(chr, range(0x80, 0x110000))
            if unicodedata.category(c)[0] == "P" and len(split.pre_tokenize_str(f"a{c}")) == 1]


def older_tables(tokenizer, texts):
    """Which texts the package reads otherwise than today's Unicode. Its tables of normal forms are
    those of Unicode 9, where marks of later versions do not take part in reordering; those of
    Punctuation are those of Unicode 8."""
    form = {"NFC": "NFC", "NFKC": "NFKC"}.get(type(tokenizer.normalizer).__name__)
    normalizer = tokenizer.normalizer
    later = set()
    if tokenizer.pre_tokenizer and b'"Punctuation"' in tokenizer.pre_tokenizer.__getstate__():
        later = set(later_punctuation())
    return [
        i for i, text in enumerate(texts)
        if not text.isascii() and (
            not later.isdisjoint(text) or
            form and normalizer.normalize_str(text) != unicodedata.normalize(form, text))
    ]


def byte_level(normalizer, *steps, **flags):
    tokenizer = Tokenizer(models.BPE(**flags))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = steps[0] if len(steps) == 1 else pre.Sequence(list(steps))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train(tokenizer, texts, size, alphabet=None, specials=()):
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        show_progress=False,
        initial_alphabet=pre.ByteLevel.alphabet() if alphabet is None else alphabet,
        special_tokens=list(specials),
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def gpt2(out, texts, data):
    files = data / "gpt2"
    (out / "pair").mkdir(exist_ok=True)
    for name in ("encoder.json", "vocab.bpe"):
        shutil.copy(files / name, out / "pair" / name)
    tokenizer = Tokenizer(
        models.BPE.from_file(str(files / "encoder.json"), str(files / "vocab.bpe"))
    )
    tokenizer.pre_tokenizer = pre.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([special("<|endoftext|>")])
    return tokenizer


def smollm2(out, texts, data):
    from gguf import GGUFReader

    reader = GGUFReader(str(data / "smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"))
    values = {}
    for name, field in reader.fields.items():
        if name.startswith("tokenizer."):
            values[name] = field.contents()
    (out / "gguf.json").write_text(json.dumps(values))
    tokens = values["tokenizer.ggml.tokens"]
    merges = [tuple(m.split(" ")) for m in values["tokenizer.ggml.merges"]]
    tokenizer = byte_level(
        None,
        pre.Digits(individual_digits=True),
        pre.ByteLevel(add_prefix_space=False, use_regex=True),
        vocab={token: i for i, token in enumerate(tokens)},
        merges=merges,
    )
    types = values["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens([special(t) for t, kind in zip(tokens, types) if kind == 3])
    return tokenizer


def llama3(out, texts, data, ignore_merges=False):
    steps = (pre.Split(Regex(LLAMA3), "isolated"), pre.ByteLevel(False, use_regex=False))
    tokenizer = train(byte_level(None, *steps), texts, 12000)
    settings = json.loads(tokenizer.to_str())
    if ignore_merges:  # tokens that no merge makes are reached by ignore_merges alone
        model = settings["model"]
        rng = random.Random(2)
        model["ignore_merges"] = True
        model["merges"] = [" ".join(m) for m in model["merges"] if rng.random() < 0.9]
    tokenizer = Tokenizer.from_str(json.dumps(settings))
    tokenizer.add_special_tokens(
        [special("<|begin_of_text|>"), special("<|end_of_text|>"), special("<|eot_id|>")]
    )
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<|begin_of_text|> $A",
                pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
                special_tokens=[("<|begin_of_text|>", begin)],
            ),
        ]
    )
    return tokenizer


def llama3_ignore_merges(out, texts, data):
    return llama3(out, texts, data, ignore_merges=True)


def qwen2(out, texts, data):
    """The real ranks, as transformers converts them."""
    shutil.copy(data / "qwen" / "qwen.tiktoken", out / "qwen.tiktoken")
    spelling = corpus_bytes_to_characters()
    ranks = {}
    for line in (out / "qwen.tiktoken").read_bytes().splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    spell = lambda token: "".join(spelling[b] for b in token)
    merges = []
    for token, rank in ranks.items():
        halves = [(token[:i], token[i:]) for i in range(1, len(token))]
        halves = [(ranks[a], ranks[b], a, b) for a, b in halves if a in ranks and b in ranks]
        merges += [(rank, a, b) for _, _, a, b in sorted(halves)]
    merges.sort(key=lambda m: m[0])
    tokenizer = byte_level(
        normalizers.NFC(),
        pre.Split(Regex(QWEN2), "isolated"),
        pre.ByteLevel(False, use_regex=False),
        vocab={spell(token): rank for token, rank in ranks.items()},
        merges=[(spell(a), spell(b)) for _, a, b in merges],
        ignore_merges=True,
    )
    tokenizer.add_special_tokens([special(t) for t in SPECIALS[:3]])
    return tokenizer


def qwen2_trained(out, texts, data):
    steps = (pre.Split(Regex(QWEN2), "isolated"), pre.ByteLevel(False, use_regex=False))
    tokenizer = train(byte_level(normalizers.NFC(), *steps), texts, 9000)
    tokenizer.add_special_tokens([special(t) for t in SPECIALS[:3]])
    return tokenizer


def gpt4o(out, texts, data):
    steps = (pre.Split(Regex(GPT4O), "removed", invert=True), pre.ByteLevel(False, use_regex=False))
    return train(byte_level(None, *steps), texts, 6000, specials=[special("<|endoftext|>")])


def falcon(out, texts, data):
    """Steps after the one that spells bytes."""
    steps = (
        pre.Punctuation("contiguous"),
        pre.ByteLevel(add_prefix_space=False),
        pre.Digits(individual_digits=False),
        pre.Split(Regex("[0-9][0-9][0-9]"), "isolated"),
    )
    return train(byte_level(None, *steps), texts, 5000)


def missing_bytes(out, texts, data):
    """Spaces before pieces, bytes without a token, an unknown token."""
    tokenizer = byte_level(None, pre.ByteLevel(add_prefix_space=True), unk_token="<unk>")
    alphabet = [chr(c) for c in range(0x21, 0x7F)] + ["Ġ"]
    train(tokenizer, [t for t in texts if t.isascii()], 3000, alphabet, [special("<unk>")])
    tokenizer.post_processor = processors.RobertaProcessing(("<unk>", 0), ("<unk>", 0))
    return tokenizer


def added(out, texts, data):
    """Added tokens of every flag, in normalised and raw text."""
    steps = (pre.Split(" ", "merged_with_next"), pre.ByteLevel(False, use_regex=True))
    tokenizer = train(byte_level(normalizers.NFKC(), *steps), texts, 2000)
    tokenizer.add_special_tokens(
        [
            special("<|endoftext|>", lstrip=True),
            special("<|im_start|>", rstrip=True),
            special("<|im_end|>", lstrip=True, rstrip=True),
            special("<|im_end|>x"),
            special("the", single_word=True),
        ]
    )
    tokenizer.add_tokens(
        [
            AddedToken("they", normalized=True, single_word=True),
            AddedToken("ﬁ", normalized=True),
            AddedToken("  ", normalized=False),
            AddedToken("漢字", normalized=False, single_word=True, lstrip=True),
            AddedToken("12", normalized=True, rstrip=True),
            AddedToken("³", normalized=True),
        ]
    )
    return tokenizer


def gemma(out, texts, data):
    """Characters with byte fallback, spaces replaced by the normaliser."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return trained_characters(tokenizer, texts)


def mistral(out, texts, data):
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
         decoders.Strip(" ", 1, 0)]
    )
    return trained_characters(tokenizer, texts)


def metaspace(out, texts, data):
    tokenizer = Tokenizer(models.BPE(fuse_unk=False, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    return trained_characters(tokenizer, texts, bytes_too=False)


def trained_characters(tokenizer, texts, bytes_too=True):
    specials = [special("<unk>"), special("<s>"), special("</s>")]
    if bytes_too:
        specials += [AddedToken(f"<0x{b:02X}>", special=False, normalized=False) for b in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=5000, special_tokens=specials, show_progress=False, limit_alphabet=800,
        max_token_length=12,
    )
    # Words only: without a pre-tokenizer a whole line would be one word.
    words = (" " + word for text in texts[::4] for word in text.split())
    tokenizer.train_from_iterator(words, trainer)
    settings = json.loads(tokenizer.to_str())
    names = ("<unk>", "<s>", "</s>")
    settings["added_tokens"] = [t for t in settings["added_tokens"] if t["content"] in names]
    return Tokenizer.from_str(json.dumps(settings))


def corpus_bytes_to_characters():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {b: chr(b) for b in printable}
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + len(table) - len(printable))
    return table


# kind -> share of the lines that it is run on
KINDS = {
    gpt2: 1, smollm2: 1, llama3: 1, llama3_ignore_merges: 1, qwen2: 1, qwen2_trained: 1,
    gpt4o: 4, falcon: 4, missing_bytes: 8, added: 2, gemma: 4, mistral: 4, metaspace: 8,
}


# What a split pattern may be made of, in Oniguruma's spelling.
PATTERNS = [
    (LLAMA3, False), (QWEN2, False), (GPT4O, False), (r"\s", False), (r"\S+", False), (r"\w+", False),
    (r"\W", False), (r"[^\w]", False), (r"[^\S\n]+", False), (r"[\S]", False), (r"\h+", False),
    (r"[\h]+", False), (r"\b", False), (r"\B", False), (r"\b\w", False), (r"\d+", False),
    (r"[[:space:]]+", False), (r"a{,2}", False), (r"a{2,}", False), (r"(?:a{1,2})+", False),
    (r"a{2}", False), (r"x{", False), (r"\u00e9|\x{6F22}|\x{E9}|\x41", False), (r"^.", False), (r".$", False),
    (r"(?m:a.b)", False), (r"(?i:abc|é)", False), (r"(?i)A", False), (r"a*", False), (r"", False),
    (r"(?=a)", False), (r"(?<=a)b", False), (r"(?<!a)b", False), (r"(?!a)\w", False), (r"a++|b?+", False),
    (r"\p{Lu}|\p{Ll}+", False), (r"\P{L}+", False), (r"\p{^N}+", False), (r"\p{Han}+", False), (r"[\p{^Hiragana}\p{Letter}]", False),
    (r"\P{Cyrillic}+", False),
    (r"[\p{L}\p{M}]+", False), (r"[!-/:-@\[-`{-~]", False), (r"[]a]", False), (r"[\-a^]+", False),
    (r"\R", False), (r"\v|\f|\t", False), (r"(a|b)+c", False), (r"a|", False),
    (" ", True), ("ab", True), (".", True), ("漢", True),
]
CLASSES = [r"\s+", r"\S+", r"\w+", r"[\w]+", r"[^\w]+", r"\W+", r"\d+", r"\h+", r"[[:space:]]+", r"\p{L}+", r"\p{N}+", r"\p{M}+",
           r"\p{P}+", r"\p{S}+", r"\p{Lu}+", r"[^\s\p{L}\p{N}]+"]
BEHAVIOURS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]


def splits(path, texts):
    """Pieces of texts, each as the number of its first byte and of that behind it."""
    cases = []
    everything = "".join(corpus.assigned())
    plain = ["aab ab b abc\nABC\tx{ xx 12a3é漢字\r\n  end", "aaa", "-a^b]", "the-final--countdown", "é\u0301é"]
    for pattern, literal in PATTERNS + [(pattern, False) for pattern in CLASSES]:
        if not pattern:
            continue
        for behaviour in BEHAVIOURS:
            for invert in (False, True):
                few = list(plain)
                if (behaviour, invert) == ("isolated", False):
                    few += [everything] if pattern in CLASSES else texts
                step = pre.Split(pattern if literal else Regex(pattern), behaviour, invert)
                for text in few:
                    at = [0]
                    for c in text:
                        at.append(at[-1] + len(c.encode()))
                    pieces = [(at[b], at[e]) for _, (b, e) in step.pre_tokenize_str(text)]
                    cases.append((pattern, literal, behaviour, invert, text, pieces))
    path.write_text("\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, default=os.environ.get("HONE_TEST_DATA"))
    parser.add_argument("--lines", type=int, default=60000)
    parser.add_argument("--only", nargs="*")
    arguments = parser.parse_args()
    data = pathlib.Path(arguments.data or "/nonexistent")

    specials = SPECIALS + ["<|im_end|>x", "<unk>", "<s>", "the", "they", "ﬁ", "漢字", "<0x41>"]
    lines = [line for _, line in corpus.make(specials, arguments.lines, data=arguments.data)]
    texts = [line.decode("utf-8", "replace") for line in lines]
    arguments.out.mkdir(parents=True, exist_ok=True)
    blobs(arguments.out / "corpus.bin", lines)
    training = [t for t in texts[:20000] if len(t) < 1000]

    hard = [t for t in texts if t and len(t) < 300 and not t.isascii()][:400]
    if not arguments.only:
        splits(arguments.out / "splits.jsonl", hard)

    kinds = []
    for make, step in KINDS.items():
        name = make.__name__
        if arguments.only and name not in arguments.only:
            continue
        out = arguments.out / name
        out.mkdir(exist_ok=True)
        try:
            tokenizer = make(out, training, data)
        except (FileNotFoundError, ImportError) as error:
            kinds.append(f"{name} 0 missing: {error}")
            continue
        tokenizer.save(str(out / "tokenizer.json"))
        tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
        encoded = [e.ids for e in tokenizer.encode_batch(texts[::step], add_special_tokens=False)]
        id_lists(out / "ids.bin", encoded)
        decoded = tokenizer.decode_batch(encoded, skip_special_tokens=False)
        blobs(out / "decoded.bin", [text.encode() for text in decoded])
        id_lists(out / "excluded.bin", [older_tables(tokenizer, texts[::step])])
        around = tokenizer.encode("between", add_special_tokens=True).ids
        id_lists(out / "around.bin", [around])
        rng = random.Random(3)
        size = tokenizer.get_vocab_size()
        wild = [[rng.randrange(size) for _ in range(rng.randint(0, 30))] for _ in range(2000)]
        id_lists(out / "random.bin", wild)
        decoded = tokenizer.decode_batch(wild, skip_special_tokens=True)
        blobs(out / "random_decoded.bin", [text.encode() for text in decoded])
        kinds.append(f"{name} {step}")
        print(name, size, "tokens,", len(encoded), "lines", flush=True)
    (arguments.out / "kinds.txt").write_text("\n".join(kinds) + "\n")


if __name__ == "__main__":
    main()
