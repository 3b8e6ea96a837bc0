#!/usr/bin/env python3
"""Objectives of systems that are not installed here, written out in numpy: numpy.json.

Each function states one formula of DeepSpeed-Chat, verl, OpenRLHF, NeMo RL, prime-rl, AReaL or a
paper in its own convention, in double precision, loop by loop where that is clearer. Gradients are
central differences of the value: nothing here knows a derivative.

    python make_numpy.py [OUT]
"""

import json
import pathlib
import re
import sys

import numpy as np

H = 1e-6


def rounded(x):
    return np.asarray(x, dtype=np.float32).astype(np.float64)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_sigmoid(x):
    return -np.logaddexp(0, -x)


def gradient(f, x):
    out = np.zeros_like(x)
    for i in range(x.size):
        up, down = x.copy(), x.copy()
        up.flat[i] += H
        down.flat[i] -= H
        out.flat[i] = (f(up) - f(down)) / (2 * H)
    return out


class Batch:
    """S answers end to end; mask 0: a token that was not sampled."""

    def __init__(self, lengths, seed, hole_rate=0.0, reach=0.6, drift=0.5):
        r = np.random.default_rng(seed)
        self.offsets = np.concatenate([[0], np.cumsum(lengths)])
        n = self.offsets[-1]
        self.mask = (r.random(n) >= hole_rate).astype(int)
        self.mask[self.offsets[:-1][np.asarray(lengths) > 0]] = 1
        self.logprob = rounded(r.uniform(-2.5, -0.05, n))
        self.old_logprob = rounded(self.logprob + r.uniform(-reach, reach, n))
        if np.max(reach) > 2:  # both stay log-probabilities
            above = np.maximum(0.0, self.old_logprob)
            self.logprob = rounded(self.logprob - above)
            self.old_logprob = rounded(self.old_logprob - above)
        self.ref_logprob = rounded(self.logprob + r.uniform(-0.8, 0.8, n))
        self.rollout_logprob = rounded(self.old_logprob + r.uniform(-drift, drift, n))
        self.advantage = rounded(r.uniform(-1, 1, len(lengths)))

    def spans(self):
        return [
            np.arange(a, b)[self.mask[a:b] == 1] for a, b in zip(self.offsets, self.offsets[1:])
        ]

    def per_token(self, x):
        return np.repeat(x, np.diff(self.offsets))

    def columns(self):
        return {
            "offsets": self.offsets.tolist(),
            "mask": self.mask.tolist(),
            "logprob": self.logprob.tolist(),
            "old_logprob": self.old_logprob.tolist(),
            "ref_logprob": self.ref_logprob.tolist(),
            "rollout_logprob": self.rollout_logprob.tolist(),
            "advantage": self.advantage.tolist(),
        }


def case(name, f, x, **options):
    return {"of": name, **options, "loss": float(f(x)), "gradient": gradient(f, x).tolist()}


# ---------------------------------------------------------------- losses of tokens and sequences


def policy():
    # Large steps, so that the clips, the dual clip and a limit of the log-ratio bind.
    return policy_cases(Batch([5, 9, 1, 12, 7, 3], seed=1, hole_rate=0.2, reach=2.0))


def policy_far():
    """Steps so far that the systems' limits bind: +-20 of a token, 10 of an answer's mean. The last
    four answers are near, so that there is a gradient where all the others are clipped."""
    lengths = [5, 2, 1, 12, 7, 3, 2, 6, 4, 9, 5]
    reach = np.repeat([30.0] * 7 + [0.6] * 4, lengths)
    b = Batch(lengths, seed=33, hole_rate=0.2, reach=reach)
    x = b.logprob - b.old_logprob
    means = np.array([x[s].mean() for s in b.spans()])
    down = b.per_token(b.advantage) < 0
    assert (x[down] > 20).any() and ((x[down] > 2) & (x[down] < 20)).any() and (x < -20).any()
    assert (means[b.advantage < 0] > 10).any() and (means < -10).any()
    kept = ("deepspeed_chat", "verl", "openrlhf", "grpo", "gspo", "gspo_verl", "gmpo", "cispo", "sapo",
            "dppo_tv")
    return policy_cases(b, kept)


def policy_drifted():
    """A sampler so far from the policy that the systems' weights bind: 2, and [0.5, 5]."""
    b = Batch([5, 9, 1, 12, 7, 3], seed=12, hole_rate=0.2, drift=2.0)
    w = np.exp(b.old_logprob - b.rollout_logprob)[b.mask == 1]
    assert (w < 0.5).any() and ((w > 0.5) & (w < 2)).any() and ((w > 2) & (w < 5)).any()
    assert (w > 5).any()
    drifts = [(b.old_logprob - b.rollout_logprob)[s] for s in b.spans()]
    kept = [d for d in drifts if 0.8 <= np.exp(d.mean()) <= 1.25]
    assert 0 < len(kept) < len(drifts) and any((np.exp(d) > 5).any() for d in kept)
    names = ("tis_verl", "tis_openrlhf", "icepop", "icepop_wide", "tis_sequence", "tis_geometric",
             "gmpo_tis", "gmpo_geometric", "gspo_mask", "seq_mask_tis",
             "seq_mask_tis_narrow")
    return policy_cases(b, names)


def policy_cases(b, kept=None):
    m = b.mask == 1
    A = b.per_token(b.advantage)
    spans = b.spans()

    def token_mean(losses):
        return losses[m].sum() / m.sum()

    def sequence_mean(losses):
        return np.mean([losses[s].mean() for s in spans])

    def clip(lp, low, high, limit=np.inf, dual=None):
        r = np.exp(np.clip(lp - b.old_logprob, -limit, limit))
        losses = np.maximum(-A * r, -A * np.clip(r, 1 - low, 1 + high))
        if dual is not None:
            losses = np.where(A < 0, np.minimum(-dual * A, losses), losses)
        return losses

    def deepspeed_chat(lp):  # mask before exp, sum over mask
        ratio = np.exp((lp - b.old_logprob) * b.mask)
        a, c = -A * ratio, -A * np.clip(ratio, 0.8, 1.2)
        return (np.maximum(a, c) * b.mask).sum() / b.mask.sum()

    # verl: the mean log-ratio at most 10, then the mean over each answer's tokens
    def gspo(lp, low=3e-4, high=4e-4):
        total = 0.0
        for s, a in zip(spans, b.advantage):
            ratio = np.exp(min((lp[s] - b.old_logprob[s]).mean(), 10.0))
            total += max(-a * ratio, -a * np.clip(ratio, 1 - low, 1 + high))
        return total / len(spans)

    # verl: clip by the sign of A, geometric mean, plain mean over answers
    def gmpo(lp, weights=np.ones(len(spans))):
        total = 0.0
        for s, a, weight in zip(spans, b.advantage, weights):
            x = lp[s] - b.old_logprob[s]
            sign = np.sign(a)
            clipped = sign * np.minimum(sign * x, sign * np.clip(x, -0.4, 0.4))
            total += weight * -a * np.exp(clipped.mean())
        return total / len(spans)

    frozen = np.exp(b.logprob - b.old_logprob)

    def cispo(lp):  # the weight carries no gradient
        return token_mean(-np.clip(frozen, 0.8, 1.2) * A * lp)

    def sapo(lp):
        r = np.exp(lp - b.old_logprob)
        tau = np.where(A > 0, 1.0, 1.05)
        return token_mean(-A * sigmoid(tau * (r - 1)) * 4 / tau)

    moved = np.exp(b.logprob) - np.exp(b.old_logprob)
    keep = np.where(A > 0, moved <= 0.2, moved >= -0.2)

    def dppo(lp):  # prime-rl
        x = lp - b.old_logprob
        return token_mean(-(keep * A * np.exp(x)) + 1e-3 * x**2)

    def dppo_tv(lp):  # verl: the weight, at most 20, carries no gradient
        return token_mean(-A * keep * np.minimum(frozen, 20) * lp)

    def penalty(lp):
        x = lp - b.old_logprob
        return token_mean(-A * np.exp(x) + 0.7 * (np.exp(x) - 1 - x))

    w = np.exp(b.old_logprob - b.rollout_logprob)

    def inside(low, high):
        return np.where((w >= low) & (w <= high), w, 0)

    sums = np.array([(b.old_logprob - b.rollout_logprob)[s].sum() for s in spans])
    means = np.array([(b.old_logprob - b.rollout_logprob)[s].mean() for s in spans])
    whole, mean = b.per_token(sums), b.per_token(means)

    # OpenRLHF: whole answers by the geometric mean of their weights, which have no limit
    def seq_mask_tis(lp, low, high):
        inside = (np.exp(mean) >= low) & (np.exp(mean) <= high)
        return token_mean(inside * w * clip(lp, 0.2, 0.2))

    def gspo_mask(lp):  # TRL: the mean over answers, those whose weight is above 3 dropped
        total = 0.0
        for s, a, x in zip(spans, b.advantage, sums):
            ratio = np.exp((lp[s] - b.old_logprob[s]).mean())
            weight = np.exp(x) if np.exp(x) <= 3 else 0.0
            total += weight * max(-a * ratio, -a * np.clip(ratio, 0.8, 1.2))
        return total / len(spans)

    cases = [
        case("deepspeed_chat", deepspeed_chat, b.logprob),
        case("verl", lambda x: token_mean(clip(x, 0.2, 0.2, 20, 3.0)), b.logprob),
        case("openrlhf", lambda x: token_mean(clip(x, 0.2, 0.2, 20)), b.logprob),
        case("limited", lambda x: token_mean(clip(x, 0.2, 0.2, 1.0)), b.logprob),
        case("dapo", lambda x: token_mean(clip(x, 0.2, 0.28)), b.logprob),
        case("grpo", lambda x: sequence_mean(clip(x, 0.2, 0.2)), b.logprob),
        case("dr_grpo", lambda x: clip(x, 0.2, 0.2)[m].sum() / (len(spans) * 16), b.logprob),
        case("gspo", gspo, b.logprob),
        case("gspo_verl", lambda x: gspo(x, 0.2, 0.2), b.logprob),
        case("gmpo", gmpo, b.logprob),
        case("cispo", cispo, b.logprob),
        case("sapo", sapo, b.logprob),
        case("dppo", dppo, b.logprob),
        case("dppo_tv", dppo_tv, b.logprob),
        case("penalty", penalty, b.logprob),
        case("nll", lambda x: token_mean(-x), b.logprob),
        case("reinforce", lambda x: token_mean(-A * x), b.logprob),
        case("tis_verl", lambda x: token_mean(np.clip(w, 0, 2) * clip(x, 0.2, 0.2)), b.logprob),
        case(
            "tis_openrlhf", lambda x: token_mean(np.clip(w, 0.5, 5) * clip(x, 0.2, 0.2)), b.logprob
        ),
        case("icepop", lambda x: token_mean(inside(0.8, 1.3) * clip(x, 0.2, 0.2)), b.logprob),
        case("icepop_wide", lambda x: token_mean(inside(0.5, 5) * clip(x, 0.2, 0.2)), b.logprob),
        case(
            "tis_sequence",
            lambda x: token_mean(np.clip(np.exp(whole), 0, 2) * clip(x, 0.2, 0.2)),
            b.logprob,
        ),
        case(
            "tis_geometric",
            lambda x: token_mean(np.clip(np.exp(mean), 0, 1.1) * clip(x, 0.2, 0.2)),
            b.logprob,
        ),
        # verl's geo_mean takes the geometric mean of the tokens' weights; per answer: their product.
        case("gmpo_tis", lambda x: gmpo(x, np.clip(np.exp(sums), 0, 2)), b.logprob),
        case("gmpo_geometric", lambda x: gmpo(x, np.clip(np.exp(means), 0.8, 1.1)), b.logprob),
        case("gspo_mask", gspo_mask, b.logprob),
        case("seq_mask_tis", lambda x: seq_mask_tis(x, 0.5, 5), b.logprob),
        case("seq_mask_tis_narrow", lambda x: seq_mask_tis(x, 0.8, 1.25), b.logprob),
    ]
    if kept is not None:
        assert set(kept) <= {c["of"] for c in cases}
        cases = [c for c in cases if c["of"] in kept]
    return {**b.columns(), "max_length": 16, "cases": cases}


def kl():
    b = Batch([6, 4, 9], seed=3, hole_rate=0.1)
    m = b.mask == 1
    ref = b.ref_logprob

    def mean(x):
        return x[m].sum() / m.sum()

    def k3(lp, inner=np.inf, outer=np.inf):
        x = np.clip(ref - lp, -inner, inner)
        return np.clip(np.exp(x) - 1 - x, -outer, outer)

    def ratio(lp):
        return np.exp(lp - b.old_logprob)

    frozen = b.logprob.copy()
    cases = [
        case("k1", lambda x: mean(x - ref), b.logprob),
        case("k1_limited", lambda x: mean(np.clip(x - ref, -0.3, 0.3)), b.logprob),
        case("k2", lambda x: mean(0.5 * (x - ref) ** 2), b.logprob),
        case("k3", lambda x: mean(k3(x)), b.logprob),
        case("k3_limited", lambda x: mean(k3(x, 0.5, 0.1)), b.logprob),
        case("absolute", lambda x: mean(np.abs(x - ref)), b.logprob),
        case("k1_ratio", lambda x: mean(ratio(x) * (x - ref)), b.logprob),
        case("k3_ratio", lambda x: mean(ratio(x) * k3(x)), b.logprob),
        case("k3_score_function", lambda x: mean(np.exp(x - frozen) * k3(x, 20, 10)), b.logprob),
    ]
    value, slope = mean(k3(b.logprob, 20, 10)), gradient(
        lambda x: mean(0.5 * (x - ref) ** 2), b.logprob
    )
    cases.append({"of": "k3_plus", "loss": float(value), "gradient": slope.tolist()})

    steps, coef = [], 0.2
    for observed, n in [(12.0, 64), (6.5, 64), (0.1, 128), (6.0, 64), (100.0, 512)]:
        error = np.clip(observed / 6.0 - 1, -0.2, 0.2)
        coef *= 1 + error * n / 10000
        steps.append({"per_sequence": observed, "sequences": n, "coef": coef})
    # Far from the reference, where the clamps of verl (20 and 10) and OpenRLHF (10) bind.
    far = []
    for x in [-40.0, -25.0, -12.0, -10.5, -3.0, 0.0, 2.0, 2.6, 5.0, 19.0, 21.0, 60.0]:
        k, limited = np.exp(x) - 1 - x, np.clip(x, -20, 20)
        verl = np.exp(limited) - 1 - limited
        far.append(
            {
                "x": x,  # log ref - log pi
                "k3_openrlhf": min(k, 10),
                "k3_openrlhf_slope": 1 - np.exp(x) if k <= 10 else 0.0,
                "k3_verl": min(verl, 10),
                "k3_verl_slope": 1 - np.exp(x) if verl <= 10 and abs(x) <= 20 else 0.0,
                "k1_openrlhf": float(np.clip(-x, -10, 10)),
            }
        )
    return {**b.columns(), "cases": cases, "adaptive": steps, "far": far}


def value():
    r = np.random.default_rng(4)
    n = 40
    v, old, ret = (rounded(r.uniform(-2, 2, n)) for _ in range(3))
    old = rounded(v + r.uniform(-0.8, 0.8, n))
    mask = (r.random(n) > 0.2).astype(int)
    m = mask == 1

    def clipped(x, c, coef=1):
        limited = np.clip(x, old - c, old + c)
        return coef * 0.5 * np.maximum((x - ret) ** 2, (limited - ret) ** 2)[m].sum() / m.sum()

    return {
        "value": v.tolist(),
        "old_value": old.tolist(),
        "ret": ret.tolist(),
        "mask": mask.tolist(),
        "cases": [
            case("clipped", lambda x: clipped(x, 0.2), v, value_clip=0.2),
            case("clipped", lambda x: clipped(x, 0.5), v, value_clip=0.5),
            case("clipped", lambda x: clipped(x, 0.2, 0.1), v, value_clip=0.2, coef=0.1),
            case("plain", lambda x: (0.5 * (x - ret) ** 2)[m].sum() / m.sum(), v),
        ],
    }


def pairs():
    """cDPO, IPO over token sums (OpenRLHF), KTO and reward losses as their papers write them."""
    r = np.random.default_rng(5)
    n = 6
    x = rounded(r.uniform(-12, -2, 2 * n))  # log pi of the chosen answers, then of the rejected
    ref = rounded(x + r.uniform(-2, 2, 2 * n))

    def shift(x):
        return (x[:n] - ref[:n]) - (x[n:] - ref[n:])

    def cdpo(x, b, e):
        d = b * shift(x)
        return np.mean(-(1 - e) * log_sigmoid(d) - e * log_sigmoid(-d))

    def ipo(x, b):
        return np.mean((shift(x) - 1 / (2 * b)) ** 2)

    return {
        "logprob": x.tolist(),
        "ref_logprob": ref.tolist(),
        "cases": [
            case("cdpo", lambda y: cdpo(y, 0.3, 0.1), x, beta=0.3, label_smoothing=0.1),
            case("ipo_sum", lambda y: ipo(y, 0.2), x, beta=0.2),
        ],
    }


def reward_from_divergence():
    """DeepSpeed-Chat: per pair, the mean of -log sigmoid(c_t - r_t) from the first token in which
    the answers differ to the end of the longer one; equal answers at their last position. The
    shorter one's scores beyond its end are those of padding there, here its last."""
    r = np.random.default_rng(6)
    answers = [
        ([4, 5, 6, 7], [4, 5, 9]),
        ([1, 2], [1, 2, 3, 4, 5]),
        ([3, 3, 3], [3, 3, 3]),
        ([8, 1], [9, 1]),
    ]
    lengths = [len(a) for pair in answers for a in pair]
    scores = rounded(r.uniform(-2, 2, sum(lengths)))
    starts = np.concatenate([[0], np.cumsum(lengths)])

    def loss(x):
        total = 0.0
        for i, (c, j) in enumerate(answers):
            end = max(len(c), len(j))
            rows = [starts[2 * i] + min(t, len(c) - 1) for t in range(end)]
            other = [starts[2 * i + 1] + min(t, len(j) - 1) for t in range(end)]
            differs = [t for t in range(end) if t >= len(c) or t >= len(j) or c[t] != j[t]]
            first = differs[0] if differs else end - 1
            total += np.mean(
                [-log_sigmoid(x[rows[t]] - x[other[t]]) for t in range(first, end)]
            )
        return total / len(answers)

    return {
        "chosen": [c for c, _ in answers],
        "rejected": [j for _, j in answers],
        "scores": scores.tolist(),
        "cases": [case("deepspeed_chat", loss, scores)],
    }


# ---------------------------------------------------------------- advantages


def trajectories():
    r = np.random.default_rng(7)
    lengths = [6, 1, 11, 4, 9, 3]
    b = Batch(lengths, seed=8, hole_rate=0.3)
    b.mask[b.offsets[1:] - 1] = 1  # an answer ends with a sampled token
    n = b.offsets[-1]
    rewards = rounded(r.uniform(-0.3, 0.3, n)) * b.mask
    values = rounded(r.uniform(-1, 1, n))
    scores = rounded(r.uniform(-1, 2, len(lengths)))
    rewards[b.offsets[1:] - 1] = rounded(rewards[b.offsets[1:] - 1] + scores)
    spans = b.spans()

    def skip(gamma, lam):  # verl, NeMo RL: carry over masked tokens
        adv = np.zeros(n)
        for a, e in zip(b.offsets, b.offsets[1:]):
            next_value = last = 0.0
            for t in range(e - 1, a - 1, -1):
                delta = rewards[t] + gamma * next_value - values[t]
                now = delta + gamma * lam * last
                next_value = values[t] if b.mask[t] else next_value
                last = now if b.mask[t] else last
                adv[t] = last if b.mask[t] else 0.0
        return adv

    def through(gamma, lam):  # OpenRLHF: V = 0 in gaps, lambda decays through them
        v = values * b.mask
        adv = np.zeros(n)
        for a, e in zip(b.offsets, b.offsets[1:]):
            last = 0.0
            for t in range(e - 1, a - 1, -1):
                following = v[t + 1] if t + 1 < e else 0.0
                delta = rewards[t] * b.mask[t] + gamma * following - v[t]
                last = delta + gamma * lam * last
                adv[t] = last
        return adv * b.mask

    # DeepSpeed-Chat, TRL's PPO: the score one position past the last token, where the critic has a
    # value too; an answer that was cut off fills its row and has it on the last token.
    def after_end(gamma, lam):
        adv = np.zeros(n)
        for i, (a, e) in enumerate(zip(b.offsets, b.offsets[1:])):
            steps = [t for t in range(a, e) if b.mask[t]]
            r = [rewards[t] - (scores[i] if t == steps[-1] else 0.0) for t in steps]
            v = [values[t] for t in steps]
            if cut_off[i]:
                r[-1] += scores[i]
            else:
                r.append(scores[i])
                v.append(after[i])
            last, following = 0.0, 0.0
            for k in range(len(r) - 1, -1, -1):
                last = r[k] + gamma * following - v[k] + gamma * lam * last
                following = v[k]
                if k < len(steps):
                    adv[steps[k]] = last
        return adv

    def to_go(gamma):
        out = np.zeros(n)
        for s in spans:
            total = 0.0
            for t in s[::-1]:
                total = rewards[t] + gamma * total
                out[t] = total
        return out

    m = b.mask == 1

    def whiten(x, ddof, epsilon=0.0, floor=0.0, keep_mean=False):
        mean, var = x[m].mean(), x[m].var(ddof=ddof)
        out = (x - mean) / np.sqrt(max(var, floor) + epsilon)
        return np.where(m, out + (mean if keep_mean else 0.0), 0.0)

    def vapo(alpha):
        adv, target = np.zeros(n), np.zeros(n)
        for s in spans:
            lam = 1 - 1 / (alpha * len(s))
            for critic, out in ((False, adv), (True, target)):
                last, following = 0.0, 0.0
                for t in s[::-1]:
                    delta = rewards[t] + following - values[t]
                    last = delta + (1.0 if critic else lam) * last
                    following = values[t]
                    out[t] = last + (values[t] if critic else 0.0)
        return adv, target

    base = skip(0.99, 0.9)
    greedy = rounded(r.uniform(-1, 1, len(lengths)))
    after = rounded(r.uniform(-1, 1, len(lengths)))
    cut_off = np.array([0, 0, 1, 0, 1, 0])
    vapo_adv, vapo_target = vapo(2.0)
    return {
        "offsets": b.offsets.tolist(),
        "mask": b.mask.tolist(),
        "rewards": rewards.tolist(),
        "values": values.tolist(),
        "greedy": greedy.tolist(),
        "scores": scores.tolist(),
        "value_after": after.tolist(),
        "cut_off": cut_off.tolist(),
        "gae_skip": base.tolist(),
        "gae_through": through(0.99, 0.9).tolist(),
        "gae_whole": skip(1.0, 0.95).tolist(),
        "gae_after_end": after_end(0.99, 0.9).tolist(),
        "gae_after_end_deepspeed_chat": after_end(1.0, 0.95).tolist(),
        "gae_after_end_trl": whiten(after_end(1.0, 0.95), 1, epsilon=1e-8).tolist(),
        "whiten_verl": whiten(base, 1, epsilon=1e-8).tolist(),
        "whiten_openrlhf": whiten(base, 0, floor=1e-8).tolist(),
        "whiten_keep_mean": whiten(base, 1, epsilon=1e-8, keep_mean=True).tolist(),
        "reinforce_plus_plus": whiten(to_go(0.97), 1, epsilon=1e-8).tolist(),
        "reinforce_plus_plus_openrlhf": whiten(to_go(0.97), 0, floor=1e-8).tolist(),
        "remax": np.where(m, to_go(1.0) - b.per_token(greedy), 0.0).tolist(),
        "vapo": vapo_adv.tolist(),
        "vapo_returns": vapo_target.tolist(),
    }


def groups():
    r = np.random.default_rng(9)
    sizes = [4, 4, 1, 2, 5]
    groups = np.repeat(np.arange(len(sizes)), sizes)
    scores = rounded(r.uniform(-1, 2, len(groups)))
    scores[4:8] = rounded(0.3)  # a group without deviation
    lengths = r.integers(1, 30, len(groups))

    def each(f):
        out = np.zeros(len(groups))
        for g in range(len(sizes)):
            i = np.flatnonzero(groups == g)
            out[i] = f(scores[i], lengths[i])
        return out.tolist()

    def grpo_verl(x, _):  # a group of one: mean 0, deviation 1
        if len(x) == 1:
            return x / (1 + 1e-6)
        return (x - x.mean()) / (x.std(ddof=1) + 1e-6)

    def rloo_verl(x, _):
        n = len(x)
        return x if n == 1 else x * n / (n - 1) - x.mean() * n / (n - 1)

    def opo_verl(x, l):  # the baseline of a group of one is 0
        return x if len(x) == 1 else x - (l * x).sum() / l.sum()

    def opo(x, l):
        return np.zeros(1) if len(x) == 1 else x - (l * x).sum() / l.sum()

    def group_norm_openrlhf(x, _):
        return np.zeros(1) if len(x) == 1 else (x - x.mean()) / (x.std(ddof=1) + 1e-9)

    def dr_grpo(x, _):
        return x - x.mean()

    def nemo(x, _):  # leave-one-out mean and deviation; divided only where there is a deviation
        n = len(x)
        out = np.zeros(n)
        for i in range(n):
            others = np.delete(x, i)
            if n == 1:
                continue
            out[i] = x[i] - others.mean()
            deviation = others.std(ddof=1) if n > 2 else 0.0
            if deviation > 1e-12:
                out[i] /= deviation + 1e-6
        return out

    return {
        "groups": groups.tolist(),
        "scores": scores.tolist(),
        "lengths": lengths.tolist(),
        "grpo_verl": each(grpo_verl),
        "rloo_verl": each(rloo_verl),
        "opo_verl": each(opo_verl),
        "opo": each(opo),
        "group_norm_openrlhf": each(group_norm_openrlhf),
        "dr_grpo": each(dr_grpo),
        "nemo": each(nemo),
    }


def openrlhf():
    """compute_advantages_and_returns: the baseline of the scores alone, limited to +-10, on the last
    token; k1, limited to +-10, times 0.01 off every token; the return-to-go. reinforce_baseline is
    then whitened over all tokens, ddof 0."""
    size, groups = 4, 3
    b = Batch([6, 1, 9, 4, 3, 8, 5, 2, 7, 1, 4, 10], seed=13, hole_rate=0.25)
    r = np.random.default_rng(14)
    n = b.offsets[-1]
    b.ref_logprob = rounded(b.old_logprob - r.uniform(-14, 14, n))
    scores = rounded(r.uniform(-3, 3, size * groups))
    scores[5] = 30.0  # far above its group
    m = b.mask == 1
    k1 = np.clip(b.old_logprob - b.ref_logprob, -10, 10)
    assert (np.abs((b.old_logprob - b.ref_logprob)[m]) > 10).any()

    def to_go(shaped):
        assert (np.abs(shaped) > 10).any()
        out = np.zeros(n)
        for s, a in zip(b.spans(), np.clip(shaped, -10, 10)):
            total = a
            for t in s[::-1]:
                total += -0.01 * k1[t]
                out[t] = total
        return out

    def limited(shaped):  # group_norm, dr_grpo with the KL in the loss: the same for every token
        return np.where(m, b.per_token(np.clip(shaped.flatten(), -10, 10)), 0.0)

    by_group = scores.reshape(groups, size)
    others = (by_group.sum(1, keepdims=True) - by_group) / (size - 1)
    baseline = to_go((by_group - by_group.mean(1, keepdims=True)).flatten())
    mean, var = baseline[m].mean(), baseline[m].var()
    whitened = np.where(m, (baseline - mean) / np.sqrt(max(var, 1e-8)), 0.0)
    return {
        **b.columns(),
        "groups": np.repeat(np.arange(groups), size).tolist(),
        "scores": scores.tolist(),
        "rloo": to_go((by_group - others).flatten()).tolist(),
        "group_norm": limited(
            (by_group - by_group.mean(1, keepdims=True))
            / (by_group.std(1, ddof=1, keepdims=True) + 1e-9)
        ).tolist(),
        "dr_grpo": limited(by_group - by_group.mean(1, keepdims=True)).tolist(),
        "reinforce_baseline": whitened.tolist(),
    }


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    made = {"made_by": "make_numpy.py"}
    for part in (policy, policy_far, policy_drifted, kl, value, pairs, reward_from_divergence):
        made[part.__name__] = part()
    for part in (trajectories, groups, openrlhf):
        made[part.__name__] = part()
    text = json.dumps(made, separators=(",", ":"))
    text = re.sub(r"-?\d+\.\d+(?:e-?\d+)?", lambda m: f"{float(m.group()):.9g}", text)
    (out / "numpy.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
