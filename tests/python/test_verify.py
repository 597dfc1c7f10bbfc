"""kvreel info --verify: every byte of a trace is read; what is spoilt is named and left out, never shown."""

import json
import signal
import subprocess
import time
import unittest

import h5py
from kvreel_command import DEMO, KVREEL, KvreelTest, kvreel

# Goes on for many seconds, whatever the machine.
LONG_RECORDING = ["record", "--model", DEMO / "model", "--prompts", DEMO / "prompts.jsonl", "--no-bandwidth", "--quiet",
                  "--max-new-tokens", "200", "--truncate", "middle", "--ignore-eos", "--policy",
                  "streaming-llm:budget=" + ",".join(f"{share}%" for share in range(5, 100))]


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x20
    path.write_bytes(data)


def chunk(path, name, swmr=False):
    """(offset, bytes) of a data set's first chunk in its file."""
    with h5py.File(path, "r", swmr=swmr) as file:
        info = file[name].id.get_chunk_info(0)
        return info.byte_offset, info.size


class Verify(KvreelTest):
    def finished(self):
        return self.record("trace.h5", "--prompts", DEMO / "prompts.jsonl", "--limit", "2", "--policy", "full")

    def killed(self):
        """A recording that was killed when it had finished two passes."""
        trace = self.dir / "killed.h5"
        process = subprocess.Popen([KVREEL, *LONG_RECORDING, "-o", trace])
        try:
            for _ in range(6000):
                time.sleep(0.01)
                if process.poll() is not None:
                    self.fail("the recording ended before it was killed")
                if not trace.exists():
                    continue
                with h5py.File(trace, "r", swmr=True) as file:
                    if file["commit/spans"].shape[0] > 3 and file["commit/spans"][-1] > 1000:
                        break
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        return trace

    def test_a_finished_trace_is_sound_until_a_bit_flips(self):
        trace = self.finished()
        result = self.run_kvreel("info", trace, "--verify")
        self.assertRegex(result.stdout, r"every byte of \d+ tables was read and is sound \([\d.]+ [KM]iB in [\d.]+ s")
        verdict = json.loads(self.run_kvreel("info", trace, "--verify", "--json").stdout)
        self.assertTrue(verdict["sound"])
        self.assertEqual(verdict["damage"], [])
        self.assertGreater(verdict["bytes"], 10000)

        offset, size = chunk(trace, "spans/start_ns")
        flip(trace, offset + size // 2)
        result = kvreel("info", trace, "--verify")
        self.assert_refused(result, "/spans/start_ns", "rows 0 and", str(trace))
        self.assertEqual(result.stdout, "")
        result = kvreel("info", trace, "--verify", "--json")
        self.assertEqual(result.returncode, 1)
        verdict = json.loads(result.stdout)
        self.assertFalse(verdict["sound"])
        self.assertEqual(len(verdict["damage"]), 1)
        self.assertIn("/spans/start_ns", verdict["damage"][0])

    def test_a_killed_trace_is_sound_until_a_bit_flips(self):
        trace = self.killed()
        result = self.run_kvreel("info", trace, "--verify")
        self.assertIn("checksums of commits compared", result.stdout)
        self.assertEqual(result.stderr, "")
        rows = json.loads(self.run_kvreel("info", trace, "--json").stdout)["rows"]["spans"]

        # In the middle of the committed rows: of several commits, the first stay.
        offset, _ = chunk(trace, "spans/start_ns", swmr=True)
        flip(trace, offset + 8 * (rows // 2) + 1)
        result = kvreel("info", trace, "--verify")
        self.assert_refused(result, "does not match its checksum", "kvreel recover", str(trace))
        result = self.run_kvreel("info", trace, "--json")
        self.assertIn("does not match its checksum", result.stderr)
        self.assertIn("left out", result.stderr)
        kept = json.loads(result.stdout)["rows"]["spans"]
        self.assertLess(kept, rows // 2 + 1)
        result = self.run_kvreel("recover", trace, "-o", self.dir / "sound.h5")
        self.assertIn("does not match its checksum", result.stderr)
        sound = self.run_kvreel("info", self.dir / "sound.h5", "--verify")
        self.assertIn("is sound", sound.stdout)
        self.assertEqual(sound.stderr, "")
        tables = json.loads(self.run_kvreel("info", self.dir / "sound.h5", "--json").stdout)["rows"]
        self.assertEqual(tables["spans"], kept)

    def test_resuming_a_spoilt_trace_is_refused_with_the_remedy(self):
        trace = self.killed()
        offset, _ = chunk(trace, "spans/start_ns", swmr=True)
        flip(trace, offset + 9)
        before = trace.read_bytes()
        result = kvreel(*LONG_RECORDING, "-o", trace)
        self.assert_refused(result, "kvreel recover")
        self.assertEqual(trace.read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
