"""kvreel uses no network and writes nowhere but where it was told to.

Where strace is there and may trace (ptrace is forbidden in some containers), every system call that could break this is seen;
elsewhere the program runs without a network (unshare) and a listing of all it could reach is compared before and after.
"""

import os
import re
import shutil
import subprocess
import unittest

from kvreel_command import DEMO, KVREEL, KvreelTest

VIEWER = os.environ.get("KVREEL_VIEWER", "")
NETWORK = {"socket", "connect", "bind", "listen", "accept", "accept4", "socketpair", "send", "sendto", "sendmsg", "recv", "recvfrom",
           "recvmsg", "getaddrinfo", "gethostbyname", "gethostbyname_r", "getnameinfo", "res_query", "curl_easy_init", "SSL_connect",
           "BIO_new_connect"}
# The process's own accounts, devices that are no files, and what graphics drivers ask of the kernel.
HARMLESS = re.compile(r"/proc/self/clear_refs|/dev/(null|zero|tty|dri/.*|udmabuf|shm/.*)|/proc/self/task/.*")


def can_trace():
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True).returncode == 0


def without_network():
    """A prefix that runs a command in a namespace that has no network, or nothing where that is forbidden."""
    prefix = ["unshare", "-rn"]
    if shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
        return prefix
    return []


class Imports(unittest.TestCase):
    def test_the_programs_import_nothing_of_the_network(self):
        for program in filter(None, (KVREEL, VIEWER)):
            result = subprocess.run(["nm", "-D", "--undefined-only", program], capture_output=True, text=True)
            self.assertEqual(result.returncode, 0, result.stderr)
            imported = {line.split()[-1].split("@")[0] for line in result.stdout.splitlines()}
            self.assertTrue("H5Fopen" in imported, program)  # the list is one
            self.assertEqual(sorted(imported & NETWORK), [], program)


class LeastTrust(KvreelTest):
    def setUp(self):
        super().setUp()
        for name in ("home", "tmp", "out", "input"):
            (self.dir / name).mkdir()
        shutil.copytree(DEMO / "model", self.dir / "input" / "model")
        shutil.copy(DEMO / "prompts.jsonl", self.dir / "input")
        self.environment = {**os.environ, "HOME": str(self.dir / "home"), "TMPDIR": str(self.dir / "tmp"), "OMP_WAIT_POLICY": "passive"}
        # Under AddressSanitizer: looking for leaks needs the ptrace that strace has.
        self.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY"):
            self.environment.pop(name, None)

    def commands(self):
        """Every command, with the files that it may write, companions included."""
        out, data = self.dir / "out", self.dir / "input"
        trace = out / "t.h5"
        yield ["record", "--model", data / "model", "--prompts", data / "prompts.jsonl", "--limit", 3, "--max-new-tokens", 4, "--fidelity",
               "--attention-rows", "--policy", "full", "--policy", "refreekv:threshold=1%,5%", "-o", trace], trace
        for command in ("info", "compare", "check-reference"):
            yield [command, trace], None
        yield ["export", "--list"], None
        yield ["export", trace, "--table", "steps"], None
        for name in ("a.csv", "a.json", "a.md", "a.tex"):
            yield ["export", trace, "--table", "decisions", "-o", out / name], out / name
        for name in ("f.pdf", "f.svg", "f.png"):
            yield ["export", trace, "--figure", "threshold-budget", "-o", out / name, "--data", out / "f.csv", "--force"], out / "f"
        yield ["export", trace, "--timeline", "chrome", "-o", out / "c.json"], out / "c.json"
        yield ["recover", trace, "-o", out / "r.h5"], out / "r.h5"

    def listing(self):
        """Every entry of the test's tree but of out/, with what tells that it was touched."""
        found = {}
        for path in sorted(self.dir.rglob("*")):
            if self.dir / "out" not in (path, *path.parents) and self.dir / "input" != path:
                status = path.lstat()
                found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return found

    def run_watched(self, program, arguments, allowed):
        """Runs a program from an empty home; checks what it wrote and that it spoke to nobody."""
        before = self.listing()
        log = self.dir.parent / (self.dir.name + ".strace")
        self.addCleanup(log.unlink, missing_ok=True)
        prefix = ["strace", "-f", "-qq", "-y", "-s", "4096", "-e", "trace=network,%file", "-o", str(log)] if can_trace() else without_network()
        result = subprocess.run([*prefix, program, *map(str, arguments)], capture_output=True, text=True, cwd=self.dir / "home",
                                env=self.environment, timeout=240)
        self.assertEqual(result.returncode, 0, (arguments, result.stderr))
        self.assertEqual(self.listing(), before, arguments)
        if can_trace():
            self.check_calls(log.read_text(errors="replace"), allowed, arguments)

    def check_calls(self, log, allowed, arguments):
        files = 0
        for line in log.splitlines():
            call = re.match(r"\d+\s+(\w+)\((.*)", line)
            if call is None:
                continue
            name, rest = call.groups()
            if name in NETWORK or name == "socketpair":
                # The C library asks its own cache of names, over a file; drivers ask for the user's home.
                self.assertRegex(rest, r"AF_UNIX|sun_path=\"/(var/)?run/nscd/socket\"", line)
                continue
            files += 1
            writes = name in ("creat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "link",
                              "linkat", "symlink", "symlinkat", "truncate", "chmod", "fchmodat", "chown", "utimensat", "mknod", "mknodat")
            if not writes and not re.search(r"\b(O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND)\b", rest):
                continue
            paths = re.findall(r'"((?:[^"\\]|\\.)*)"', rest)
            self.assertTrue(paths, line)
            for path in paths:
                if HARMLESS.fullmatch(path):
                    continue
                self.assertIsNotNone(allowed, line)
                whole = str(self.dir / "home" / path)
                self.assertTrue(whole.startswith(str(allowed)), f"{arguments}: {line}")
        self.assertGreater(files, 3, "nothing was traced")

    def test_every_command_writes_its_output_only_and_speaks_to_nobody(self):
        for arguments, allowed in self.commands():
            with self.subTest(arguments=arguments[:4]):
                self.run_watched(KVREEL, arguments, allowed)
        left = sorted(path.name for path in (self.dir / "out").iterdir())
        self.assertEqual(left, sorted(["t.h5", "a.csv", "a.json", "a.md", "a.tex", "f.pdf", "f.svg", "f.png", "f.csv", "c.json", "r.h5"]))

    @unittest.skipUnless(VIEWER, "the viewer is not built")
    def test_the_viewer_off_screen_writes_its_picture_only(self):
        trace = self.dir / "out" / "t.h5"
        self.run_watched(KVREEL, ["record", "--model", DEMO / "model", "--prompt", "Story:", "--max-new-tokens", 3, "-o", trace], trace)
        picture = self.dir / "out" / "v.png"
        self.run_watched(VIEWER, ["--headless", "--size", "800x600", "--shot", picture, trace], picture)
        self.assertEqual([path.name for path in (self.dir / "home").iterdir()], [])

    @unittest.skipUnless(can_trace(), "strace is not here, or may not trace")
    def test_a_write_elsewhere_would_be_seen(self):
        elsewhere = self.dir / "tmp" / "x.csv"
        trace = self.dir / "out" / "t.h5"
        self.run_watched(KVREEL, ["record", "--model", DEMO / "model", "--prompt", "Story:", "--max-new-tokens", 1, "-o", trace], trace)
        with self.assertRaises(AssertionError):
            self.run_watched(KVREEL, ["export", trace, "--table", "steps", "-o", elsewhere], self.dir / "out" / "x.csv")
        with self.assertRaises(AssertionError):
            self.check_calls('1 openat(AT_FDCWD</>, "/etc/x", O_WRONLY|O_CREAT, 0666) = 3\n' * 4, trace, [])
        with self.assertRaises(AssertionError):
            self.check_calls("1 socket(AF_INET, SOCK_STREAM, 0) = 3\n" * 4, trace, [])


if __name__ == "__main__":
    unittest.main()
