"""The NumPy model that other tests lean on says what kvreel says: two programs, one set of formulas."""

import unittest

import h5py
import numpy as np

from kvreel_command import DEMO, KvreelTest
from numpy_model import Model, sees_kept


def samples_of(file, count):
    ends = file["samples/tokens_end"][:count].astype(int)
    begins = np.concatenate([[0], ends[:-1]])
    return [file["tokens/id"][b:e] for b, e in zip(begins, ends)]


class NumpyModel(KvreelTest):
    def test_full_and_evicted_runs_give_the_same_tokens_and_probabilities(self):
        policies = ["full", "refreekv:threshold=5%,keep-layers=none"]
        arguments = [part for policy in policies for part in ("--policy", policy)]
        trace = self.record(
            "a.h5", "--prompts", DEMO / "prompts.jsonl", "--limit", 4, "--max-new-tokens", 6,
            "--attention-rows", "--ignore-eos", *arguments,
        )
        model = Model(DEMO / "model")
        largest = 0.0
        with h5py.File(trace) as file:
            prompts = samples_of(file, 4)
            steps = {name: file[f"steps/{name}"][:] for name in ("run", "sample", "token", "logprob")}
            decisions = {
                name: file[f"decisions/{name}"][:] for name in ("run", "sample", "layer", "kv_head")
            }
            ranges, ends = file["decisions/kept_ranges"][:], file["decisions/kept_ranges_end"][:]
            for run in range(2):
                for sample, prompt in enumerate(prompts):
                    mine = (steps["run"] == run) & (steps["sample"] == sample)
                    tokens = steps["token"][mine]
                    ids = np.concatenate([prompt, tokens[:-1]])
                    kept = {}
                    rows = np.flatnonzero((decisions["run"] == run) & (decisions["sample"] == sample))
                    for row in rows:
                        begin = ends[row - 1] if row else 0
                        pairs = ranges[begin : ends[row]].reshape(-1, 2)
                        self.assertEqual(decisions["kv_head"][row], -1)
                        kept[int(decisions["layer"][row])] = np.concatenate(
                            [np.arange(b, e) for b, e in pairs]
                        )
                    result = model.run(
                        ids, lambda layer: sees_kept(len(ids), len(prompt), [kept[layer]] * 4)
                    )
                    logits = result.logits[len(prompt) - 1 :]
                    self.assertEqual(list(np.argmax(logits, axis=1)), list(tokens))
                    peak = logits.max(axis=1, keepdims=True)
                    logprobs = logits - peak - np.log(np.exp(logits - peak).sum(axis=1, keepdims=True))
                    ours = logprobs[np.arange(len(tokens)), tokens]
                    largest = max(largest, np.abs(ours - steps["logprob"][mine]).max())
            # The last prompt row's attention, head by head.
            for row in range(0, file["attention_rows/run"].shape[0], 5):
                if file["attention_rows/run"][row] != 0:
                    continue
                sample = int(file["attention_rows/sample"][row])
                layer, head = int(file["attention_rows/layer"][row]), int(file["attention_rows/head"][row])
                begin = file["attention_rows/probabilities_end"][row - 1] if row else 0
                recorded = file["attention_rows/probabilities"][
                    begin : file["attention_rows/probabilities_end"][row]
                ]
                attention = model.run(prompts[sample]).layers[layer].attention[head, -1]
                np.testing.assert_allclose(recorded, attention, atol=2e-6)
        # fp32 against fp64 through four layers.
        self.assertLess(largest, 1e-4)


if __name__ == "__main__":
    unittest.main()
