"""Weights that somebody shortens while they are in use end the recording with a sentence; what was recorded stays."""

import os
import shutil
import subprocess
import time
import unittest

from kvreel_command import DEMO, KVREEL, KvreelTest, kvreel

PATIENCE_S = 120


class ShortenedWeights(KvreelTest):
    def test_the_file_is_named_and_the_recording_resumes(self):
        model = self.dir / "model"
        shutil.copytree(DEMO / "model", model)
        weights = model / "model.safetensors"
        trace = self.dir / "trace.h5"
        # Far more than is done until the file is cut, however slow the machine is: it is cut when the first pass is in the trace.
        command = ["record", "--model", model, "--prompts", DEMO / "prompts.jsonl", "--max-new-tokens", 40, "--ignore-eos", "--policy", "full",
                   "--policy", "refreekv", "--no-bandwidth", "--quiet", "-o", trace]
        process = subprocess.Popen([KVREEL, *map(str, command)], stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE_S
        while not trace.exists():
            self.assertIsNone(process.poll(), "it ended before there was a trace")
            self.assertLess(time.monotonic(), end)
            time.sleep(0.005)
        os.truncate(weights, 4096)
        message = process.communicate(timeout=PATIENCE_S)[1].strip()
        self.assertEqual(process.returncode, 1, message)
        self.assertEqual(len(message.splitlines()), 1, message)
        for part in (str(weights), "became shorter", str(trace), "resumes"):
            self.assertIn(part, message)

        self.assertIn("killed", self.run_kvreel("info", trace).stdout)
        result = kvreel(*command)  # the model is not whole yet
        self.assert_refused(result, "model.safetensors", "truncated")
        shutil.copy(DEMO / "model" / "model.safetensors", weights)
        self.run_kvreel(*command)
        self.assertIn("complete, 70 of 70 passes", self.run_kvreel("info", trace).stdout)


if __name__ == "__main__":
    unittest.main()
