"""The same command gives the same trace but for its times, whatever the number of threads.

Sums are cut by output element or by fixed tiles, never by thread, so equality is of bits, not within a tolerance. It holds on one
machine with one instruction set; another one rounds differently (docs/measurements/trust.md).
"""

import shutil
import unittest

import h5py
import numpy as np

from kvreel_command import DEMO, KvreelTest, kvreel

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
    "streaming-llm:budget=40%,decode=on",
    "tova:budget=30%,decode=on",
    "pyramidkv:budget=30%",
    "ada-kv:budget=30%",
    "top-p:p=90%",
    "key-norm:budget=40%,decode=on",
    "key-diff:budget=40%,decode=on",
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

    def same(self, first, other, what, only=None):
        """Every data set (of those tables) has the same bits."""
        wanted = [name for name in first if only is None or name.split("/")[0] in only]
        self.assertGreater(len(wanted), 5)
        for name in wanted:
            self.assertEqual(first[name].tobytes(), other[name].tobytes(), f"{name}: {what}")

    def some(self, name, *arguments):
        return sets_of(self.record(name, "--prompts", DEMO / "prompts.jsonl", "--limit", 3, "--max-new-tokens", 8, "--ignore-eos",
                                   "--policy", "full", "--policy", "refreekv:threshold=1%,5%,keep-layers=none", "--policy",
                                   "snapkv:budget=30%", *arguments))

    def test_sampling_repeats_with_its_seed(self):
        sampled = ["--temperature", 3, "--top-k", 100, "--top-p", "0.99"]
        first = self.some("first.h5", *sampled, "--seed", 7, "--threads", 2)
        self.same(first, self.some("again.h5", *sampled, "--seed", 7, "--threads", 1), "one thread")
        other = self.some("other.h5", *sampled, "--seed", 8)
        self.assertNotEqual(first["steps/token"].tobytes(), other["steps/token"].tobytes())

    def test_every_instruction_set_repeats(self):
        names = []
        for name in ("generic", "avx2", "avx512"):
            probe = kvreel("record", "--model", DEMO / "model", "--prompt", "x", "--max-new-tokens", 1, "--no-bandwidth", "--isa", name, "-o",
                           self.dir / f"probe-{name}.h5")
            self.assertTrue(probe.returncode == 0 or "this processor does not have it" in probe.stderr, probe.stderr)
            if probe.returncode == 0:
                names.append(name)
        self.assertIn("generic", names)
        for name in names:
            first = self.some(f"{name}.h5", "--isa", name, "--threads", 2)
            self.same(first, self.some(f"{name}-again.h5", "--isa", name, "--threads", 1), name)

    def test_what_must_not_matter_does_not(self):
        first = self.some("first.h5")
        decided = {"decisions", "curves", "steps", "tokens"}
        for arguments in (["--page-rows", 8], ["--share-prefill", "none"], ["--no-spans"]):
            other = self.some("other.h5", *arguments, "--force")
            # Not what the pages themselves take.
            kept = [name for name in first if name.split("/")[0] in decided and "cache" not in name and "bytes" not in name]
            self.same({name: first[name] for name in kept}, other, arguments)

    def test_exports_are_the_same_bytes_in_another_directory(self):
        trace = self.record("t.h5", "--prompts", DEMO / "prompts.jsonl", "--limit", 3, "--max-new-tokens", 3)
        exports = [["--table", "decisions", "-o", "a.csv"], ["--table", "budgets", "-o", "a.tex"], ["--table", "passes", "-o", "a.json"],
                   ["--figure", "threshold-budget", "-o", "a.pdf"], ["--figure", "threshold-budget", "-o", "a.svg"],
                   ["--figure", "layer-budget", "-o", "a.png", "--data", "d.json"], ["--timeline", "chrome", "-o", "t.json"]]
        written = []
        for name in ("one", "two"):
            directory = self.dir / name
            directory.mkdir()
            shutil.copy(trace, directory)
            for arguments in exports:
                result = kvreel("export", "t.h5", *arguments, cwd=directory)
                self.assertEqual(result.returncode, 0, result.stderr)
            written.append({path.name: path.read_bytes() for path in directory.iterdir()})
        self.assertEqual(len(written[0]), 9)
        for name, content in written[0].items():
            self.assertEqual(content, written[1][name], name)

    def test_what_is_compared_can_differ(self):
        a = self.record("a.h5", "--prompt", "Once upon a time there was", "--max-new-tokens", 4, "--policy", "random:seed=1")
        b = self.record("b.h5", "--prompt", "Once upon a time there was", "--max-new-tokens", 4, "--policy", "random:seed=2")
        kept = [sets_of(path)["decisions/kept_ranges"] for path in (a, b)]
        self.assertFalse(np.array_equal(*kept))


if __name__ == "__main__":
    unittest.main()
