"""Tables and figures as files: what comes out, what is refused, and that nothing half-written stays."""

import csv
import hashlib
import io
import json
import os
import pathlib
import pty
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

import hostile_prompts
from kvreel_command import DEMO, KVREEL, ROOT, KvreelTest, kvreel

sys.path.insert(0, str(ROOT / "docs" / "examples"))
from read_trace import Trace  # noqa: E402

RUNS = ["full", "refreekv:threshold=1%,keep-layers=none", "refreekv:threshold=5%,keep-layers=none",
        "streaming-llm:budget=50%"]
FORMATS = ["csv", "json", "text", "md", "tex"]
FIGURE = "threshold-budget"
PDFLATEX = shutil.which("pdflatex")
LATEX_DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs}
\usepackage[paperwidth=300cm,paperheight=60cm,margin=1cm]{geometry}
\begin{document}
\noindent\input{table.tex}
\end{document}
"""


def listed(heading):
    """Names under a heading of kvreel export --list."""
    names, inside = [], False
    for line in kvreel("export", "--list").stdout.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            inside = line.startswith(heading)
        elif inside and line.startswith("  ") and not line.startswith("   "):
            names.append(line.split()[0])
    return names


def lines_of_csv(text):
    return [line for line in text.splitlines() if not line.startswith("#")]


class ExportTest(KvreelTest):
    @classmethod
    def setUpClass(cls):
        home = tempfile.TemporaryDirectory(prefix="kvreel-test-")
        cls.addClassCleanup(home.cleanup)
        cls.home = pathlib.Path(home.name)
        prompts = (DEMO / "prompts.jsonl").read_text().splitlines()
        (cls.home / "prompts.jsonl").write_text("\n".join(prompts[::6]) + "\n")  # six of several tasks
        cls.trace = cls.home / "trace.h5"
        arguments = ["record", "--model", DEMO / "model", "--prompts", cls.home / "prompts.jsonl", "--quiet",
                     "--no-bandwidth", "--max-new-tokens", 12, "--attention-rows", "--decode-norms", "-o", cls.trace]
        for run in RUNS:
            arguments += ["--policy", run]
        result = kvreel(*arguments)
        assert result.returncode == 0, result.stderr

    def entries(self):
        return sorted(path.name for path in self.dir.iterdir())

    def assert_refused_and_clean(self, arguments, *parts, code=2, **options):
        """The command is refused in one sentence, and the directory is what it was."""
        before = {name: (self.dir / name).read_bytes() for name in self.entries() if (self.dir / name).is_file()}
        result = kvreel("export", *arguments, **options)
        self.assert_refused(result, *parts, code=code)
        after = {name: (self.dir / name).read_bytes() for name in self.entries() if (self.dir / name).is_file()}
        self.assertEqual(before, after)
        return result


class Tables(ExportTest):
    def test_every_table_reads_back_in_every_format(self):
        for table in listed("Tables"):
            with self.subTest(table=table):
                rows = self.export(self.trace, table)
                text = self.run_kvreel("export", self.trace, "--table", table).stdout
                read = list(csv.DictReader(io.StringIO("\n".join(lines_of_csv(text)))))
                if not any("\n" in str(v) for row in rows for v in row.values()):
                    self.assertEqual(len(read), len(rows))
                for mine, theirs in zip(rows[:50], read):
                    for name, value in mine.items():
                        if isinstance(value, (int, float)) and not isinstance(value, bool):
                            self.assertEqual(float(theirs[name]), value)
                short = ["--sample", "0", "--run", RUNS[1]]
                markdown = self.run_kvreel("export", self.trace, "--table", table, "--format", "md", *short).stdout
                lines = [line for line in markdown.splitlines() if line.startswith("|")]
                columns = {line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines}
                self.assertEqual(len(columns), 1, table)

    def test_every_file_says_where_it_comes_from(self):
        digest = hashlib.sha256(self.trace.read_bytes()).hexdigest()
        for form in FORMATS:
            arguments = ["export", self.trace, "--table", "budgets", "--format", form]
            text = self.run_kvreel(*arguments).stdout.replace("\\_", "_")
            self.assertIn(digest, text, form)
            self.assertIn("trace.h5", text)
            if form == "text":
                continue  # for a terminal: no more than that
            self.assertIn("--table budgets --format " + form, text)
            self.assertIn("kvreel 0.", text)
            self.assertIn("streaming-llm", text)
        bare = self.run_kvreel("export", self.trace, "--table", "budgets", "--no-comments").stdout
        self.assertTrue(bare.startswith("run,layer,"), bare[:40])
        latex = self.run_kvreel("export", self.trace, "--table", "runs", "--format", "tex", "--no-comments").stdout
        self.assertTrue(latex.startswith("\\begin{tabular}"), latex[:40])

    def test_the_ending_chooses_the_format(self):
        starts = {"a.csv": "#", "a.json": "{", "a.md": "**", "a.tex": "%", "a.CSV": "#", "a.dat": "#", "a": "#"}
        for name, start in starts.items():
            self.run_kvreel("export", self.trace, "--table", "runs", "-o", self.dir / name)
            self.assertTrue((self.dir / name).read_text().startswith(start), name)
        self.run_kvreel("export", self.trace, "--table", "runs", "-o", self.dir / "b.csv", "--format", "json")
        json.loads((self.dir / "b.csv").read_text())

    def test_columns_are_chosen_and_ordered(self):
        text = self.run_kvreel("export", self.trace, "--table", "steps", "--columns", "step, token,run").stdout
        self.assertEqual(lines_of_csv(text)[0], "step,token,run")
        self.assert_refused(kvreel("export", self.trace, "--table", "steps", "--columns", "stp"), "'step'", code=2)

    def test_a_file_and_standard_output_are_the_same(self):
        command = ["export", self.trace, "--table", "layer_ops", "--no-comments"]
        self.run_kvreel(*command, "-o", self.dir / "t.csv")
        self.assertEqual((self.dir / "t.csv").read_text(), self.run_kvreel(*command).stdout)
        self.assertEqual(self.run_kvreel(*command, "-o", "-").stdout, self.run_kvreel(*command).stdout)

    def test_the_same_command_writes_the_same_bytes(self):
        for table in listed("Tables"):
            for form in FORMATS:
                arguments = ["export", self.trace, "--table", table, "--format", form, "--sample", 1]
                self.assertEqual(self.run_kvreel(*arguments).stdout, self.run_kvreel(*arguments).stdout, table)

    def test_several_traces(self):
        (self.dir / "b").mkdir()
        other = self.dir / "b" / "trace.h5"
        shutil.copy(self.trace, other)
        one = self.export(self.trace, "budgets")
        both = self.run_kvreel("export", self.trace, other, "--table", "budgets", "--format", "json").stdout
        document = json.loads(both)
        self.assertEqual(document["columns"][0]["name"], "trace")
        self.assertEqual(len(document["rows"]), 2 * len(one))
        self.assertEqual(document["rows"][0][1:], document["rows"][len(one)][1:])
        self.assertEqual(document["rows"][-1][0], "b/trace")
        self.assertEqual(document["metadata"]["sha256 1"], document["metadata"]["sha256 2"])
        self.assert_refused(kvreel("export", self.trace, self.trace, "--table", "budgets"), "the same trace", code=2)

    def test_step_times_scores_and_budgets_follow_from_the_trace(self):
        trace = Trace(str(self.trace))
        run = trace.column("passes", "run")
        names = [trace.text("runs", "name", row) for row in range(len(RUNS))]
        tasks = [json.loads(trace.text("samples", "metadata", row))["task"] for row in range(trace.rows["samples"])]
        sample = trace.column("passes", "sample")
        match = trace.column("passes", "exact_match")
        scores = self.export(self.trace, "scores", "--by", "task")
        self.assertEqual(len(scores), len(RUNS) * len(set(tasks)))
        for row in scores:
            of = (run == names.index(row["run"])) & np.array([tasks[s] == row["group"] for s in sample])
            self.assertEqual(row["n"], int((match[of] >= 0).sum()))
            self.assertEqual(row["hits"], int((match[of] == 1).sum()))
            full = (run == 0) & np.array([tasks[s] == row["group"] for s in sample])
            self.assertAlmostEqual(row["difference"], match[of].mean() - match[full].mean())
        budget = trace.column("passes", "budget")
        for row in self.export(self.trace, "budget_summary"):
            values = budget[run == names.index(row["run"])]
            self.assertEqual(row["samples"], len(values))
            self.assertAlmostEqual(row["mean"], values.mean(), places=12)
            self.assertAlmostEqual(row["sd"], values.std(ddof=1), places=12)
            # Five degrees of freedom: Student's 97.5 % quantile is 2.570582.
            self.assertEqual(len(values), 6)
            half = 2.570582 * values.std(ddof=1) / np.sqrt(6)
            self.assertAlmostEqual(row["mean_high"] - row["mean"], half, places=6)
        steps = trace.column("steps", "step")
        step_run = trace.column("steps", "run")
        duration = trace.column("steps", "duration_ns").astype(float)
        latency = self.export(self.trace, "step_latency")
        self.assertEqual(len(latency), len({*zip(step_run, steps)}))
        for row in latency:
            values = duration[(step_run == names.index(row["run"])) & (steps == row["step"])]
            self.assertEqual(row["n"], len(values))
            self.assertAlmostEqual(row["mean_ns"], values.mean(), delta=1e-6 * values.mean())
            for q in (10, 90, 99):
                self.assertAlmostEqual(row[f"p{q}_ns"], np.percentile(values, q), delta=1e-6 * values.mean())
        trace.file.close()

    def test_attention_rows_name_the_cached_positions(self):
        trace = Trace(str(self.trace))
        wanted = ["--run", RUNS[2], "--sample", 0]
        rows = self.export(self.trace, "attention_rows", *wanted)
        run, sample = trace.column("attention_rows", "run"), trace.column("attention_rows", "sample")
        chosen = np.flatnonzero((run == 2) & (sample == 0))
        expected = []
        prompt = int(trace.column("samples", "tokens_end")[0])
        layers = {}
        for row in np.flatnonzero((trace.column("decisions", "run") == 2) & (trace.column("decisions", "sample") == 0)):
            ranges = trace.list("decisions", "kept_ranges", row).reshape(-1, 2)
            layers[int(trace.column("decisions", "layer")[row])] = [p for a, b in ranges for p in range(a, b)]
        for row in chosen:
            step = int(trace.column("attention_rows", "step")[row])
            layer = int(trace.column("attention_rows", "layer")[row])
            kept = list(range(prompt)) if step == 0 else layers[layer] + list(range(prompt, prompt + step))
            probabilities = trace.list("attention_rows", "probabilities", row)
            self.assertEqual(len(kept), len(probabilities))
            expected += [(step, layer, p, float(v)) for p, v in zip(kept, probabilities)]
        trace.file.close()
        got = [(r["step"], r["layer"], r["position"], r["probability"]) for r in rows]
        self.assertEqual([g[:3] for g in got], [e[:3] for e in expected])
        np.testing.assert_array_equal(np.float32([g[3] for g in got]), np.float32([e[3] for e in expected]))
        self.assertGreater(len(got), 1000)


class HostileNames(KvreelTest):
    @classmethod
    def setUpClass(cls):
        home = tempfile.TemporaryDirectory(prefix="kvreel-test-")
        cls.addClassCleanup(home.cleanup)
        cls.home = pathlib.Path(home.name)
        prompts = hostile_prompts.write(cls.home / "prompts.jsonl")
        cls.trace = cls.home / "a & b_c%.h5"
        result = kvreel("record", "--model", DEMO / "model", "--prompts", prompts, "--quiet", "--no-bandwidth",
                        "--max-new-tokens", 2, "-o", cls.trace)
        assert result.returncode == 0, result.stderr

    def tables(self):
        yield "passes", []
        yield "samples", []
        yield "evictions", ["--last-step", 0]
        yield "scores", ["--by", hostile_prompts.FIELD]
        yield "runs", []

    def test_json_and_csv_read_back_the_names(self):
        passes = self.export(self.trace, "passes", "--run", "full")
        self.assertEqual([row["sample"] for row in passes], hostile_prompts.IDS)
        text = self.run_kvreel("export", self.trace, "--table", "passes", "--run", "full", "--no-comments").stdout
        # newline="": a line break within a field is part of it.
        read = list(csv.DictReader(io.StringIO(text, newline="")))
        self.assertEqual([row["sample"] for row in read], hostile_prompts.IDS)

    def test_markdown_keeps_its_cells(self):
        for table, more in self.tables():
            text = self.run_kvreel("export", self.trace, "--table", table, "--format", "md", *more).stdout
            columns = set()
            for line in text.splitlines():
                if line.startswith("|"):
                    columns.add(line.replace("\\\\", "").replace("\\|", "").count("|"))
            self.assertEqual(len(columns), 1, table)
            self.assertNotIn("\x1b", text)

    def test_latex_balances(self):
        for table, more in self.tables():
            text = self.run_kvreel("export", self.trace, "--table", table, "--format", "tex", *more).stdout
            body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
            plain = body.replace("\\\\", "").replace("\\{", "").replace("\\}", "")
            self.assertEqual(plain.count("{"), plain.count("}"), table)
            self.assertEqual(plain.count("\\end{tabular}"), 1)
            rows = [line for line in body.splitlines() if line.endswith(" \\\\")]
            cells = {row.replace("\\&", "").count("&") for row in rows}
            self.assertEqual(len(cells), 1, table)
            self.assertFalse(any(row.startswith(("[", "*")) for row in rows))

    @unittest.skipIf(PDFLATEX is None, "pdflatex is not here (texlive-latex-recommended)")
    def test_latex_compiles(self):
        if not subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True).stdout:
            self.skipTest("booktabs is not here (texlive-latex-recommended)")
        (self.dir / "document.tex").write_text(LATEX_DOCUMENT)
        for table, more in self.tables():
            text = self.run_kvreel("export", self.trace, "--table", table, "--format", "tex", *more).stdout
            # pdflatex knows Latin only, as the table says.
            (self.dir / "table.tex").write_text(text.replace("\u6f22\u5b57", "CJK"))
            result = subprocess.run([PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "document.tex"],
                                    cwd=self.dir, capture_output=True, text=True, errors="replace", timeout=120)
            self.assertEqual(result.returncode, 0, result.stdout[-2000:])
            self.assertNotIn("Missing character", (self.dir / "document.log").read_text(errors="replace"))


class Figures(ExportTest):
    def figure(self, name, *more, figure=FIGURE, **options):
        target = self.dir / name
        self.run_kvreel("export", self.trace, "--figure", figure, "-o", target, *more, **options)
        return target.read_bytes()

    def test_the_ending_chooses_the_format(self):
        starts = {"a.pdf": b"%PDF-", "a.svg": b"<?xml", "a.png": b"\x89PNG", "A.PDF": b"%PDF-"}
        for name, start in starts.items():
            self.assertTrue(self.figure(name).startswith(start), name)
        self.assertTrue(self.figure("a.fig", "--format", "svg").startswith(b"<?xml"))

    def test_the_same_command_writes_the_same_bytes(self):
        for name in ("a.pdf", "a.svg", "a.png"):
            first = self.figure(name, "--data", self.dir / "a.csv", "--force")
            data = (self.dir / "a.csv").read_bytes()
            self.assertEqual(first, self.figure(name, "--data", self.dir / "a.csv", "--force"), name)
            self.assertEqual(data, (self.dir / "a.csv").read_bytes())

    def test_a_figure_goes_to_standard_output(self):
        result = subprocess.run([KVREEL, "export", str(self.trace), "--figure", FIGURE, "-o", "-", "--format", "pdf"],
                                capture_output=True, timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(result.stdout.startswith(b"%PDF-"))
        self.assertTrue(result.stdout.rstrip().endswith(b"%%EOF"))

    def test_a_terminal_gets_no_binary(self):
        for form, shown in (("pdf", False), ("png", False), ("svg", True)):
            master, slave = pty.openpty()
            process = subprocess.Popen(
                [KVREEL, "export", str(self.trace), "--figure", FIGURE, "-o", "-", "--format", form],
                stdout=slave, stderr=subprocess.PIPE, text=True)
            os.close(slave)
            output = b""
            try:
                while block := os.read(master, 65536):
                    output += block
            except OSError:  # the terminal's other end is closed
                pass
            error = process.communicate(timeout=60)[1]
            os.close(master)
            self.assertEqual(process.returncode, 0 if shown else 2, error)
            self.assertEqual(bool(output), shown, form)
            self.assertIn("" if shown else "terminal", error)

    def test_data_are_the_plotted_numbers(self):
        self.figure("a.pdf", "--data", self.dir / "a.csv")
        rows = list(csv.DictReader(lines_of_csv((self.dir / "a.csv").read_text())))
        self.assertGreater(len(rows), 10)
        self.assertIn("x", rows[0])
        self.figure("b.svg", "--data", self.dir / "b.json")
        self.assertEqual(json.loads((self.dir / "b.json").read_text())["figure"], FIGURE)
        digest = hashlib.sha256(self.trace.read_bytes()).hexdigest()
        for name in ("a.csv", "b.json", "b.svg"):
            self.assertIn(digest, (self.dir / name).read_text(), name)

    def test_looks_are_chosen(self):
        plain = self.figure("a.svg")
        for i, more in enumerate((["--no-title"], ["--no-footer"], ["--size", "neurips"], ["--style", "print"],
                                  ["--palette", "grey"], ["--transparent"], ["--size", "90x60mm"], ["--style", "dark"])):
            drawn = self.figure(f"b{i}.svg", *more)
            strip = lambda svg: svg.split(b"</metadata>")[1]  # noqa: E731  (the command is in there)
            self.assertNotEqual(strip(plain), strip(drawn), more)
        small, large = self.figure("s.png", "--dpi", 50), self.figure("l.png", "--dpi", 100)
        width = lambda png: int.from_bytes(png[16:20], "big")  # noqa: E731
        self.assertAlmostEqual(width(large), 2 * width(small), delta=2)

    def test_every_listed_look_is_known(self):
        for option, heading in (("--size", "Sizes"), ("--style", "Styles"), ("--palette", "Palettes"),
                                ("--font", "Fonts")):
            names = listed(heading)
            self.assertGreaterEqual(len(names), 2, option)
            for name in names:
                with self.subTest(option=option, name=name):
                    result = kvreel("export", self.trace, "--figure", FIGURE, "-o", self.dir / "a.svg", "--force",
                                    option, name)
                    if result.returncode == 1 and "fonts-" in result.stderr:
                        self.skipTest(result.stderr)  # a font that is not installed, with its package
                    self.assertEqual(result.returncode, 0, result.stderr)

    def test_several_traces(self):
        other = self.dir / "other.h5"
        shutil.copy(self.trace, other)
        self.run_kvreel("export", self.trace, other, "--figure", FIGURE, "-o", self.dir / "a.svg")
        self.assertIn("other", (self.dir / "a.svg").read_text())


class Refusals(ExportTest):
    def test_exactly_one_thing_is_exported(self):
        self.assert_refused_and_clean([self.trace], "--table", "--figure", "--timeline")
        self.assert_refused_and_clean([self.trace, "--table", "runs", "--figure", FIGURE], "--table", "--figure")
        self.assert_refused_and_clean([self.trace, "--timeline", "chrome", "--list"], "--timeline", "--list")
        self.assert_refused_and_clean(["--table", "runs"], "needs a trace")

    def test_unknown_names_suggest_the_nearest(self):
        out = self.dir / "a.pdf"
        self.assert_refused_and_clean([self.trace, "--table", "stepps", "-o", self.dir / "a.csv"], "'steps'")
        self.assert_refused_and_clean([self.trace, "--figure", "threshold-bugdet", "-o", out], "'threshold-budget'")
        self.assert_refused_and_clean([self.trace, "--timeline", "crome", "-o", self.dir / "t.json"], "'chrome'")
        self.assert_refused_and_clean([self.trace, "--table", "runs", "--format", "markdwn"], "table format")
        self.assert_refused_and_clean([self.trace, "--table", "runs", "--format", "pdf"], "table format")
        self.assert_refused_and_clean([self.trace, "--figure", FIGURE, "--format", "csv", "-o", out], "figure format")
        for option, wrong, right in (("--size", "acl-colum", "acl-column"), ("--style", "prnt", "print"),
                                     ("--palette", "gray", "grey"), ("--font", "deja", "dejavu"),
                                     ("--run", "ful", "full"), ("--by", "tsk", "task"), ("--reference", "ful", "full")):
            self.assert_refused_and_clean([self.trace, "--figure", FIGURE, "-o", out, option, wrong], right)

    def test_options_that_do_not_go_with_the_choice(self):
        table = [self.trace, "--table", "runs"]
        figure = [self.trace, "--figure", FIGURE, "-o", self.dir / "a.pdf"]
        timeline = [self.trace, "--timeline", "chrome", "-o", self.dir / "t.json"]
        figure_only = [["--size", "slide"], ["--style", "print"], ["--palette", "grey"], ["--font", "dejavu"],
                       ["--dpi", "100"], ["--no-title"], ["--no-footer"], ["--transparent"], ["--log-y"],
                       ["--data", self.dir / "d.csv"]]
        for more in figure_only:
            self.assert_refused_and_clean(table + more, more[0], "--table", "--figure")
            self.assert_refused_and_clean(timeline + more, more[0], "--timeline")
        for more in (["--no-comments"], ["--columns", "run"]):
            self.assert_refused_and_clean(figure + more, more[0], "--table")
        for more in (["--by", "task"], ["--reference", "full"], ["--format", "json"]):
            self.assert_refused_and_clean(timeline + more, more[0], "--timeline")
        self.assert_refused_and_clean(table + ["--by", "task"], "--by", "scores")
        self.assert_refused_and_clean(table + ["--reference", "full"], "--reference", "compare")
        self.assert_refused_and_clean(figure + ["--dpi", "100"], "--dpi", "PNG")

    def test_a_figure_needs_a_file(self):
        self.assert_refused_and_clean([self.trace, "--figure", FIGURE], "-o")
        self.assert_refused_and_clean([self.trace, "--figure", FIGURE, "-o", "-"], "--format")
        self.assert_refused_and_clean([self.trace, "--figure", FIGURE, "-o", self.dir / "a.jpg"], ".pdf", "--format")
        self.assert_refused_and_clean([self.trace, "--figure", FIGURE, "-o", self.dir / "a"], ".pdf")
        named = [self.trace, "--figure", FIGURE, "-o", self.dir / "a.pdf", "--data"]
        self.assert_refused_and_clean([*named, self.dir / "a.xls"], ".csv", ".json")
        self.assert_refused_and_clean([self.trace, "--figure", FIGURE, "-o", self.dir / "a.csv", "--format", "pdf",
                                       "--data", self.dir / "a.csv"], "same file")

    def test_places_that_cannot_be_written(self):
        (self.dir / "old.csv").write_text("old")
        (self.dir / "folder.csv").mkdir()
        for what in (["--table", "runs"], ["--timeline", "chrome"], ["--figure", FIGURE, "--format", "svg"]):
            command = [self.trace, *what, "-o"]
            self.assert_refused_and_clean([*command, self.dir / "old.csv"], "old.csv", "--force", code=1)
            self.assert_refused_and_clean([*command, self.dir / "folder.csv"], "is a directory", code=1)
            self.assert_refused_and_clean([*command, self.dir / "no" / "a.csv"], "no directory", code=1)
        self.run_kvreel("export", self.trace, "--table", "runs", "-o", self.dir / "old.csv", "--force")
        self.assertNotEqual((self.dir / "old.csv").read_text(), "old")

    @unittest.skipIf(os.geteuid() == 0, "root writes everywhere")
    def test_a_directory_without_permission(self):
        closed = self.dir / "closed"
        closed.mkdir(mode=0o500)
        self.assert_refused_and_clean([self.trace, "--table", "runs", "-o", closed / "a.csv"], "a.csv", code=1)

    def test_a_trace_is_never_overwritten(self):
        copy = self.dir / "copy.h5"
        shutil.copy(self.trace, copy)
        link = self.dir / "link.h5"
        link.symlink_to(copy)
        for target in (copy, link, self.dir / "." / "copy.h5"):
            self.assert_refused_and_clean([copy, "--table", "runs", "-o", target, "--force"], "the trace itself")

    def test_a_figure_that_fails_leaves_neither_file(self):
        only_full = self.dir / "full.h5"
        result = kvreel("record", "--model", DEMO / "model", "--prompt", "Story:", "--policy", "full", "--quiet",
                        "--no-bandwidth", "--max-new-tokens", 2, "-o", only_full)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_refused_and_clean([only_full, "--figure", FIGURE, "-o", self.dir / "a.pdf", "--data",
                                       self.dir / "a.csv"], "full.h5", code=1)
        (self.dir / "a.csv").write_text("old")
        self.assert_refused_and_clean([self.trace, "--figure", FIGURE, "-o", self.dir / "a.pdf", "--data",
                                       self.dir / "a.csv"], "a.csv", "--force", code=1)

    def test_what_is_no_trace(self):
        other = self.dir / "other.h5"
        other.write_bytes(b"not HDF5")
        self.assert_refused_and_clean([self.trace, other, "--table", "runs", "-o", self.dir / "a.csv"], "other.h5",
                                      code=1)
        self.assert_refused_and_clean([self.dir / "none.h5", "--timeline", "chrome"], "none.h5", code=1)


class HalfWrittenFiles(ExportTest):
    def long_exports(self):
        return [["--table", "attention_rows", "-o", self.dir / "a.csv"],
                ["--timeline", "chrome", "-o", self.dir / "t.json"]]

    def test_a_full_disk_leaves_what_was_there(self):
        def small_files():
            # A limit on file size fails writes as a full disk does (EFBIG for ENOSPC).
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        for command in self.long_exports():
            self.assert_refused_and_clean([self.trace, *command], "disk", code=1, preexec_fn=small_files)
            command[-1].write_text("old")
            self.assert_refused_and_clean([self.trace, *command, "--force"], "disk", code=1, preexec_fn=small_files)
            self.assertEqual(command[-1].read_text(), "old")

        def tiny_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        for name in ("f.pdf", "f.svg", "f.png"):
            self.assert_refused_and_clean([self.trace, "--figure", FIGURE, "-o", self.dir / name, "--data",
                                           self.dir / "d.csv"], code=1, preexec_fn=tiny_files)

    def test_an_interrupt_leaves_nothing(self):
        traces = []
        for i in range(3):  # enough for a second
            traces.append(self.dir / f"copy{i}.h5")
            shutil.copy(self.trace, traces[-1])
        before = self.entries()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            target = self.dir / "a.csv"
            process = subprocess.Popen([KVREEL, "export", *map(str, traces), "--table", "attention_rows", "-o", str(target)],
                                       stderr=subprocess.PIPE)
            part = self.dir / f"a.csv.{process.pid}.part"
            deadline = time.monotonic() + 60
            # Some bytes are there, so that the file and its removal at a signal are.
            while not (part.exists() and part.stat().st_size > 0) and time.monotonic() < deadline:
                self.assertIsNone(process.poll(), "it ended too soon to be interrupted")
                time.sleep(0.001)
            self.assertFalse(target.exists())
            process.send_signal(number)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, -number)
            self.assertEqual(self.entries(), before)


if __name__ == "__main__":
    unittest.main()
