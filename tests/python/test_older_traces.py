"""A trace of format 1.0 reads as it did: without the tables and columns that came with 1.1."""

import json
import shutil
import unittest

import h5py
from kvreel_command import DEMO, KvreelTest

TABLES = ("scores", "fidelity", "lost_attention", "shards")
COLUMNS = {
    "passes": ("prefill_pass", "scores_end", "fidelity_end", "lost_attention_end"),
    "attention_rows": ("row",),
    "rankings": ("scores", "scores_end"),
    "decisions": ("temperature",),
}


def as_older(source, target):
    """Takes away what came with 1.1."""
    shutil.copy(source, target)
    with h5py.File(target, "r+") as file:
        for table in TABLES:
            del file[table]
            del file["commit"][table]
        del file["commit"]["checksum"]  # came with 1.2
        for table, columns in COLUMNS.items():
            for column in columns:
                del file[table][column]
        file.attrs["format_minor"] = file.attrs["format_minor"].dtype.type(0)


class OlderTraces(KvreelTest):
    def setUp(self):
        super().setUp()
        (self.dir / "prompts.jsonl").write_text(
            "\n".join((DEMO / "prompts.jsonl").read_text().splitlines()[:4]) + "\n")
        self.new = self.record("new.h5", "--prompts", self.dir / "prompts.jsonl", "--max-new-tokens", "4",
                               "--attention-rows", "--policy", "full", "--policy", "refreekv:threshold=1%,5%",
                               "--share-prefill", "none")  # which older versions could not share
        self.old = self.dir / "old.h5"
        as_older(self.new, self.old)

    def test_it_says_its_version_and_is_compared_as_before(self):
        info = json.loads(self.run_kvreel("info", self.old, "--json").stdout)
        self.assertEqual(info["trace"]["format"], "1.0")
        self.assertEqual(info["quality"]["metrics"], ["exact-match"])
        self.assertEqual(info["quality"]["passes_with_fidelity"], 0)
        old, new = (json.loads(self.run_kvreel("compare", path, "--by", "task", "--json").stdout)
                    for path in (self.old, self.new))
        self.assertEqual(old["runs"], new["runs"])
        self.assertEqual(old["groups"], new["groups"])
        text = self.run_kvreel("compare", self.old).stdout
        self.assertIn("exact match [95 %]", text)
        self.assertNotIn("not end to end", text)

    def test_every_table_can_be_exported(self):
        listed = self.run_kvreel("export", "--list").stdout
        part = listed[listed.index("Tables"):listed.index("Figures")]
        names = [line.split()[0] for line in part.splitlines()[1:] if line.strip()]
        self.assertIn("fidelity_summary", names)
        for name in names:
            command = ("--table", name, "--format", "csv", "--no-comments")
            old = self.run_kvreel("export", self.old, *command).stdout
            new = self.run_kvreel("export", self.new, *command).stdout
            if name == "evictions":
                continue  # scores of rankings are of 1.1
            self.assertEqual(old.splitlines()[0], new.splitlines()[0], name)
            self.assertEqual(len(old.splitlines()), len(new.splitlines()), name)

    def test_figures_of_scores_are_of_exact_match(self):
        for path in (self.old, self.new):
            self.run_kvreel("export", path, "--figure", "threshold-score", "-o", self.dir / "f.svg", "--force",
                            "--data", self.dir / f"{path.stem}.csv")
        rows = [[line for line in (self.dir / f"{name}.csv").read_text().splitlines() if not line.startswith("#")]
                for name in ("old", "new")]
        self.assertEqual(*rows)
        self.run_kvreel("export", self.old, "--figure", "decision", "-o", self.dir / "d.svg")


if __name__ == "__main__":
    unittest.main()
