"""How many instructions the parts of a small recording take, and of comparing it: a slowdown shows that no clock would.

The case is fixed: one prompt of the demo, one thread, AVX2. callgrind counts. Counts differ between compilers, so they are kept by
compiler in instructions.json, and a compiler that has none is skipped. To renew or to add them, after a change that is meant:

    KVREEL_RENEW_INSTRUCTIONS=1 ctest --test-dir build/release -R python.test_instructions

in a Release build, and commit instructions.json with the reason.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from kvreel_command import DEMO, KVREEL, KvreelTest

COUNTS = pathlib.Path(__file__).with_name("instructions.json")
# As CMake names it: "GNU 12.2.0 Release".
COMPILER = os.environ.get("KVREEL_COMPILER", "")
RENEW = os.environ.get("KVREEL_RENEW_INSTRUCTIONS", "") == "1"
TOLERANCE = 0.10

RECORD = ["--model", DEMO / "model", "--prompts", DEMO / "prompts.jsonl", "--limit", "1", "--max-new-tokens", "8", "--ignore-eos",
          "--threads", "1", "--isa", "avx2", "--no-bandwidth", "--quiet", "--policy", "refreekv:keep-layers=none"]

# Part -> what is counted, and the functions: "calls" is a function with all that it calls, "own" the instructions of functions of
# that name alone. Functions are chosen that no compiler inlines: called through another file or through a virtual table.
RECORD_PARTS = {
    "matrix products": ("calls", r"^kvreel::kernels::cpu::linear\("),
    "attention, prefill and decode": ("calls", r"^kvreel::kernels::cpu::attend\("),
    "attention of decoded tokens": ("own", r"::avx2::(score_block|score_run|attend_chunk|mix_slice|mix_run|finish_head|for_head_blocks<.*attend_chunk)"),
    "prompts": ("calls", r"^kvreel::cli::collect_prompts\("),
    "decisions": ("calls", r"^kvreel::engine::decide\("),
    # Without on_span(), which now and then hands rows over, by the clock; so it is with the writer's commits.
    "recorder": ("own", r"^kvreel::tracer::Recorder::on_(attention|decision|sample|memory)\("),
    "making a trace's data sets": (
        "own",
        r"kvreel::tracer::(create_|DataSet::(create|open|reopen|close)|PartFile::open_tables|LivePart::create_sets)",
    ),
}
READ_PARTS = {"reading and comparing": ("own", r"kvreel::")}


def read_callgrind(path):
    """Function -> its own instructions, and function -> those of all calls of it, from a file in callgrind's format."""
    own, calls, names = collections.Counter(), collections.Counter(), {}
    function = called = None
    of_call = False
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line[0] in "+-*0123456789":
                cost = int(line.split()[1])
                (calls if of_call else own)[called if of_call else function] += cost
                of_call = False
                continue
            if line.startswith("calls="):
                of_call = True
                continue
            named = re.match(r"(c?)fn=\((\d+)\)(?: (.*))?", line)
            if named:
                name = names.setdefault(named[2], named[3])
                if named[1]:
                    called = name
                else:
                    function = name
    return own, calls


def parts_of(path, parts):
    own, calls = read_callgrind(path)
    counts = {}
    for part, (kind, pattern) in parts.items():
        chosen = own if kind == "own" else calls
        counts[part] = sum(count for name, count in chosen.items() if name and re.search(pattern, name))
    return counts


def complaints(counts, expected):
    """A sentence for each part that takes other than it did."""
    found = []
    for part in sorted(counts.keys() | expected.keys()):
        now, before = counts.get(part, 0), expected.get(part, 0)
        if now == 0 or before == 0:
            found.append(f"'{part}' takes {now:,} instructions where {before:,} are expected: its functions are named otherwise now.")
        elif abs(now / before - 1) > TOLERANCE:
            found.append(f"'{part}' takes {now:,} instructions, {now / before - 1:+.0%} against {before:,}.")
    if found:
        found.append(f"Where this is meant, renew {COUNTS.name} as {pathlib.Path(__file__).name} says at its top.")
    return "\n".join(found)


class Instructions(KvreelTest):
    def counted(self, parts, *arguments):
        out = self.dir / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", KVREEL, *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=240)
        self.assertEqual(result.returncode, 0, result.stderr)
        return parts_of(out, parts)

    def test_parts_take_as_many_instructions_as_they_did(self):
        expected = json.loads(COUNTS.read_text())
        if not RENEW and COMPILER not in expected:
            self.skipTest(f"{COUNTS.name} has no counts for '{COMPILER}', only for {', '.join(sorted(expected))}")
        if shutil.which("valgrind") is None:
            self.skipTest("valgrind, which counts, is not installed")
        if "avx2" not in pathlib.Path("/proc/cpuinfo").read_text():
            self.skipTest("this processor lacks AVX2, for which the counts are")
        counts = self.counted(RECORD_PARTS, "record", "-o", self.dir / "counted.h5", *RECORD)
        # Recorded at full speed a trace has one commit or two, and under callgrind as many as callgrind is slow.
        quick = self.dir / "quick.h5"
        self.run_kvreel("record", "-o", quick, *RECORD)
        counts |= self.counted(READ_PARTS, "compare", quick)
        if RENEW:
            expected[COMPILER] = counts
            COUNTS.write_text(json.dumps(expected, indent=2, sort_keys=True) + "\n")
        self.assertEqual(complaints(counts, expected[COMPILER]), "")


class Complaints(unittest.TestCase):
    def test_name_the_part_that_grew_and_by_how_much(self):
        text = complaints({"decisions": 2000, "recorder": 1050}, {"decisions": 1000, "recorder": 1000})
        self.assertIn("'decisions' takes 2,000 instructions, +100% against 1,000.", text)
        self.assertNotIn("recorder", text)

    def test_name_a_part_that_is_not_found_any_more(self):
        self.assertIn("named otherwise", complaints({"decisions": 0}, {"decisions": 1000}))

    def test_are_none_within_the_tolerance(self):
        self.assertEqual(complaints({"decisions": 1090}, {"decisions": 1000}), "")


if __name__ == "__main__":
    unittest.main()
