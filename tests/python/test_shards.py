"""A recording in several files reads as one: compare, export, timeline and info say the same of it and of the one
file that recover makes of it."""

import hashlib
import json
import shutil
import sys
import unittest

from kvreel_command import DEMO, ROOT, KvreelTest, kvreel

sys.path.insert(0, str(ROOT / "docs" / "examples"))
from read_trace import Trace  # noqa: E402

TABLES = ("spans", "memory", "attention", "passes", "decisions", "steps")


class Shards(KvreelTest):
    def make(self):
        self.trace = self.record("trace.h5", "--prompts", DEMO / "prompts.jsonl", "--limit", "3", "--policy", "full",
                                 "--policy", "refreekv", "--attention-rows", "2", "--decode-norms", "--shard-size", "20KiB",
                                 "--max-new-tokens", "40", "--truncate", "middle")
        self.shards = sorted(self.dir.glob("trace.h5.s*"))
        self.one = self.dir / "one.h5"
        self.run_kvreel("recover", self.trace, "-o", self.one)

    def test_it_is_read_as_one(self):
        self.make()
        for check in (self.every_command_reads_it_as_one, self.info_lists_the_files_and_the_hash_covers_them,
                      self.the_documentations_example_says_what_it_does_not_read,
                      self.a_missing_shard_is_named_with_the_remedy):
            with self.subTest(check.__name__):
                check()

    def every_command_reads_it_as_one(self):
        self.assertGreaterEqual(len(self.shards), 2)
        timelines = [json.loads(self.run_kvreel("export", trace, "--timeline", "chrome").stdout)
                     for trace in (self.trace, self.one)]
        named = [str(timeline["traceEvents"]).replace(trace.name, "X")
                 for timeline, trace in zip(timelines, (self.trace, self.one))]
        self.assertEqual(*named)
        self.assertGreater(len(timelines[0]["traceEvents"]), 100)
        for table in TABLES:
            rows = [self.export(trace, table) for trace in (self.trace, self.one)]
            self.assertEqual(*rows)
            self.assertGreater(len(rows[0]), 0)
        compared = [json.loads(self.run_kvreel("compare", trace, "--json").stdout) for trace in (self.trace, self.one)]
        self.assertEqual(compared[0]["runs"], compared[1]["runs"])
        for trace in (self.trace, self.one):
            self.assertIn("is sound", self.run_kvreel("info", trace, "--verify").stdout)

    def info_lists_the_files_and_the_hash_covers_them(self):
        info = json.loads(self.run_kvreel("info", self.trace, "--json").stdout)
        listed = info["trace"]["shards"]
        self.assertEqual([shard["name"] for shard in listed], [shard.name for shard in self.shards])
        total = self.trace.stat().st_size + sum(shard.stat().st_size for shard in self.shards)
        self.assertEqual(info["trace"]["bytes"], total)
        self.assertEqual(info["rows"]["shards"], len(self.shards))
        self.assertIn(f"in {len(self.shards) + 1} files", self.run_kvreel("info", self.trace).stdout)
        digest = hashlib.sha256(b"".join(p.read_bytes() for p in [self.trace, *self.shards])).hexdigest()
        text = self.run_kvreel("export", self.trace, "--table", "passes", "--format", "csv").stdout
        self.assertIn(f"{digest} (of the trace and its {len(self.shards)} shards", text)

    def a_missing_shard_is_named_with_the_remedy(self):
        self.shards[1].unlink()
        for command in (["info"], ["compare"], ["export", "--timeline", "chrome"], ["info", "--verify"]):
            result = kvreel(command[0], self.trace, *command[1:])
            self.assert_refused(result, str(self.shards[1]), "put that file beside it")
        result = kvreel("info", self.shards[0])
        self.assert_refused(result, "is a shard")

    def test_force_and_resuming_leave_no_shards_behind(self):
        self.make()
        # A longer list of prompts goes on with it: in one file again, since no more is written than a shard takes.
        self.run_kvreel("record", "--model", DEMO / "model", "--no-bandwidth", "--quiet", "-o", self.trace, "--prompts",
                        DEMO / "prompts.jsonl", "--limit", "4", "--policy", "full", "--policy", "refreekv",
                        "--attention-rows", "2", "--decode-norms", "--max-new-tokens", "40", "--truncate", "middle")
        self.assertEqual(list(self.dir.glob("trace.h5.s*")), [])
        info = json.loads(self.run_kvreel("info", self.trace, "--json").stdout)
        self.assertEqual(info["passes"]["finished"], 8)
        again = self.dir / "again.h5"
        shutil.copy(self.one, again)
        self.record("again.h5", "--prompt", "a", "--policy", "full", "--shard-size", "1KiB", "--force")
        self.assertTrue(list(self.dir.glob("again.h5.s*")))
        self.record("again.h5", "--prompt", "a", "--policy", "full", "--force")
        self.assertEqual(list(self.dir.glob("again.h5.s*")), [])

    def the_documentations_example_says_what_it_does_not_read(self):
        example = Trace(str(self.trace))
        self.assertEqual(len(example.column("passes", "run")), 6)
        with self.assertRaisesRegex(SystemExit, "kvreel recover"):
            example.column("spans", "op")

    def test_a_size_that_is_none_is_refused(self):
        result = kvreel("record", "--model", DEMO / "model", "--prompt", "a", "-o", self.dir / "x.h5", "--shard-size", "4 apples")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("--shard-size: '4 apples' is no size", result.stderr)


if __name__ == "__main__":
    unittest.main()
