"""A world in miniature for tests of the programs: a Llama of two layers with a byte tokenizer, rated
texts and a lexicon, all drawn from a seed."""

import json
import pathlib
import random
import struct
import subprocess

GOOD = ["great", "lovely", "warm", "bright", "superb", "charming"]
BAD = ["dull", "awful", "cold", "boring", "weak", "clumsy"]
FLAGS = ("--resume", "--tiny")  # of rlhf: options without a value
PLAIN = ["film", "story", "acting", "plot", "scene", "music", "the", "a", "with", "and", "of"]


def byte_letters():
    """GPT-2's letters for the 256 bytes."""
    shown = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    letters = {b: chr(b) for b in shown}
    hidden = [b for b in range(256) if b not in letters]
    letters |= {b: chr(256 + i) for i, b in enumerate(hidden)}
    return [letters[b] for b in range(256)]


def write_model(folder, seed=1, hidden=32, layers=2, heads=4, mlp=48):
    folder.mkdir(parents=True)
    vocab = {letter: i for i, letter in enumerate(byte_letters())}
    special = {"<s>": 256, "</s>": 257}
    added = [{"id": i, "content": c, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for c, i in special.items()]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                  "use_regex": True}
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": None, "pre_tokenizer": byte_level, "post_processor": None,
        "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": vocab | special, "merges": []}}))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}))
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 258,
        "hidden_size": hidden, "intermediate_size": mlp, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": heads // 2,
        "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "hidden_act": "silu", "tie_word_embeddings": True, "bos_token_id": 256,
        "eos_token_id": 257, "torch_dtype": "float32"}))
    shapes = {"model.embed_tokens.weight": [258, hidden], "model.norm.weight": [hidden]}
    for layer in range(layers):
        at = f"model.layers.{layer}."
        shapes |= {at + "self_attn.q_proj.weight": [hidden, hidden],
                   at + "self_attn.k_proj.weight": [hidden // 2, hidden],
                   at + "self_attn.v_proj.weight": [hidden // 2, hidden],
                   at + "self_attn.o_proj.weight": [hidden, hidden],
                   at + "mlp.gate_proj.weight": [mlp, hidden],
                   at + "mlp.up_proj.weight": [mlp, hidden],
                   at + "mlp.down_proj.weight": [hidden, mlp],
                   at + "input_layernorm.weight": [hidden],
                   at + "post_attention_layernorm.weight": [hidden]}
    random_of = random.Random(seed)
    header, data = {}, b""
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        values = [random_of.gauss(0, 0.1) if len(shape) > 1 else 1.0 for _ in range(count)]
        begin = len(data)
        data += struct.pack(f"<{count}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_texts(folder, seed=1, count=300):
    random_of = random.Random(seed)
    lines = []
    for number in range(count):
        words, rating = [], 0.0
        for _ in range(random_of.randint(6, 10)):
            kind = random_of.random()
            words.append(random_of.choice(GOOD if kind < 0.25 else BAD if kind < 0.5 else PLAIN))
            rating += 1.0 if kind < 0.25 else -1.0 if kind < 0.5 else 0.0
        lines.append(f"{number}\t{rating}\t{' '.join(words)}\n")
    (folder / "ratings.txt").write_text("".join(lines))
    lexicon = [f"{w}\t2.0\n" for w in GOOD] + [f"{w}\t-2.0\n" for w in BAD]
    (folder / "lexicon.txt").write_text("".join(lexicon))


class World:
    """The inputs of the program rlhf, and a way to run it."""

    def __init__(self, program, folder):
        self.program, self.folder = str(program), pathlib.Path(folder)
        write_model(self.folder / "model")
        write_texts(self.folder)

    def command(self, out, *more, model="model", ratings="ratings.txt"):
        """`more` are flags, and options with their values, which replace those of the same name."""
        options = {"--sft-steps": 12, "--reward-steps": 9, "--ppo-steps": 8, "--prompts": 6,
                   "--new-tokens": 6, "--minibatches": 2, "--evaluation-prompts": 4,
                   "--sft-rate": 0.003, "--reward-rate": 0.003, "--ppo-rate": 0.003,
                   "--kl-target": 3}
        flags = [m for m in more if m in FLAGS]
        values = [m for m in more if m not in FLAGS]
        options |= dict(zip(values[::2], values[1::2]))
        return [self.program, str(self.folder / model), str(self.folder / ratings),
                str(self.folder / "lexicon.txt"), "--out", str(out),
                *(str(x) for pair in options.items() for x in pair), *flags]

    def run(self, out, *more, before=None, **inputs):
        return subprocess.run(self.command(out, *more, **inputs), capture_output=True, text=True,
                              timeout=600, preexec_fn=before)
