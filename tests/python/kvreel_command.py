"""Runs the kvreel program for end-to-end tests."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "assets" / "demo-model"
KVREEL = os.environ.get("KVREEL", str(ROOT / "build" / "release" / "cli" / "kvreel"))
ASSETS = os.environ.get("KVREEL_TEST_ASSETS", "")


def kvreel(*arguments, **options):
    """Runs kvreel; the result has returncode, stdout and stderr as text."""
    command = [KVREEL, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, **options)


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


class KvreelTest(unittest.TestCase):
    """Each test has a directory of its own, self.dir, that goes when it ends."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kvreel-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def run_kvreel(self, *arguments, **options):
        """Runs kvreel and expects it to succeed."""
        result = kvreel(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def record(self, name, *arguments, model=DEMO / "model"):
        trace = self.dir / name
        self.run_kvreel(
            "record", "--model", model, "--no-bandwidth", "--quiet", "-o", trace, *arguments
        )
        return trace

    def assert_refused(self, result, *parts, code=1):
        """One line on stderr that holds every part, and the exit code."""
        self.assertEqual(result.returncode, code, result.stderr)
        message = result.stderr.strip()
        self.assertEqual(len(message.splitlines()), 1, message)
        for part in parts:
            self.assertIn(part, message)

    def export(self, trace, table, *arguments):
        """A table as a list of dictionaries."""
        result = self.run_kvreel("export", trace, "--table", table, "--format", "json", *arguments)
        document = json.loads(result.stdout)
        names = [column["name"] for column in document["columns"]]
        return [dict(zip(names, row)) for row in document["rows"]]
