"""ReFreeKV's decision stated in NumPy float64, written from the paper and not from kvreel's C++.

Sources: arXiv 2502.16886 v3, sections 2.2 and 2.3 (equations 1 to 3), and for what the paper leaves
open the released code's `last_token_attn` with its StreamingLLM ranking: one decision per layer,
from the mean over query heads of the heads' norms, over the positions behind the sinks.

The words used here:

    row         a_h: the attention probabilities of the last prompt token in query head h, [n]
    sinks       the first s positions, never evicted
    candidates  positions s..n-1, in the order of eviction: oldest first
    S_i         mean over heads of the norm that is left when the first i candidates are gone
    distance    d_i = (S_0 - S_i) / S_0
    cut         I, the largest i in 0..L-1 with d_i <= T; candidates before it are evicted
    halting     s + I, the oldest candidate that stays: where eviction stopped

i ends at L-1 because at least one candidate, the last prompt token, always stays.

Only NumPy is needed. It is used by test_refreekv_reference.py and to check traces.
"""

from dataclasses import dataclass

import numpy as np

BASES = ("candidates", "all")


@dataclass(frozen=True)
class Decision:
    """What one layer keeps of a prompt of n positions."""

    curve: np.ndarray  # [L] d_i for i evicted candidates; empty where there is no candidate
    base_norm: float  # S_0
    cut: int  # number of evicted positions
    halting: int | None  # position of the oldest kept candidate; None where there is none
    kept: np.ndarray  # kept positions, ascending

    def budget(self, n):
        """Kept positions over prompt positions: a token ratio, not a memory figure."""
        return len(self.kept) / n


def reduce_last_rows(block):
    """Equation 2: the last k attention rows of a head reduced to one value per key.

    block: [heads, k, n], the rows of positions n-k..n-1, each zero behind its own position (a row
    that sees later keys is not a causal model's row: ValueError). Returns [heads, n]: a key's sum
    over the k rows divided by its number of non-zero entries; 0 for a key no row looks at.

    k = 1 gives the last row itself, which is what the paper uses.
    """
    block = np.asarray(block, dtype=np.float64)
    heads, k, n = block.shape
    if k > n:
        raise ValueError(f"{k} rows of a prompt of {n} positions")
    future = np.arange(n)[None, :] > np.arange(n - k, n)[:, None]  # [k, n]
    if np.any(block[:, future] != 0):
        raise ValueError("a row has attention to a position after its own")
    count = np.count_nonzero(block, axis=1)
    return np.divide(block.sum(axis=1), count, out=np.zeros((heads, n)), where=count > 0)


def remaining_norms(rows, sinks, base):
    """S_i for i = 0..L-1: rows [heads, n] -> [L].

    base "candidates": sinks are left out of every norm, as the released code does. base "all":
    their squares are added under every root, which is the paper's formula read literally.
    """
    if base not in BASES:
        raise ValueError(f"base '{base}' is not one of {BASES}")
    squares = np.square(np.asarray(rows, dtype=np.float64))
    candidates = squares[:, sinks:]
    suffix = np.cumsum(candidates[:, ::-1], axis=1)[:, ::-1]  # sum over candidates i..L-1
    if base == "all":
        suffix = suffix + squares[:, :sinks].sum(axis=1, keepdims=True)
    return np.sqrt(suffix).mean(axis=0)


def distance_curve(rows, sinks=4, base="candidates"):
    """d_i for i = 0..L-1 (equation 1 on the reduced matrix): non-decreasing, d_0 = 0.

    Where S_0 is 0 there is no distance to speak of: every d_i is NaN and nothing is evicted.
    """
    norms = remaining_norms(rows, sinks, base)
    if norms.size == 0:
        return norms
    if norms[0] == 0:
        return np.full(norms.shape, np.nan)
    return (norms[0] - norms) / norms[0]


def cut_of(curve, threshold):
    """I: the largest i with d_i <= threshold (a fraction: 0.01 is 1 %), 0 where there is none."""
    within = np.flatnonzero(curve <= threshold)
    return int(within[-1]) if within.size else 0


def decide(rows, threshold, sinks=4, base="candidates", exempt=False):
    """The decision of one layer.

    rows: [heads, n] probabilities of the last prompt row (or `reduce_last_rows` of several), all
    query heads. A layer that is exempt, or whose prompt has no candidate, keeps everything.
    """
    rows = np.asarray(rows)
    n = rows.shape[1]
    norms = remaining_norms(rows, sinks, base)
    curve = distance_curve(rows, sinks, base)
    cut = 0 if exempt else cut_of(curve, threshold)
    kept = np.concatenate([np.arange(min(sinks, n)), np.arange(min(sinks, n) + cut, n)])
    return Decision(
        curve=curve,
        base_norm=float(norms[0]) if norms.size else 0.0,
        cut=cut,
        halting=sinks + cut if n > sinks else None,
        kept=kept,
    )


def decide_layers(layers, threshold, sinks=4, base="candidates", exempt_layers=()):
    """One decision per layer; layers decide independently. layers: a sequence of [heads, n].

    exempt_layers: indices of layers that keep everything, (0, 1) in the paper.
    """
    exempt = set(exempt_layers)
    unknown = exempt - set(range(len(layers)))
    if unknown:
        raise ValueError(
            f"exempt layers {sorted(unknown)}, but there are only {len(layers)} layers"
        )
    return [
        decide(rows, threshold, sinks, base, exempt=index in exempt)
        for index, rows in enumerate(layers)
    ]


def mean_budget(decisions, n):
    """The sample's budget: the plain mean over layers, exempt ones counting 1."""
    return float(np.mean([decision.budget(n) for decision in decisions]))
