"""Fixed-budget eviction policies stated in NumPy float64, from the papers and not from kvreel's C++.

A rule gives every cached row of a KV head a score; rows that always stay are protected; of the others
the highest scores stay until the capacity is full. Of equal scores the newer stays. The capacity
counts everything, protected rows included.

    H2O        Zhang et al. 2023, arXiv 2306.14048      attention drawn, summed over all query rows
    SnapKV     Li et al. 2024, arXiv 2404.14469         ... over the last rows, pooled along the keys
    PyramidKV  Cai et al. 2024, arXiv 2406.02069        SnapKV with capacities that fall by layer
    Ada-KV     Feng et al. 2024, arXiv 2407.11550       SnapKV with a layer's capacity split by head
    TOVA       Oren et al. 2024, arXiv 2401.06104       the last row, mean over the layer's query heads
    key norm   Devoto et al. 2024, arXiv 2406.11430     low L2 norms stay
    KeyDiff    Park et al. 2025, arXiv 2504.15364       low cosine with the mean direction stays
    StreamingLLM  Xiao et al. 2023, arXiv 2309.17453    the first and the newest

Attention and keys are numpy_model.Layer's. Where query heads share a KV head, `reduce` makes their
scores one. A view says which rows a KV head holds and which query row is the newest, so the same
rules serve prefill (all rows of the prompt, the last of it) and decode steps.
"""

import dataclasses

import numpy as np

REDUCTIONS = {"mean": np.mean, "sum": np.sum, "max": np.max}


@dataclasses.dataclass(frozen=True)
class View:
    """One KV head of a layer before a decision."""

    layer: object  # numpy_model.Layer
    layer_index: int
    kv_heads: int
    head: int
    cached: np.ndarray  # positions that the head holds, ascending
    row: int  # the newest query row

    def queries(self):
        """The query heads that read this KV head."""
        group = len(self.layer.attention) // self.kv_heads
        return slice(self.head * group, (self.head + 1) * group)

    def keys(self):
        return self.layer.keys[self.head][self.cached]


def capacity(budget, n):
    """'50%' of n, halves to even; a count is itself. At least 1."""
    if isinstance(budget, str):
        return max(round(float(budget.rstrip("%")) / 100 * n), 1)
    return budget


def choose(scores, sinks, recent, count):
    """Indices of the rows that stay, ascending, of rows in order of age."""
    n = len(scores)
    if n <= count:
        return np.arange(n)
    last = min(recent, count)
    first = min(sinks, count - last)
    free = np.arange(first, n - last)
    # Best first; lexsort's last key is the first to sort by, and the newer wins a tie.
    best = free[np.lexsort((-free, -scores[free]))][: count - first - last]
    return np.sort(np.concatenate([np.arange(first), best, np.arange(n - last, n)]))


# ---- scores: higher stays


def h2o(view, reduce="mean"):
    drawn = view.layer.attention[view.queries(), : view.row + 1].sum(axis=1)
    return REDUCTIONS[reduce](drawn[:, view.cached], axis=0)


def window_sums(view, window):
    first = view.row + 1 - window
    return view.layer.attention[view.queries(), first : view.row + 1].sum(axis=1)[:, view.cached]


def h2o_window(view, window, reduce="mean"):
    """What the released ReFreeKV code calls h2o."""
    return REDUCTIONS[reduce](window_sums(view, window), axis=0)


def pooled(values, kind, kernel):
    """Along the last axis, stride 1, same length. Beyond the ends: nothing for max, zeros for mean."""
    if kind == "none" or values.shape[-1] == 0:
        return values
    side = kernel // 2
    fill = -np.inf if kind == "max" else 0.0
    padded = np.pad(values, [(0, 0), (side, side)], constant_values=fill)
    around = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=-1)
    return around.max(axis=-1) if kind == "max" else around.mean(axis=-1)


def snapkv(view, window, pool="max", kernel=7, reduce="mean"):
    sums = window_sums(view, window)
    before = sums.shape[1] - window
    smooth = pooled(sums[:, :before], pool, kernel)
    return REDUCTIONS[reduce](np.concatenate([smooth, sums[:, before:]], axis=1), axis=0)


def tova(view):
    return view.layer.attention[:, view.row].mean(axis=0)[view.cached]


def key_norm(view):
    return -np.linalg.norm(view.keys(), axis=1)


def key_diff(view):
    keys = view.keys()
    unit = keys / np.linalg.norm(keys, axis=1, keepdims=True)
    anchor = unit.mean(axis=0)
    return -(unit @ anchor) / np.linalg.norm(anchor)


def streaming(view):
    return view.cached.astype(float)


def split_mix(value):
    """SplitMix64's next output from a state (Steele, Lea and Flood 2014)."""
    mask = (1 << 64) - 1
    z = (value + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def lots(view, seed=0):
    """kvreel's own: 24 bits of a hash of seed, layer, KV head and position."""
    start = split_mix(split_mix(split_mix(seed) ^ view.layer_index) ^ view.head)
    return np.array([(split_mix(start ^ int(p)) >> 40) / 2.0**24 for p in view.cached])


# ---- capacities


def observed_rows(window, count):
    """The released ReFreeKV code's window: 1 where the budget is no larger."""
    return window if count > window else 1


def pyramid_capacity(count, window, n, layer, layers, beta=20):
    """Of a layer, window included, by the code released with PyramidKV."""
    if n < count:
        return n
    if n < 2 * (count - window):
        return count
    low = (count - window) // beta
    high = (count - window) * 2 - low
    if high >= n - window:
        high = n - window
        low = (count - window) * 2 - high
    return high - layer * ((high - low) // layers) + window


def ada_kv(scores, window, count, floor=0.2):
    """Kept rows of each KV head. scores: [kv_heads, n], the last `window` rows of which stay.

    Each head has its own best `floor` share of an even budget; the heads' other rows compete, all
    scores in one list, for what remains of the layer's budget.
    """
    heads, n = scores.shape
    if n <= count:
        return [np.arange(n)] * heads
    even = count - window
    own = int(floor * even)
    before = n - window
    kept, rivals = [], []
    for head in range(heads):
        best_first = np.lexsort((-np.arange(before), -scores[head, :before]))
        kept.append(list(best_first[:own]))
        rivals += [(scores[head, row], row, head) for row in best_first[own:]]
    rivals.sort(reverse=True)  # ties: the newer, then the higher head
    for _, row, head in rivals[: heads * (even - own)]:
        kept[head].append(row)
    return [np.sort(np.concatenate([rows, np.arange(before, n)]).astype(int)) for rows in kept]
