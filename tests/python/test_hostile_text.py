"""Text from a stranger is shown by every output, and obeyed by none: not by a terminal, a browser, TeX, or a reader of CSV."""

import csv
import io
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import tempfile
import unicodedata
import unittest
import xml.etree.ElementTree as ElementTree
import zlib

import h5py
import numpy as np

from kvreel_command import DEMO, KVREEL, KvreelTest, kvreel

VIEWER = os.environ.get("KVREEL_VIEWER", "")

# What each could do, where nobody looks.
ORDERS = [
    "clear \x1b[2J\x1b[H and title \x1b]0;owned\x07",
    "clipboard \x1b]52;c;Y3VybA==\x07 link \x1b]8;;http://x\x1b\\click\x1b]8;;\x1b\\",
    "C1 \x9b2J \x9d0;owned\x9c",
    "carriage\rreturn, bell \x07, backspace \x08, delete \x7f, nul \x00!",
    "bidi \u202egnp.exe \u2066\u2067\u2069 zero\u200bwidth \ufeff tag \U000e0041 line\u2028paragraph\u2029",
    "<script>alert(1)</script> <!-- ]]> & &amp; <img src=x onerror=alert(1)>",
    "\\input{/etc/passwd} \\write18{id} % $x^2$ & # _ ~ ^^5c \\\\ {",
    "=1+1", "@SUM(A1)", "+1|cmd", "-1+1",
    "two\nlines\n\n| a | b |\n# head",
    "\"quotes\" 'single' `ticks` $(id) ;",
]
PATH = "t\x1b[31m\u202e<b>&$%_#.h5"
RUN = "refreekv:threshold=5%,keep-layers=none"
HOSTILE_RUN = "evil\x1b[2J\u202e<i>\\input{x}$%&_^~#|=1+1@,x".encode()


def unseen(text, allowed="\n"):
    """The characters of a text that a terminal would obey or not show."""
    return sorted({hex(ord(c)) for c in text if c not in allowed and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")})


def on_terminal(*arguments):
    """What a command writes to a terminal, standard output and errors together."""
    main, side = pty.openpty()
    process = subprocess.Popen([KVREEL, *map(str, arguments)], stdout=side, stderr=side)
    os.close(side)
    output = b""
    try:
        while block := os.read(main, 65536):
            output += block
    except OSError:  # the other end is closed
        pass
    os.close(main)
    return process.wait(timeout=60), output.decode()


class HostileText(KvreelTest):
    @classmethod
    def setUpClass(cls):
        home = tempfile.TemporaryDirectory(prefix="kvreel-test-")
        cls.addClassCleanup(home.cleanup)
        cls.home = pathlib.Path(home.name)
        cls.prompts = cls.home / "p\x1b[2J.jsonl"
        with open(cls.prompts, "w", encoding="utf-8") as file:
            for i, text in enumerate(ORDERS):
                record = {"id": text, "prompt": "<s>" + text, "answer": text, "group" + ORDERS[0]: ORDERS[i % 7], "task": ORDERS[i % 3]}
                file.write(json.dumps(record) + "\n")
        cls.model = cls.home / "m\x1b[2J\u202e"
        cls.model.symlink_to(DEMO / "model")
        cls.original = cls.home / "o.h5"
        cls.record_command = ["record", "--model", cls.model, "--prompts", cls.prompts, "--no-bandwidth", "--max-new-tokens", 3,
                              "--policy", "full", "--policy", RUN, "--attention-rows", "--fidelity"]
        cls.recorded = kvreel(*cls.record_command, "-o", cls.original)
        assert cls.recorded.returncode == 0, cls.recorded.stderr
        # A run's name cannot be hostile here, but it can in a stranger's trace.
        assert len(HOSTILE_RUN) == len(RUN)
        cls.trace = cls.home / PATH
        shutil.copy(cls.original, cls.trace)
        with h5py.File(cls.trace, "r+") as file:
            changed = 0
            for name in ("runs/name", "runs/policy", "runs/name_bytes"):
                if name in file:
                    bytes_ = file[name][:].tobytes()
                    if RUN.encode() in bytes_:
                        file[name][:] = np.frombuffer(bytes_.replace(RUN.encode(), HOSTILE_RUN), dtype=file[name].dtype)
                        changed += 1
            assert changed, list(file["runs"])

    def assert_harmless(self, text, what, allowed="\n"):
        self.assertEqual(unseen(text, allowed), [], f"{what}: {text[:400]!r}")

    def output(self, *arguments):
        result = subprocess.run([KVREEL, *map(str, arguments)], capture_output=True, timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_harmless(result.stderr.decode(), arguments)
        return result.stdout.decode()  # strictly

    def tables(self):
        listed = self.output("export", "--list").split("Tables (--table):\n")[1].split("\n\n")[0]
        names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
        self.assertGreater(len(names), 20)
        return names

    def test_reports_for_people(self):
        for command in (["info"], ["info", "--json"], ["compare"], ["compare", "--by", "task"], ["compare", "--json", "--by", "task"],
                        ["check-reference"], ["check-reference", "--format", "json"]):
            text = self.output(*command, self.trace)
            self.assertIn("evil", text + ("evil" if command[0] == "check-reference" else ""))
            self.assert_harmless(text, command)
            if "json" in command[-1] or "--json" in command:
                json.loads(text)

    def test_tables(self):
        for table in self.tables():
            for form in ("text", "md", "tex", "json"):
                text = self.output("export", self.trace, "--table", table, "--format", form)
                self.assert_harmless(text, (table, form))
                if form == "json":
                    json.loads(text)
                elif form == "tex":
                    self.assert_plain_tex(text)
                elif form == "md":
                    outside = re.sub(r"\\.", "", text)
                    self.assertNotRegex(outside, r"[<>`]", table)
                    rows = [line.count("|") for line in outside.splitlines() if line.startswith("|")]
                    self.assertEqual(len(set(rows)), 1, table)

    def assert_plain_tex(self, text):
        """Nothing is left of the text once the few commands that a table may hold are taken away."""
        known = (r"\\(textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar|textvisiblespace)\{\}|\\symbol\{\d+\}"
                 r"|\\[&%$#_{}]|\\(top|mid|bottom)rule\b|\\begin\{tabular\}\{[lr]*\}|\\end\{tabular\}"
                 r"|\$(-?[0-9.]*(\\times10\^\{-?\d+\})?|-?\\infty|\\mu)\$|\\\\$")
        for line in text.splitlines():
            if line.startswith("%"):
                continue
            left = re.sub(known, "", line)
            self.assertNotRegex(left, r"[\\$#%^~_\"]", line)
            self.assertEqual(left.count("{"), left.count("}"), line)

    @unittest.skipIf(shutil.which("pdflatex") is None, "pdflatex is not here (texlive-latex-recommended)")
    def test_latex_compiles(self):
        table = self.output("export", self.trace, "--table", "samples", "--format", "tex")
        (self.dir / "d.tex").write_text("\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{booktabs,textcomp}"
                                        "\\begin{document}\\tiny\n" + table.replace("\ufffd", "?") + "\\end{document}\n")
        result = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "d.tex"], cwd=self.dir,
                                capture_output=True, timeout=120)
        self.assertEqual(result.returncode, 0, result.stdout[-1500:])
        self.assertNotIn(b"/etc/passwd)", result.stdout)

    def test_csv_is_exact_in_a_pipe_and_shown_on_a_terminal(self):
        text = self.output("export", self.trace, "--table", "passes", "--run", "full", "--no-comments")
        rows = list(csv.DictReader(io.StringIO(text.replace("\x00", "\ue000"), newline="")))
        self.assertEqual([row["sample"] for row in rows], [order.replace("\x00", "\ue000") for order in ORDERS])
        code, shown = on_terminal("export", self.trace, "--table", "passes", "--run", "full")
        self.assertEqual(code, 0)
        self.assert_harmless(shown, "csv on a terminal", "\r\n")
        self.assertIn("clear \\x1b[2J", shown)
        commented = self.output("export", self.trace, "--table", "runs", "--run", "full")
        self.assert_harmless("\n".join(line for line in commented.splitlines() if line.startswith("#")), "comments")

    def test_figures(self):
        out = self.dir / "f"
        figures = {"layer-budget": [], "threshold-budget": ["--by", "task"], "eviction-map": ["--run", HOSTILE_RUN.decode(), "--sample", "0"],
                   "norm-curves": ["--run", HOSTILE_RUN.decode(), "--sample", "4"], "decision": ["--run", HOSTILE_RUN.decode(), "--sample", "3"]}
        for figure, more in figures.items():
            with self.subTest(figure=figure):
                for ending in ("svg", "pdf", "png"):
                    self.output("export", self.trace, "--figure", figure, *more, "-o", f"{out}.{ending}", "--data", f"{out}.json", "--force")
                svg = pathlib.Path(f"{out}.svg").read_bytes().decode()
                self.assert_harmless(svg, figure)
                names = {element.tag.split("}")[1] for element in ElementTree.fromstring(svg).iter()}
                self.assertEqual(names & {"script", "b", "i", "img", "a", "foreignObject"}, set())
                data = pathlib.Path(f"{out}.json").read_text()
                self.assert_harmless(data, figure)
                json.loads(data)
                self.output("export", self.trace, "--figure", figure, *more, "-o", f"{out}.svg", "--data", f"{out}.csv", "--force")
                self.assert_harmless(pathlib.Path(f"{out}.csv").read_text(), figure)
                for text in png_texts(pathlib.Path(f"{out}.png").read_bytes()):
                    self.assert_harmless(text, figure)
                for tool in (["pdftotext", f"{out}.pdf", "-"], ["pdfinfo", f"{out}.pdf"]):
                    if shutil.which(tool[0]):
                        text = subprocess.run(tool, capture_output=True, check=True).stdout.decode()
                        self.assert_harmless(text, tool, "\n\f")

    def test_timeline(self):
        text = self.output("export", self.trace, "--timeline", "chrome")
        self.assert_harmless(text, "timeline")
        names = {event["name"] for event in json.loads(text)["traceEvents"]}
        self.assertIn(ORDERS[0], names)

    def test_errors(self):
        evil = ORDERS[0] + "\u202e"
        model = self.dir / "m\x1b]0;x\x07"
        shutil.copytree(DEMO / "model", model)
        config = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps(config | {"hidden_act": evil, evil: 1}, ensure_ascii=False))
        prompts = self.dir / "\x9bp.jsonl"
        prompts.write_text(json.dumps({evil: "x", "prompt": 3}, ensure_ascii=False))
        junk = self.dir / "junk\x1b[2J.h5"
        junk.write_bytes(b"\x1b[2J" * 100)
        record = ["record", "--no-bandwidth", "-o", self.dir / "t.h5", "--model"]
        commands = [
            [*record, model, "--prompt", "x"], [*record, DEMO / "model", "--prompts", prompts], [*record, evil, "--prompt", "x"],
            [*record, DEMO / "model", "--prompt", "x", "--policy", evil], [*record, DEMO / "model", "--prompt", "x", "--isa", evil],
            [*record, DEMO / "model", "--dataset", evil + ":" + evil], [*record, DEMO / "model", "--prompts", self.dir / evil],
            ["info", junk], ["compare", junk], ["export", junk, "--table", "runs"], ["recover", junk, "-o", self.dir / "r.h5"],
            ["info", evil, evil], [evil], ["--" + evil], ["info", "--" + evil],
            ["export", self.trace, "--table", evil], ["export", self.trace, "--table", "runs", "--run", evil],
            ["export", self.trace, "--table", "runs", "--sample", evil], ["export", self.trace, "--table", "runs", "--columns", evil],
            ["export", self.trace, "--table", "scores", "--by", "tsk"], ["export", self.trace, "--figure", evil, "-o", self.dir / "a.pdf"],
            ["export", self.trace, "--figure", "decision", "-o", self.dir / ("a" + evil)],
            ["compare", self.trace, "--by", "nothing"], ["compare", self.trace, "--reference", evil],
        ]
        for command in commands:
            result = subprocess.run([KVREEL, *map(str, command)], capture_output=True, timeout=60)
            self.assertIn(result.returncode, (1, 2), (command, result.stderr))
            self.assert_harmless(result.stderr.decode(), command)
            self.assertEqual(result.stdout, b"", command)

    def test_progress(self):
        self.assert_harmless(self.recorded.stdout + self.recorded.stderr, "progress in lines")
        code, shown = on_terminal(*self.record_command, "-o", self.dir / "p\x1b[2J.h5")
        self.assertEqual(code, 0)
        # Its own: to the line's beginning, and clear to the end.
        self.assert_harmless(shown.replace("\r\x1b[K", ""), "progress on a terminal", "\r\n")

    @unittest.skipUnless(VIEWER, "the viewer is not built")
    def test_the_viewer(self):
        script = self.dir / "s.txt"
        script.write_text("key 2\nwait\nkey 1\nwait\n")
        items = self.dir / "items.json"
        result = subprocess.run([VIEWER, "--headless", "--log-events", "--script", script, "--dump-items", items, "--shot",
                                 self.dir / "v.png", self.trace, self.dir / ORDERS[0]], capture_output=True, timeout=240)
        self.assertEqual(result.returncode, 1)  # the second is no trace
        self.assert_harmless(result.stderr.decode(), "the viewer's messages")
        text = items.read_text()
        self.assert_harmless(text, "items")
        self.assertIn("evil", text)
        json.loads(text)


def png_texts(data):
    """Keywords and texts of a PNG's tEXt, zTXt and iTXt chunks."""
    at = 8
    while at < len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        chunk = data[at + 8 : at + 8 + length]
        keyword, _, rest = chunk.partition(b"\x00")
        if kind == b"tEXt":
            yield keyword.decode() + rest.decode("latin-1")
        elif kind == b"zTXt":
            yield keyword.decode() + zlib.decompress(rest[1:]).decode("latin-1")
        elif kind == b"iTXt":
            text = rest[2:].split(b"\x00", 2)[2]
            yield keyword.decode() + (zlib.decompress(text) if rest[0] else text).decode()
        at += 12 + length


if __name__ == "__main__":
    unittest.main()
