#!/usr/bin/env python3
"""Objectives as TRL computes them: trl.json.

TRL's own loss methods run on a trainer that is nothing but the attributes they read, with a "model"
that returns given log-probabilities. Values and gradients, by its autograd, in double precision.
Advantages stand in the middle of long methods; those lines are cut out and run as they are.

    python make_trl.py [OUT]        needs trl (1.16 made the file that is checked in)
"""

import contextlib
import inspect
import json
import pathlib
import re
import sys
import textwrap
from collections import defaultdict
from types import SimpleNamespace

import torch
import torch.nn.functional as F
import trl
from trl import DPOTrainer, GRPOTrainer, KTOTrainer, RewardTrainer, RLOOTrainer
from trl.experimental.cpo import CPOTrainer
from trl.experimental.gmpo import GMPOTrainer
from trl.experimental.orpo import ORPOTrainer

torch.set_default_dtype(torch.float64)
PROMPT = 2  # tokens of every prompt


class Accelerator:
    device = torch.device("cpu")
    num_processes = 1
    process_index = 0
    sync_gradients = True

    def gather(self, x):
        return x

    gather_for_metrics = gather

    def reduce(self, x, reduction="sum"):
        return x

    def autocast(self):
        return contextlib.nullcontext()


class Model(torch.nn.Module):
    """Stands for the policy where a trainer asks what it is; it has no parameters and is not called."""

    training = False
    is_gradient_checkpointing = False


def trainer(**attributes):
    """What a trainer's loss method reads of itself."""
    self = SimpleNamespace(
        accelerator=Accelerator(),
        model=Model().eval(),
        aux_loss_enabled=False,
        _metrics={"train": defaultdict(list), "eval": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
    )
    for name, value in attributes.items():
        setattr(self, name, value)
    return self


def rounded(x):
    """Numbers that single precision holds exactly, so both sides start from the same."""
    return x.float().double()


class Sequences:
    """S answers of mixed length, padded to the longest as TRL wants them."""

    def __init__(self, lengths, seed, holes=False, drift=0.5):
        g = torch.Generator().manual_seed(seed)
        self.lengths = lengths
        size, longest = len(lengths), max(lengths)
        self.mask = torch.zeros(size, longest)
        for s, n in enumerate(lengths):
            self.mask[s, :n] = 1
        self.holes = torch.ones_like(self.mask)
        if holes:
            self.holes = (torch.rand(self.mask.shape, generator=g) > 0.25).double()
            self.holes[:, 0] = 1
        self.used = self.mask * self.holes

        def column(low, high):
            x = rounded(low + (high - low) * torch.rand(self.mask.shape, generator=g))
            return x * self.mask

        self.logprob = column(-2.5, -0.05)
        self.old = rounded(self.logprob + column(-0.6, 0.6)) * self.mask
        self.ref = rounded(self.logprob + column(-0.8, 0.8)) * self.mask
        self.rollout = rounded(self.old + column(-drift, drift)) * self.mask
        self.entropy = column(0.1, 2.0)
        self.advantage = rounded(2 * torch.rand(size, generator=g) - 1)

    def flat(self, x):
        return [float(x[s, t]) for s, n in enumerate(self.lengths) for t in range(n)]

    def offsets(self):
        out = [0]
        for n in self.lengths:
            out.append(out[-1] + n)
        return out

    def columns(self):
        return {
            "offsets": self.offsets(),
            "mask": [int(x) for x in self.flat(self.used)],
            "logprob": self.flat(self.logprob),
            "old_logprob": self.flat(self.old),
            "ref_logprob": self.flat(self.ref),
            "rollout_logprob": self.flat(self.rollout),
            "entropy": self.flat(self.entropy),
            "advantage": self.advantage.tolist(),
        }


def with_gradient(x):
    return x.clone().requires_grad_()


# ---------------------------------------------------------------- preference losses


def dpo():
    pairs = 5
    data = Sequences([3, 7, 1, 5, 4, 6, 2, 8, 5, 3], seed=1)

    def padded(x):  # TRL wants the prompt's tokens too, and shifts by one itself
        return torch.cat([torch.zeros(len(x), PROMPT - 1), x], dim=1)

    completion_mask = torch.cat([torch.zeros(2 * pairs, PROMPT), data.mask], dim=1)
    inputs = {
        "input_ids": torch.ones_like(completion_mask).long(),
        "attention_mask": torch.ones_like(completion_mask).long(),
        "completion_mask": completion_mask.long(),
    }
    cases = []
    for kind, beta, smoothing in [
        ("sigmoid", 0.1, 0.0),
        ("sigmoid", 0.7, 0.0),
        ("hinge", 0.5, 0.0),
        ("hinge", 2.0, 0.0),
        ("ipo", 0.3, 0.0),
        ("robust", 0.4, 0.2),
    ]:
        logprob = with_gradient(data.logprob)

        def outputs(x):
            x = padded(x)
            return SimpleNamespace(
                log_probs=x, entropy=x.detach(), mean_logits=x.detach(), is_top1=x > 0
            )

        self = trainer(
            beta=beta,
            label_smoothing=smoothing,
            loss_types=[kind],
            loss_weights=[1.0],
            ld_alpha=None,
            f_divergence_type="reverse_kl",
            use_weighting=False,
            precompute_ref_logps=False,
            args=SimpleNamespace(gradient_checkpointing_kwargs=None),
            ref_model=lambda **_: outputs(data.ref),
        )
        loss = DPOTrainer._compute_loss(self, lambda **_: outputs(logprob), inputs, False)
        loss.backward()
        cases.append(
            {
                "loss_type": kind,
                "beta": beta,
                "label_smoothing": smoothing,
                "loss": loss.item(),
                "gradient": data.flat(logprob.grad),
            }
        )
    return {"pairs": pairs, **data.columns(), "cases": cases}


def cpo():
    """CPO's trainer holds SimPO; its losses are functions of mean log-probabilities."""
    pairs = 5
    data = Sequences([3, 7, 1, 5, 4, 6, 2, 8, 5, 3], seed=2)
    cases = []
    for beta, gamma, smoothing in [(2.0, 1.0, 0.0), (0.1, 0.5, 0.0), (2.5, 0.3, 0.1)]:
        logprob = with_gradient(data.logprob)
        mean = (logprob * data.mask).sum(1) / data.mask.sum(1)
        self = trainer(
            alpha=0.0, beta=beta, simpo_gamma=gamma, label_smoothing=smoothing, loss_type="simpo"
        )
        loss = CPOTrainer.cpo_loss(self, mean[:pairs], mean[pairs:])[0].mean()
        loss.backward()
        cases.append(
            {
                "beta": beta,
                "gamma": gamma,
                "label_smoothing": smoothing,
                "loss": loss.item(),
                "gradient": data.flat(logprob.grad),
            }
        )
    return {"pairs": pairs, **data.columns(), "cases": cases}


def orpo():
    """The odds-ratio term is TRL's; hone averages the first term per answer, TRL over all tokens,
    so it is added here as the paper has it."""
    pairs = 5
    data = Sequences([3, 7, 1, 5, 4, 6, 2, 8, 5, 3], seed=3)
    cases = []
    for weight in [0.1, 1.0]:
        logprob = with_gradient(data.logprob)
        mean = (logprob * data.mask).sum(1) / data.mask.sum(1)
        self = trainer(beta=weight)
        odds = ORPOTrainer.odds_ratio_loss(self, mean[:pairs], mean[pairs:])[0]
        loss = -mean[:pairs].mean() - odds.mean()
        loss.backward()
        cases.append(
            {"lambda": weight, "loss": loss.item(), "gradient": data.flat(logprob.grad)}
        )
    return {"pairs": pairs, **data.columns(), "cases": cases}


def kto():
    data = Sequences([3, 7, 1, 5, 4, 6, 2, 8], seed=4)
    mismatched = Sequences([4, 2, 6, 5, 1, 3, 7, 2], seed=5)
    labels = [True, False, False, True, True, False, True, False]

    def padded(x):
        return torch.cat([torch.zeros(len(x), PROMPT - 1), x], dim=1)

    def ids(d):
        return torch.cat([torch.zeros(len(d.mask), PROMPT), d.mask], dim=1).long()

    cases = []
    for beta, desirable, undesirable, lift in [
        (0.1, 1.0, 1.0, 0.4),
        (0.5, 1.0, 1.5, 0.4),
        (0.5, 1.2, 1.0, -0.9),  # a negative estimate of the divergence counts as 0
    ]:
        logprob = with_gradient(data.logprob)
        kl_policy = rounded(mismatched.logprob + lift * mismatched.mask)

        def model(policy, other):
            def call(input_ids, **_):
                x = other if input_ids is inputs["KL_input_ids"] else policy
                x = padded(x)
                return SimpleNamespace(log_probs=x, entropy=x.detach(), mean_logits=x.detach())

            return call

        inputs = {
            "input_ids": ids(data),
            "attention_mask": ids(data),
            "completion_mask": ids(data),
            "KL_input_ids": ids(mismatched),
            "KL_attention_mask": ids(mismatched),
            "KL_completion_mask": ids(mismatched),
            "label": torch.tensor(labels),
        }
        self = trainer(
            beta=beta,
            desirable_weight=desirable,
            undesirable_weight=undesirable,
            loss_type="kto",
            calculate_KL=True,
            precompute_ref_logps=False,
            args=SimpleNamespace(gradient_checkpointing_kwargs=None),
            ref_model=model(data.ref, mismatched.ref),
        )
        self._compute_kl_logps = lambda m, b: KTOTrainer._compute_kl_logps(self, m, b)
        # `.to(device)` would make a copy of a tensor that is here already: keep the identity.
        loss = KTOTrainer._compute_loss(self, model(logprob, kl_policy), inputs, False)
        loss.backward()
        ratios = ((kl_policy - mismatched.ref) * mismatched.mask).sum(1)
        cases.append(
            {
                "beta": beta,
                "desirable_weight": desirable,
                "undesirable_weight": undesirable,
                "mismatched_log_ratios": ratios.tolist(),
                "baseline": self._metrics["eval"]["kl"][0],
                "loss": loss.item(),
                "gradient": data.flat(logprob.grad),
            }
        )
    return {"label": [int(x) for x in labels], **data.columns(), "cases": cases}


def reward():
    g = torch.Generator().manual_seed(6)
    scores = rounded(4 * torch.rand(10, 1, generator=g) - 2)
    margin = rounded(torch.rand(5, generator=g))
    cases = []
    for with_margin, centring in [(False, None), (True, None), (False, 0.01), (True, 0.1)]:
        x = with_gradient(scores)
        self = trainer(args=SimpleNamespace(center_rewards_coefficient=centring))
        inputs = {"attention_mask": torch.ones(10, 3)}
        if with_margin:
            inputs["margin"] = margin
        loss = RewardTrainer.compute_loss(self, lambda **_: SimpleNamespace(logits=x), inputs)
        loss.backward()
        cases.append(
            {
                "margin": margin.tolist() if with_margin else [0.0] * 5,
                "centring": centring or 0.0,
                "loss": loss.item(),
                "gradient": x.grad.flatten().tolist(),
            }
        )
    return {"pairs": 5, "scores": scores.flatten().tolist(), "cases": cases}


# ---------------------------------------------------------------- policy losses


def policy_case(cls, data, options, extra_inputs=None):
    logprob = with_gradient(data.logprob)
    entropy = with_gradient(data.entropy)
    size, longest = data.mask.shape
    inputs = {
        "prompt_ids": torch.ones(size, PROMPT).long(),
        "prompt_mask": torch.ones(size, PROMPT).long(),
        "completion_ids": torch.ones(size, longest).long(),
        "completion_mask": data.mask,
        "tool_mask": data.holes,
        "advantages": data.advantage,
        "old_per_token_logps": data.old,
        "old_logps": (data.old * data.mask).sum(1),
        "ref_per_token_logps": data.ref,
        "num_items_in_batch": data.used.sum(),
        **(extra_inputs or {}),
    }
    args = dict(
        delta=None,
        use_bias_correction_kl=True,
        sapo_temperature_pos=1.0,
        sapo_temperature_neg=1.05,
        steps_per_generation=1,
    )
    attributes = dict(
        beta=0.0,
        epsilon_low=0.2,
        epsilon_high=0.2,
        importance_sampling_level="token",
        loss_type="grpo",
        max_completion_length=16,
        off_policy_mask_threshold=None,
        top_entropy_quantile=1.0,
        use_vllm=False,
        vllm_importance_sampling_correction=False,
        use_adaptive_entropy=False,
        entropy_coef=0.0,
        current_gradient_accumulation_steps=1,
    )
    for name, value in options.items():
        (args if name in args else attributes)[name] = value
    attributes["_entropy_bonus_enabled"] = attributes["entropy_coef"] != 0
    self = trainer(args=SimpleNamespace(**args), **attributes)
    self._get_per_token_logps_and_entropies = lambda *_, **__: (logprob, entropy, None)
    loss = cls._compute_loss(self, None, inputs)
    loss.backward()
    case = {
        **{k: v for k, v in options.items()},
        "loss": loss.item(),
        "gradient": data.flat(logprob.grad),
    }
    if entropy.grad is not None:
        case["entropy_gradient"] = data.flat(entropy.grad)
    return case


def grpo():
    data = Sequences([5, 9, 1, 12, 7, 3], seed=7, holes=True)
    cases = []

    def add(inputs=None, **options):
        cases.append(policy_case(GRPOTrainer, data, options, inputs))

    for loss_type in ["grpo", "bnpo", "dr_grpo", "dapo", "luspo"]:
        add(loss_type=loss_type)
        add(loss_type=loss_type, epsilon_high=0.28, beta=0.04)
    add(loss_type="grpo", beta=0.3, use_bias_correction_kl=False)
    add(loss_type="dapo", delta=1.3)
    add(loss_type="cispo", epsilon_high=1.2)
    add(loss_type="cispo", epsilon_high=5.0)
    add(loss_type="sapo")
    add(loss_type="sapo", sapo_temperature_pos=2.0, sapo_temperature_neg=0.5)
    add(loss_type="grpo", importance_sampling_level="sequence", epsilon_low=0.1, epsilon_high=0.15)
    add(loss_type="bnpo", entropy_coef=0.05)
    add(loss_type="dapo", entropy_coef=0.05)

    for mode, low, high in [
        ("token_truncate", 0.0, 1.1),
        ("token_mask", 0.8, 1.3),
        ("sequence_truncate", 0.0, 1.4),
        ("sequence_mask", 0.0, 3.0),
    ]:
        add(sampler_weights(data, mode, low, high), loss_type="dapo", **corrected)
        cases[-1].update(mode=mode, low=low, high=high)
    return {**data.columns(), "max_completion_length": 16, "cases": cases}


def grpo_drifted():
    """A sampler so far from the policy that TRL's limit of 3 binds, for a token and for an answer."""
    data = Sequences([5, 9, 1, 12, 7, 3, 4, 6], seed=11, holes=True, drift=2.0)
    cases = []
    for level, loss_type, mode in [
        ("token", "dapo", "token_truncate"),
        ("token", "dapo", "token_mask"),
        ("token", "dapo", "sequence_truncate"),
        ("token", "dapo", "sequence_mask"),
        ("sequence", "grpo", "sequence_truncate"),
        ("sequence", "grpo", "sequence_mask"),
    ]:
        weights = sampler_weights(data, mode, 0.0, 3.0)
        options = dict(loss_type=loss_type, importance_sampling_level=level, **corrected)
        cases.append(policy_case(GRPOTrainer, data, options, weights))
        cases[-1].update(mode=mode, low=0.0, high=3.0)
    summed = ((data.old - data.rollout) * data.used).sum(1).exp()
    assert (summed > 3).any() and ((summed > 1) & (summed < 3)).any()
    return {**data.columns(), "max_completion_length": 16, "cases": cases}


corrected = dict(use_vllm=True, vllm_importance_sampling_correction=True)


def sampler_weights(data, mode, low, high):
    """The weights that correct for another sampler: they come from the middle of the rollout."""
    source = textwrap.dedent(inspect.getsource(GRPOTrainer._generate_and_score_completions))
    lines = cut(source, r"\s+mask = completion_mask if tool_mask is None", r"\s+else:\n\s+raise ValueError\(\n\s+f\"Unknown vLLM")
    names = {
        "torch": torch,
        "math": __import__("math"),
        "completion_mask": data.mask,
        "tool_mask": data.holes,
        "old_per_token_logps": data.old,
        "sampling_per_token_logps": data.rollout,
        "self": SimpleNamespace(
            vllm_importance_sampling_mode=mode,
            vllm_importance_sampling_clip_min=low,
            vllm_importance_sampling_clip_max=high,
        ),
    }
    exec(lines, names)
    return {"importance_sampling_ratio": names["vllm_importance_sampling_ratio"]}


def gmpo():
    data = Sequences([5, 9, 1, 12, 7, 3], seed=8, holes=True)
    cases = [
        policy_case(GMPOTrainer, data, dict(epsilon_low=low, epsilon_high=high))
        for low, high in [(0.4, 0.4), (0.2, 0.3)]
    ]
    return {**data.columns(), "cases": cases}


def rloo():
    data = Sequences([5, 9, 1, 12, 7, 3], seed=9)
    data.old = rounded(data.logprob + 0.2 * (data.old - data.logprob)) * data.mask
    cases = [
        policy_case(RLOOTrainer, data, dict(epsilon_low=low, epsilon_high=high))
        for low, high in [(0.2, 0.2), (0.05, 0.1)]
    ]
    return {**data.columns(), "cases": cases}


# ---------------------------------------------------------------- advantages


def cut(source, first, last):
    """The lines of a method from the one that matches `first` up to the one before `last`."""
    start = re.search(first, source).start()
    end = re.search(last, source[start:]).start() + start
    return textwrap.dedent(source[start:end].lstrip("\n"))


def advantages():
    from trl.trainer.utils import nanstd

    g = torch.Generator().manual_seed(10)
    groups, size = 4, 6
    scores = rounded(3 * torch.rand(groups * size, 1, generator=g) - 1)
    scores[:size] = 0.7  # a group without deviation
    components = rounded(torch.rand(groups * size, 3, generator=g))
    weights = rounded(torch.tensor([1.0, 0.5, 2.0]))

    def run(cls, rewards_per_func, reward_weights, **attributes):
        source = textwrap.dedent(inspect.getsource(cls._generate_and_score_completions))
        code = cut(
            source,
            r"    unscorable_mask = torch.isnan\(rewards_per_func\)",
            r"\s+is_std_zero = torch.isclose.*\n\n\s+# Slice"
            if cls is RLOOTrainer
            else r"\s+# Slice to keep only the local part",
        )
        names = {
            "torch": torch,
            "nanstd": nanstd,
            "gather": lambda x: x,
            "device": torch.device("cpu"),
            "rewards_per_func": rewards_per_func,
            "num_generations": size,
            "self": SimpleNamespace(
                reward_weights=reward_weights, reward_funcs=[None] * len(reward_weights), **attributes
            ),
            **attributes,
        }
        exec(code, names)
        return names["advantages"].tolist()

    one = torch.ones(1)
    cases = [
        {
            "of": "grpo",
            "scale": scale,
            "advantages": run(
                GRPOTrainer,
                scores,
                one,
                multi_objective_aggregation="sum_then_normalize",
                scale_rewards=scale,
            ),
        }
        for scale in ["group", "batch", "none"]
    ]
    cases.append(
        {
            "of": "gdpo",
            "advantages": run(
                GRPOTrainer,
                components,
                weights,
                multi_objective_aggregation="normalize_then_sum",
                scale_rewards="group",
            ),
        }
    )
    for normalise in [False, True]:
        cases.append(
            {
                "of": "rloo",
                "normalise": normalise,
                "advantages": run(
                    RLOOTrainer,
                    scores,
                    one,
                    beta=0.0,
                    reward_clip_range=None,
                    normalize_advantages=normalise,
                ),
            }
        )
    return {
        "group_size": size,
        "scores": scores.flatten().tolist(),
        "components": components.tolist(),
        "weights": weights.tolist(),
        "cases": cases,
    }


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    made = {"made_by": f"make_trl.py with trl {trl.__version__}"}
    for part in (dpo, cpo, orpo, kto, reward, grpo, grpo_drifted, gmpo, rloo, advantages):
        made[part.__name__] = part()
    text = json.dumps(made, separators=(",", ":"))
    text = re.sub(r"-?\d+\.\d+(?:e-?\d+)?", lambda m: f"{float(m.group()):.9g}", text)
    (out / "trl.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
