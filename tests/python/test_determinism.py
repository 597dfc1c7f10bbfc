"""The same command gives the same trace but for its times, whatever the number of threads.

Sums are cut by output element or by fixed tiles, never by thread, so equality is of bits, not within a tolerance. It holds on one
machine with one instruction set; another one rounds differently.
"""

import unittest

import h5py
import numpy as np

from kvreel_command import DEMO, KvreelTest

POLICIES = [
    "full",
    "refreekv:threshold=1%,5%,keep-layers=none",
    "refreekv:rank=attention,keep-layers=none",
    "h2o:budget=30%,decode=on",
    "snapkv:budget=30%",
    "cake:budget=30%",
    "expected-attention:budget=30%",
    "hard-kv:budget=40,every=4,window=4",
    "random:budget=50%",
]
# Times and what follows from them; what a process happens to take.
TIMES = ("start_ns", "duration_ns", "time_ns", "prefill_ns", "decide_ns", "decode_ns", "recorder_ns", "process_peak")
LEFT_OUT = {"notes", "commit", "provenance"}


def sets_of(path):
    """Name -> values of every data set that holds no time."""
    found = {}

    def visit(name, item):
        table, _, column = name.partition("/")
        if isinstance(item, h5py.Dataset) and table not in LEFT_OUT and column not in TIMES:
            found[name] = item[:]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


class Determinism(KvreelTest):
    def recorded(self, name, threads):
        arguments = [part for policy in POLICIES for part in ("--policy", policy)]
        return sets_of(
            self.record(
                name, "--prompts", DEMO / "prompts.jsonl", "--limit", 5, "--max-new-tokens", 12, "--ignore-eos", "--threads", threads,
                "--attention-rows", "--decode-norms", "--fidelity", "--chunk-rows", 64, *arguments,
            )
        )

    def test_a_second_recording_and_other_threads_change_times_only(self):
        first = self.recorded("first.h5", 2)
        self.assertGreater(len(first["decisions/kept"]), 500)
        self.assertGreater(len(first["curves/distance"]), 1000)
        self.assertGreater(len(first["fidelity/kl"]), 100)
        for name, threads in (("again.h5", 2), ("one.h5", 1), ("three.h5", 3)):
            other = self.recorded(name, threads)
            self.assertEqual(first.keys(), other.keys())
            for data_set, values in first.items():
                # Bits: NaN equals itself, and 0 is not -0.
                self.assertEqual(values.tobytes(), other[data_set].tobytes(), f"{data_set} with {threads} threads")
                self.assertEqual(values.dtype, other[data_set].dtype)

    def test_what_is_compared_can_differ(self):
        a = self.record("a.h5", "--prompt", "Once upon a time there was", "--max-new-tokens", 4, "--policy", "random:seed=1")
        b = self.record("b.h5", "--prompt", "Once upon a time there was", "--max-new-tokens", 4, "--policy", "random:seed=2")
        kept = [sets_of(path)["decisions/kept_ranges"] for path in (a, b)]
        self.assertFalse(np.array_equal(*kept))


if __name__ == "__main__":
    unittest.main()
