"""A recording that was killed or interrupted goes on, and ends as if nothing had happened."""

import json
import pathlib
import random
import shutil
import signal
import unittest

import h5py
import numpy as np

import faults
from kvreel_command import DEMO, kvreel, sha256
from trace_compare import POLICIES, RUNS, RecordingTest, passes_of


class Resume(RecordingTest):
    def arguments(self, trace, *more, **options):
        return super().arguments(trace, *more, commit_interval=10, **options)

    def stopped_after(self, arguments, path, passes):
        """A recording that stands still once so many passes are committed, or None where it ended before."""
        # A resumed recording holds passes from the start: it must add one.
        passes = max(passes, faults.committed_passes(path) + 1)
        process = faults.start(arguments, path, "stop", [1], every=100)
        while faults.wait_until_stopped(process):
            if faults.committed_passes(path) >= passes:
                return process
            faults.go_on(process)
        return self.fail(f"the recording ended before it had {passes} passes: {process.communicate()}")

    def stop_after(self, arguments, path, passes, number):
        """Starts a recording and ends it with a signal once so many passes are committed."""
        process = self.stopped_after(arguments, path, passes)
        process.send_signal(number)
        faults.go_on(process)
        # It stands still at later writes, too.
        while faults.wait_until_stopped(process):
            faults.go_on(process)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    def whole(self, *more, **options):
        path = self.dir / "whole.h5"
        self.run_kvreel(*self.arguments(path, *more, **options))
        return path

    def notes(self, path):
        trace = faults.Trace(str(path))
        notes = trace.notes()
        trace.file.close()
        return notes

    def test_kills_at_random_moments(self):
        samples = 35
        whole = self.whole(limit=samples)
        self.assertEqual(len(passes_of(whole)), samples * RUNS)
        with h5py.File(whole, "r") as file:
            self.assertEqual(int((file["passes/prefill_pass"][:] > 0).sum()), samples, "a sweep shares")
        chance = random.Random(20261124)
        trace = self.dir / "killed.h5"
        arguments = self.arguments(trace, limit=samples)
        kills = 0
        for _ in range(6):
            before = faults.committed_passes(trace)
            if before > samples * RUNS // 2:
                break  # one commit may have brought many: enough is left to resume
            code, _, err = self.stop_after(
                arguments, trace, before + chance.randrange(0, 12), signal.SIGKILL)
            self.assertEqual(code, -signal.SIGKILL, err)
            kills += 1
            after = faults.committed_passes(trace)
            self.assertGreater(after, before, "passes that were there are there")
        self.assertGreaterEqual(kills, 2)
        result = self.run_kvreel(*arguments)
        self.assertIn("resuming", result.stdout + result.stderr)
        self.assert_same(trace, whole)
        with h5py.File(trace, "r") as file:
            self.assertEqual(file.attrs["status"], 1)
            # Each pass begins after the one before: times never fall back.
            self.assertTrue(np.all(np.diff(file["passes/start_ns"][:]) > 0))
        self.assertEqual([f.name for f in self.dir.glob("killed.h5.*")], [])

    def test_ctrl_c_twice(self):
        whole = self.whole(limit=35)
        trace = self.dir / "interrupted.h5"
        arguments = self.arguments(trace, limit=35)
        for wanted in (5, 40):
            code, out, err = self.stop_after(arguments, trace, wanted, signal.SIGINT)
            self.assertEqual(code, 130, err)
            self.assertIn("the same command resumes", out)
            with h5py.File(trace, "r") as file:
                self.assertEqual(file.attrs["status"], 2)
        self.run_kvreel(*arguments)
        self.assert_same(trace, whole)
        parts = self.notes(trace)["continued"]
        self.assertEqual(len(parts), 2)
        self.assertGreaterEqual(parts[0]["first_pass"], 5)
        self.assertGreaterEqual(parts[1]["first_pass"], 40)
        self.assertEqual(parts[1]["command"][1], "record")
        self.assertIn("version", parts[1]["kvreel"])
        with h5py.File(trace, "r") as file:
            # The model's part of a shared prefill was spent once, in the pass that owns it.
            own = file["passes/prefill_pass"][:] == 0
            prefills = np.where(own, file["passes/prefill_ns"][:], file["passes/decide_ns"][:])
            inference = int(prefills.sum() + file["passes/decode_ns"][:].sum())
        self.assertEqual(self.notes(trace)["overhead"]["inference_ns"], inference)

    def test_a_complete_trace_leaves_nothing_to_do(self):
        trace = self.dir / "whole.h5"
        self.run_kvreel(*self.arguments(trace))
        before = sha256(trace)
        result = self.run_kvreel(*self.arguments(trace))
        self.assertIn("Nothing to do", result.stdout)
        self.assertIn(f"{6 * RUNS} passes", result.stdout)
        self.assertEqual(sha256(trace), before)
        self.assertNotIn("continued", self.notes(trace))

    def test_a_recovered_trace_goes_on(self):
        killed, trace = self.dir / "killed.h5", self.dir / "clean.h5"
        code, _, err = self.stop_after(self.arguments(killed, limit=35), killed, 7, signal.SIGKILL)
        self.assertEqual(code, -signal.SIGKILL, err)
        self.run_kvreel("recover", killed, "-o", trace)
        self.run_kvreel(*self.arguments(trace, limit=35))
        self.assert_same(trace, self.whole(limit=35))

    def test_more_samples_and_more_runs(self):
        trace = self.dir / "grown.h5"
        # The second run is alone at first, and then one of a sweep.
        self.run_kvreel(*self.arguments(trace, limit=3, policies=["full", "refreekv:threshold=1%"]))
        self.run_kvreel(*self.arguments(trace, limit=5, policies=POLICIES[:2]))
        self.run_kvreel(*self.arguments(trace, limit=6))
        self.assert_same(trace, self.whole())
        self.run_kvreel("compare", trace)
        self.assertEqual([part["prompts"]["count"] for part in self.notes(trace)["continued"]], [5, 6])
        info = json.loads(self.run_kvreel("info", trace, "--json").stdout)
        self.assertEqual(info["passes"]["expected"], info["passes"]["finished"])
        self.assertEqual([part["first_pass"] for part in info["parts"]], [6, 15])
        self.assertIn("continued", self.run_kvreel("info", trace).stdout)

    def test_a_data_set_may_have_grown(self):
        questions = self.dir / "gsm8k.jsonl"
        lines = [json.dumps({"question": f"How many are {i} and {i}?", "answer": f"So. #### {2 * i}"})
                 for i in range(5)]
        traces = [self.dir / "grown.h5", self.dir / "whole.h5"]

        def record(trace, *more, count):
            questions.write_text("\n".join(lines[:count]))
            return kvreel("record", "--model", DEMO / "model", "--dataset", f"gsm8k:{questions}", "--quiet",
                          "--max-new-tokens", 4, "--no-bandwidth", "-o", trace, *more)

        for trace, count in ((traces[0], 3), (traces[0], 5), (traces[1], 5)):
            result = record(trace, count=count)
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_same(*traces)
        before = sha256(traces[0])
        self.assert_refused(record(traces[0], "--metric", "token-f1", count=5), "--metric", "token-f1")
        self.assertEqual(sha256(traces[0]), before)

    def test_the_model_may_lie_elsewhere(self):
        trace = self.dir / "moved.h5"
        self.run_kvreel(*self.arguments(trace, limit=2))
        shutil.copytree(DEMO / "model", self.dir / "copy")
        arguments = self.arguments(trace, "--threads", 1, limit=3)
        arguments[arguments.index("--model") + 1] = str(self.dir / "copy")
        self.run_kvreel(*arguments)
        self.assert_same(trace, self.whole(limit=3))

    def test_force_begins_anew(self):
        trace = self.dir / "anew.h5"
        self.run_kvreel(*self.arguments(trace, limit=3))
        self.run_kvreel(*self.arguments(trace, "--force", limit=2, policies=["full"]))
        self.assertEqual(len(passes_of(trace)), 2)

    def test_what_is_another_recording_stays_as_it_is(self):
        trace = self.dir / "stays.h5"
        self.run_kvreel(*self.arguments(trace, limit=3))
        before = sha256(trace)

        def refused(*parts, change=lambda arguments: arguments, more=(), **options):
            options.setdefault("limit", 3)
            result = kvreel(*change(self.arguments(trace, "--quiet", *more, **options)))
            self.assert_refused(result, "stays.h5", "--force", *parts)
            self.assertEqual(sha256(trace), before)

        def with_model(path):
            def change(arguments):
                arguments[arguments.index("--model") + 1] = str(path)
                return arguments
            return change

        # Settings that change what comes out.
        refused("--kv-dtype", "f32", "bf16", more=["--kv-dtype", "bf16"])
        refused("--temperature", "0.5", more=["--temperature", "0.5"])
        refused("--seed", more=["--seed", "7"])
        refused("--page-rows", more=["--page-rows", "8"])
        refused("--no-spans", more=["--no-spans"])
        refused("--ignore-eos", more=["--ignore-eos"])
        refused("--no-hash", more=["--no-hash"])
        refused("--attention-rows", change=lambda a: [x for x in a if x != "--attention-rows"])
        # Runs.
        refused("its run 1", "'full'", "'refreekv'", policies=["refreekv", "full"])
        refused("fewer runs", "streaming-llm:budget=50%", policies=POLICIES[:2])
        refused("run 4", "budget=40%", policies=POLICIES[:2] + ["streaming-llm:budget=40%"])
        # Samples.
        refused("fewer samples", "3", "2", limit=2)
        lines = (DEMO / "prompts.jsonl").read_text().splitlines()
        other = self.dir / "other.jsonl"
        other.write_text("\n".join([lines[1], lines[0], lines[2]]))
        refused("sample 1", "id", prompts=other)
        record = json.loads(lines[2])
        field = "prompt" if "prompt" in record else "text"
        other.write_text("\n".join(lines[:2] + [json.dumps({**record, field: record[field] + " so"})]))
        refused("sample 3", "text", prompts=other)
        other.write_text("\n".join(lines[:2] + [json.dumps({**record, "answer": "other"})]))
        refused("sample 3", "answers", prompts=other)
        # Models.
        shutil.copytree(DEMO / "model", self.dir / "model")
        weights = self.dir / "model" / "model.safetensors"
        changed = bytearray(weights.read_bytes())
        changed[-1] ^= 1
        weights.write_bytes(changed)
        refused("another model", "model.safetensors", change=with_model(self.dir / "model"))
        config = json.loads((DEMO / "model" / "config.json").read_text())
        config["rope_theta"] = 5000.0
        (self.dir / "model" / "config.json").write_text(json.dumps(config))
        refused("another model", "config.json", change=with_model(self.dir / "model"))

    def test_what_is_no_trace_stays_as_it_is(self):
        for name, content in (("notes.txt", b"not a trace\n"), ("empty.h5", b"")):
            path = self.dir / name
            path.write_bytes(content)
            self.assert_refused(kvreel(*self.arguments(path)), name, "not an HDF5 file", "--force")
            self.assertEqual(path.read_bytes(), content)
        other = self.dir / "other.h5"
        with h5py.File(other, "w") as file:
            file["x"] = [1, 2, 3]
        before = sha256(other)
        self.assert_refused(kvreel(*self.arguments(other)), "no kvreel trace", "--force")
        self.assertEqual(sha256(other), before)
        old = self.dir / "old.h5"
        self.run_kvreel(*self.arguments(old, limit=1))
        with h5py.File(old, "r+") as file:
            file.attrs["format_minor"] = np.int32(0)
        before = sha256(old)
        self.assert_refused(kvreel(*self.arguments(old, limit=1)), "1.0", "--force")
        self.assertEqual(sha256(old), before)

    def test_a_trace_being_recorded_is_refused(self):
        trace = self.dir / "live.h5"
        arguments = self.arguments(trace, limit=35)
        process = self.stopped_after(arguments, trace, 2)
        self.assert_refused(kvreel(*arguments), "being recorded by another kvreel")
        faults.go_on(process)
        while faults.wait_until_stopped(process):
            faults.go_on(process)
        process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(len(passes_of(trace)), 35 * RUNS)


if __name__ == "__main__":
    unittest.main()
