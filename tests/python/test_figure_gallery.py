"""Every figure that kvreel lists is in the documentation's gallery, can be drawn from recordings, and is described."""

import importlib.util
import re
import unittest
import xml.etree.ElementTree as xml

from kvreel_command import DEMO, KVREEL, ROOT, KvreelTest

# Another gallery draws the viewer's pages: this one has a name of its own.
spec = importlib.util.spec_from_file_location("figure_gallery", ROOT / "docs" / "figures" / "gallery.py")
gallery = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gallery)


class FigureGallery(KvreelTest):
    def listed(self):
        text = self.run_kvreel("export", "--list").stdout
        part = text[text.index("Figures"):text.index("Timelines")]
        return set(re.findall(r"^  ([a-z][a-z-]+) ", part, re.MULTILINE))

    def test_every_listed_figure_is_drawn_or_said_to_need_more(self):
        self.assertEqual(self.listed(), set(gallery.FIGURES) | set(gallery.ELSEWHERE))

    def test_every_figure_is_described_and_every_drawn_one_shown(self):
        text = (ROOT / "docs" / "figures.md").read_text()
        headings = re.findall(r"^## ([a-z][a-z-]+(?:, [a-z-]+)*)$", text, re.MULTILINE)
        self.assertEqual(self.listed(), {name for heading in headings for name in heading.split(", ")})
        self.assertEqual(set(re.findall(r"\]\(figures/([a-z-]+)\.svg\)", text)), set(gallery.FIGURES))
        for name in gallery.FIGURES:
            self.assertTrue((ROOT / "docs" / "figures" / f"{name}.svg").is_file(), name)

    def test_every_figure_can_be_drawn(self):
        (self.dir / "prompts.jsonl").write_text(
            "\n".join((DEMO / "prompts.jsonl").read_text().splitlines()[:10]) + "\n")
        common = ["--prompts", self.dir / "prompts.jsonl", "--max-new-tokens", "8", "--policy", "full"]
        demo = self.record("demo.h5", *common, "--policy", "refreekv", "--policy", "streaming-llm:budget=50%",
                           "--attention-rows")
        sweep = self.record("sweep.h5", *common, "--policy", "refreekv:keep-layers=none,threshold=0.5%,1%,5%",
                            "--fidelity")
        made = gallery.make(KVREEL, {"demo": demo, "sweep": sweep}, self.dir / "figures")
        self.assertEqual(len(made), len(gallery.FIGURES))
        for path in made:
            drawing = xml.parse(path).getroot()
            texts = ["".join(text.itertext()) for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
            self.assertGreater(len(texts), 4, path.name)
            shapes = [node for node in drawing.iter() if node.tag.endswith(("}polyline", "}path", "}rect", "}image"))]
            self.assertGreater(len(shapes), 4, path.name)

    def test_a_failure_is_kvreels_sentence(self):
        none = {"demo": self.dir / "none.h5", "sweep": self.dir / "none.h5"}
        with self.assertRaises(RuntimeError) as caught:
            gallery.make(KVREEL, none, self.dir / "figures")
        self.assertIn("none.h5", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
