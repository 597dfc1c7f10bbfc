"""The viewer's what-if at the recorded threshold is the recording: cuts, budgets and bytes of every demo prompt."""

import os
import subprocess
import unittest

from kvreel_command import DEMO, ROOT, KvreelTest

PROGRAM = os.environ.get("KVREEL_VIEWER_TEST", str(ROOT / "build" / "release" / "tests" / "viewer_test"))


@unittest.skipIf(not os.access(PROGRAM, os.X_OK), "the viewer's tests were not built")
class WhatIf(KvreelTest):
    def test_recorded_thresholds_give_the_recorded_cuts(self):
        trace = self.record(
            "demo.h5", "--prompts", DEMO / "prompts.jsonl", "--policy", "full", "--policy", "refreekv",
            "--policy", "refreekv:threshold=5%,keep-layers=none", "--policy", "refreekv:threshold=0.3%,base=all",
            "--policy", "streaming-llm:budget=50%", "--max-new-tokens", "1", "--page-rows", "8",
        )
        result = subprocess.run([PROGRAM, "--gtest_filter=ReplayTrace.*"], capture_output=True, text=True,
                                timeout=300, env={**os.environ, "KVREEL_DEMO_TRACE": str(trace)})
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("[  PASSED  ] 2 tests.", result.stdout)
        self.assertNotIn("SKIPPED", result.stdout)


if __name__ == "__main__":
    unittest.main()
