"""Records the demo set as a user would, and checks the trace with h5py and NumPy alone."""

import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

import h5py
import numpy as np

import refreekv_reference as reference
from kvreel_command import ASSETS, DEMO, KVREEL, ROOT, KvreelTest, kvreel

sys.path.insert(0, str(ROOT / "docs" / "examples"))
from read_trace import Trace  # the documented example is the reader under test  # noqa: E402

POLICIES = ["full", "refreekv", "refreekv:threshold=5%,keep-layers=none", "streaming-llm:budget=50%"]


def demo_arguments():
    arguments = ["--prompts", DEMO / "prompts.jsonl", "--max-new-tokens", 32, "--attention-rows"]
    for policy in POLICIES:
        arguments += ["--policy", policy]
    return arguments


class DemoSet(KvreelTest):
    @classmethod
    def setUpClass(cls):
        import tempfile

        cls.home = tempfile.TemporaryDirectory(prefix="kvreel-test-")
        cls.path = pathlib.Path(cls.home.name) / "demo.h5"
        result = kvreel("record", "--model", DEMO / "model", "-o", cls.path, "--quiet", *demo_arguments())
        assert result.returncode == 0, result.stderr
        cls.trace = Trace(str(cls.path))

    @classmethod
    def tearDownClass(cls):
        cls.trace.file.close()
        cls.home.cleanup()

    def rows_of(self, table, **wanted):
        found = np.ones(self.trace.rows[table], dtype=bool)
        for name, value in wanted.items():
            found &= self.trace.column(table, name) == value
        return np.flatnonzero(found)

    def test_every_decision_equals_the_independent_statement(self):
        decisions = 0
        samples = self.trace.rows["samples"]
        self.assertEqual(samples, 35)
        for run, threshold, exempt in [(1, 0.01, (0, 1)), (2, 0.05, ())]:
            for sample in range(samples):
                layers = []
                for layer in range(4):
                    heads = self.rows_of("attention_rows", run=run, sample=sample, step=0, layer=layer)
                    self.assertEqual(len(heads), 8)
                    rows = [self.trace.list("attention_rows", "probabilities", row) for row in heads]
                    layers.append(np.stack(rows))
                    np.testing.assert_allclose(layers[-1].sum(axis=1), 1, atol=1e-5)
                expected = reference.decide_layers(layers, threshold, exempt_layers=exempt)
                n = layers[0].shape[1]
                for layer in range(4):
                    (row,) = self.rows_of("decisions", run=run, sample=sample, layer=layer)
                    ours, theirs = self.decision(row), expected[layer]
                    np.testing.assert_allclose(ours["distance"], theirs.curve, atol=1e-6)
                    literal = reference.distance_curve(layers[layer], base="all")
                    np.testing.assert_allclose(ours["distance_all"], literal, atol=1e-6)
                    self.assertAlmostEqual(ours["base_norm"], theirs.base_norm, delta=1e-6)
                    # The distances are stored in fp32: a threshold that lies between a distance and its rounding
                    # would move the cut. None does here.
                    self.assertEqual(ours["cut"], theirs.cut)
                    self.assertEqual(ours["halt_position"], theirs.halting)
                    np.testing.assert_array_equal(ours["kept"], theirs.kept)
                    # Any other threshold can be read off the recorded curve.
                    for other in (0, 0.001, 0.003, 0.02, 0.1, 1):
                        self.assertEqual(
                            reference.cut_of(ours["distance"], other),
                            reference.cut_of(theirs.curve.astype(np.float32), other),
                        )
                    decisions += 1
                (of_pass,) = self.rows_of("passes", run=run, sample=sample)
                budget = self.trace.column("passes", "budget")[of_pass]
                self.assertAlmostEqual(budget, reference.mean_budget(expected, n), places=12)
        self.assertEqual(decisions, 2 * 35 * 4)

    def decision(self, row):
        curve = int(self.trace.column("decisions", "curve")[row])
        ranges = self.trace.list("decisions", "kept_ranges", row).reshape(-1, 2)
        return {
            "distance": self.trace.list("curves", "distance", curve),
            "distance_all": self.trace.list("curves", "distance_all", curve),
            "base_norm": float(self.trace.column("decisions", "base_norm")[row]),
            "cut": int(self.trace.column("decisions", "cut")[row]),
            "halt_position": int(self.trace.column("decisions", "halt_position")[row]),
            "kept": np.concatenate([np.arange(a, b) for a, b in ranges]),
        }

    def test_norms_follow_from_the_recorded_rows(self):
        norms = self.trace.column("attention", "last_row_norm")
        sinks = self.trace.column("attention", "last_row_sinks")
        self.assertEqual(len(norms), self.trace.rows["attention_rows"])
        for row in range(0, len(norms), 97):
            probabilities = self.trace.list("attention_rows", "probabilities", row).astype(np.float64)
            self.assertAlmostEqual(norms[row], np.sqrt((probabilities**2).sum()), delta=1e-5)
            self.assertAlmostEqual(sinks[row], probabilities[:4].sum(), delta=1e-5)

    def test_bytes_follow_from_what_is_kept(self):
        per_position = 2 * 16 * 4  # keys and values, head_dim 16, fp32
        ends = self.trace.column("samples", "tokens_end").astype(np.int64)
        tokens = np.diff(ends, prepend=0)
        for row in range(self.trace.rows["passes"]):
            run, sample = (int(self.trace.column("passes", c)[row]) for c in ("run", "sample"))
            decisions = self.rows_of("decisions", run=run, sample=sample)
            kept = self.trace.column("decisions", "kept")[decisions]
            self.assertEqual(len(kept), 4)
            asked = int(self.trace.column("passes", "prefill_asked")[row])
            self.assertEqual(asked, int(kept.sum()) * 4 * per_position)
            full = int(self.trace.column("passes", "full_asked")[row])
            self.assertEqual(full, int(tokens[sample]) * 4 * 4 * per_position)
            held = int(self.trace.column("passes", "prefill_held")[row])
            peak = int(self.trace.column("passes", "prefill_peak")[row])
            self.assertGreaterEqual(held, asked)
            self.assertGreaterEqual(peak, held)
            self.assertLess(held, asked + 4 * 4 * 32 * per_position)  # less than a page in each head
            generated = int(self.trace.column("passes", "generated")[row])
            end = int(self.trace.column("passes", "end_asked")[row])
            # The last token is sampled but never run, so its keys are not cached.
            self.assertEqual(end - asked, (generated - 1) * 4 * 4 * per_position)

    def test_time_adds_up(self):
        start = self.trace.column("passes", "start_ns")
        self.assertTrue(np.all(np.diff(start) > 0))
        steps_end = self.trace.column("passes", "steps_end").astype(np.int64)
        durations = self.trace.column("steps", "duration_ns")
        for row in range(self.trace.rows["passes"]):
            begin = steps_end[row - 1] if row else 0
            of_pass = durations[begin : steps_end[row]]
            self.assertEqual(of_pass[0], self.trace.column("passes", "prefill_ns")[row])
            self.assertEqual(of_pass[1:].sum(), self.trace.column("passes", "decode_ns")[row])
        spans = self.trace.column("spans", "duration_ns")
        self.assertTrue(np.all(spans >= 0))
        # Spans lie within their steps: their sum cannot exceed the steps'.
        self.assertLess(spans.sum(), durations.sum())
        self.assertGreater(spans.sum(), 0.5 * durations.sum())

    def test_answers_show_what_each_policy_costs(self):
        match = self.trace.column("passes", "exact_match")
        run = self.trace.column("passes", "run")
        correct = [int((match[run == r] == 1).sum()) for r in range(4)]
        # Counted once by an independent implementation over the same prompts (reference.json: full and
        # threshold 5 %); the fixed budget loses most.
        expected = collections.Counter()
        prompts = [json.loads(line)["id"] for line in open(DEMO / "prompts.jsonl")]
        known = {r["id"]: r for r in json.load(open(ROOT / "tests/fixtures/demo-model/reference.json"))}
        for identity in prompts:
            expected["full"] += known[identity]["exact_match"]["full"]
            expected["t5"] += known[identity]["exact_match"]["t5"]
        self.assertEqual(correct[0], expected["full"])
        self.assertEqual(correct[2], expected["t5"])
        self.assertLess(correct[3], correct[2])

    def test_the_documented_example_reads_it(self):
        script = ROOT / "docs" / "examples" / "read_trace.py"
        result = subprocess.run(
            [sys.executable, str(script), str(self.path)], capture_output=True, text=True, timeout=120
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("run refreekv:", result.stdout)

    def test_a_second_recording_is_the_same(self):
        again = Trace(str(self.record("again.h5", *demo_arguments())))
        for table, columns in {
            "steps": ["run", "sample", "step", "token", "logprob", "cache_asked", "cache_held"],
            "decisions": ["run", "layer", "cut", "kept", "kept_ranges", "base_norm", "distance"],
            "curves": ["distance", "distance_all"],
            "rankings": ["positions"],
            "attention": ["frobenius", "last_row_norm", "mean_entropy"],
            "attention_rows": ["probabilities"],
        }.items():
            for column in columns:
                first = self.trace.file[table][column][:]
                self.assertEqual(first.tobytes(), again.file[table][column][:].tobytes(), f"{table}/{column}")
        again.file.close()

    def test_provenance_says_how_it_was_made(self):
        provenance = json.loads(self.trace.file["provenance"][:].tobytes())
        self.assertEqual(provenance["model"]["layers"], 4)
        self.assertEqual(provenance["model"]["kv_heads"], 4)
        self.assertIn("--attention-rows", provenance["command"])
        files = {f["name"]: f for f in provenance["model"]["files"]}
        import hashlib

        weights = (DEMO / "model" / "model.safetensors").read_bytes()
        self.assertEqual(files["model.safetensors"]["sha256"], hashlib.sha256(weights).hexdigest())
        self.assertGreater(provenance["machine"]["read_bandwidth"]["median_bytes_per_s"], 1e8)
        # The buffer that bandwidth is measured with is half a gigabyte; the recording itself took 28 MiB when this was written.
        self.assertFalse(provenance["machine"]["read_bandwidth"]["counts_in_process_peak"])
        self.assertLess(self.trace.column("passes", "process_peak").max(), 256 << 20)
        notes = self.trace.notes()
        self.assertIn("overhead", notes)
        self.assertGreater(notes["overhead"]["callback_ns"], 0)


class Interruption(KvreelTest):
    def start(self, trace, passes_wanted, *more):
        """Starts an endless-looking recording and waits until some passes are committed."""
        process = subprocess.Popen(
            [KVREEL, "record", "--model", str(DEMO / "model"), "--prompts",
             str(ROOT / "tests/fixtures/demo-model/prompts.jsonl"), "--max-new-tokens", "32",
             "--no-bandwidth", "-o", str(trace), *more],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            try:
                reader = Trace(str(trace))
                passes = reader.rows["passes"]
                reader.file.close()
                if passes >= passes_wanted:
                    return process
            except (OSError, SystemExit, KeyError):
                pass
            time.sleep(0.05)
        process.kill()
        self.fail("the recording did not get anywhere: " + process.communicate()[1])

    def test_ctrl_c_finishes_the_trace(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            trace = self.dir / f"interrupted-{number}.h5"
            process = self.start(trace, 3)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 128 + number, err)
            self.assertIn("Interrupted", out)
            with h5py.File(trace, "r") as file:  # a plain open: the file is closed and whole
                self.assertEqual(file.attrs["status"], 2)
            self.assertIn("interrupted", self.run_kvreel("info", trace).stdout)
            self.run_kvreel("compare", trace)

    def test_a_killed_recording_opens_and_recovers(self):
        trace = self.dir / "killed.h5"
        process = self.start(trace, 3)
        process.kill()
        process.communicate()
        self.assertIn("killed", self.run_kvreel("info", trace).stdout)
        self.run_kvreel("compare", trace)
        clean = self.dir / "clean.h5"
        self.run_kvreel("recover", trace, "-o", clean)
        with h5py.File(clean, "r") as file:
            self.assertEqual(file.attrs["status"], 3)
            self.assertGreaterEqual(len(file["passes/run"]), 3)


@unittest.skipUnless(ASSETS, "KVREEL_TEST_ASSETS is not set")
class RealDataSets(KvreelTest):
    def test_gsm8k_with_a_trained_model(self):
        trace = self.record(
            "gsm8k.h5", "--prompts", f"{ASSETS}/datasets/gsm8k_test.jsonl", "--limit", 12,
            "--template", "Question: {question}\\nAnswer:", "--max-new-tokens", 16, "--truncate", "middle",
            "--policy", "full", "--policy", "refreekv:threshold=1%,5%",
            model=f"{ASSETS}/models/stories260K",
        )
        reader = Trace(str(trace))
        self.assertEqual(reader.rows["passes"], 12 * 3)
        self.assertTrue(reader.text("samples", "text", 0).startswith("Question: Janet"))
        reader.file.close()

    def test_a_qmsum_meeting_with_dummy_weights_of_qwen(self):
        # The shapes of Qwen2.5-0.5B, with fewer layers so that the test ends soon.
        model = self.dir / "qwen"
        model.mkdir()
        config = {
            "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 896,
            "intermediate_size": 4864, "num_hidden_layers": 3, "num_attention_heads": 14,
            "num_key_value_heads": 2, "hidden_act": "silu", "max_position_embeddings": 32768,
            "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "tie_word_embeddings": True,
            "torch_dtype": "bfloat16", "vocab_size": 151936, "use_sliding_window": False,
            "sliding_window": 32768, "max_window_layers": 21, "bos_token_id": 151643, "eos_token_id": 151645,
        }
        (model / "config.json").write_text(json.dumps(config))
        for name in ("tokenizer.json", "tokenizer_config.json"):
            os.symlink(f"{ASSETS}/tokenizers/qwen2.5/{name}", model / name)
        trace = self.record(
            "qmsum.h5", "--load-format", "dummy", "--seed", 1, "--no-hash",
            "--prompts", f"{ASSETS}/datasets/qmsum_test.jsonl", "--limit", 1,
            "--template", "{/meeting_transcripts}\\n\\n{/general_query_list/0/query}", "--chat",
            "--max-prompt-tokens", 1500, "--truncate", "middle", "--max-new-tokens", 4,
            "--policy", "full", "--policy", "refreekv", model=model,
        )
        reader = Trace(str(trace))
        self.assertEqual(reader.rows["passes"], 2)
        self.assertEqual(len(reader.column("tokens", "id")), reader.column("passes", "prompt_tokens")[0])
        self.assertLessEqual(reader.column("passes", "prompt_tokens")[0], 1500)
        self.assertGreater(reader.column("samples", "original_tokens")[0], 1500)
        self.assertTrue(reader.text("samples", "text", 0).startswith("<|im_start|>system"))
        reader.file.close()


if __name__ == "__main__":
    unittest.main()
