"""Compares traces row by row, times and what depends on the machine left out."""

import h5py
import numpy as np

from kvreel_command import DEMO, KvreelTest

# Four runs: a sweep that shares a prefill among them.
POLICIES = ["full", "refreekv:threshold=1%,5%", "streaming-llm:budget=50%"]
RUNS = 4

# Times, and rows whose number depends on what came before them.
LEFT_OUT = {"start_ns", "duration_ns", "time_ns", "prefill_ns", "decide_ns", "decode_ns", "recorder_ns",
            "process_peak", "prefill_pass", "ranking", "curve"}
PASS_TABLES = ("steps", "spans", "memory", "attention", "attention_rows", "decisions", "fidelity",
               "lost_attention", "scores")


def column(file, table, name, begin, end):
    """Rows [begin, end) of a column as bytes; of a list with the lengths of its rows."""
    group = file[table]
    if name + "_end" not in group:
        return group[name][begin:end].tobytes()
    ends = np.concatenate([[0], group[name + "_end"][:end]]).astype(np.int64)
    return np.diff(ends[begin:]).tobytes() + group[name][ends[begin] : ends[end]].tobytes()


def columns_of(file, table):
    return [name for name in file[table] if not name.endswith("_end") and name not in LEFT_OUT]


DECIDE, KEEP = 3, 4  # rows of names


def row_tuples(file, table, begin, end, wanted=lambda row: True):
    """Rows [begin, end) as tuples of what their columns hold; the run, which the pass says, left out."""
    names = [name for name in columns_of(file, table) if name != "run"]
    data = []
    for name in names:
        group = file[table]
        if name + "_end" in group:
            ends = np.concatenate([[0], group[name + "_end"][:end]]).astype(np.int64)
            values = group[name][ends[begin] : ends[end]]
            at = ends[begin:] - ends[begin]
            data.append([values[at[i] : at[i + 1]].tobytes() for i in range(end - begin)])
        else:
            # As integers of the same bits: NaN is equal to itself, and rows can be sorted.
            values = group[name][begin:end]
            data.append(values.view(f"u{values.itemsize}").tolist())
    rows = [dict(zip(names, row)) for row in zip(*data)]
    return [tuple(row.values()) for row in rows if wanted(row)]


def passes_of(path):
    """What a trace tells of each (run, sample), times left out and references followed.

    A pass that shares another's prefill has what both have of it: which pass of a sweep runs the model
    over the prompt depends on which are left to do.
    """
    told = {}
    with h5py.File(path, "r") as file:
        passes = {name: file["passes"][name][:] for name in file["passes"]}

        def range_of(table, row):
            ends = passes[table + "_end"]
            return (int(ends[row - 1]) if row else 0), int(ends[row])

        for row, key in enumerate(zip(passes["run"].tolist(), passes["sample"].tolist())):
            assert key not in told, f"{key} is there twice"
            of_pass = {f"passes/{name}": column(file, "passes", name, row, row + 1)
                       for name in columns_of(file, "passes")}
            owner = int(passes["prefill_pass"][row]) - 1
            if owner >= 0:
                assert passes["sample"][owner] == key[1] and passes["prefill_pass"][owner] == 0, (key, owner)
            for table in PASS_TABLES:
                begin, end = range_of(table, row)
                rows = row_tuples(file, table, begin, end)
                if owner >= 0 and table in ("spans", "attention", "attention_rows"):
                    rows += row_tuples(
                        file, table, *range_of(table, owner),
                        wanted=lambda r: r["step"] == 0 and r.get("op") not in (DECIDE, KEEP))
                of_pass[table] = sorted(rows)
                if table != "decisions":
                    continue
                for reference, target in (("ranking", "rankings"), ("curve", "curves")):
                    for at, index in enumerate(file["decisions"][reference][begin:end]):
                        for name in columns_of(file, target):
                            of_pass[f"{target}/{name}/{at}"] = (
                                column(file, target, name, index, index + 1) if index >= 0 else b"")
            told[key] = of_pass
    return told


def inputs_of(path):
    with h5py.File(path, "r") as file:
        return {f"{table}/{name}": column(file, table, name, 0, len(file[table][first]))
                for table, first in (("runs", "name_end"), ("samples", "id_end"), ("tokens", "id"),
                                     ("names", "name_end"))
                for name in columns_of(file, table)}


def wrong_beginning(path, whole, rows):
    """Columns of which `rows` (by table) at `path` are not the first rows of the finished trace `whole`.

    For a trace that was not resumed: passes come in the same order. Notes tell of times and are left out.
    """
    wrong = []
    with h5py.File(path, "r", swmr=True) as part, h5py.File(whole, "r") as file:
        for table, count in rows.items():
            if table == "notes":
                continue
            for name in [name for name in file[table] if not name.endswith("_end") and name not in LEFT_OUT]:
                first = file[table][name + "_end" if name + "_end" in file[table] else name]
                if count > len(first):
                    wrong.append(f"{table}: {count} rows of {len(first)}")
                    break
                if column(part, table, name, 0, count) != column(file, table, name, 0, count):
                    wrong.append(f"{table}/{name}")
    return wrong


class RecordingTest(KvreelTest):
    """Records the demo's prompts under the four runs, and compares what came of it."""

    def arguments(self, trace, *more, commit_interval, policies=POLICIES, limit=6, prompts=DEMO / "prompts.jsonl"):
        arguments = ["record", "--model", DEMO / "model", "--prompts", prompts, "--max-new-tokens", 16, "--limit", limit,
                     "--attention-rows", "--no-bandwidth", "--commit-interval", commit_interval, "-o", trace]
        for policy in policies:
            arguments += ["--policy", policy]
        return [str(argument) for argument in [*arguments, *more]]

    def assert_same(self, path, expected):
        self.assertEqual(inputs_of(path), inputs_of(expected))
        ours, theirs = passes_of(path), passes_of(expected)
        self.assertEqual(ours.keys(), theirs.keys())
        for key in theirs:
            wrong = [name for name in theirs[key] if ours[key].get(name) != theirs[key][name]]
            self.assertEqual(wrong, [], f"run and sample {key}")
