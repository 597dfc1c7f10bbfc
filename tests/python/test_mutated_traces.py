"""Traces that a disk, a copy or a stranger has spoilt: one sentence or the right numbers.

150 mutants in CI; KVREEL_MUTANTS=2000 reads so many. Every mutant follows from its number: KVREEL_MUTANT=17 reads
that one alone. What fails stays in the directory that KVREEL_KEEP names.
"""

import collections
import os
import pathlib
import re
import shutil
import subprocess
import time
import unittest

from kvreel_command import DEMO, KVREEL, KvreelTest, kvreel

MUTATE = os.environ.get("KVREEL_MUTATE_TRACE", "")
VIEWER = os.environ.get("KVREEL_VIEWER", "")
MUTANTS = int(os.environ.get("KVREEL_MUTANTS", "150"))
KEEP = os.environ.get("KVREEL_KEEP", "")
TABLES = ["passes", "decisions", "steps", "evictions", "spans", "curves", "attention", "tokens", "memory"]
# What a trace that can be opened warns of.
LEFT_OUT = re.compile("are left out|nothing of it can be shown")
SECONDS = 60  # hangs are meant; a busy machine takes its time


class Damage(Exception):
    """What a mutant did that none may do."""


@unittest.skipUnless(MUTATE, "KVREEL_MUTATE_TRACE names the program that makes mutants")
class MutatedTraces(KvreelTest):
    def setUp(self):
        super().setUp()
        self.sources = {"finished": self.finished(), "killed": self.killed()}
        self.originals = {
            (kind, table): self.run_kvreel(*self.export_of(trace, table)).stdout
            for kind, trace in self.sources.items()
            for table in TABLES
        }
        self.counts = collections.Counter()

    def recording(self, trace):
        return [
            "record", "--model", DEMO / "model", "--prompts", DEMO / "prompts.jsonl", "--no-bandwidth", "--quiet",
            "--policy", "full", "--policy", "refreekv:keep-layers=none,threshold=5%", "--page-rows", 8,
            "--max-new-tokens", 6, "-o", trace,
        ]

    def finished(self):
        trace = self.dir / "finished" / "trace.h5"
        trace.parent.mkdir()
        self.run_kvreel(*self.recording(trace), "--limit", 4)
        return trace

    def killed(self):
        """A trace with some passes whose recorder was killed."""
        trace = self.dir / "killed" / "trace.h5"
        trace.parent.mkdir()
        for attempt in range(20):
            trace.unlink(missing_ok=True)
            process = subprocess.Popen([KVREEL, *map(str, self.recording(trace)), "--limit", "35"])
            try:
                while process.poll() is None and not self.has_passes(trace):
                    time.sleep(0.01)
            finally:
                process.kill()
                process.wait()
            if process.returncode == -9 and self.has_passes(trace):
                return trace
        self.fail("no recording was killed between its first commits and its end")

    def has_passes(self, trace):
        if not trace.exists():
            return False
        result = kvreel(*self.export_of(trace, "passes"))
        return result.returncode == 0 and len(result.stdout.splitlines()) > 2

    def export_of(self, trace, table):
        return ["export", trace, "--table", table, "--format", "csv", "--no-comments"]

    def run_bounded(self, what, command, names):
        """The result; a mutant may end a command with 0, or with 1 and one sentence that names it."""
        try:
            result = subprocess.run(
                [str(part) for part in command], capture_output=True, text=True, errors="replace", timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            raise Damage(f"{what} hangs")
        if result.returncode < 0:
            raise Damage(f"{what} ends with signal {-result.returncode}")
        if result.returncode not in (0, 1):
            raise Damage(f"{what} ends with exit code {result.returncode}: {result.stderr}")
        lines = result.stderr.strip().splitlines()
        # What is left out of a killed trace is told first, and may be all that there is to say.
        reasons = [line for line in lines if not LEFT_OUT.search(line)] or lines
        # One sentence, and of `info --verify` one for each data set that is damaged.
        few = len(reasons) == 1 or "--verify" in command
        if result.returncode == 1 and not (few and reasons and all(names in line for line in reasons)):
            raise Damage(f"{what} does not say in one sentence what is damaged: {result.stderr!r}")
        return result

    def check(self, number, kind, mutant):
        """Reads one mutant in several ways. Counts what became of it."""
        refused = 0
        name = str(mutant)
        for command in self.commands(number, mutant):
            refused += self.run_bounded(command[0], [KVREEL, *command], name).returncode != 0
        for table in self.tables(number):
            result = self.run_bounded(f"export of {table}", [KVREEL, *self.export_of(mutant, table)], name)
            if result.returncode != 0:
                refused += 1
                continue
            if result.stdout == self.originals[kind, table]:
                continue
            self.compare(kind, table, result.stdout)
        self.counts[kind, "refused" if refused else "read"] += 1

    def compare(self, kind, table, numbers):
        """Of a killed trace the last commits may be left out; no number may be another."""
        whole = self.originals[kind, table].splitlines()
        lines = numbers.splitlines()
        if kind == "killed" and lines == whole[: len(lines)]:
            self.counts[kind, "shorter"] += 1
            return
        raise Damage(f"export of {table} gives other numbers")

    def tables(self, number):
        return [TABLES[number % len(TABLES)], TABLES[(number * 7 + 3) % len(TABLES)]]

    def commands(self, number, mutant):
        scratch = self.dir / "scratch"
        yield ["info", mutant]
        yield ["info", mutant, "--verify"]
        turn = number // 6 % 4
        if turn == 0:
            yield ["export", mutant, "--timeline", "chrome", "-o", scratch / "t.json", "--force"]
        elif turn == 1:
            yield ["export", mutant, "--figure", "norm-curves", "-o", scratch / "f.svg", "--force"]
        elif turn == 2:
            yield ["compare", mutant, "--by", "task"]
        else:
            yield ["recover", mutant, "-o", scratch / "r.h5", "--force"]

    def test_are_refused_with_a_sentence_or_read_as_they_were(self):
        failures = []
        for number, kind, mutant, done in self.mutants(MUTANTS):
            try:
                self.check(number, kind, mutant)
            except Damage as damage:
                failures.append(f"mutant {number} ({kind}, {done}): {damage}")
                self.keep(mutant, kind, number)
        print(f"\n{MUTANTS} mutants:", dict(self.counts))
        self.assertFalse(failures, "\n".join(failures))
        if not os.environ.get("KVREEL_MUTANT"):
            self.assertGreater(self.counts["finished", "refused"], MUTANTS // 8, "the mutants are too harmless")

    @unittest.skipUnless(VIEWER, "KVREEL_VIEWER names no viewer")
    def test_do_no_harm_to_the_viewer(self):
        failures = []
        picture = self.dir / "shot.png"
        for number, kind, mutant, done in self.mutants(max(4, MUTANTS // 40)):
            try:
                self.run_bounded("the viewer", [VIEWER, mutant, "--headless", "--shot", picture], str(mutant))
            except Damage as damage:
                failures.append(f"mutant {number} ({kind}, {done}): {damage}")
                self.keep(mutant, kind, number)
        self.assertFalse(failures, "\n".join(failures))

    def mutants(self, count):
        (self.dir / "scratch").mkdir(exist_ok=True)
        mutant = self.dir / "mutant" / "trace.h5"
        mutant.parent.mkdir(exist_ok=True)
        only = os.environ.get("KVREEL_MUTANT")
        for number in [int(only)] if only else range(count):
            kind = list(self.sources)[number // 6 % 2]
            made = subprocess.run(
                [MUTATE, str(number), self.sources[kind], mutant], capture_output=True, text=True, check=True
            )
            yield number, kind, mutant, made.stdout.strip()

    def keep(self, mutant, kind, number):
        if KEEP:
            pathlib.Path(KEEP).mkdir(parents=True, exist_ok=True)
            shutil.copy(mutant, pathlib.Path(KEEP) / f"mutant-{kind}-{number}.h5")


if __name__ == "__main__":
    unittest.main()
