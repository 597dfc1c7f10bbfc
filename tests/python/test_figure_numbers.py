"""The numbers behind every figure are those that NumPy computes from the trace with h5py (figure_reference.py)."""

import csv
import math
import unittest

import figure_reference as reference
import numpy as np
import quality_trace
from kvreel_command import DEMO, KvreelTest, kvreel

SWEEP = "refreekv:keep-layers=none"


class FigureTest(KvreelTest):
    """A sweep over half of the demo's prompts, and the numbers behind its figures."""

    @classmethod
    def setUpClass(cls):
        import pathlib
        import shutil
        import tempfile

        cls.home = pathlib.Path(tempfile.mkdtemp(prefix="kvreel-figures-"))
        cls.addClassCleanup(shutil.rmtree, cls.home, ignore_errors=True)
        cls.path = cls.home / "trace.h5"
        policies = ["full", "refreekv", SWEEP + ",threshold=0.3%,1%,5%", "streaming-llm:budget=50%"]
        prompts = (DEMO / "prompts.jsonl").read_text().splitlines()
        (cls.home / "prompts.jsonl").write_text("\n".join(prompts[::2]) + "\n")
        result = kvreel(
            "record", "--model", DEMO / "model", "--prompts", cls.home / "prompts.jsonl", "--no-bandwidth",
            "--quiet", "--max-new-tokens", "12", "--page-rows", "8", "--attention-rows", "-o", cls.path,
            "--share-prefill", "none",  # every run has spans and attention of its own to compare with
            *[word for policy in policies for word in ("--policy", policy)],
        )
        assert result.returncode == 0, result.stderr
        cls.recording = reference.Recording(cls.path)
        cls.all_samples = range(len(cls.recording.samples))

    def figure(self, name, *options):
        """Rows behind a figure, as dictionaries, numbers as numbers."""
        data = self.dir / "data.csv"
        self.run_kvreel("export", self.path, "--figure", name, "-o", self.dir / "figure.svg", "--data", data,
                        "--force", *options)
        lines = [line for line in data.read_text().splitlines(keepends=True) if not line.startswith("#")]
        rows = []
        for row in csv.DictReader(lines):
            for key in ("x", "y", "low", "high", "x_low", "x_high", "value"):
                row[key] = float(row[key]) if row[key] else math.nan
            rows.append(row)
        self.assertTrue(rows, name)
        return rows

    def column(self, rows, key, **wanted):
        chosen = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
        self.assertTrue(chosen, wanted)
        return np.array([row[key] for row in chosen])

    def sweep_run(self, threshold):
        return f"{SWEEP},threshold={100 * float(threshold):g}%"


class FigureNumbers(FigureTest):
    def test_threshold_budget(self):
        rows = self.figure("threshold-budget", "--run", self.sweep_run("0.01"))
        at = self.column(rows, "x", mark="line")
        mean, low, high = (self.column(rows, key, mark="line") for key in ("y", "low", "high"))
        passes = self.recording.passes_of(self.sweep_run("0.01"))
        for i in range(0, len(at), 7):
            budgets = [reference.budget_at(self.recording, row, at[i]) for row in passes.values()]
            self.assertAlmostEqual(mean[i], np.mean(budgets), places=12)
            np.testing.assert_allclose([low[i], high[i]], np.percentile(budgets, [10, 90]), rtol=1e-12)
        recorded = self.column(rows, "y", mark="points")
        budgets = [self.recording.passes["budget"][row] for row in passes.values()]
        np.testing.assert_allclose(recorded, [np.mean(budgets)], rtol=1e-12)
        # What was recorded lies on the line that was computed from curves.
        self.assertAlmostEqual(float(np.interp(0.01, at, mean)), float(np.mean(budgets)), places=12)

    def test_scores_and_what_is_retained(self):
        runs = [self.sweep_run(threshold) for threshold in ("0.003", "0.01", "0.05")]
        chosen = [word for run in runs for word in ("--run", run)]
        right = [reference.hits(self.recording, run, self.all_samples) for run in runs]
        rows = self.figure("threshold-score", *chosen)
        np.testing.assert_allclose(self.column(rows, "x", mark="line"), [0.003, 0.01, 0.05], rtol=1e-15)
        np.testing.assert_allclose(self.column(rows, "y", mark="line"), [h / n for h, n in right], rtol=1e-12)
        bounds = np.array([reference.wilson(h, n) for h, n in right])
        np.testing.assert_allclose(self.column(rows, "low", mark="points"), bounds[:, 0], rtol=1e-6)
        np.testing.assert_allclose(self.column(rows, "high", mark="points"), bounds[:, 1], rtol=1e-6)

        full, n = reference.hits(self.recording, "full", self.all_samples)
        self.assertGreater(full, 0)
        rows = self.figure("retention", *chosen)
        np.testing.assert_allclose(self.column(rows, "y", mark="line"), [h / full for h, _ in right], rtol=1e-12)

    def test_both_panels_of_threshold_are_the_figures_of_their_own(self):
        family = [word for threshold in ("0.003", "0.01", "0.05") for word in ("--run", self.sweep_run(threshold))]
        both = self.figure("threshold", "--by", "task", *family)
        for panel, name in (("1", "retention"), ("2", "threshold-budget")):
            alone = self.figure(name, "--by", "task", *family)
            for mark in ("line", "points"):
                of_both = [(r["series"], r["x"], r["y"]) for r in both if r["panel"] == panel and r["mark"] == mark]
                self.assertEqual(of_both, [(r["series"], r["x"], r["y"]) for r in alone if r["mark"] == mark])

    def test_layer_budget(self):
        run = self.sweep_run("0.05")
        rows = self.figure("layer-budget", "--run", run)
        passes = self.recording.passes_of(run)
        budgets = np.array([reference.layer_budgets(self.recording, row) for row in passes.values()])
        for label, expected in (
            ("median", np.median(budgets, axis=0)), ("q1", np.percentile(budgets, 25, axis=0)),
            ("q3", np.percentile(budgets, 75, axis=0)), ("mean", budgets.mean(axis=0)),
        ):
            np.testing.assert_allclose(self.column(rows, "y", mark="boxes", label=label), expected, rtol=1e-12)

    def test_score_against_budget_and_bytes(self):
        for name, column in (("score-budget", "budget"), ("score-bytes", "prefill_held")):
            rows = [row for row in self.figure(name) if row["mark"] == "points"]
            self.assertEqual(len(rows), len(self.recording.runs), name)
            expected = []
            for run in self.recording.runs:
                right, n = reference.hits(self.recording, run, self.all_samples)
                values = self.recording.passes[column][list(self.recording.passes_of(run).values())]
                low, high = reference.wilson(right, n)
                expected.append((np.mean(values), right / n, low, high, *np.percentile(values, [10, 90])))
            found = [[row[key] for key in ("x", "y", "low", "high", "x_low", "x_high")] for row in rows]
            np.testing.assert_allclose(sorted(found), sorted(expected), rtol=1e-6, err_msg=name)

    def test_eviction_map(self):
        run = self.sweep_run("0.05")
        sample = 3
        rows = self.figure("eviction-map", "--run", run, "--sample", self.recording.samples[sample])
        row = self.recording.passes_of(run)[sample]
        for layer in range(self.recording.layers):
            kept = reference.kept_positions(self.recording, row, layer)
            cells = [r for r in rows if r["mark"] == "map" and math.floor(r["y"] + 0.5) == layer]
            self.assertEqual(len(cells), len(kept), layer)
            labels = [r["label"] for r in sorted(cells, key=lambda r: r["x"])]
            np.testing.assert_array_equal([label != "evicted" for label in labels], kept)
            self.assertEqual([i for i, label in enumerate(labels) if label.startswith("sink")], [0, 1, 2, 3])

    def test_norm_curves(self):
        run = self.sweep_run("0.01")
        sample = 2
        rows = self.figure("norm-curves", "--run", run, "--sample", self.recording.samples[sample])
        row = self.recording.passes_of(run)[sample]
        layers, curves, cuts, halts = self.recording.part("decisions", row, "layer", "curve", "cut", "halt_position")
        for layer, curve, cut in zip(layers, curves, cuts):
            drop = self.recording.trace.list("curves", "distance", int(curve)).astype(float)
            line = [r for r in rows if r["mark"] == "line" and r["series"].lower().endswith(f"layer {layer}")]
            shown = {int(r["x"]): r["y"] for r in line if not math.isnan(r["y"])}
            self.assertTrue(shown, layer)
            for i, y in shown.items():
                self.assertAlmostEqual(y, drop[i], delta=1e-7)
        cut_points = {r["x"] for r in rows if r["mark"] == "points"}
        self.assertEqual(cut_points, {float(cut) for cut in cuts})
        self.assertIn(0.01, [r["y"] for r in rows if r["mark"] == "rule"])

    def test_decision(self):
        run = self.sweep_run("0.05")
        sample, layer = 4, 1
        rows = self.figure("decision", "--run", run, "--sample", self.recording.samples[sample], "--layer", str(layer))
        row = self.recording.passes_of(run)[sample]
        part = self.recording.rows("attention_rows", row)
        number = [
            i for i in range(part.start, part.stop)
            if self.recording.trace.file["attention_rows"]["layer"][i] == layer
            and self.recording.trace.file["attention_rows"]["step"][i] == 0
        ]
        mean = np.mean([self.recording.trace.list("attention_rows", "probabilities", i) for i in number], axis=0)
        first = [r for r in rows if r["panel"] == "1" and r["mark"] in ("bars", "line")]
        found = dict((round(r["x"]), r["y"]) for r in first if not math.isnan(r["y"]))
        self.assertEqual(len(found), len(mean))
        np.testing.assert_allclose([found[i] for i in range(len(mean))], mean, rtol=1e-5, atol=1e-9)
        decisions = self.recording.rows("decisions", row)
        i = next(i for i in range(decisions.start, decisions.stop)
                 if self.recording.trace.file["decisions"]["layer"][i] == layer)
        ranking = self.recording.trace.list("rankings", "positions",
                                            int(self.recording.trace.file["decisions"]["ranking"][i]))
        drop = self.recording.trace.list("curves", "distance", int(self.recording.trace.file["decisions"]["curve"][i]))
        second = {round(r["x"]): r["y"] for r in rows if r["panel"] == "2" and r["mark"] == "line"}
        for at in range(1, len(drop)):
            if not math.isnan(second.get(int(ranking[at - 1]), math.nan)):
                self.assertAlmostEqual(second[int(ranking[at - 1])], float(drop[at]), delta=1e-7)
        self.assertGreater(len(second), len(drop) // 2)

    def test_attention_norms(self):
        rows = self.figure("attention-norms")
        for panel, column in (("1", "last_row_norm"), ("2", "mean_entropy"), ("3", "last_row_sinks")):
            expected = reference.attention(self.recording, "full", self.all_samples, column)
            cells = sorted((r for r in rows if r["panel"] == panel and r["mark"] == "map"),
                           key=lambda r: (r["y"], r["x"]))
            self.assertEqual(len(cells), expected.size)
            np.testing.assert_allclose([r["value"] for r in cells], expected.ravel(), rtol=1e-5, err_msg=column)

    def test_latency(self):
        rows = [row for row in self.figure("latency") if row["mark"] == "bars"]
        for panel, prefill in (("1", True), ("2", False)):
            for run in self.recording.runs:
                expected = reference.op_times(self.recording, run, self.all_samples, prefill)
                mine = {r["series"]: r["x"] - r["value"] for r in rows
                        if r["panel"] == panel and self.is_run(r["y_name"], run)}
                self.assertTrue(mine, run)
                for name, value in mine.items():
                    if name in expected:
                        self.assertAlmostEqual(value, expected[name], delta=1e-6 * sum(expected.values()), msg=name)
                self.assertAlmostEqual(sum(mine.values()), sum(expected.values()), delta=1e-3)
                self.assertGreater(len(set(mine) & set(expected)), 3)

    def is_run(self, label, run):
        """Figures shorten names: what is left of one must be in it, and in no other's."""
        words = [word for word in label.replace("…", " ").replace(",", " ").replace("=", " ").split() if word]
        return self.expand(label) == run if words else False

    def expand(self, label):
        found = [run for run in self.recording.runs if run == label]
        return found[0] if found else self.short.get(label, label)

    @property
    def short(self):
        """Labels of a figure of all runs, in the order of runs."""
        if not hasattr(self, "short_"):
            rows = [row for row in self.figure("latency") if row["mark"] == "bars" and row["panel"] == "1"]
            labels = dict(sorted((row["y"], row["y_name"]) for row in rows))
            self.assertEqual(len(labels), len(self.recording.runs))
            self.short_ = dict(zip(labels.values(), self.recording.runs))
        return self.short_

    def test_step_latency(self):
        # Bands of more than three runs would hide each other and are left out.
        for runs, with_band in ((self.recording.runs, False), (self.recording.runs[:2], True)):
            rows = self.figure("step-latency", *[word for run in runs for word in ("--run", run)])
            series = list(dict.fromkeys(row["series"] for row in rows if row["mark"] == "line"))
            self.assertEqual(len(series), len(runs))
            for name, run in zip(series, runs):
                times = reference.step_times(self.recording, run, self.all_samples)
                line = [row for row in rows if row["series"] == name and row["mark"] == "line"]
                self.assertGreater(len(line), 2)
                for row in line:
                    of_step = times[int(row["x"])]
                    self.assertEqual(row["y"], np.median(of_step), f"{name} step {row['x']}")
                    band = [row["low"], row["high"]]
                    if with_band:
                        np.testing.assert_allclose(band, np.percentile(of_step, [10, 90]), rtol=1e-12)
                    else:
                        self.assertTrue(np.isnan(band).all())

    def test_cache_bytes(self):
        run = self.sweep_run("0.05")
        sample = 1
        rows = self.figure("cache-bytes", "--run", run, "--sample", self.recording.samples[sample])
        row = self.recording.passes_of(run)[sample]
        time, asked, held = reference.cache_over_time(self.recording, row)
        lines = {}
        for r in rows:
            if r["mark"] == "line":
                lines.setdefault(r["series"], []).append((r["x"], r["y"]))
        found = [set(line) for line in lines.values()]
        expected_held = set(zip(time.astype(float), held.astype(float)))
        expected_asked = set(zip(time.astype(float), asked.astype(float)))
        together = set().union(*found)
        self.assertLessEqual(expected_held, together)
        self.assertLessEqual(expected_asked, together)

    def test_memory(self):
        rows = [row for row in self.figure("memory") if row["mark"] == "bars"]
        values = {row["y"] if math.isnan(row["x"]) else row["y"] for row in rows} | {row["x"] for row in rows}
        for run in self.recording.runs:
            chosen = list(self.recording.passes_of(run).values())
            for column in ("prefill_asked", "prefill_held", "prefill_peak"):
                mean = float(np.mean(self.recording.passes[column][chosen]))
                self.assertTrue(any(math.isclose(value, mean, rel_tol=1e-9) for value in values), (run, column))


class QualityNumbers(FigureTest):
    """Figures of scores by other metrics and of fidelity, on a trace whose scores and fidelity are made up."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.home / "quality.h5"
        quality_trace.write(cls.path, path, cls.recording.layers)
        cls.path = path
        cls.recording = reference.Recording(path)
        cls.sweep = [f"{SWEEP},threshold={threshold}" for threshold in ("0.3%", "1%", "5%")]
        cls.chosen = [word for run in cls.sweep for word in ("--run", run)]
        # Samples with decode steps under every run.
        cls.decoded = [s for s in cls.all_samples
                       if all(cls.recording.passes["generated"][cls.recording.passes_of(run)[s]] > 1
                              for run in cls.recording.runs)]
        assert len(cls.decoded) > 3

    def test_scores_of_another_metric(self):
        scores = [reference.scores(self.recording, "token-f1", run, self.all_samples) for run in self.sweep]
        rows = self.figure("threshold-score", *self.chosen)
        np.testing.assert_allclose(self.column(rows, "y", mark="line"), [s.mean() for s in scores], rtol=1e-12)
        for key, bound in (("low", 1), ("high", 2)):
            expected = np.clip([reference.mean_interval(s)[bound] for s in scores], 0, 1)
            np.testing.assert_allclose(self.column(rows, key, mark="points"), expected, rtol=1e-5)
        some = [s for s in self.all_samples if s % 2 == 0]
        rows = self.figure("score-budget", "--metric", "number", *self.chosen)
        shares = [reference.scores(self.recording, "number", run, some).mean() for run in self.sweep]
        points = [row for row in rows if row["mark"] == "points"]
        np.testing.assert_allclose(sorted(row["y"] for row in points), sorted(shares), rtol=1e-12)
        budgets = [np.mean([self.recording.passes["budget"][self.recording.passes_of(run)[s]] for s in some])
                   for run in self.sweep]
        np.testing.assert_allclose(sorted(row["x"] for row in points), sorted(budgets), rtol=1e-12)

    def test_retention_of_means(self):
        full = reference.scores(self.recording, "token-f1", "full", self.all_samples)
        rows = self.figure("retention", *self.chosen)
        low, high = self.column(rows, "low", mark="points"), self.column(rows, "high", mark="points")
        for i, run in enumerate(self.sweep):
            mine = reference.scores(self.recording, "token-f1", run, self.all_samples)
            self.assertAlmostEqual(self.column(rows, "y", mark="line")[i], mine.sum() / full.sum(), places=12)
            # Sums in another order: percentiles may move by a rounding.
            np.testing.assert_allclose([low[i], high[i]], reference.bootstrap_ratio(mine, full), rtol=1e-9)

    def test_fidelity_against_budget(self):
        rows = [row for row in self.figure("fidelity-budget", *self.chosen) if row["mark"] == "points"]
        expected = []
        for run in self.sweep:
            budgets = [self.recording.passes["budget"][self.recording.passes_of(run)[s]] for s in self.decoded]
            mean, _, high = reference.mean_interval(reference.divergence(self.recording, run, self.decoded))
            expected.append((np.mean(budgets), mean, high))
        found = [(row["x"], row["y"], row["high"]) for row in rows]
        np.testing.assert_allclose(sorted(found), sorted(expected), rtol=1e-5)

    def test_fidelity_by_step(self):
        rows = self.figure("fidelity-steps", *self.chosen)
        series = list(dict.fromkeys(row["series"] for row in rows))
        self.assertEqual(len(series), len(self.sweep))
        for name, run in zip(series, self.sweep):
            for panel, column in (("1", "kl"), ("2", "same_top")):
                by_step = reference.fidelity_by_step(self.recording, run, self.all_samples, column)
                line = [row for row in rows if row["series"] == name and row["panel"] == panel]
                self.assertGreater(len(line), 2)
                for row in line:
                    self.assertAlmostEqual(row["y"], np.mean(by_step[int(row["x"])]), places=9)

    def test_lost_attention(self):
        rows = self.figure("lost-attention", *self.chosen)
        series = list(dict.fromkeys(row["series"] for row in rows))
        for name, run in zip(series, self.sweep):
            line = [row["y"] for row in rows if row["series"] == name]
            np.testing.assert_allclose(line, reference.lost_attention(self.recording, run, self.decoded), rtol=1e-6)


if __name__ == "__main__":
    unittest.main()
