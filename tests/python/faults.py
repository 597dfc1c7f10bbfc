"""Runs kvreel with faults on demand: see tests/faults/preload.c."""

import os
import pathlib
import signal
import struct
import subprocess
import sys
from collections import namedtuple

from kvreel_command import KVREEL, ROOT

sys.path.insert(0, str(ROOT / "docs" / "examples"))
from read_trace import Trace  # noqa: E402

BUILD = pathlib.Path(KVREEL).resolve().parents[1]
FAULTS = os.environ.get("KVREEL_FAULTS", str(BUILD / "tests" / "faults" / "libkvreel_faults.so"))
REPLAY = os.environ.get("KVREEL_REPLAY", str(BUILD / "tests" / "faults" / "kvreel_replay"))

WRITE, TRUNCATE, RENAME, UNLINK, LINK, FLUSHED, HELD = range(1, 8)
Change = namedtuple("Change", "number kind path other time_ns offset bytes")


def environment(prefix, do="", at=(), **more):
    """Variables for a faulty process; `more` are KVREEL_FAULT_... in lower case, such as log=FILE, data=1."""
    variables = {"PATH": prefix, "DO": do, "AT": ",".join(map(str, at))}
    variables.update({name.upper(): value for name, value in more.items()})
    return {**os.environ, "LD_PRELOAD": FAULTS,
            **{f"KVREEL_FAULT_{name}": str(value) for name, value in variables.items()}}


def start(arguments, prefix, do="", at=(), **more):
    return subprocess.Popen([KVREEL, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=environment(prefix, do, at, **more))


def run(arguments, prefix, do="", at=(), **more):
    """The finished process; returncode is minus the signal that killed it."""
    process = start(arguments, prefix, do, at, **more)
    out, err = process.communicate(timeout=600)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def changes(log):
    """What a log tells, one Change after the other, numbered as KVREEL_FAULT_AT counts."""
    data = pathlib.Path(log).read_bytes()
    told, number, at = [], 0, 0
    while at < len(data):
        kind, path, other, _, time_ns, offset, size = struct.unpack_from("<IIIIQQQ", data, at)
        at += 40
        paths = data[at : at + path].decode(), data[at + path : at + path + other].decode()
        at += path + other + size
        number += kind <= LINK
        told.append(Change(number, kind, *paths, time_ns, offset, size))
    return told


def wait_until_stopped(process):
    """Waits for a process to stop itself (do="stop"). False: it has ended instead."""
    # Sending a signal looks whether the process is there, and may find that it has ended.
    if process.returncode is not None:
        return False
    state = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    if state.si_code != os.CLD_STOPPED:
        return False
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    return True


def go_on(process, number=None):
    """Continues a stopped process, after sending it a signal."""
    if number is not None:
        process.send_signal(number)
    process.send_signal(signal.SIGCONT)


def committed_rows(path):
    """Committed rows by table, {} where there is no trace or no commit yet."""
    try:
        trace = Trace(str(path))
    except (OSError, SystemExit):
        return {}
    trace.file.close()
    return dict(trace.rows)


def committed_passes(path):
    return committed_rows(path).get("passes", 0)
