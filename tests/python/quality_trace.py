"""Writes made-up scores, fidelity and lost attention into a copy of a finished trace, with h5py alone.

The numbers are plausible and the same for the same trace: every run but the first diverges more the less it keeps.
Tests compare what kvreel shows of them with NumPy; what is measured does not matter to that.
"""

import shutil

import h5py
import numpy as np


def write(source, target, layers, shared_prefill=False):
    shutil.copy(source, target)
    random = np.random.RandomState(7)
    with h5py.File(target, "r+") as file:
        passes = {name: file["passes"][name][:] for name in
                  ("run", "sample", "generated", "budget", "exact_match")}
        rows = {"scores": {}, "fidelity": {}, "lost_attention": {}}
        ends = {name: [] for name in rows}
        counts = dict.fromkeys(rows, 0)

        def add(table, **values):
            for name, value in values.items():
                rows[table].setdefault(name, []).append(value)
            counts[table] += 1

        for row in range(len(passes["run"])):
            run, sample = int(passes["run"][row]), int(passes["sample"][row])
            gone = 1 - passes["budget"][row]
            match = passes["exact_match"][row]
            f1 = 1.0 if match == 1 else round(float(random.beta(2, 3)), 3)
            add("scores", run=run, sample=sample, metric="token-f1", value=f1)
            if sample % 2 == 0:  # some samples are scored by one more
                add("scores", run=run, sample=sample, metric="number", value=float(match == 1))
            for step in range(1, int(passes["generated"][row]) if run > 0 else 1):
                kl = float(gone**2 * random.exponential(1.0))
                add("fidelity", run=run, sample=sample, step=step, token=100 + step, kl=kl,
                    same_top=int(random.random_sample() > 0.4 * gone), logprob=-0.5 - kl, reference_logprob=-0.5)
                for layer in range(layers):
                    mean = float(gone * random.beta(1 + layer, 4))
                    add("lost_attention", run=run, sample=sample, step=step, layer=layer, mean=mean,
                        max=min(1.0, 2 * mean))
            for name in rows:
                ends[name].append(counts[name])

        def replace(group, name, values, dtype):
            del group[name]
            group.create_dataset(name, data=np.array(values, dtype))

        for table, columns in rows.items():
            group = file[table]
            for name, values in columns.items():
                if name == "metric":
                    texts = [text.encode() for text in values]
                    replace(group, "metric_end", np.cumsum([len(text) for text in texts]), np.uint64)
                    replace(group, name, np.frombuffer(b"".join(texts), np.uint8), np.uint8)
                else:
                    replace(group, name, values, group[name].dtype)
            file["passes"][table + "_end"][:] = ends[table]
            last = np.flatnonzero(file["commit"]["file_bytes"][:] > 0)[-1]
            file["commit"][table][last] = counts[table]
        if shared_prefill:
            first = {int(sample): row for row, sample in reversed(list(enumerate(passes["sample"])))}
            owners = [0 if first[int(s)] == row else first[int(s)] + 1 for row, s in enumerate(passes["sample"])]
            file["passes"]["prefill_pass"][:] = owners
