"""The viewer as a person uses it: its command line, and its window on a virtual display.

The window is driven with xdotool; places come from --dump-items and what happened from
--log-events, so nothing depends on how fast the machine is.
"""

import json
import os
import pathlib
import shutil
import subprocess
import time
import unittest

from kvreel_command import DEMO, KVREEL, ROOT, KvreelTest
from x_client import XClient

VIEWER = os.environ.get("KVREEL_VIEWER", str(ROOT / "build" / "release" / "viewer" / "kvreel-viewer"))
NO_VIEWER = "" if os.access(VIEWER, os.X_OK) else "the viewer was not built"
MISSING = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
PATIENCE_S = 60


def environment(**changes):
    """The environment without a display, and with the changes."""
    values = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    values.update(LIBGL_ALWAYS_SOFTWARE="1", **changes)
    return values


def until(find, what, process=None):
    """Waits until find() gives something true, and returns it."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = find()
        if found:
            return found
        if process is not None and process.poll() is not None:
            raise AssertionError(f"the viewer ended with {process.returncode} before {what}")
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_S} s for {what}")


class ViewerTest(KvreelTest):
    def record_some(self):
        prompts = (DEMO / "prompts.jsonl").read_text().splitlines()[:3]
        (self.dir / "prompts.jsonl").write_text("\n".join(prompts) + "\n")
        self.record(
            "trace.h5", "--prompts", self.dir / "prompts.jsonl", "--policy", "full",
            "--policy", "refreekv:threshold=5%,keep-layers=none", "--max-new-tokens", "8",
        )
        return self.dir / "trace.h5"


@unittest.skipIf(NO_VIEWER, NO_VIEWER)
class ViewerCommandLine(ViewerTest):
    def view(self, *arguments, command=VIEWER):
        return subprocess.run([*([command] if isinstance(command, str) else command), *map(str, arguments)],
                              capture_output=True, text=True, timeout=300, env=environment(), cwd=self.dir)

    def test_help_and_version(self):
        result = self.view("--help")
        self.assertEqual(result.returncode, 0)
        for word in ("--headless", "--script", "--shot", "Space", "Examples"):
            self.assertIn(word, result.stdout)
        self.assertRegex(self.view("--version").stdout, r"^kvreel-viewer \d+\.\d+\.\d+$")

    def test_wrong_commands(self):
        for arguments in (["--colour"], ["--theme", "pink"], ["--headless", "--size", "big"], ["--shot", "a.png"]):
            result = self.view(*arguments)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertNotEqual(result.stderr, "")

    def test_without_a_display_says_what_to_do(self):
        for command in (VIEWER, [KVREEL, "view"]):
            result = self.view(command=command)
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr, r"^kvreel-viewer: There is no display .*--headless.*\n$")

    def test_a_picture_without_a_display(self):
        trace = self.record_some()
        (self.dir / "steps.txt").write_text("wait\nclick page.Compare\nexpect page.Compare on\nshot steps.png\n")
        result = self.view("--headless", "--size", "1200x800", "--script", "steps.txt", "--shot", "end.png",
                           "--dump-items", "items.json", "--log-events", trace)
        if "off screen" in result.stderr:
            self.skipTest(result.stderr)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("click page.Compare", result.stderr)
        for name in ("steps.png", "end.png"):
            self.assertTrue((self.dir / name).read_bytes().startswith(b"\x89PNG"))
        self.assertIn("page.Compare", json.loads((self.dir / "items.json").read_text())["items"])

    def test_a_script_that_does_not_hold(self):
        (self.dir / "steps.txt").write_text("click page.Replayy\n")
        result = self.view("--headless", "--script", "steps.txt")
        if "off screen" in result.stderr:
            self.skipTest(result.stderr)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, "kvreel-viewer: steps.txt, line 1: there is no item 'page.Replayy'. "
                                        "Did you mean 'page.Replay'?\n")

    def test_a_file_that_is_no_trace(self):
        (self.dir / "bad.h5").write_text("no trace")
        result = self.view("--headless", "--shot", "bad.png", "bad.h5")
        if "off screen" in result.stderr:
            self.skipTest(result.stderr)
        self.assertEqual(result.returncode, 1)
        self.assertIn("bad.h5", result.stderr)
        self.assertTrue((self.dir / "bad.png").exists())


@unittest.skipIf(NO_VIEWER, NO_VIEWER)
@unittest.skipIf(MISSING, f"not installed: {' '.join(MISSING)}")
class ViewerWindow(ViewerTest):
    def start(self, *arguments):
        """Starts a display and the viewer on it."""
        read, write = os.pipe()
        server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
                                  pass_fds=[write], stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        os.close(write)
        with os.fdopen(read) as pipe:
            display = pipe.readline().strip()
        self.assertNotEqual(display, "", "Xvfb did not start")
        self.env = environment(DISPLAY=f":{display}", XDG_CONFIG_HOME=str(self.dir / "config"))
        self.log_path = self.dir / "log.txt"
        self.items_path = self.dir / "items.json"
        self.seen = 0
        with open(self.log_path, "w") as log:
            self.viewer = subprocess.Popen(
                [VIEWER, "--log-events", "--size", "1600x1000", "--dump-items", self.items_path, *map(str, arguments)],
                stderr=log, env=self.env, cwd=self.dir)
        self.addCleanup(self.viewer.wait)
        self.addCleanup(self.viewer.kill)

    def xdotool(self, *arguments):
        subprocess.run(["xdotool", *map(str, arguments)], env=self.env, check=True, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait_line(self, begin):
        """The next line of the log that begins so."""
        def find():
            lines = self.log_path.read_text().splitlines()
            for i in range(self.seen, len(lines)):
                if lines[i].startswith(begin):
                    self.seen = i + 1
                    return lines[i]
            return None
        return until(find, f"the log line '{begin}'", self.viewer)

    def wait_item(self, name, good=lambda text: True):
        """The rectangle of an item, once it is drawn and its text is as wanted."""
        def find():
            try:
                item = json.loads(self.items_path.read_text())["items"].get(name)
            except FileNotFoundError:
                return None
            return item if item and good(item["text"]) else None
        return until(find, f"the item '{name}'", self.viewer)

    def place(self, name, fx=0.5, fy=0.5):
        x, y, width, height = self.wait_item(name)["rect"]
        return round(x + width * fx), round(y + height * fy)

    def click(self, name):
        self.xdotool("mousemove", *self.place(name), "click", 1)
        self.wait_line(f"click {name}")

    def drag(self, name, begin, end):
        self.xdotool("mousemove", *self.place(name, begin), "mousedown", 1)
        # At a person's pace: a press and release within one frame is no drag.
        for i in range(1, 6):
            time.sleep(0.2)
            self.xdotool("mousemove", *self.place(name, begin + (end - begin) * i / 5))
        time.sleep(0.2)
        self.xdotool("mouseup", 1)

    def window(self):
        """The X window, with the keyboard."""
        found = subprocess.run(["xdotool", "search", "--class", "kvreel-viewer"], env=self.env, text=True,
                               capture_output=True, check=True, timeout=60).stdout.split()[-1]
        self.xdotool("windowfocus", found)
        return int(found)

    def x_client(self):
        client = XClient(self.env["DISPLAY"])
        self.addCleanup(client.close)
        return client

    def ticks(self):
        """Processor time so far, in hundredths of a second."""
        fields = pathlib.Path(f"/proc/{self.viewer.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def expect_rest(self):
        """At rest once the count stands still; then it has to stay."""
        last = [-1]

        def rests():
            time.sleep(0.3)
            before, last[0] = last[0], self.ticks()
            return before == last[0]

        until(rests, "the window to come to rest", self.viewer)
        before = self.ticks()
        time.sleep(2)
        # One tick, 10 ms, may be counted to whoever runs when the clock interrupts.
        self.assertLessEqual(self.ticks() - before, 1)

    def test_opens_plays_scrubs_drags_the_threshold_compares_and_exports(self):
        trace = self.record_some()
        self.start(trace)
        self.wait_line("loaded ")
        self.wait_item("window.title", lambda text: text.startswith("trace.h5"))
        self.window()

        # Playing goes from the start to the last eviction.
        self.click("page.Replay")
        self.wait_item("replay.position")
        self.xdotool("key", "Home")
        self.wait_item("replay.position", lambda text: text.startswith("0/"))
        self.click("replay.play")
        end = self.wait_item("replay.position", lambda text: len(set(text.split("/"))) == 1)["text"]
        self.assertGreater(int(end.split("/")[1]), 0)

        # Scrubbing stops where the pointer is.
        self.drag("replay.scrubber", 0.9, 0.4)
        self.wait_item("replay.position", lambda text: 0 < int(text.split("/")[0]) < int(text.split("/")[1]))

        recorded = self.wait_item("replay.what_if.budget")["text"]
        self.drag("replay.threshold", 0.2, 0.4)
        self.wait_item("replay.what_if.budget", lambda text: text != recorded)

        self.click("page.Compare")
        self.wait_item("page.Compare", lambda text: text == "on")

        self.xdotool("key", "ctrl+e")
        self.click("export.ok")
        self.wait_line("export kvreel.png")
        picture = (self.dir / "kvreel.png").read_bytes()
        self.assertTrue(picture.startswith(b"\x89PNG"))
        self.assertGreater(len(picture), 4000, "the exported picture has hardly anything in it")

        self.xdotool("key", "ctrl+q")
        self.wait_line("quit")
        self.assertEqual(self.viewer.wait(timeout=PATIENCE_S), 0)
        settings = json.loads((self.dir / "config" / "kvreel" / "viewer.json").read_text())
        self.assertEqual(settings["recent"], [str(pathlib.Path(trace).resolve())])
        self.assertEqual((settings["width"], settings["height"]), (1600, 1000))

    def test_an_idle_window_uses_no_processor_time(self):
        self.start()
        self.wait_item("window.open")
        self.expect_rest()

    def test_a_zoom_glides_and_comes_to_rest(self):
        trace = self.record_some()
        self.start(trace)
        self.wait_line("loaded ")
        self.click("page.Timeline")

        def length(item):
            begin, end = map(int, item["text"].split())
            return end - begin

        whole = length(self.wait_item("timeline.range"))
        self.xdotool("mousemove", *self.place("timeline.rows"))
        for _ in range(4):
            self.xdotool("click", 4)
        # Where it is written down, the window has come to rest: at the whole of the zoom.
        wanted = whole / 1.25**4
        self.wait_item("timeline.range", lambda text: abs(length({"text": text}) / wanted - 1) < 0.01)
        self.expect_rest()

    def test_a_minimised_window_uses_no_processor_time_and_comes_back(self):
        trace = self.record_some()
        self.start()
        self.wait_item("window.open")
        window, client = self.window(), self.x_client()
        client.minimise(window)
        self.expect_rest()
        client.restore(window)
        # It takes input, and shows what comes of it.
        self.window()
        self.xdotool("key", "F1")
        self.wait_item("keys")
        self.xdotool("key", "F1")
        client.drop(window, [trace])
        self.wait_line("loaded ")

    def test_files_are_dropped(self):
        trace = self.record_some()
        other = self.dir / "another trace, für später.h5"
        shutil.copy(trace, other)
        self.start()
        self.wait_item("empty.open")
        window, client = self.window(), self.x_client()
        client.drop(window, [trace])
        self.wait_line(f"open {trace}")
        self.wait_line("loaded ")
        self.wait_item("window.title", lambda text: text.startswith("trace.h5"))
        # Several at once, one of them no trace.
        bad = self.dir / "notes.txt"
        bad.write_text("no trace")
        client.drop(window, [other, bad])
        self.wait_line(f"open {other}")
        self.wait_line(f"failed {bad}")
        self.wait_item("window.title", lambda text: "3 traces open" in text)

    def test_sizes_of_panes_are_kept(self):
        trace = self.record_some()
        self.start(trace)
        self.wait_line("loaded ")
        self.click("page.Replay")
        before = self.wait_item("replay.map")["rect"]
        x, y = self.place("replay.split.curves")
        self.xdotool("mousemove", x, y, "mousedown", 1)
        for i in range(1, 6):
            time.sleep(0.2)
            self.xdotool("mousemove", x - 30 * i, y)
        time.sleep(0.2)
        self.xdotool("mouseup", 1)

        def dragged():
            return self.wait_item("replay.map")["rect"][2] < before[2] - 100

        until(dragged, "the gap to be dragged", self.viewer)
        width = self.wait_item("replay.map")["rect"][2]
        self.window()
        self.xdotool("key", "ctrl+q")
        self.wait_line("quit")
        self.assertEqual(self.viewer.wait(timeout=PATIENCE_S), 0)
        self.start(trace)
        self.wait_line("loaded ")
        self.click("page.Replay")
        self.assertEqual(self.wait_item("replay.map")["rect"][2], width)


if __name__ == "__main__":
    unittest.main()
