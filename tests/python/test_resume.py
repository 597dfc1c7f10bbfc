"""A recording that was killed or interrupted goes on, and ends as if nothing had happened."""

import hashlib
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

import h5py
import numpy as np

from kvreel_command import DEMO, KVREEL, ROOT, KvreelTest, kvreel

sys.path.insert(0, str(ROOT / "docs" / "examples"))
from read_trace import Trace  # noqa: E402

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


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


class Resume(KvreelTest):
    def arguments(self, trace, *more, policies=POLICIES, limit=6, prompts=DEMO / "prompts.jsonl"):
        arguments = ["record", "--model", DEMO / "model", "--prompts", prompts, "--max-new-tokens", 16,
                     "--attention-rows", "--no-bandwidth", "-o", trace]
        if limit:
            arguments += ["--limit", limit]
        for policy in policies:
            arguments += ["--policy", policy]
        return [str(argument) for argument in [*arguments, *more]]

    def start(self, *arguments):
        return subprocess.Popen([KVREEL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def committed(self, path):
        try:
            trace = Trace(str(path))
            passes = trace.rows["passes"]
            trace.file.close()
            return passes
        except (OSError, SystemExit, KeyError):
            return 0

    def stop_after(self, arguments, path, passes, number):
        """Starts a recording and ends it with a signal once so many passes are committed."""
        # A resumed recording holds passes from the start, before it has learnt to catch signals: it must add one.
        passes = max(passes, self.committed(path) + 1)
        process = self.start(*arguments)
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline and self.committed(path) < passes:
            time.sleep(0.01)
        ended_before = process.poll() is not None
        if not ended_before:
            process.send_signal(number)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def whole(self, *more, **options):
        path = self.dir / "whole.h5"
        self.run_kvreel(*self.arguments(path, *more, **options))
        return path

    def assert_same(self, path, expected):
        self.assertEqual(inputs_of(path), inputs_of(expected))
        ours, theirs = passes_of(path), passes_of(expected)
        self.assertEqual(ours.keys(), theirs.keys())
        for key in theirs:
            wrong = [name for name in theirs[key] if ours[key].get(name) != theirs[key][name]]
            self.assertEqual(wrong, [], f"run and sample {key}")

    def notes(self, path):
        trace = Trace(str(path))
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
        kills = kills_with_passes = 0
        for _ in range(6):
            before = self.committed(trace) if trace.exists() else 0
            if before > samples * RUNS // 2:
                break  # a machine that is busy kills late: enough is left to resume
            code, _, err = self.stop_after(
                arguments, trace, before + chance.randrange(0, 12), signal.SIGKILL)
            if code == 0:
                break
            self.assertEqual(code, -signal.SIGKILL, err)
            kills += 1
            after = self.committed(trace)
            self.assertGreaterEqual(after, before, "passes that were there are there")
            kills_with_passes += after > 0
        self.assertGreaterEqual(kills, 1, "the recording was too fast to be killed")
        self.assertGreaterEqual(kills_with_passes, 1)
        with h5py.File(trace, "r", swmr=True) as file:
            complete = file.attrs["status"] == 1  # killed between its last write and its exit
        result = self.run_kvreel(*arguments)
        self.assertIn("Nothing to do" if complete else "resuming", result.stdout + result.stderr)
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
        process = self.start(*arguments)
        while self.committed(trace) < 2 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
        try:
            self.assert_refused(kvreel(*arguments), "being recorded by another kvreel")
        finally:
            process.send_signal(signal.SIGCONT)
        process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(len(passes_of(trace)), 35 * RUNS)


if __name__ == "__main__":
    unittest.main()
