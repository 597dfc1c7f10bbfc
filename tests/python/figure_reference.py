"""What kvreel's figures show, computed anew with NumPy from the trace's data sets.

Stated from docs/figures.md and docs/trace-format.md, with no help of kvreel's. Functions take a
Recording (h5py behind it) and return plain numbers.
"""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "examples"))
import read_trace  # noqa: E402

INTERRUPTED = 3
THRESHOLD = 3  # decisions.reason


class Recording:
    def __init__(self, path):
        self.trace = read_trace.Trace(str(path))
        column = self.trace.column
        self.runs = [self.trace.text("runs", "name", row) for row in range(self.trace.rows["runs"])]
        self.parameters = [
            json.loads(self.trace.text("runs", "parameters", row)) for row in range(self.trace.rows["runs"])
        ]
        self.names = [self.trace.text("names", "name", row) for row in range(self.trace.rows["names"])]
        rows = self.trace.rows["samples"]
        self.samples = [self.trace.text("samples", "id", row) for row in range(rows)]
        self.metadata = [json.loads(self.trace.text("samples", "metadata", row)) for row in range(rows)]
        names = [name for name in self.trace.file["passes"] if not name.startswith("text")]
        self.passes = {name: column("passes", name) for name in names}
        model = json.loads(self.trace.file["provenance"][()].tobytes())["model"]
        self.layers, self.q_heads, self.kv_heads = model["layers"], model["q_heads"], model["kv_heads"]

    def passes_of(self, run):
        """Rows of `passes` of a run's name that were not interrupted, by sample."""
        number = self.runs.index(run)
        rows = np.flatnonzero((self.passes["run"] == number) & (self.passes["finish"] != INTERRUPTED))
        return {int(self.passes["sample"][row]): int(row) for row in rows}

    def rows(self, table, row):
        """The slice of a table that belongs to a row of passes."""
        ends = self.passes[table + "_end"]
        return slice(int(ends[row - 1]) if row > 0 else 0, int(ends[row]))

    def part(self, table, row, *columns):
        """Columns of a pass's rows of a table."""
        rows = self.rows(table, row)
        return [self.trace.file[table][name][rows] for name in columns]


def layer_budgets(recording, row):
    """[layers]: kept / prompt positions after prefill, mean over KV heads."""
    prompt = recording.passes["prompt_tokens"][row]
    budgets = np.ones((recording.layers, recording.kv_heads))
    for step, layer, head, kept in zip(*recording.part("decisions", row, "step", "layer", "kv_head", "kept")):
        if step == 0:
            budgets[layer, slice(None) if head < 0 else head] = kept / prompt
    return budgets.mean(axis=1)


def budget_at(recording, row, threshold, base="candidates"):
    """Mean over layers of the budget that the pass would have had at another threshold."""
    prompt = recording.passes["prompt_tokens"][row]
    name = "distance_all" if base == "all" else "distance"
    budgets = np.ones((recording.layers, recording.kv_heads))
    columns = recording.part("decisions", row, "step", "layer", "kv_head", "reason", "cached", "kept", "curve")
    for step, layer, head, reason, cached, kept, curve in zip(*columns):
        if step != 0:
            continue
        if reason == THRESHOLD:
            distance = recording.trace.list("curves", name, int(curve)).astype(np.float64)
            within = np.flatnonzero(distance <= threshold)
            kept = cached - (int(within[-1]) if within.size else 0)
        budgets[layer, slice(None) if head < 0 else head] = kept / prompt
    return budgets.mean()


def wilson(hits, n, z=1.959963984540054):
    """Wilson's score interval, from the roots of (p - hits/n)^2 = z^2 p (1 - p) / n."""
    share = hits / n
    roots = np.roots([1 + z * z / n, -(2 * share + z * z / n), share * share])
    return float(min(roots)), float(max(roots))


def hits(recording, run, samples):
    """Exact matches, and samples that have answers."""
    rows = recording.passes_of(run)
    matches = np.array([recording.passes["exact_match"][rows[sample]] for sample in samples])
    return int((matches == 1).sum()), int((matches >= 0).sum())


def op_times(recording, run, samples, prefill):
    """ns by operation of a mean pass's prefill, or of a mean decode step; "untimed" is the rest."""
    rows = recording.passes_of(run)
    sums, count = {}, 0
    for sample in samples:
        step, op, duration = recording.part("spans", rows[sample], "step", "op", "duration_ns")
        wanted = (step == 0) if prefill else (step >= 1)
        for number in np.unique(op[wanted]):
            name = recording.names[number]
            sums[name] = sums.get(name, 0) + int(duration[wanted & (op == number)].sum())
        step, duration = recording.part("steps", rows[sample], "step", "duration_ns")
        wanted = (step == 0) if prefill else (step >= 1)
        count += 1 if prefill else int(wanted.sum())
        sums["untimed"] = sums.get("untimed", 0) + int(duration[wanted].sum())
    sums["untimed"] -= sum(value for name, value in sums.items() if name != "untimed")
    return {name: value / count for name, value in sums.items()}


def step_times(recording, run, samples):
    """{step: ns of every sample that has it}, decode steps."""
    rows = recording.passes_of(run)
    times = {}
    for sample in samples:
        for step, duration in zip(*recording.part("steps", rows[sample], "step", "duration_ns")):
            if step >= 1:
                times.setdefault(int(step), []).append(int(duration))
    return times


def cache_over_time(recording, row):
    """Times since the pass's start in ns, bytes asked, bytes held; after each change."""
    time, asked, held = recording.part("memory", row, "time_ns", "asked", "held")
    return time - recording.passes["start_ns"][row], asked, held


def attention(recording, run, samples, column):
    """[layers][query heads]: mean over samples of a column of `attention` at prefill."""
    rows = recording.passes_of(run)
    total = np.zeros((recording.layers, recording.q_heads))
    for sample in samples:
        step, layer, head, value = recording.part("attention", rows[sample], "step", "layer", "head", column)
        of_pass = np.full_like(total, np.nan)
        for i in np.flatnonzero(step == 0):
            of_pass[layer[i], head[i]] = value[i]
        total += of_pass
    return total / len(samples)


def kept_positions(recording, row, layer):
    """[prompt]: which positions a layer that decides for all KV heads together keeps."""
    kept = np.ones(recording.passes["prompt_tokens"][row], bool)
    rows = recording.rows("decisions", row)
    for number in range(rows.start, rows.stop):
        decisions = recording.trace.file["decisions"]
        if decisions["step"][number] == 0 and decisions["layer"][number] == layer:
            kept[:] = False
            pairs = recording.trace.list("decisions", "kept_ranges", number)
            for begin, end in zip(pairs[0::2], pairs[1::2]):
                kept[begin:end] = True
    return kept


def scores(recording, metric, run, samples):
    """[samples]: a run's scores by a metric of table `scores`; NaN where a sample has none."""
    rows = recording.passes_of(run)
    found = []
    for sample in samples:
        part = recording.rows("scores", rows[sample])
        values = [recording.trace.file["scores"]["value"][i] for i in range(part.start, part.stop)
                  if recording.trace.text("scores", "metric", i) == metric]
        found.append(values[0] if values else np.nan)
    return np.array(found)


def mean_interval(values):
    """Mean and Student's 95 % interval; the quantile is found by integrating the density."""
    n = len(values)
    grid = np.linspace(-400, 400, 8_000_001)
    density = (1 + grid**2 / (n - 1)) ** (-n / 2)
    within = np.cumsum(density) / density.sum()
    t = float(np.interp(0.975, within, grid))
    half = t * np.std(values, ddof=1) / np.sqrt(n)
    return np.mean(values), np.mean(values) - half, np.mean(values) + half


def bootstrap_ratio(mine, theirs, resamples=10_000, seed=1):
    """Percentile interval of sum(mine) / sum(theirs) over resamples of the pairs."""
    twister = np.random.MT19937()
    twister._legacy_seeding(seed)  # as the C++ standard's mt19937 is seeded
    index = (twister.random_raw(resamples * len(mine)) % len(mine)).reshape(resamples, len(mine)).astype(int)
    below = theirs[index].sum(axis=1)
    ratios = mine[index].sum(axis=1)[below > 0] / below[below > 0]
    return np.percentile(ratios, [2.5, 97.5])


def divergence(recording, run, samples):
    """[samples]: mean over steps of fidelity.kl."""
    rows = recording.passes_of(run)
    return np.array([recording.part("fidelity", rows[s], "kl")[0].astype(float).mean() for s in samples])


def fidelity_by_step(recording, run, samples, column):
    """{step: values of the samples that have it}"""
    rows = recording.passes_of(run)
    found = {}
    for sample in samples:
        for step, value in zip(*recording.part("fidelity", rows[sample], "step", column)):
            found.setdefault(int(step), []).append(float(value))
    return found


def lost_attention(recording, run, samples):
    """[layers]: mean over samples of the mean over steps."""
    rows = recording.passes_of(run)
    of_samples = []
    for sample in samples:
        layer, mean = recording.part("lost_attention", rows[sample], "layer", "mean")
        of_samples.append([mean[layer == i].astype(float).mean() for i in range(recording.layers)])
    return np.mean(of_samples, axis=0)
