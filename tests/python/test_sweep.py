"""Sweeps end to end: shared prefills, fidelity to the full cache, and the progress of both."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import unittest

import numpy as np

from kvreel_command import DEMO, KVREEL, ROOT, KvreelTest, kvreel

sys.path.insert(0, str(ROOT / "docs" / "examples"))
from read_trace import Trace  # noqa: E402

SWEEP = "refreekv:keep-layers=none,threshold=0.5%,1%,5%,20%"
POLICIES = ["--policy", "full", "--policy", SWEEP, "--policy", "streaming-llm:budget=50%"]
RUNS = 6
# All that a pass tells but times and what follows from who announces the model's part.
SAME = {
    "passes": ["finish", "generated", "budget", "prefill_asked", "prefill_held", "prefill_peak",
               "full_asked", "end_asked", "end_held", "end_peak"],
    "steps": ["step", "rows", "token", "logprob", "cache_asked", "cache_held"],
    "memory": ["step", "layer", "cause", "asked", "held", "peak"],
    "decisions": ["step", "layer", "kv_head", "reason", "cached", "kept", "cut", "halt_position", "base_norm"],
}


def prompts(limit):
    return ["--prompts", DEMO / "prompts.jsonl", "--limit", limit, "--max-new-tokens", 12]


class Passes:
    """A trace by pass: rows of a table that belong to one (run, sample)."""

    def __init__(self, path):
        self.trace = Trace(str(path))
        keys = zip(self.trace.column("passes", "run").tolist(), self.trace.column("passes", "sample").tolist())
        self.row = {key: row for row, key in enumerate(keys)}

    def values(self, key, table, name):
        row = self.row[key]
        column = self.trace.column(table, name)
        if table == "passes":
            return column[row : row + 1]
        ends = self.trace.column("passes", table + "_end")
        return column[int(ends[row - 1]) if row else 0 : int(ends[row])]


class Sweeps(KvreelTest):
    def test_runs_are_the_same_with_and_without_a_shared_prefill(self):
        own = Passes(self.record("own.h5", *prompts(5), *POLICIES, "--share-prefill", "none"))
        for sharing in ("sweeps", "all"):
            shared = Passes(self.record(f"{sharing}.h5", *prompts(5), *POLICIES, "--share-prefill", sharing))
            self.assertEqual(shared.row, own.row)
            for key in own.row:
                for table, names in SAME.items():
                    for name in names:
                        np.testing.assert_array_equal(
                            shared.values(key, table, name), own.values(key, table, name), f"{key} {table} {name}")
        self.assertTrue(np.all(own.trace.column("passes", "prefill_pass") == 0))
        self.assertLess(own.trace.column("passes", "budget").min(), 0.6)

    def test_a_sweep_shares_a_prefill_unless_told_otherwise(self):
        trace = Passes(self.record("sweep.h5", *prompts(3), *POLICIES, "--attention-rows"))
        for sample in range(3):
            owner = trace.row[1, sample]
            for run in range(RUNS):
                shares = run in (2, 3, 4)
                (prefill,) = trace.values((run, sample), "passes", "prefill_pass")
                self.assertEqual(prefill, owner + 1 if shares else 0)
                for table in ("attention", "attention_rows"):
                    layers = trace.values((run, sample), table, "layer")
                    self.assertEqual(len(layers), 0 if shares else 4 * 8, f"{run} {table}")
            models = {int((trace.values((run, sample), "passes", "prefill_ns")
                           - trace.values((run, sample), "passes", "decide_ns"))[0]) for run in (1, 2, 3, 4)}
            self.assertEqual(len(models), 1, "the model's part is one")

    def test_fidelity_is_recorded_beside_each_run(self):
        trace = Passes(self.record("fidelity.h5", *prompts(4), *POLICIES, "--policy", "streaming-llm:budget=100%",
                                   "--fidelity", "--fidelity-steps", 5))
        worst = 0.0
        for sample in range(4):
            output = trace.values((0, sample), "steps", "token")
            steps = min(len(output) - 1, 5)
            self.assertEqual(len(trace.values((0, sample), "fidelity", "kl")), 0)
            for run in range(1, RUNS + 1):
                np.testing.assert_array_equal(
                    trace.values((run, sample), "fidelity", "step"), np.arange(1, steps + 1))
                np.testing.assert_array_equal(
                    trace.values((run, sample), "fidelity", "token"), output[1 : steps + 1])
                kl = trace.values((run, sample), "fidelity", "kl")
                mean = trace.values((run, sample), "lost_attention", "mean")
                largest = trace.values((run, sample), "lost_attention", "max")
                self.assertEqual(len(mean), steps * 4)
                self.assertTrue(np.all(kl >= 0) and np.all(mean >= 0) and np.all(mean <= largest + 1e-6))
                self.assertTrue(np.all(largest <= 1 + 1e-5))
                if run == RUNS:  # keeps everything
                    self.assertEqual(float(kl.max(initial=0)), 0)
                    self.assertEqual(float(largest.max(initial=0)), 0)
                worst = max(worst, float(kl.max(initial=0)))
            # The reference's own log probabilities, measured again by the full cache beside the run.
            np.testing.assert_allclose(
                trace.values((1, sample), "fidelity", "reference_logprob"),
                trace.values((0, sample), "steps", "logprob")[1 : steps + 1], atol=1e-6)
        self.assertGreater(worst, 0.01, "no policy did any harm: the test says nothing")

    def test_fidelity_needs_what_it_compares_with(self):
        def refused(*arguments, parts):
            result = kvreel("record", "--model", DEMO / "model", "-o", self.dir / "no.h5", *prompts(1), *arguments)
            self.assertEqual(result.returncode, 2, result.stderr)
            for part in parts:
                self.assertIn(part, result.stderr)
            self.assertFalse((self.dir / "no.h5").exists())

        refused("--policy", "refreekv", "--fidelity", parts=["--fidelity", "--policy full"])
        refused("--policy", "full", "--fidelity-steps", 4, parts=["--fidelity"])
        refused("--policy", "full", "--share-prefill", "some", parts=["--share-prefill"])

    def test_a_resumed_recording_keeps_to_its_settings(self):
        self.record("r.h5", *prompts(2), *POLICIES, "--fidelity")
        for arguments, option in (([], "--fidelity"), (["--fidelity", "--share-prefill", "all"], "--share-prefill")):
            result = kvreel("record", "--model", DEMO / "model", "--quiet", "-o", self.dir / "r.h5",
                            *prompts(3), *POLICIES, *arguments)
            self.assert_refused(result, "cannot be resumed", option)
        self.record("r.h5", *prompts(3), *POLICIES, "--fidelity")
        resumed, whole = (Passes(self.dir / "r.h5"), Passes(self.record("w.h5", *prompts(3), *POLICIES, "--fidelity")))
        self.assertEqual(resumed.row.keys(), whole.row.keys())
        for key in whole.row:
            for name in ("kl", "token", "same_top"):
                np.testing.assert_array_equal(
                    resumed.values(key, "fidelity", name), whole.values(key, "fidelity", name))


class ProgressOfASweep(KvreelTest):
    ARGUMENTS = [*prompts(35), *POLICIES, "--no-bandwidth", "--no-hash"]

    def lines_on_a_terminal(self, columns):
        """What was drawn, one entry for each drawing."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        command = [KVREEL, "record", "--model", DEMO / "model", "-o", self.dir / f"{columns}.h5", *self.ARGUMENTS]
        process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        drawn = b""
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            drawn += data
        os.close(master)
        self.assertEqual(process.wait(timeout=60), 0)
        return [line for line in re.split(r"\r\x1b\[K", drawn.decode()) if line.strip()]

    def test_time_left_is_told_once_it_is_known(self):
        lines = self.lines_on_a_terminal(100)
        self.assertGreater(len(lines), 3)
        self.assertRegex(lines[0], r"^ *0 %  sample 1/35  0/210 passes  full ")
        known = [line for line in lines if " left" in line]
        self.assertGreater(len(known), 0)
        for line in lines:
            self.assertLess(len(line), 100)
            sample = re.search(r"sample (\d+)/35", line)
            if " left" in line:
                self.assertRegex(line, r"^ *\d+ %  (\d+:)?\d+:\d\d left  sample ")
                self.assertGreater(int(sample.group(1)), 1, "no run has finished twice yet")

    def test_a_narrow_terminal_shows_whole_parts(self):
        for line in self.lines_on_a_terminal(20):
            self.assertLess(len(line), 20)
            self.assertRegex(line, r"^ *\d+ %(  \d+:\d\d left|  sample \d+/35)?$")

    def test_lines_elsewhere_end_with_all_passes(self):
        result = self.run_kvreel("record", "--model", DEMO / "model", "-o", self.dir / "t.h5", *self.ARGUMENTS)
        lines = result.stderr.strip().splitlines()
        self.assertRegex(lines[-1], r"^100 %  210/210 passes$")
        self.assertNotIn("\x1b", result.stderr)


if __name__ == "__main__":
    unittest.main()
