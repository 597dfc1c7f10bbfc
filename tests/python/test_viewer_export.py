"""A figure that is exported from the window is, but for the program's name, the file that its command writes."""

import os
import re
import shlex
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

from kvreel_command import DEMO, ROOT, KvreelTest

VIEWER = os.environ.get("KVREEL_VIEWER", str(ROOT / "build" / "release" / "viewer" / "kvreel-viewer"))
NO_VIEWER = "" if os.access(VIEWER, os.X_OK) else "the viewer was not built"

# What a person does before the export: the figure, and what it is of.
CHOICES = {
    "layer-budget": ["click figures.style.print", "click figures.run.3", "click figures.by", "click figures.by.1"],
    "score-bytes": ["click figures.size", "click figures.size.3", "click figures.font.latin-modern"],
    "eviction-map": ["click figures.style.dark", "key pagedown", "click figures.footer"],
    "norm-curves": ["click run", "click run.2", "key down"],
    "decision": ["click run", "click run.2", "key pagedown", "click figures.palette", "click figures.palette.3"],
}


@unittest.skipIf(NO_VIEWER, NO_VIEWER)
class ViewerExport(KvreelTest):
    def test_the_window_and_the_command_line_write_the_same(self):
        prompts = (DEMO / "prompts.jsonl").read_text().splitlines()[:4]
        (self.dir / "prompts.jsonl").write_text("\n".join(prompts) + "\n")
        trace = self.record(
            "demo.h5", "--prompts", self.dir / "prompts.jsonl", "--policy", "full", "--policy", "refreekv",
            "--policy", "refreekv:threshold=5%,keep-layers=none", "--policy", "streaming-llm:budget=50%",
            "--max-new-tokens", "8", "--attention-rows",
        )
        for figure, choices in CHOICES.items():
            with self.subTest(figure):
                self.compare(trace, figure, choices)

    def compare(self, trace, figure, choices):
        steps = ["theme light", "wait", f"figure {figure}", "wait", *choices, "wait", "key ctrl+e", "wait",
                 "type figure.svg", "wait", "click export.ok", "expect status figure.svg"]
        (self.dir / "steps.txt").write_text("\n".join(steps) + "\n")
        command = [VIEWER, "--headless", "--script", self.dir / "steps.txt", trace]
        result = subprocess.run(command, cwd=self.dir, capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr)
        from_window = (self.dir / "figure.svg").read_text()
        (self.dir / "figure.svg").unlink()

        items = {item.get("name"): item.text for item in ElementTree.fromstring(from_window).iter()
                 if item.tag.endswith("item")}
        words = shlex.split(items["command"])
        self.assertEqual(words[:2], ["kvreel", "export"])
        self.run_kvreel(*words[1:], cwd=self.dir)
        from_command = (self.dir / "figure.svg").read_text()
        (self.dir / "figure.svg").unlink()
        # Only the command line knows the commit that it was built from.
        self.assertRegex(items["drawn by"], r"^kvreel \d+\.\d+")
        without_program = [re.sub(r'"drawn by">[^<]*<', '"drawn by"><', text) for text in (from_window, from_command)]
        self.assertEqual(without_program[0], without_program[1])


if __name__ == "__main__":
    unittest.main()
