"""Tiny random checkpoints of every family, and what transformers computes with them.

    python make.py OUT

For each family OUT/<family>/ is a Hugging Face folder and OUT/<family>/golden.safetensors holds, for
two unpadded sequences of different length laid end to end:

    tokens [T], lengths [2], logits [T, V], hidden.<i> [T, D] before layer i (the last: after the last
    layer and its norm), logprobs [T] of each token given those before it (0 for a sequence's first),
    greedy [32] continuation of the first sequence, gradient.<name> of the mean next-token loss.

OUT/llama-lora/ and OUT/gpt2-lora/ are PEFT folders of an adapter on those models, with the logits and
gradients of the adapter's parameters in golden.safetensors.
"""
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

VOCAB, DIM, LAYERS, HEADS, KV, HEAD_DIM, MLP = 199, 48, 3, 4, 2, 12, 80
LENGTHS = [37, 23]

SHARED = dict(vocab_size=VOCAB, hidden_size=DIM, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
              intermediate_size=MLP, max_position_embeddings=96, bos_token_id=1, eos_token_id=2,
              pad_token_id=0)
T = transformers


def configs():
    grouped = dict(SHARED, num_key_value_heads=KV)
    yield "gpt2", T.GPT2Config(vocab_size=VOCAB, n_embd=DIM, n_layer=LAYERS, n_head=HEADS, n_positions=96,
                               bos_token_id=1, eos_token_id=2, resid_pdrop=0.0, embd_pdrop=0.0,
                               attn_pdrop=0.0)
    opt = dict(vocab_size=VOCAB, hidden_size=DIM, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
               ffn_dim=MLP, max_position_embeddings=96, dropout=0.0, bos_token_id=2, eos_token_id=2,
               pad_token_id=1)
    yield "opt", T.OPTConfig(**opt, word_embed_proj_dim=DIM)
    yield "opt-350m", T.OPTConfig(**opt, word_embed_proj_dim=32, do_layer_norm_before=False)
    yield "llama", T.LlamaConfig(**grouped)
    yield "llama-untied-bias", T.LlamaConfig(**grouped, tie_word_embeddings=False, attention_bias=True,
                                             mlp_bias=True, rms_norm_eps=1e-5)
    yield "llama-scaled", T.LlamaConfig(**dict(grouped, max_position_embeddings=512), rope_parameters={
        "rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 64})
    yield "mistral", T.MistralConfig(**grouped, sliding_window=9, head_dim=16)
    yield "qwen2", T.Qwen2Config(**grouped, tie_word_embeddings=True)
    yield "qwen3", T.Qwen3Config(**grouped, head_dim=16, tie_word_embeddings=True)
    yield "gemma2", T.Gemma2Config(**grouped, head_dim=16, sliding_window=8, query_pre_attn_scalar=20,
                                   attn_logit_softcapping=5.0, final_logit_softcapping=3.0)


def randomise(model, seed):
    """Weights large enough that every part matters; norms and biases away from one and zero."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=g)
            if p.ndim == 1:
                p.add_(0.2 * noise)
            else:
                p.copy_(noise * (0.35 / max(1.0, p.shape[-1] ** 0.5) * 3))


def sequences(seed):
    g = torch.Generator().manual_seed(seed)
    return [torch.randint(3, VOCAB, (n,), generator=g) for n in LENGTHS]


def run(model, seqs, with_hidden=True):
    out, loss, count = {}, 0.0, sum(len(s) - 1 for s in seqs)
    logits, hidden, logprobs = [], [], []
    for s in seqs:
        r = model(input_ids=s[None], output_hidden_states=with_hidden, use_cache=False)
        z = r.logits[0].float()
        logits.append(z)
        if with_hidden:
            hidden.append([h[0] for h in r.hidden_states])
        lp = torch.log_softmax(z[:-1], -1).gather(1, s[1:, None])[:, 0]
        logprobs.append(torch.cat([torch.zeros(1), lp]))
        loss = loss - lp.sum() / count
    out["tokens"] = torch.cat(seqs).float()
    out["lengths"] = torch.tensor(LENGTHS, dtype=torch.float32)
    out["logits"] = torch.cat(logits).detach()
    out["logprobs"] = torch.cat(logprobs).detach()
    for i in range(len(hidden[0]) if with_hidden else 0):
        out[f"hidden.{i}"] = torch.cat([h[i] for h in hidden]).detach()
    model.zero_grad()
    loss.backward()
    for name, p in model.named_parameters():
        if p.grad is not None:
            out["gradient." + name] = p.grad.detach()
    return out


def greedy(model, s, n=32):
    ids = s[None]
    for _ in range(n):
        z = model(input_ids=ids, use_cache=False).logits[0, -1]
        ids = torch.cat([ids, z.argmax()[None, None]], 1)
    return ids[0, len(s):].float()


def contiguous(tensors):
    return {k: v.clone().contiguous() for k, v in tensors.items()}


def main(out_dir):
    built = {}
    for i, (name, config) in enumerate(configs()):
        config._attn_implementation = "eager"
        model = T.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
        randomise(model, 100 + i)
        model.tie_weights()
        folder = os.path.join(out_dir, name)
        model.save_pretrained(folder)
        seqs = sequences(i)
        result = run(model, seqs)
        with torch.no_grad():
            result["greedy"] = greedy(model, seqs[0])
        save_file(contiguous(result), os.path.join(folder, "golden.safetensors"))
        built[name] = (model, seqs)

    import peft
    for base, targets in (("llama", ["q_proj", "v_proj", "down_proj"]), ("gpt2", ["c_attn", "c_fc"])):
        model, seqs = built[base]
        config = peft.LoraConfig(r=4, lora_alpha=6, target_modules=targets, lora_dropout=0.0,
                                 fan_in_fan_out=base == "gpt2")
        tuned = peft.get_peft_model(model, config)
        g = torch.Generator().manual_seed(7)
        with torch.no_grad():
            for n, p in tuned.named_parameters():
                if "lora_" in n:
                    p.copy_(torch.randn(p.shape, generator=g) * 0.2)
        folder = os.path.join(out_dir, base + "-lora")
        tuned.save_pretrained(folder)
        result = run(tuned, seqs, with_hidden=False)
        result = {k.replace(".default.", "."): v for k, v in result.items()}
        save_file(contiguous(result), os.path.join(folder, "golden.safetensors"))


if __name__ == "__main__":
    main(sys.argv[1])
