"""Policies that set their own budgets, stated in NumPy float64 from the papers' formulas and not from kvreel's C++.

Everything is stated on whole matrices: attention [q_heads, n, n] (softmax rows, causal), keys
[kv_heads, n, d] and queries [q_heads, n, d] with rotation, as numpy_model.py gives them. A statement
returns, for each KV head, a Choice: what is kept and what it was chosen by, so that a test can tell a
different rule from two positions whose scores are equal but for rounding.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Choice:
    kept: np.ndarray  # positions, ascending
    scores: np.ndarray  # of every cached position, in the order of `positions`
    positions: np.ndarray
    boundary: float  # the lowest score that stays among the candidates; NaN: none does
    temperature: float = np.nan


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def by_group(per_query_head, kv_heads, reduce):
    """[q_heads, ...] -> [kv_heads, ...]: query heads g*k .. g*k+g-1 share KV head k."""
    shape = (kv_heads, len(per_query_head) // kv_heads, *per_query_head.shape[1:])
    return getattr(per_query_head.reshape(shape), reduce)(axis=1)


def best_first(scores):
    """Indices, the highest score first; of equals the newer first."""
    order = np.lexsort((-np.arange(len(scores)), -scores))
    return order


def choose(scores, candidates, count, positions=None):
    """Keeps all that is no candidate and the best `count` candidates (indices into scores)."""
    positions = np.arange(len(scores)) if positions is None else np.asarray(positions)
    candidates = np.asarray(candidates, dtype=int)
    ranked = candidates[best_first(scores[candidates])]
    stays = np.ones(len(scores), dtype=bool)
    stays[ranked[count:]] = False
    boundary = scores[ranked[count - 1]] if 0 < count <= len(ranked) else np.nan
    return Choice(positions[stays], scores, positions, boundary)


# Top-p (Twilight, arXiv 2502.02770, section 3: the smallest set whose attention weights sum up to p).


def top_p(attention, kv_heads, p, rows=1, reduce="max", sinks=0, recent=1, per_layer=False):
    n = attention.shape[-1]
    row = attention[:, -rows:].mean(axis=1)
    choices = []
    for weights in by_group(row, 1 if per_layer else kv_heads, reduce):
        share = weights / weights.sum()
        candidates = np.arange(sinks, n - recent)
        ranked = candidates[best_first(share[candidates])]
        always = share.sum() - share[candidates].sum()
        held = always + np.concatenate([[0.0], np.cumsum(share[ranked])])
        count = int(np.flatnonzero(held >= p - 1e-12)[0])
        choices.append(choose(share, candidates, count))
    return choices


# ReFreeKV's metrics (arXiv 2502.16886 and the --metric option of the code released with it), oldest
# first behind the sinks. The matrix is masked anew for every i.


def metric_curve(attention, metric, at, sinks=4):
    """The distances where the first i candidates are gone, for every i of `at`."""
    heads, n, _ = attention.shape
    whole = attention.copy()
    if metric.startswith(("norm", "col")):
        whole[:, :, :sinks] = 0  # the sinks' columns are outside the metric
    distances = []
    for i in at:
        stays = np.ones(n, dtype=bool)
        stays[sinks : sinks + i] = False
        masked = whole * stays[None, :, None] * stays[None, None, :]
        if metric == "norm-1":
            distances.append(np.abs(whole - masked).sum() / whole.sum())
        elif metric == "norm-fro":
            norm = lambda a: np.sqrt(np.square(a).sum(axis=(1, 2))).mean()  # noqa: E731
            distances.append(norm(whole - masked) / norm(whole))
        else:
            axis = 1 if metric.startswith("col") else 2
            energy = np.square(whole).sum(axis=axis)[:, sinks:]  # [heads, candidates]
            outer = np.sqrt if "sqrt" in metric else (lambda a: a)
            base = outer(energy.sum(axis=1)).sum()
            distances.append((base - outer(energy[:, i:].sum(axis=1)).sum()) / base)
    return np.array(distances)


def unmasked_rows_curve(layer, k, average, sinks=4):
    """last_token_attn on the last k rows, those before the last computed without a causal mask."""
    heads, n, d = layer.queries.shape
    keys = np.repeat(layer.keys, heads // len(layer.keys), axis=0)
    rows = softmax(layer.queries[:, -k:] @ keys.transpose(0, 2, 1) / np.sqrt(d))
    reduced = rows.mean(axis=1) if average else rows.sum(axis=1)
    squares = np.square(reduced)[:, sinks:]
    left = np.sqrt(np.cumsum(squares[:, ::-1], axis=1)[:, ::-1]).mean(axis=0)
    return (left[0] - left) / left[0]


# Expected attention (arXiv 2510.00636, section 3).


def expected_attention(model, layer, budget, future=512, sinks=4, covariance=True, value_norm=True):
    heads, n, d = layer.queries.shape
    kv_heads = len(layer.keys)
    half = d // 2
    rotations = []
    for position in range(n, n + future):
        angles = position * model.inverse_frequencies
        rotation = np.zeros((d, d))
        for i, angle in enumerate(angles):
            rotation[i, i] = rotation[i + half, i + half] = np.cos(angle)
            rotation[i, i + half] = -np.sin(angle)
            rotation[i + half, i] = np.sin(angle)
        rotations.append(rotation)
    rotation = np.mean(rotations, axis=0)
    expected = np.zeros((heads, n))
    for head in range(heads):
        seen = layer.queries_unrotated[head, 4:]  # the first have outlying queries
        mean = rotation @ seen.mean(axis=0)
        spread = rotation @ np.cov(seen.T, bias=True) @ rotation.T
        keys = layer.keys[head // (heads // kv_heads)][sinks:]
        logits = keys @ mean / np.sqrt(d)
        if covariance:
            logits = logits + np.einsum("ja,ab,jb->j", keys, spread, keys) / (2 * d)
        expected[head, sinks:] = softmax(logits)
    scores = by_group(expected, kv_heads, "mean")
    if value_norm:
        scores = scores * np.linalg.norm(layer.values, axis=-1)
    return [choose(row, np.arange(sinks, n), budget - sinks) for row in scores]


# CAKE (arXiv 2503.12491, sections 4.1 to 4.3), dealt out once, when all layers are known.


def cake_budgets(preferences, total, most):
    """min(most, c P) with the c that makes the sum `total`; found by halving c's range."""
    preferences = np.asarray(preferences)
    total = min(total, most * len(preferences))
    low, high = 0.0, most / preferences.min()
    for _ in range(200):
        middle = (low + high) / 2
        if np.minimum(most, middle * preferences).sum() < total:
            low = middle
        else:
            high = middle
    shares = np.minimum(most, high * preferences)
    budgets = np.floor(shares + 1e-6).astype(int)
    order = np.argsort(-(shares - budgets), kind="stable")
    budgets[order[: total - budgets.sum()]] += 1
    return budgets


def cake(attentions, kv_heads, budget, window=32, tau1=1.0, tau2=1.0, gamma=200.0, kernel=5):
    """attentions: of every layer, [q_heads, n, n]. A list of choices for each layer."""
    n = attentions[0].shape[-1]
    before = n - window
    preferences, indicators = [], []
    for attention in attentions:
        a = attention[:, -window:, :before]
        entropy = -np.sum(np.where(a > 0, a * np.log(np.where(a > 0, a, 1)), 0))
        variance = a.var(axis=1, ddof=1)
        preferences.append(entropy ** (1 / tau1) * variance.sum() ** (1 / tau2))
        indicator = a.mean(axis=1) + gamma * variance
        pooled = np.array([np.convolve(row, np.ones(kernel) / kernel, "same") for row in indicator])
        indicators.append(by_group(pooled, kv_heads, "mean"))
    budgets = cake_budgets(preferences, (budget - window) * len(attentions), before)
    choices = []
    for heads, count in zip(indicators, budgets):
        scores = np.concatenate([heads, np.zeros((kv_heads, window))], axis=1)
        choices.append([choose(row, np.arange(before), count) for row in scores])
    return choices


# HARD-KV (arXiv 2606.28831, sections on logits calibration and selection), one compression of one
# KV head.


def fewest(weights, p):
    return int(np.flatnonzero(np.cumsum(np.sort(weights)[::-1]) >= p * weights.sum() - 1e-12)[0]) + 1


def hard_kv_temperature(raw, z, p):
    """The T at which the K best of mean softmax(z / T) hold p; K: what raw attention needs."""
    count = fewest(softmax(raw).mean(axis=0), p)
    mass = lambda t: np.sort(softmax(z / t).mean(axis=0))[::-1][:count].sum()  # noqa: E731
    low, high = 0.001, 10.0
    if mass(high) >= p:
        return high
    if mass(low) < p:
        return low
    while high / low > 1 + 1e-12:
        middle = np.sqrt(low * high)
        low, high = (middle, high) if mass(middle) >= p else (low, middle)
    return low


def hard_kv(queries, keys, positions, budget, p, window, sinks=1, score="snapkv", kernel=7, temperature=None):
    """queries: [group, w, d] of the newest positions; keys: [cached, d] of `positions`."""
    cached, d = keys.shape
    candidates = np.arange(sinks, cached - window)
    raw = (queries @ keys[candidates].T / np.sqrt(d)).max(axis=0)  # [w, candidates]
    z = raw
    if score == "snapkv":
        padded = np.pad(raw, ((0, 0), (kernel // 2, kernel // 2)), constant_values=-np.inf)
        z = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=1).max(axis=-1)
    if temperature is None:
        temperature = hard_kv_temperature(raw, z, p)
    weights = softmax(z / temperature).mean(axis=0)
    count = max(fewest(weights, p), budget - sinks - window)
    scores = np.zeros(cached)
    scores[candidates] = weights
    choice = choose(scores, candidates, min(count, len(candidates)), positions)
    choice.temperature = temperature
    return choice
