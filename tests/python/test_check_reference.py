"""kvreel check-reference beside NumPy statements of the released code's rules, on the demo's trace."""

import json
import shutil
import tempfile
import pathlib
import unittest

import h5py
import numpy as np

import refreekv_reference as reference
from kvreel_command import DEMO, KvreelTest, kvreel

SAVED = (0, 1)
LAYERS, HEADS, KV_HEADS = 4, 8, 4
TIE = 1e-6


def bf16(values):
    """To the nearest bf16, halves to even."""
    bits = np.asarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def script_decision(rows, threshold, window=8):
    """h2o --dynamic: rows [heads, 8, n], the last one first. Returns curve, cut and each head's kept set."""
    heads, _, n = rows.shape
    window = window if n > window else 1
    scores = rows.astype(np.float64).sum(axis=1)[:, : n - window]
    order = np.argsort(scores, axis=1, kind="stable")
    squares = np.take_along_axis(rows[:, 0, :].astype(np.float64) ** 2, order, axis=1)
    left = np.sqrt(np.cumsum(squares[:, ::-1], axis=1)[:, ::-1]).mean(axis=0)
    curve = (left[0] - left) / left[0]
    cut = reference.cut_of(curve, threshold)
    return curve, cut, [sorted(set(range(n)) - set(order[h, :cut].tolist())) for h in range(heads)]


class CheckReference(KvreelTest):
    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.TemporaryDirectory(prefix="kvreel-test-")
        cls.path = pathlib.Path(cls.home.name) / "check.h5"
        arguments = ["record", "--model", DEMO / "model", "--prompts", DEMO / "prompts.jsonl",
                     "--max-new-tokens", 2, "--attention-rows=8", "--no-bandwidth", "--quiet", "-o", cls.path]
        for policy in ("full", "refreekv", "refreekv:threshold=5%,keep-layers=none", "refreekv:base=all",
                       "refreekv:rounding=bf16", "refreekv:preset=released-script,rounding=fp32",
                       "refreekv:preset=released-script"):
            arguments += ["--policy", policy]
        result = kvreel(*arguments)
        assert result.returncode == 0, result.stderr
        cls.layers = {}  # (sample, layer) -> [heads, 8, n], from a run that has all rows
        with h5py.File(cls.path, "r") as file:
            rows = file["attention_rows"]
            ends = rows["probabilities_end"][:].astype(np.int64)
            values = rows["probabilities"][:]
            columns = {name: rows[name][:] for name in ("run", "sample", "step", "layer", "head", "row")}
            for at in np.flatnonzero((columns["run"] == 1) & (columns["step"] == 0)):
                key = (int(columns["sample"][at]), int(columns["layer"][at]))
                row = values[ends[at - 1] if at else 0 : ends[at]]
                block = cls.layers.setdefault(key, np.zeros((HEADS, 8, len(row)), dtype=np.float32))
                block[columns["head"][at], columns["row"][at]] = row
            cls.decisions = {}  # (run, sample, layer) -> (cut, {KV head: kept positions})
            table = file["decisions"]
            ends = table["kept_ranges_end"][:].astype(np.int64)
            ranges = table["kept_ranges"][:]
            for at in range(len(table["run"])):
                if table["step"][at] != 0:
                    continue
                key = tuple(int(table[name][at]) for name in ("run", "sample", "layer"))
                pairs = ranges[ends[at - 1] if at else 0 : ends[at]].reshape(-1, 2)
                kept = [p for begin, end in pairs for p in range(begin, end)]
                cut, heads = cls.decisions.setdefault(key, (int(table["cut"][at]), {}))
                heads[int(table["kv_head"][at])] = kept

    @classmethod
    def tearDownClass(cls):
        cls.home.cleanup()

    def check(self, trace, *arguments, code=0):
        result = kvreel("check-reference", trace, "--format", "json", *arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        return json.loads(result.stdout)

    def variants(self, report, run):
        (found,) = [r for r in report["runs"] if r["run"] == run]
        return {(v["variant"], v["own"]): v for v in found["variants"]}

    def expected(self, run, rounding, base, threshold=0.01, saved=SAVED):
        """Decisions equal to the statement's, and those that differ otherwise than at the threshold."""
        equal = different = 0
        for (sample, layer), rows in self.layers.items():
            last = bf16(rows[:, 0]) if rounding else rows[:, 0]
            theirs = reference.decide(last, threshold, base=base, exempt=layer in saved)
            cut, heads = self.decisions[run, sample, layer]
            if cut == theirs.cut:
                self.assertEqual(heads[-1], theirs.kept.tolist())
                equal += 1
            else:
                low, high = sorted((cut, theirs.cut))
                at_threshold = np.abs(theirs.curve[low + 1 : high + 1] - threshold) <= TIE
                different += layer in saved or not at_threshold.all()
        return equal, different

    def test_position_variants_are_counted_as_numpy_counts_them(self):
        report = self.check(self.path)
        samples = 35
        cases = [
            ("refreekv", 1, ("paper", True), False, "candidates"),
            ("refreekv", 1, ("paper-bf16", False), True, "candidates"),
            ("refreekv", 1, ("paper-printed", False), False, "all"),
            ("refreekv:base=all", 3, ("paper-printed", True), False, "all"),
            ("refreekv:base=all", 3, ("paper", False), False, "candidates"),
            ("refreekv:rounding=bf16", 4, ("paper-bf16", True), True, "candidates"),
            ("refreekv:rounding=bf16", 4, ("paper", False), False, "candidates"),
        ]
        differences = 0
        for run, number, variant, rounding, base in cases:
            with self.subTest(run=run, variant=variant):
                found = self.variants(report, run)[variant]
                equal, different = self.expected(number, rounding, base)
                self.assertEqual(found["decisions"], samples * LAYERS)
                self.assertEqual((found["equal"], found["different"]), (equal, different))
                self.assertEqual(found["unexplained"], 0)
                differences += different
        self.assertGreater(differences, 10, "the variants hardly differ here, so that nothing was tried")

    def test_every_decision_of_the_paper_variant_is_equal_or_a_tie(self):
        report = self.check(self.path)
        self.assertEqual(report["unexplained"], 0)
        for run in ("refreekv", "refreekv:threshold=5%,keep-layers=none"):
            own = self.variants(report, run)["paper", True]
            self.assertEqual(own["decisions"], 140)
            self.assertEqual(own["equal"] + own["ties"], 140)
        other = self.variants(report, "refreekv:threshold=5%,keep-layers=none")["paper", False]
        self.assertTrue(all("threshold" in reason for reason in other["reasons"]), other["reasons"])

    def test_the_script_variant_by_query_head(self):
        report = self.check(self.path, "--list", 1000)
        run, number = "refreekv:preset=released-script,rounding=fp32", 5
        own = self.variants(report, run)["released-script-fp32", True]
        listed = {(d["sample"], d["layer"]): d for d in own["differences"]}
        self.assertEqual(own["decisions"], len(self.layers))
        same_cut = 0
        for (sample, layer), rows in self.layers.items():
            curve, cut, kept = script_decision(rows, 0.05)
            ours, heads = self.decisions[number, sample, layer]
            equal = all(heads[h * KV_HEADS // HEADS] == kept[h] for h in range(HEADS))
            difference = listed.get((sample, layer))
            self.assertEqual(difference is None, equal and ours == cut, (sample, layer))
            if difference:
                self.assertEqual((difference["cut"], difference["released_cut"]), (ours, cut))
                self.assertAlmostEqual(difference["distance"], curve[max(ours, cut)], places=9)
                self.assertEqual(difference["reason"], "KV heads")
                same_cut += ours == cut
        self.assertEqual(own["same_cut"], same_cut)
        self.assertGreater(own["different"], 0)
        # In bf16 scores tie by the dozen; each difference has an explanation all the same.
        script = self.variants(report, "refreekv:preset=released-script")["released-script", True]
        self.assertEqual(script["unexplained"], 0)

    def test_a_planted_difference_is_found(self):
        planted = self.dir / "planted.h5"
        shutil.copy(self.path, planted)
        with h5py.File(planted, "r+") as file:
            table = file["decisions"]
            rows = np.flatnonzero((table["run"][:] == 1) & (table["cut"][:] > 3))
            at = int(rows[len(rows) // 2])
            end = int(table["kept_ranges_end"][at])
            pair = table["kept_ranges"][end - 4 : end].tolist()  # sinks, then from the halting position
            self.assertEqual(pair[:2], [0, 4])
            table["cut"][at] -= 2
            table["kept_ranges"][end - 2] -= 2
            sample, layer = int(table["sample"][at]), int(table["layer"][at])
        report = self.check(planted, code=1)
        own = self.variants(report, "refreekv")["paper", True]
        self.assertEqual((own["different"], own["unexplained"]), (1, 1))
        (difference,) = own["differences"]
        self.assertEqual((difference["sample"], difference["layer"]), (sample, layer))
        self.assertEqual(difference["released_cut"] - difference["cut"], 2)
        self.assertEqual(difference["reason"], "unexplained")
        text = kvreel("check-reference", planted, "--run", "refreekv")
        self.assertEqual(text.returncode, 1)
        self.assertIn("1 unexplained", text.stdout)
        self.assertIn("nothing explains it", text.stderr)

    def test_rows_of_a_shared_prefill_are_the_other_passes(self):
        shared = self.dir / "shared.h5"
        shutil.copy(self.path, shared)
        with h5py.File(shared, "r+") as file:
            passes, rows = file["passes"], file["attention_rows"]
            run, sample = passes["run"][:], passes["sample"][:]
            owners = {int(sample[at]): int(at) for at in np.flatnonzero(run == 1)}
            # Run 2's own rows become useless; its passes name run 1's.
            ends = rows["probabilities_end"][:].astype(np.int64)
            values = rows["probabilities"][:]
            for at in np.flatnonzero(rows["run"][:] == 2):
                values[ends[at - 1] : ends[at]] = 1.0 / (ends[at] - ends[at - 1])
            rows["probabilities"][:] = values
            name = "refreekv:threshold=5%,keep-layers=none"
            file.flush()
        self.assertGreater(self.variants(self.check(shared, "--run", name, code=1), name)["paper", True]["different"], 0)
        with h5py.File(shared, "r+") as file:
            owner = file["passes/prefill_pass"][:]
            for at in np.flatnonzero(file["passes/run"][:] == 2):
                owner[at] = 1 + owners[int(file["passes/sample"][at])]
            file["passes/prefill_pass"][:] = owner
        self.assertEqual(self.variants(self.check(shared, "--run", name), name)["paper", True]["different"], 0)

    def test_what_cannot_be_compared_is_a_sentence(self):
        few = self.record("few.h5", "--prompt", "Story: the cat.", "--policy", "refreekv", "--attention-rows")
        self.assertIn("--attention-rows=8", self.run_kvreel("check-reference", few).stdout)
        none = self.record("none.h5", "--prompt", "Story: the cat.", "--policy", "refreekv", "--policy", "full")
        self.assert_refused(kvreel("check-reference", none), "none.h5", "--attention-rows")
        self.assert_refused(kvreel("check-reference", none, "--run", "full"), "'full'", code=2)
        self.assert_refused(kvreel("check-reference", none, "--run", "refrekv"), "refreekv", code=2)
        full = self.record("full.h5", "--prompt", "Story: the cat.", "--policy", "full")
        self.assert_refused(kvreel("check-reference", full), "--policy refreekv")
        self.assert_refused(kvreel("check-reference", self.dir / "nothing.h5"), "nothing.h5")


if __name__ == "__main__":
    unittest.main()
