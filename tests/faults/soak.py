#!/usr/bin/env python3
"""What CI does in small, in full: ./dev soak runs this.

Kills recordings at random moments and at random writes, looks at every boundary between two writes (torn ones too),
fills the disk at every write, and records for long. Prints a table and writes it to out/soak.md; exits with 1 where
anything failed. Takes the directory of the build, and the minutes that the long recording may take.
"""

import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1]).resolve()
MINUTES = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
KILLS = int(os.environ.get("KVREEL_SOAK_KILLS", "200"))  # of each kind
os.environ.update(KVREEL=str(BUILD / "cli" / "kvreel"), OMP_WAIT_POLICY="passive")
sys.path.insert(0, str(ROOT / "tests" / "python"))
sys.dont_write_bytecode = True

import h5py  # noqa: E402

import faults  # noqa: E402
from machine import machine  # noqa: E402
from test_faults import Kills, holds_commits, status_of  # noqa: E402


class Place(Kills):
    """The helpers of the tests, outside of a test."""

    def __init__(self, directory):
        super().__init__("assert_same")
        self.dir = pathlib.Path(directory)

    def cleared(self, name):
        self.dir = self.dir / name
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir()
        return self


def check_killed(place, trace, whole, arguments, counts):
    """What is left after a kill: opened, compared, recovered, resumed."""
    if not trace.exists():
        counts["before the trace has its name"] += 1
    else:
        rows = place.assert_beginning(trace, whole)
        place.run_kvreel("info", trace)
        counts["with passes"] += rows["passes"] > 0
        counts["while compressing, or later"] += status_of(trace) != 0
        place.assert_recovers(trace, whole, rows)
    place.assert_resumes(arguments, trace, whole)


def age_of_last_commit(trace, killed_ns):
    """Nanoseconds between a killed trace's last commit and the kill: more than this is not lost."""
    with h5py.File(trace, "r", swmr=True) as file:
        origin = json.loads(file["provenance"][:].tobytes())["clock"]["origin_steady_ns"]
        return killed_ns - origin - int(file["commit/time_ns"][holds_commits(trace) - 1])


def kills_at_moments(place):
    """SIGKILL at moments of real time, as they come."""
    chance = random.Random()
    whole, _ = place.whole(limit=8)
    trace = place.dir / "killed.h5"
    arguments = place.arguments(trace, limit=8)
    arguments[arguments.index("--commit-interval") + 1] = "20"
    begun = time.monotonic()
    place.run_kvreel(*arguments)
    lasts = time.monotonic() - begun
    counts = {"before the trace has its name": 0, "with passes": 0, "while compressing, or later": 0, "ended before": 0}
    kills, ages = 0, []
    while kills < KILLS:
        for left in place.dir.glob("killed.h5*"):
            left.unlink()
        process = subprocess.Popen([faults.KVREEL, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 1.1 * lasts))
        process.kill()
        killed_ns = time.monotonic_ns()
        if process.wait() == 0:
            counts["ended before"] += 1
            lasts *= 0.97
            continue
        kills += 1
        if trace.exists() and status_of(trace) == 0:
            ages.append(age_of_last_commit(trace, killed_ns) / 1e6)
        check_killed(place, trace, whole, arguments, counts)
    return (f"{kills} kills: " + ", ".join(f"{count} {name}" for name, count in counts.items())
            + f"; commits every 20 ms, the last one at most {max(ages):.0f} ms old when the kill came "
              f"(median {statistics.median(ages):.0f}, n = {len(ages)})")


def kills_at_writes(place):
    """SIGKILL at writes drawn with a fixed seed, every other one torn at the end of a page."""
    chance = random.Random(7)
    whole, made = place.whole()
    trace = place.dir / "killed.h5"
    arguments = place.arguments(trace)
    counts = {"before the trace has its name": 0, "with passes": 0, "while compressing, or later": 0}
    for kill in range(KILLS):
        for left in place.dir.glob("killed.h5*"):
            left.unlink()
        log = place.kill(arguments, trace, chance.randint(1, len(made)), ("kill", "torn")[kill % 2])
        if trace.exists() and status_of(trace) == 0:
            flushed = sum(c.kind == faults.FLUSHED for c in log)
            if holds_commits(trace) not in (flushed - 1, flushed):
                raise AssertionError(f"{flushed} flushes, {holds_commits(trace)} commits")
        check_killed(place, trace, whole, arguments, counts)
    return f"{KILLS} kills: " + ", ".join(f"{count} {name}" for name, count in counts.items())


def replayed(place, log, trace, *options):
    (place.dir / "replay").mkdir(exist_ok=True)
    result = subprocess.run([faults.REPLAY, log, trace, trace, place.dir / "replay", "--torn", "--recover-every", "25",
                             *map(str, options)], capture_output=True, text=True)
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    return result.stdout.strip()


def every_boundary(place):
    """Every prefix of the writes of a recording."""
    trace, log = place.dir / "trace.h5", place.dir / "log"
    result = faults.run(place.arguments(trace), trace, log=log, data=1)
    place.assertEqual(result.returncode, 0, result.stderr)
    return replayed(place, log, trace)


def every_boundary_of_resuming(place):
    """Every prefix of the writes of a recording that goes on with a killed one."""
    trace, log = place.dir / "trace.h5", place.dir / "log"
    arguments = place.arguments(trace)
    whole, made = place.whole()
    place.kill(arguments, trace, sum(place.stages(made, whole)) // 2, "kill")
    before = place.dir / "before.h5"
    shutil.copyfile(trace, before)
    place.assertEqual(faults.run(arguments, trace, log=log, data=1).returncode, 0)
    return replayed(place, log, trace, "--before", before)


def fill_at(job):
    """A disk that is full from one change on. Returns what that left."""
    directory, whole, moment = job
    place = Place(directory).cleared(f"full-{moment}")
    trace = place.dir / "trace.h5"
    result = faults.run(disk_arguments(place, trace), trace, "ENOSPC", [moment])
    lines = [line for line in result.stderr.splitlines() if "No space left on device" in line]
    if result.returncode == 0 and not lines:
        place.assert_same(trace, whole)
        shutil.rmtree(place.dir)
        return "ended before"  # rows are handed over by time: it had fewer writes than the one that was counted
    place.assertEqual(len(lines), 1, f"write {moment}: {result.stderr}")
    place.assertIn(str(trace), lines[0])
    left = "nothing"
    if trace.exists():
        rows = place.assert_beginning(trace, whole)
        left = "a trace with passes" if rows["passes"] else "a trace without passes"
        if result.returncode == 0:
            place.assertIn("whole and readable", lines[0])
            place.assert_same(trace, whole)
            left = "everything"
    if left != "everything":
        place.assertEqual(result.returncode, 1, f"write {moment}: {result.stderr}")
    place.assertEqual([f.name for f in place.dir.glob("trace.h5.*")], [])
    shutil.rmtree(place.dir)
    return left


def disk_arguments(place, trace):
    """A short recording: every one of its writes is filled once."""
    arguments = place.arguments(trace, "--quiet", limit=1)
    arguments[arguments.index("--max-new-tokens") + 1] = "4"
    last = arguments.index("streaming-llm:budget=50%")
    return arguments[: last - 1] + arguments[last + 1 :]


def disk_full_everywhere(place):
    """A full disk from every single change on."""
    whole, log = place.dir / "whole.h5", place.dir / "log"
    faults.run(disk_arguments(place, whole), whole, log=log)
    made = [change for change in faults.changes(log) if change.kind <= faults.LINK]
    # The very last change, a rename, needs no room.
    last = max(change.number for change in made if change.kind in (faults.WRITE, faults.TRUNCATE))
    jobs = [(str(place.dir), str(whole), moment) for moment in range(last + 1)]
    counts = {}
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        for left in pool.map(fill_at, jobs, chunksize=8):
            counts[left] = counts.get(left, 0) + 1
    if counts.get("ended before", 0) > len(jobs) // 10:
        raise AssertionError(f"too few of the disks were full: {counts}")
    return f"{len(jobs)} recordings: left " + ", ".join(f"{name} {count} times" for name, count in counts.items())


def slow_disk(place):
    """Each write takes two milliseconds longer: more than the rows' own pace."""
    trace, log = place.dir / "trace.h5", place.dir / "log"
    arguments = place.arguments(trace, "--queue-size", "16KiB", "--quiet", limit=8)
    begun = time.monotonic()
    result = faults.run(arguments, trace, log=log, delay_us=2000)
    lasted = time.monotonic() - begun
    place.assertEqual(result.returncode, 0, result.stderr)
    writes = sum(change.kind == faults.WRITE for change in faults.changes(log))
    info = json.loads(place.run_kvreel("info", trace, "--json").stdout)
    with h5py.File(trace, "r") as file:
        starts = file["passes/start_ns"][:]
        ran = float(starts[-1] - starts[0]) / 1e9
    drops = info["recording"]["drops"]
    place.assertGreater(drops.get("spans", 0), 0)
    # Where the model waited for the disk, its passes would take about as long as the writes.
    place.assertLess(ran, lasted / 2)
    place.assertLess(info["recording"]["queue"]["high_water_bytes"], 64 << 20)
    return (f"{writes} writes, {lasted:.1f} s; the passes began within {ran:.2f} s; queue at most "
            f"{info['recording']['queue']['high_water_bytes']} bytes; dropped rows {drops}")


def mutated_traces(place):
    """The test of mutated traces with more of them."""
    environment = os.environ | {"KVREEL_MUTANTS": "2000",
                                "KVREEL_MUTATE_TRACE": str(BUILD / "tests" / "fuzz" / "mutate_trace")}
    viewer = BUILD / "viewer" / "kvreel-viewer"
    if viewer.exists():
        environment["KVREEL_VIEWER"] = str(viewer)
    result = subprocess.run([sys.executable, "-B", "-m", "unittest", "test_mutated_traces"], capture_output=True,
                            text=True, env=environment, cwd=ROOT / "tests" / "python")
    if result.returncode != 0:
        raise AssertionError(result.stderr.strip() or result.stdout.strip())
    return " ".join(result.stdout.split())


def program(*command, **environment):
    def work(place):
        result = subprocess.run([str(word).replace("{}", str(place.dir)) for word in command], capture_output=True,
                                text=True, env=os.environ | environment)
        if result.returncode != 0:
            raise AssertionError(result.stderr.strip() or result.stdout.strip())
        return "; ".join(result.stdout.strip().splitlines())
    return work


def main():
    parts = [("killed at random moments", kills_at_moments), ("killed at random writes", kills_at_writes),
             ("every boundary between writes", every_boundary),
             ("every boundary while resuming", every_boundary_of_resuming),
             ("disk full at every write", disk_full_everywhere), ("a slow disk", slow_disk),
             ("mutated traces", mutated_traces),
             ("500 rounds of calls in any order", program(BUILD / "tests" / "tracer_test", "--gtest_brief=1",
                                                            "--gtest_filter=Stress.*", KVREEL_STRESS_ROUNDS="500"))]
    limits = BUILD / "tests" / "trace_limits"
    if limits.exists():
        parts.append(("limits", program(limits, "{}")))
    parts.append((f"{MINUTES:g} minutes at 70 times the events of a decode",
                  program(BUILD / "tests" / "kvreel_soak", "{}/soak.h5", "--seconds", round(60 * MINUTES))))
    wanted = os.environ.get("KVREEL_SOAK_ONLY")
    rows, failed = [], False
    with tempfile.TemporaryDirectory(prefix="kvreel-soak-") as directory:
        for name, work in parts:
            if wanted and wanted not in name:
                continue
            print(f"{name} ...", flush=True)
            begun = time.monotonic()
            try:
                said, sound = work(Place(directory).cleared(work.__name__)), True
            except Exception as error:  # whatever it is, it goes into the table
                said, sound = f"{type(error).__name__}: {error}", False
            failed = failed or not sound
            rows.append((name, "passed" if sound else "FAILED", f"{time.monotonic() - begun:.0f} s", said))
            print("  " + "  ".join(rows[-1][1:]), flush=True)
    if not rows:
        sys.exit(f"no part is named '{wanted}'; there are: {', '.join(name for name, _ in parts)}")
    out = ROOT / "out" / "soak.md"
    out.parent.mkdir(exist_ok=True)
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    out.write_text(f"# Soak\n\n{machine()}; {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}\n\n"
                   "| what | | took | |\n|---|---|---|---|\n"
                   + "".join(f"| {' | '.join(row)} |\n" for row in cells))
    print(f"\n{'FAILED' if failed else 'Everything passed'}; the table is in {out}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
