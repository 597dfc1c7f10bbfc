"""Weights that somebody shortens while they are in use end the recording with a sentence; what was recorded stays. Weights that somebody
writes into are told, at the end and in the trace."""

import os
import shutil
import subprocess
import time
import unittest

from kvreel_command import DEMO, KVREEL, KvreelTest, kvreel

PATIENCE_S = 120


class ShortenedWeights(KvreelTest):
    def start(self, *arguments):
        """Begins to record far more than is done until the file is changed, and returns when there is a trace."""
        self.model = self.dir / "model"
        shutil.copytree(DEMO / "model", self.model)
        self.weights = self.model / "model.safetensors"
        self.trace = self.dir / "trace.h5"
        self.command = ["record", "--model", self.model, "--prompts", DEMO / "prompts.jsonl", "--max-new-tokens", 40, "--ignore-eos", "--policy",
                        "full", "--no-bandwidth", "--quiet", "-o", self.trace, *arguments]
        process = subprocess.Popen([KVREEL, *map(str, self.command)], stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE_S
        while not self.trace.exists():
            self.assertIsNone(process.poll(), "it ended before there was a trace")
            self.assertLess(time.monotonic(), end)
            time.sleep(0.005)
        return process

    def test_a_shortened_file_is_named_and_the_recording_resumes(self):
        process = self.start("--policy", "refreekv")
        os.truncate(self.weights, 4096)
        message = process.communicate(timeout=PATIENCE_S)[1].strip()
        self.assertEqual(process.returncode, 1, message)
        self.assertEqual(len(message.splitlines()), 1, message)
        for part in (str(self.weights), "became shorter", str(self.trace), "resumes"):
            self.assertIn(part, message)

        self.assertIn("killed", self.run_kvreel("info", self.trace).stdout)
        # The model is not whole yet.
        self.assert_refused(kvreel(*self.command), "model.safetensors", "truncated")
        shutil.copy(DEMO / "model" / "model.safetensors", self.weights)
        self.run_kvreel(*self.command)
        self.assertIn("complete, 70 of 70 passes", self.run_kvreel("info", self.trace).stdout)

    def test_a_file_that_is_written_to_is_told(self):
        process = self.start()
        with open(self.weights, "r+b") as file:  # the same bytes: what it says is the time
            first = file.read(8)
            file.seek(0)
            file.write(first)
        message = process.communicate(timeout=PATIENCE_S)[1].strip()
        self.assertEqual(process.returncode, 0, message)
        for part in (str(self.weights), "was written to"):
            self.assertIn(part, message)
        self.assertIn("was written to", " ".join(self.run_kvreel("info", self.trace).stdout.split()))

    def test_a_file_that_is_replaced_is_no_matter(self):
        process = self.start()
        shutil.copy(self.weights, self.dir / "new")
        os.replace(self.dir / "new", self.weights)
        self.assertEqual(process.communicate(timeout=PATIENCE_S)[1], "")
        self.assertEqual(process.returncode, 0)


if __name__ == "__main__":
    unittest.main()
