#!/usr/bin/env python3
"""Reads a kvreel trace with h5py: mean budgets per run, and what one decision evicted.

Works on finished traces, on traces that are being recorded and on traces whose recorder was killed. It compares no
checksums: kvreel info --verify does. Of a trace in several files it reads the tables that are in the first alone, and
says so of the others.
Needs h5py and numpy only: python3 read_trace.py trace.h5 [--decision ROW]
"""

import argparse
import json
import os
import sys

import h5py
import numpy as np

MAJOR = 1
OF_COMMITS = ("time_ns", "checksum", "file_bytes")  # the other columns count rows of tables


class Trace:
    def __init__(self, path):
        self.path = path
        try:
            self.file = h5py.File(path, "r")
            whole = True
        except OSError:
            # Being recorded, or its recorder was killed: a plain open refuses such a file.
            self.file = h5py.File(path, "r", swmr=True)
            whole = False
        if self.file.attrs.get("format", b"") != b"kvreel-trace" or self.file.attrs["format_major"] != MAJOR:
            sys.exit(f"{path} is not a kvreel trace of format {MAJOR}.x")
        self.rows = self.committed_rows(whole)

    def committed_rows(self, whole):
        """Rows of each table that count: those of the last commit. Nothing behind them is to be read."""
        commits = self.file["commit"]
        sizes = commits["file_bytes"][:]  # 0: not a commit
        valid = sizes > 0 if whole else (sizes > 0) & (sizes <= os.path.getsize(self.path))
        if not valid.any():
            sys.exit(f"{self.path} holds no commit yet")
        last = int(np.flatnonzero(valid)[-1])
        return {name: int(commits[name][last]) for name in commits if name not in OF_COMMITS}

    def require_one_file(self, table):
        if self.rows.get("shards", 0) > 0 and table in self.file["shards"]:
            sys.exit(f"{table} of {self.path} go on in other files, which this example does not read; "
                     f"make one file of them with kvreel recover {self.path} -o ONE.h5")

    def column(self, table, name):
        self.require_one_file(table)
        return self.file[table][name][: self.rows[table]]

    def list(self, table, name, row):
        """One row of a list: values[end[row - 1] : end[row]]."""
        self.require_one_file(table)
        ends = self.file[table][name + "_end"]
        begin = int(ends[row - 1]) if row > 0 else 0
        return self.file[table][name][begin : int(ends[row])]

    def text(self, table, name, row):
        return self.list(table, name, row).tobytes().decode("utf-8", errors="replace")

    def notes(self):
        """The last value of every key."""
        return {
            self.text("notes", "key", row): json.loads(self.text("notes", "value", row))
            for row in range(self.rows["notes"])
        }


def print_budgets(trace):
    run = trace.column("passes", "run")
    budget = trace.column("passes", "budget")
    for row in range(trace.rows["runs"]):
        of_run = budget[run == row]
        mean = f"{of_run.mean():.4f}" if len(of_run) else "none yet"
        print(f"run {trace.text('runs', 'name', row)}: mean budget {mean}, n = {len(of_run)}")


def position_text(trace, sample, positions):
    """The text of prompt tokens at original positions; tokens may hold parts of UTF-8 characters."""
    ends = trace.column("samples", "tokens_end")
    first = int(ends[sample - 1]) if sample > 0 else 0
    prompt = int(ends[sample]) - first
    pieces = [
        trace.list("tokens", "piece", first + int(p)).tobytes() if p < prompt else b"<generated>" for p in positions
    ]
    return b"".join(pieces).decode("utf-8", errors="replace")


def print_decision(trace, row):
    get = lambda name: trace.file["decisions"][name][row]
    sample, cut, ranking, curve = int(get("sample")), int(get("cut")), int(get("ranking")), int(get("curve"))
    print(f"decision {row}: run {get('run')}, sample {sample}, step {get('step')}, layer {get('layer')}, "
          f"KV head {get('kv_head')}: {get('kept')} of {get('cached')} positions kept")
    if ranking >= 0:
        order = trace.list("rankings", "positions", ranking)
        evicted = np.sort(order[:cut])
        print(f"evicted text: {position_text(trace, sample, evicted)!r}")
    halt = int(get("halt_position"))
    if halt >= 0:
        print(f"eviction halted at position {halt}, token {position_text(trace, sample, [halt])!r}")
    if curve >= 0 and cut < len(trace.list("curves", "distance", curve)):
        distance = trace.list("curves", "distance", curve)
        after = f"{distance[cut + 1]:.6f}" if cut + 1 < len(distance) else "none left"
        print(f"distance {distance[cut]:.6f} at the cut, {after} with the next candidate, "
              f"threshold {get('threshold'):.6f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace")
    parser.add_argument("--decision", type=int, help="row of decisions; the first that evicts by default")
    arguments = parser.parse_args()
    trace = Trace(arguments.trace)
    print(f"{arguments.trace}: status {trace.file.attrs['status']}, {trace.rows['passes']} passes")
    print_budgets(trace)
    row = arguments.decision
    if row is None:
        evicting = np.flatnonzero(trace.column("decisions", "cut") > 0)
        row = int(evicting[0]) if len(evicting) else None
    if row is None or not 0 <= row < trace.rows["decisions"]:
        print("no such decision")
    else:
        print_decision(trace, row)


if __name__ == "__main__":
    main()
