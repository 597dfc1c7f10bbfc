"""The pictures of the documentation can be made from a recording, and each shows its page."""

import os
import struct
import sys
import unittest
import zlib

from kvreel_command import DEMO, ROOT, KvreelTest

VIEWER = os.environ.get("KVREEL_VIEWER", str(ROOT / "build" / "release" / "viewer" / "kvreel-viewer"))
NO_VIEWER = "" if os.access(VIEWER, os.X_OK) else "the viewer was not built"
sys.path.insert(0, str(ROOT / "docs" / "pictures"))
sys.dont_write_bytecode = True
import gallery  # noqa: E402


def size_and_entropy(path):
    """Width, height and compressed bytes of a PNG's pixels: a blank page compresses to next to nothing."""
    data = path.read_bytes()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise AssertionError(f"{path} is no PNG")
    width, height = struct.unpack(">II", data[16:24])
    pixels, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IDAT":
            pixels += data[at + 8:at + 8 + length]
        at += 12 + length
    return width, height, len(zlib.compress(zlib.decompress(pixels), 6))


@unittest.skipIf(NO_VIEWER, NO_VIEWER)
class Gallery(KvreelTest):
    def test_every_page_in_both_themes(self):
        prompts = (DEMO / "prompts.jsonl").read_text().splitlines()[:10]
        (self.dir / "prompts.jsonl").write_text("\n".join(prompts) + "\n")
        trace = self.record(
            "demo.h5", "--prompts", self.dir / "prompts.jsonl", "--policy", "full", "--policy", "refreekv",
            "--policy", "refreekv:threshold=5%,keep-layers=none", "--policy", "streaming-llm:budget=50%",
            "--max-new-tokens", "16", "--attention-rows",
        )
        made = gallery.make(VIEWER, trace, self.dir / "pictures", size="1280x800")
        self.assertEqual(len(made), 2 * len(gallery.PAGES))
        seen = set()
        for path in made:
            width, height, compressed = size_and_entropy(path)
            self.assertEqual((width, height), (1280, 800), path.name)
            self.assertGreater(compressed, 30_000, f"{path.name} shows next to nothing")
            seen.add(path.read_bytes())
        self.assertEqual(len(seen), len(made), "two pictures are the same")

    def test_a_failure_is_the_viewers_sentence(self):
        with self.assertRaises(RuntimeError) as caught:
            gallery.make(VIEWER, self.dir / "none.h5", self.dir / "pictures")
        self.assertIn("none.h5", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
