"""Recordings that are killed, interrupted, or whose disk fails: nothing committed is lost, and all is said.

KVREEL_FAULT_KILLS and KVREEL_FAULT_STEP ask for more than the small number of kills, and for fewer boundaries left
out, than a test has time for; ./dev soak does.
"""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import unittest

import h5py

import faults
from kvreel_command import DEMO, KVREEL, kvreel, sha256
from trace_compare import RUNS, RecordingTest, inputs_of, passes_of, wrong_beginning

KILLS = int(os.environ.get("KVREEL_FAULT_KILLS", "10"))
STEP = int(os.environ.get("KVREEL_FAULT_STEP", "17"))
SEED = int(os.environ.get("KVREEL_FAULT_SEED", "20261124"))
MESSAGES = {"ENOSPC": "No space left on device", "EDQUOT": "Disk quota exceeded",
            "EIO": "Input/output error", "EROFS": "Read-only file system"}


def holds_commits(path):
    """Commits that count in a trace whose recorder was killed."""
    with h5py.File(path, "r", swmr=True) as file:
        sizes = file["commit/file_bytes"][:]
        return int(((sizes > 0) & (sizes <= os.path.getsize(path))).sum())


def status_of(path):
    with h5py.File(path, "r", swmr=True) as file:
        return int(file.attrs["status"])


class Faults(RecordingTest):
    # More options of the recordings here: shards, say.
    more = os.environ.get("KVREEL_FAULT_OPTIONS", "").split()

    def setUp(self):
        super().setUp()
        for path in (faults.FAULTS, faults.REPLAY):
            self.assertTrue(pathlib.Path(path).exists(), f"{path} is not built")

    def arguments(self, trace, *more, limit=3, commit_interval=0):
        # A commit after every batch of rows: however fast the machine, a recording has hundreds of writes between its
        # first and its last row.
        return super().arguments(trace, *self.more, *more, commit_interval=commit_interval, limit=limit)

    def whole(self, name="whole.h5", **options):
        """A recording without faults, and the changes it made."""
        path = self.dir / name
        log = self.dir / f"{name}.log"
        result = faults.run(self.arguments(path, **options), path, log=log)
        self.assertEqual(result.returncode, 0, result.stderr)
        made = [change for change in faults.changes(log) if change.kind <= faults.LINK]
        log.unlink()
        return path, made

    def stages(self, made, whole):
        """Numbers of the change that gives the trace its name, and of the first that compresses it."""
        published = next(c.number for c in made if c.kind == faults.RENAME and c.other == str(whole))
        compressing = next(c.number for c in made if c.path == f"{whole}.finalizing")
        return published, compressing

    def assert_beginning(self, path, whole):
        """Every committed row is there and right. Returns the rows by table."""
        rows = faults.committed_rows(path)
        self.assertNotEqual(rows, {}, "a trace that has its name has a commit")
        self.assertEqual(wrong_beginning(path, whole, rows), [])
        return rows

    def assert_recovers(self, path, whole, rows):
        """kvreel recover makes a file that plain readers read."""
        clean = self.dir / "clean.h5"
        self.run_kvreel("recover", path, "-o", clean, "--force")
        with h5py.File(clean, "r") as file:
            self.assertEqual(int(file["commit/passes"][-1]), rows["passes"])
        self.assertEqual(wrong_beginning(clean, whole, rows), [])
        dump = subprocess.run(["h5dump", "-d", "/passes/budget", "-d", "/spans/duration_ns", str(clean)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.assertEqual(dump.returncode, 0, dump.stderr)
        clean.unlink()

    def assert_resumes(self, arguments, path, whole):
        """The same command, without faults, ends as if nothing had happened."""
        complete = "Nothing to do" in self.run_kvreel(*arguments).stdout
        self.assert_same(path, whole)
        with h5py.File(path, "r") as file:
            self.assertEqual(file.attrs["status"], 1)
        # Of a trace that was complete when its compression was killed there is nothing left to do.
        left = {f.name for f in path.parent.glob(f"{path.name}.*")}
        self.assertLessEqual(left, {f"{path.name}.finalizing"} if complete else set())


class Kills(Faults):
    def kill(self, arguments, trace, moment, how):
        """Kills a recording at a change, earlier where it has none of that number. Returns the log."""
        log = self.dir / "kill.log"
        while True:
            log.unlink(missing_ok=True)
            result = faults.run(arguments, trace, how, [moment], log=log)
            if result.returncode == -signal.SIGKILL:
                return faults.changes(log)
            # It had fewer batches this time; what it has recorded is complete.
            self.assertEqual(result.returncode, 0, result.stderr)
            trace.unlink()
            moment = moment // 2 + 1

    def test_kills_at_random_writes(self):
        whole, made = self.whole()
        published, compressing = self.stages(made, whole)
        chance = random.Random(SEED)
        trace = self.dir / "killed.h5"
        arguments = self.arguments(trace)
        with_passes = resumed_twice = 0
        for kill in range(KILLS):
            # Most while rows are written; the rest anywhere.
            first, last = (1, len(made)) if kill % 5 == 4 else (published + 1, compressing)
            moment, how = chance.randint(first, last), ("kill", "torn")[kill % 2]
            with self.subTest(moment=moment, how=how):
                trace.unlink(missing_ok=True)
                log = self.kill(arguments, trace, moment, how)
                if trace.exists():
                    rows = self.assert_beginning(trace, whole)
                    info = json.loads(self.run_kvreel("info", trace, "--json").stdout)
                    self.assertEqual(info["passes"]["finished"], rows["passes"])
                    if status_of(trace) == 0 and not self.more:
                        # Each flush but the first ends a commit: at most the one that was under way is lost.
                        flushed = sum(c.kind == faults.FLUSHED for c in log)
                        self.assertIn(holds_commits(trace), (flushed - 1, flushed))
                    self.assert_recovers(trace, whole, rows)
                    with_passes += rows["passes"] > 0
                    if kill % 3 == 0:
                        # Killed again while it goes on: the old file or the new one is whole.
                        faults.run(arguments, trace, how, [chance.randint(1, moment)])
                        self.assertGreaterEqual(faults.committed_passes(trace), rows["passes"])
                        resumed_twice += 1
                self.assert_resumes(arguments, trace, whole)
        self.assertGreaterEqual(with_passes, KILLS // 3)
        self.assertGreaterEqual(resumed_twice, KILLS // 6)

    def test_a_kill_between_the_last_row_and_closing(self):
        """The trace says that it is complete, and is still open for writing: plain readers refuse it."""
        # One commit, whatever the machine's pace: batches are made by time, and each commit is hundreds of writes.
        one_commit = {"limit": 1, "commit_interval": 60_000}
        whole, made = self.whole(**one_commit)
        _, moment = self.stages(made, whole)
        trace = self.dir / "killed.h5"
        arguments = self.arguments(trace, **one_commit)
        # Batches still make some writes more or less than in the recording before: the moment is looked for.
        for _ in range(100):
            trace.unlink(missing_ok=True)
            self.kill(arguments, trace, moment, "kill")
            if not trace.exists() or status_of(trace) != 1:
                moment += 1
                continue
            try:
                h5py.File(trace, "r").close()
                moment -= 1
            except OSError:
                break
        else:
            self.fail("no kill came between the last row and closing")
        self.assert_resumes(arguments, trace, whole)

    def replay(self, log, prefix, reference, *options):
        place = self.dir / "replay"
        place.mkdir(exist_ok=True)
        result = subprocess.run([faults.REPLAY, log, prefix, reference, place, *map(str, options)],
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        print(result.stdout.strip(), end=" ", flush=True)
        return int(re.search(r"(\d+) looked at", result.stdout).group(1))

    def test_every_boundary_between_writes(self):
        trace, log = self.dir / "trace.h5", self.dir / "log"
        result = faults.run(self.arguments(trace, limit=1), trace, log=log, data=1)
        self.assertEqual(result.returncode, 0, result.stderr)
        looks = self.replay(log, trace, trace, "--torn", "--every", STEP, "--recover-every", 40)
        self.assertGreater(looks, 1000 // STEP)

    def test_every_boundary_of_a_recording_that_is_resumed(self):
        trace, log = self.dir / "trace.h5", self.dir / "log"
        arguments = self.arguments(trace, limit=2)
        whole, made = self.whole(limit=2)
        self.kill(arguments, trace, sum(self.stages(made, whole)) // 2, "kill")
        self.assertGreater(faults.committed_passes(trace), 0)
        before = self.dir / "before.h5"
        shutil.copyfile(trace, before)
        self.assertEqual(faults.run(arguments, trace, log=log, data=1).returncode, 0)
        looks = self.replay(log, trace, trace, "--before", before, "--torn", "--every", STEP, "--recover-every", 40)
        self.assertGreater(looks, 1000 // STEP)


class Signals(Faults):
    def stopped(self, trace, *at, **options):
        process = faults.start(self.arguments(trace, **options), trace, "stop", at)
        self.assertTrue(faults.wait_until_stopped(process))
        return process

    def test_a_signal_ends_the_pass_and_finishes_the_file(self):
        whole, made = self.whole(limit=20)
        published, _ = self.stages(made, whole)
        chance = random.Random(SEED)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number.name):
                trace = self.dir / f"{number.name}.h5"
                process = self.stopped(trace, published + chance.randint(1, 400), limit=20)
                faults.go_on(process, number)
                out, err = process.communicate(timeout=300)
                self.assertEqual(process.returncode, 128 + number, err)
                self.assertIn("the same command resumes", out)
                with h5py.File(trace, "r") as file:
                    self.assertEqual(file.attrs["status"], 2)
                    self.assertLess(len(file["passes/run"]), 20 * RUNS)
                kept = passes_of(trace)
                theirs = passes_of(whole)
                for key in list(kept)[:-1]:  # the last one was interrupted
                    self.assertEqual([n for n in kept[key] if kept[key][n] != theirs[key][n]], [], key)
                if number == signal.SIGTERM:
                    self.assert_resumes(self.arguments(trace, limit=20), trace, whole)

    def test_a_second_ctrl_c_ends_at_once(self):
        whole, made = self.whole(limit=20)
        published, _ = self.stages(made, whole)
        trace = self.dir / "trace.h5"
        # Ending an interrupted recording takes hundreds of writes: the second moment always comes.
        process = self.stopped(trace, published + 100, published + 150, limit=20)
        faults.go_on(process, signal.SIGINT)
        self.assertTrue(faults.wait_until_stopped(process))
        faults.go_on(process, signal.SIGINT)
        _, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, -signal.SIGINT, err)
        self.assert_beginning(trace, whole)
        self.assert_resumes(self.arguments(trace, limit=20), trace, whole)


class Disks(Faults):
    def assert_told(self, result, trace, *parts):
        """One sentence on stderr that names the file, the cause and a remedy."""
        self.assertEqual(result.returncode, 1, result.stderr)
        lines = [line for line in result.stderr.splitlines() if not re.match(r"^ *\d+ %", line)]
        lines = [line for line in lines if "resuming" not in line]
        self.assertEqual(len(lines), 1, result.stderr)
        for part in (str(trace), *parts):
            self.assertIn(part, lines[0])

    def test_while_the_trace_is_created(self):
        whole, made = self.whole()
        published, _ = self.stages(made, whole)
        trace = self.dir / "trace.h5"
        trace.write_bytes(b"an older file")
        for error, message in MESSAGES.items():
            for moment in (0, 1, published // 2, published - 1, published):
                with self.subTest(error=error, moment=moment):
                    result = faults.run(self.arguments(trace, "--force"), trace, error, [moment])
                    if moment == published and error != "EROFS":
                        # The name is given; the next write fails.
                        self.assert_told(result, trace, message, "the same command goes on with it")
                        self.assert_beginning(trace, whole)
                        trace.write_bytes(b"an older file")
                        continue
                    self.assert_told(result, trace, message, "name a file in a directory that can be written")
                    self.assertEqual(trace.read_bytes(), b"an older file")
                    if error != "EROFS":
                        self.assertEqual([f.name for f in self.dir.glob("trace.h5.*")], [])
        # A disk that cannot be written keeps the drafts, too; the next recording clears them away.
        self.run_kvreel(*self.arguments(trace, "--force"))
        self.assert_same(trace, whole)
        self.assertEqual([f.name for f in self.dir.glob("trace.h5.*")], [])

    def test_while_rows_are_written(self):
        whole, made = self.whole()
        published, compressing = self.stages(made, whole)
        chance = random.Random(SEED)
        trace = self.dir / "trace.h5"
        arguments = self.arguments(trace)
        for error, message in MESSAGES.items():
            # While rows are written, and the last ones before the file is compressed.
            for moment in (chance.randint(published + 1, (published + compressing) // 2), published + 2):
                with self.subTest(error=error, moment=moment):
                    trace.unlink(missing_ok=True)
                    result = faults.run(arguments, trace, error, [moment])
                    self.assert_told(result, trace, message, "can be read from it", "the same command goes on")
                    rows = self.assert_beginning(trace, whole)
                    # The same again while it is resumed: the old file stays.
                    before = sha256(trace)
                    for again in (1, published // 2):
                        result = faults.run(arguments, trace, error, [again])
                        self.assert_told(result, trace, message, "stays as it is")
                        self.assertEqual(sha256(trace), before)
                    self.assert_recovers(trace, whole, rows)
                    self.assert_resumes(arguments, trace, whole)

    def test_while_the_trace_is_compressed(self):
        whole, _ = self.whole()
        for error, message in MESSAGES.items():
            for moment in (0, 1, 100):
                with self.subTest(error=error, moment=moment):
                    trace = self.dir / f"{error}-{moment}.h5"
                    result = faults.run(self.arguments(trace), f"{trace}.finalizing", error, [moment])
                    # Nothing is lost: the trace is complete, only larger.
                    self.assertEqual(result.returncode, 0, result.stderr)
                    for part in (str(trace), message, "whole and readable", "kvreel recover"):
                        self.assertIn(part, result.stderr)
                    self.assert_same(trace, whole)
                    with h5py.File(trace, "r") as file:
                        self.assertEqual(file.attrs["status"], 1)
                    if error != "EROFS":
                        self.assertEqual([f.name for f in self.dir.glob(f"{trace.name}.*")], [])

    def test_the_run_may_go_on_without_recording(self):
        whole, made = self.whole()
        published, compressing = self.stages(made, whole)
        with h5py.File(whole, "r") as file:
            budgets = [float(file["passes/budget"][:][file["passes/run"][:] == run].mean()) for run in range(RUNS)]
            right = [float(file["passes/exact_match"][:][file["passes/run"][:] == run].mean()) for run in range(RUNS)]
        trace = self.dir / "trace.h5"
        for moment in (published + 1, (published + compressing) // 2):
            with self.subTest(moment=moment):
                trace.unlink(missing_ok=True)
                arguments = self.arguments(trace, "--on-record-error", "continue", "--quiet")
                result = faults.run(arguments, trace, "ENOSPC", [moment])
                self.assertEqual(result.returncode, 1, result.stderr)
                lines = result.stderr.splitlines()
                self.assertEqual(len(lines), 2, result.stderr)
                self.assertIn(f"recording into {trace} failed", lines[0])
                self.assertIn("No space left on device", lines[0])
                self.assertIn("recording ends here, the run goes on", lines[0])
                rows = self.assert_beginning(trace, whole)
                self.assertIn(f"{trace} holds {rows['passes']} passes", lines[1])
                self.assertLess(rows["passes"], 3 * RUNS)
                # What the trace lacks is printed.
                told = result.stdout.splitlines()[1:]
                self.assertEqual(len(told), RUNS, result.stdout)
                for run, line in enumerate(told):
                    self.assertIn(f"3 passes, mean budget {100 * budgets[run]:.1f} %", line)
                    self.assertIn(f"exact match {100 * right[run]:.1f} % (n = 3)", line)
                self.assert_resumes(arguments, trace, whole)

    def test_a_recording_that_cannot_begin_ends_the_run(self):
        trace = self.dir / "trace.h5"
        result = faults.run(self.arguments(trace, "--on-record-error", "continue"), trace, "EROFS", [0])
        self.assert_told(result, trace, "Read-only file system")
        self.assertFalse(trace.exists())

    def test_a_file_system_that_is_full(self):
        # Not a made-up error: a small file system in memory, mounted where nobody else sees it.
        mount = self.dir / "small"
        mount.mkdir()
        namespaces = "-m" if os.geteuid() == 0 else "-Urm"

        def within(size, command):
            script = f'mount -t tmpfs -o size={size} none {mount} && {command}; code=$?; ' \
                     f'cp -r {mount}/. {self.dir}/saved/; exit $code'
            shutil.rmtree(self.dir / "saved", ignore_errors=True)
            (self.dir / "saved").mkdir()
            return subprocess.run(["unshare", namespaces, "sh", "-c", script], capture_output=True, text=True)

        if within("1m", "true").returncode != 0:
            self.skipTest("this user may not mount a file system of their own")
        whole, _ = self.whole(limit=6)
        trace = self.dir / "saved" / "trace.h5"
        readable = 0
        for size in ("64k", "700k", "1500k", "3600k", "3800k", "4000k"):
            with self.subTest(size=size):
                arguments = self.arguments(mount / "trace.h5", "--quiet", limit=6)
                result = within(size, " ".join(f"'{word}'" for word in [KVREEL, *arguments]))
                if result.returncode == 0:
                    self.assert_same(trace, whole)
                    continue
                self.assert_told(result, mount / "trace.h5", "No space left on device")
                if trace.exists():
                    readable += self.assert_beginning(trace, whole)["passes"] > 0
        self.assertGreater(readable, 0)

    def test_a_directory_or_file_that_goes(self):
        whole, made = self.whole()
        published, _ = self.stages(made, whole)

        def other_file(trace):
            trace.unlink()
            trace.write_bytes(b"another's")

        for name, work in (("removed", lambda trace: trace.unlink()), ("replaced", other_file),
                           ("no directory", lambda trace: shutil.rmtree(trace.parent))):
            with self.subTest(name):
                place = self.dir / name.replace(" ", "-")
                place.mkdir()
                trace = place / "trace.h5"
                process = faults.start(self.arguments(trace, "--quiet"), trace, "stop", [published + 50])
                self.assertTrue(faults.wait_until_stopped(process))
                work(trace)
                faults.go_on(process)
                out, err = process.communicate(timeout=300)
                result = subprocess.CompletedProcess([], process.returncode, out, err)
                self.assert_told(result, trace, "was removed or replaced while it was recorded")
                if name == "replaced":
                    self.assertEqual(trace.read_bytes(), b"another's")
                else:
                    self.assertFalse(trace.exists())

    def test_a_directory_that_may_not_be_written(self):
        place = self.dir / "read-only"
        place.mkdir()
        trace = place / "trace.h5"
        if os.geteuid() == 0:  # whom no mode keeps out
            result = faults.run(self.arguments(trace), trace, "EROFS", [0])
            self.assert_told(result, trace, "Read-only file system", "name a file in a directory that can be written")
        else:
            place.chmod(0o555)
            result = kvreel(*self.arguments(trace))
            self.assert_told(result, trace, "Permission denied", "name a file in a directory that can be written")
        self.assertEqual(list(place.iterdir()), [])


class SlowDisks(Faults):
    def test_rows_are_dropped_and_the_model_never_waits(self):
        whole, made = self.whole(limit=20)
        published, _ = self.stages(made, whole)
        trace, log = self.dir / "trace.h5", self.dir / "log"
        # One write takes three seconds: long enough for many passes, which make more rows than the queue holds.
        result = faults.run(self.arguments(trace, "--queue-size", "4KiB", "--quiet", limit=20), trace, "hold",
                            [published + 200], hold_ms=3000, log=log)
        self.assertEqual(result.returncode, 0, result.stderr)
        (held,) = [c for c in faults.changes(log) if c.kind == faults.HELD]
        info = json.loads(self.run_kvreel("info", trace, "--json").stdout)
        drops = info["recording"]["drops"]
        self.assertGreater(drops.get("spans", 0), 0)
        self.assertLessEqual(set(drops), {"spans", "memory", "attention", "attention_rows", "kernels"})
        for table, count in drops.items():
            self.assertIn(f"{count} rows of '{table}' were dropped", result.stderr)
            self.assertIn(f"{table} {count}", self.run_kvreel("info", trace).stdout.replace(":", ""))
        with h5py.File(trace, "r") as file, h5py.File(whole, "r") as complete:
            # Passes began and ended while the write was held: the model did not wait for it.
            origin = json.loads(file["provenance"][:].tobytes())["clock"]["origin_steady_ns"]
            starts = file["passes/start_ns"][:] + origin
            during = (starts[:-1] > held.offset) & (starts[1:] < held.time_ns)
            self.assertGreater(int(during.sum()), 0)
            for table in ("spans", "memory", "attention", "attention_rows"):
                count = len(file[table]["run"])
                self.assertEqual(count + drops.get(table, 0), len(complete[table]["run"]), table)
            # What was not dropped is right, in the right order.
            names = ("run", "sample", "step", "layer", "op")
            ours, theirs = (list(zip(*(f["spans"][name][:].tolist() for name in names))) for f in (file, complete))
            rest = iter(theirs)
            self.assertTrue(all(row in rest for row in ours))
        self.assertEqual(inputs_of(trace), inputs_of(whole))
        droppable = {"spans", "memory", "attention", "attention_rows"}
        ours, theirs = passes_of(trace), passes_of(whole)
        self.assertEqual(ours.keys(), theirs.keys())
        for key in theirs:
            wrong = [n for n in theirs[key] if n not in droppable and ours[key].get(n) != theirs[key][n]]
            self.assertEqual(wrong, [], key)


class LeastTrust(Faults):
    def test_nothing_is_written_elsewhere_and_no_socket_made(self):
        trace, report = self.dir / "trace.h5", self.dir / "report"
        for arguments in (self.arguments(trace), ["info", trace], ["compare", trace],
                          ["recover", trace, "-o", f"{trace}.clean"],
                          ["export", trace, "--table", "spans", "--format", "csv", "-o", f"{trace}.csv"],
                          ["export", trace, "--figure", "norm-curves", "-o", f"{trace}.pdf"],
                          ["export", trace, "--timeline", "chrome", "-o", f"{trace}.json"]):
            result = faults.run(arguments, trace, report=report)
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(report.read_text(), "")
        # That it would be seen:
        result = faults.run(["recover", trace, "-o", self.dir / "elsewhere.h5"], trace, report=report)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"write {self.dir}/elsewhere.h5", report.read_text())


if __name__ == "__main__":
    unittest.main()
