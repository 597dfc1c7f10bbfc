"""Timelines in the Trace Event Format, against the trace itself read with h5py."""

import collections
import decimal
import json
import pathlib
import sys
import tempfile
import unittest

import numpy as np

import hostile_prompts
from kvreel_command import DEMO, ROOT, KvreelTest, kvreel

sys.path.insert(0, str(ROOT / "docs" / "examples"))
from read_trace import Trace  # noqa: E402

RUNS = ["full", "refreekv:threshold=5%,keep-layers=none"]


def nanoseconds(microseconds):
    """Of a time as it is written: exactly."""
    value = microseconds * 1000
    assert value == value.to_integral_value(), microseconds
    return int(value)


class TimelineTest(KvreelTest):
    @classmethod
    def setUpClass(cls):
        home = tempfile.TemporaryDirectory(prefix="kvreel-test-")
        cls.addClassCleanup(home.cleanup)
        cls.home = pathlib.Path(home.name)
        cls.trace = cls.home / "trace.h5"
        arguments = ["record", "--model", DEMO / "model", "--prompts", hostile_prompts.write(cls.home / "p.jsonl"),
                     "--quiet", "--no-bandwidth", "--max-new-tokens", 6, "-o", cls.trace]
        for run in RUNS:
            arguments += ["--policy", run]
        result = kvreel(*arguments)
        assert result.returncode == 0, result.stderr
        cls.reader = Trace(str(cls.trace))
        cls.addClassCleanup(cls.reader.file.close)
        cls.names = [cls.reader.text("names", "name", row) for row in range(cls.reader.rows["names"])]

    def timeline(self, *more, traces=None):
        result = self.run_kvreel("export", *(traces or [self.trace]), "--timeline", "chrome", *more)
        return json.loads(result.stdout, parse_float=decimal.Decimal)

    def events(self, document, phase, category=None):
        return [e for e in document["traceEvents"] if e["ph"] == phase and category in (None, e.get("cat"))]

    def named(self, document, kind):
        key = "tid" if kind == "thread_name" else "pid"
        return {e[key]: e["args"]["name"] for e in self.events(document, "M") if e["name"] == kind}

    def column(self, table, name):
        return self.reader.column(table, name)

    def assert_nesting(self, document):
        """Slices of a track nest, in the order of the file; importers drop those that do not."""
        open_ends, last = collections.defaultdict(list), {}
        for event in self.events(document, "X"):
            track = event["pid"], event["tid"]
            start = nanoseconds(event["ts"])
            end = start + nanoseconds(event["dur"])
            self.assertGreaterEqual(start, last.get(track, start))
            last[track] = start
            ends = open_ends[track]
            while ends and ends[-1] <= start:
                ends.pop()
            if ends:
                self.assertLessEqual(end, ends[-1], event)
            ends.append(end)

    def test_every_row_is_an_event_with_its_exact_time(self):
        document = self.timeline()
        self.assertEqual(document["displayTimeUnit"], "ns")
        processes = self.named(document, "process_name")
        self.assertEqual(sorted(processes.items()), list(enumerate(RUNS, 1)))
        for table, category in (("steps", "step"), ("spans", "op")):
            found = self.events(document, "X", category)
            self.assertEqual(len(found), self.reader.rows[table])
            expected = zip(self.column(table, "run"), self.column(table, "step"),
                           self.column(table, "start_ns"), self.column(table, "duration_ns"))
            expected = sorted(tuple(map(int, row)) for row in expected)
            got = sorted((e["pid"] - 1, e["args"]["step"], nanoseconds(e["ts"]), nanoseconds(e["dur"])) for e in found)
            self.assertEqual(got, expected)
        spans = {nanoseconds(e["ts"]): e for e in self.events(document, "X", "op")}
        for row in range(0, self.reader.rows["spans"], 7):
            event = spans[int(self.column("spans", "start_ns")[row])]
            self.assertEqual(event["name"], self.names[self.column("spans", "op")[row]])
            layer = int(self.column("spans", "layer")[row])
            self.assertEqual(event["args"].get("layer", -1), layer)

    def test_passes_enclose_their_steps(self):
        document = self.timeline()
        passes = self.events(document, "X", "pass")
        self.assertEqual(len(passes), self.reader.rows["passes"])
        for row, event in enumerate(passes):
            sample = int(self.column("passes", "sample")[row])
            self.assertEqual(event["name"], hostile_prompts.IDS[sample])
            self.assertEqual(nanoseconds(event["ts"]), int(self.column("passes", "start_ns")[row]))
            last = int(self.column("passes", "steps_end")[row]) - 1
            end = int(self.column("steps", "start_ns")[last]) + int(self.column("steps", "duration_ns")[last])
            self.assertEqual(nanoseconds(event["ts"]) + nanoseconds(event["dur"]), end)
        # One host track in each process: everything on it nests.
        tracks = self.named(document, "thread_name")
        self.assertEqual(sorted(tracks.values()), ["decisions", "decisions", "host", "host"])
        self.assert_nesting(document)

    def test_counters_follow_the_cache(self):
        document = self.timeline()
        for run in range(len(RUNS)):
            counters = [e for e in self.events(document, "C") if e["pid"] == run + 1]
            of_run = self.column("memory", "run") == run
            expected = list(zip(self.column("memory", "time_ns")[of_run].tolist(),
                                self.column("memory", "asked")[of_run].tolist(),
                                self.column("memory", "held")[of_run].tolist()))
            got = [(nanoseconds(e["ts"]), e["args"]["asked"], e["args"]["held"]) for e in counters]
            ends = [g for g in got if g[1:] == (0, 0)]
            self.assertEqual([g for g in got if g[1:] != (0, 0)], expected)
            self.assertEqual(len(ends), int((self.column("passes", "run") == run).sum()))
            self.assertEqual(got, sorted(got))

    def test_decisions_say_what_was_decided(self):
        document = self.timeline()
        instants = self.events(document, "i")
        self.assertEqual(len(instants), self.reader.rows["decisions"])
        by_time = {(e["pid"] - 1, nanoseconds(e["ts"])): e["args"] for e in instants}
        for row in range(self.reader.rows["decisions"]):
            run = int(self.column("decisions", "run")[row])
            what = by_time[run, int(self.column("decisions", "start_ns")[row])]
            for name in ("cached", "kept", "cut", "layer"):
                self.assertEqual(what[name], int(self.column("decisions", name)[row]))
            threshold = float(self.column("decisions", "threshold")[row])
            self.assertEqual("threshold" in what, bool(np.isfinite(threshold)))
            halt = int(self.column("decisions", "halt_position")[row])
            self.assertEqual(what.get("halt_position", -1), halt)
            if halt >= 0:
                sample = int(self.column("decisions", "sample")[row])
                first = int(self.column("samples", "tokens_end")[sample - 1]) if sample else 0
                self.assertEqual(what["halt_token"], self.reader.text("tokens", "piece", first + halt))

    def test_texts_are_those_of_the_trace(self):
        steps = {nanoseconds(e["ts"]): e["args"] for e in self.events(self.timeline(), "X", "step")}
        for row in range(self.reader.rows["steps"]):
            what = steps[int(self.column("steps", "start_ns")[row])]
            self.assertEqual(what["text"], self.reader.text("steps", "piece", row))
            self.assertEqual(what["token"], int(self.column("steps", "token")[row]))

    def test_filters(self):
        document = self.timeline("--run", RUNS[1], "--sample", hostile_prompts.IDS[2], "--first-step", 1, "--last-step", 2)
        self.assertEqual(list(self.named(document, "process_name").values()), [RUNS[1]])
        self.assertEqual(len(self.events(document, "X", "pass")), 1)
        self.assertEqual({e["args"]["step"] for e in self.events(document, "X", "step")}, {1, 2})
        self.assertEqual({e["args"]["sample"] for e in self.events(document, "X", "op")}, {hostile_prompts.IDS[2]})
        self.assert_nesting(document)
        document = self.timeline("--layer", 3)
        self.assertEqual({e["args"].get("layer") for e in self.events(document, "X", "op")}, {3})
        self.assertEqual(len(self.events(document, "X", "op")), int((self.column("spans", "layer") == 3).sum()))

    def test_provenance_and_the_same_bytes_every_time(self):
        command = ["export", self.trace, "--timeline", "chrome", "-o", self.dir / "t.json", "--force"]
        self.run_kvreel(*command)
        first = (self.dir / "t.json").read_bytes()
        self.run_kvreel(*command)
        self.assertEqual(first, (self.dir / "t.json").read_bytes())
        about = json.loads(first)["otherData"]
        self.assertEqual(about["trace"], "trace.h5")
        self.assertEqual(len(about["sha256"]), 64)
        self.assertIn("--timeline chrome", about["command"])

    def test_a_second_trace_has_processes_of_its_own(self):
        other = self.dir / "other.h5"
        other.write_bytes(self.trace.read_bytes())
        document = self.timeline(traces=[self.trace, other])
        names = self.named(document, "process_name")
        self.assertEqual(names, {1: f"trace: {RUNS[0]}", 2: f"trace: {RUNS[1]}",
                                 3: f"other: {RUNS[0]}", 4: f"other: {RUNS[1]}"})
        self.assertEqual(len(self.events(document, "X", "op")), 2 * self.reader.rows["spans"])
        self.assert_nesting(document)


if __name__ == "__main__":
    unittest.main()
