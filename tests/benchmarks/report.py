#!/usr/bin/env python3
"""Times everything that speed is promised for, as one table: ./dev bench runs this.

    report.py BUILD [--repetitions N] [--only PROGRAM] [--from DIRECTORY]

Runs engine_bench and trace_bench of a build N times (5), in random order, and sets each promise beside what was
measured: the median of the N repetitions, the least and the most. Prints the table and writes it to out/bench.md; what
the programs said stays in out/bench. --from reads what an earlier run left there. Exits with 1 where a promise is not
held, with 2 where something could not be measured.
"""

import argparse
import dataclasses
import json
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "python"))
sys.dont_write_bytecode = True

from machine import machine  # noqa: E402

PROGRAMS = ("engine_bench", "trace_bench")


@dataclasses.dataclass
class Promise:
    what: str
    benchmark: str  # its name in Google Benchmark's output
    counter: str  # of the benchmark, or "ms": its time
    unit: str
    least: float | None = None  # what is promised: at least, or at most
    most: float | None = None
    scale: float = 1.0

    @property
    def reach(self):
        return f"at least {self.least:g} {self.unit}" if self.most is None else f"at most {self.most:g} {self.unit}"

    def held(self, value):
        return value >= self.least if self.most is None else value <= self.most


QWEN, LLAMA = "qwen2.5-0.5b", "llama-3.2-1b"
OF_READ = "% of the read bandwidth"
OF_PEAK = "% of the multiply-add peak"
PROMISES = [
    *(Promise(f"decode, bf16, {model}, context {context}", f"decode/{model}/{context}", "percent_of_read", OF_READ,
              least=85) for model in (QWEN, LLAMA) for context in (64, 4096)),
    *(Promise(f"prefill's matrix products, {model}, {tokens} tokens", f"prefill_products/{model}/{tokens}",
              "percent_of_peak", OF_PEAK, least=65) for model in (QWEN, LLAMA) for tokens in (512, 2048)),
    Promise("attention over 8192 tokens with statistics of the last row", f"attention/{QWEN}/8192",
            "percent_more_with_last_row", "% more", most=2),
    Promise("the same with column sums and squares", f"attention/{QWEN}/8192", "percent_more_with_columns", "% more",
            most=50),
    Promise("ReFreeKV's decisions, 8192 tokens, of two layers", f"decision/refreekv/{QWEN}/8192", "percent_of_prefill",
            "% of the prefill", most=1),
    Promise("recording spans while decoding", f"recording/{QWEN}/64+32", "percent_more_decode", "% more", most=1),
    Promise("recording spans in prefill", f"recording/{QWEN}/64+32", "percent_more_prefill", "% more", most=1),
    Promise("recorder, kernel events", "record/kernels/4M", "events_per_second", "million/s", least=5, scale=1e-6),
    Promise("recorder, spans", "record/spans/4M", "events_per_second", "million/s", least=5, scale=1e-6),
    Promise("finishing, kernel events", "finalise/kernels/4M", "bytes_per_second", "MB/s", least=100, scale=1e-6),
    Promise("a kernel event in the finished file", "finalise/kernels/4M", "bytes_per_event", "bytes", most=12),
    Promise("open 10 million events: overview, trial included", "open/10M/info", "ms", "ms", most=300),
    Promise("the same as a command: kvreel info", "command/info/10M", "ms", "ms", most=300),
    Promise("one layer's decisions of it", "read/10M/layer_decisions", "ms", "ms", most=20),
    Promise("one second of its timeline", "read/10M/second_of_timeline", "ms", "ms", most=20),
    Promise("kvreel compare, 1000 samples x 10 runs", "command/compare/1000x10", "ms", "ms", most=1000),
]


def run(build, program, repetitions, out):
    file = out / f"{program}.json"
    file.unlink(missing_ok=True)
    if not (build / "tests" / program).exists():
        sys.exit(f"{build} has no {program}; build it, or let ./dev bench do it.")
    print(f"{program}, {repetitions} times ...", flush=True)
    with open(out / f"{program}.log", "w") as log:
        result = subprocess.run([build / "tests" / program, f"--benchmark_repetitions={repetitions}",
                                 "--benchmark_enable_random_interleaving=true", f"--benchmark_out={file}",
                                 "--benchmark_out_format=json"], stdout=log, stderr=subprocess.STDOUT)
    # What it says is not whole then: it ends with its table.
    if result.returncode != 0:
        file.unlink(missing_ok=True)
        print(f"{program} ended with {result.returncode}; {log.name} has what it said, and its source what it needs.",
              file=sys.stderr)


def name_of(entry):
    """Without what the library adds to a name: iterations, repetitions, kinds of time."""
    return re.sub(r"/(iterations:\d+|repeats:\d+|manual_time|real_time|process_time|threads:\d+)", "", entry["name"])


def measured(out):
    """Benchmark -> its repetitions, as Google Benchmark tells them."""
    found = {}
    for program in PROGRAMS:
        file = out / f"{program}.json"
        if not file.exists():
            continue
        for entry in json.loads(file.read_text())["benchmarks"]:
            if entry.get("run_type") == "iteration" and not entry.get("error_occurred"):
                found.setdefault(name_of(entry), []).append(entry)
    return found


def values_of(promise, found):
    milliseconds = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}
    values = []
    for entry in found.get(promise.benchmark, []):
        if promise.counter == "ms":
            values.append(entry["real_time"] * milliseconds[entry["time_unit"]])
        elif promise.counter in entry:
            values.append(entry[promise.counter] * promise.scale)
    return values


def number(value):
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", choices=PROGRAMS)
    parser.add_argument("--from", dest="earlier", type=pathlib.Path)
    options = parser.parse_args()
    out = options.earlier or ROOT / "out" / "bench"
    if options.earlier is None:
        out.mkdir(parents=True, exist_ok=True)
        for program in PROGRAMS:
            if options.only in (None, program):
                run(options.build.resolve(), program, options.repetitions, out)
    found = measured(out)
    rows, held = [("what", "promised", "measured", "least to most", "n", "")], []
    lacks = []
    for promise in PROMISES:
        values = values_of(promise, found)
        if not values:
            lacks.append(promise.benchmark)
            rows.append((promise.what, promise.reach, "not measured", "", "0", ""))
            continue
        middle = statistics.median(values)
        held.append(promise.held(middle))
        rows.append((promise.what, promise.reach, f"{number(middle)} {promise.unit}",
                     f"{number(min(values))} to {number(max(values))}", str(len(values)),
                     "held" if held[-1] else "NOT HELD"))
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" * len(rows[0]) + "|")
    text = f"{machine()}; {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}\n\n" + "\n".join(lines) + "\n"
    (ROOT / "out").mkdir(exist_ok=True)
    (ROOT / "out" / "bench.md").write_text(text)
    print("\n" + text)
    print(f"{sum(held)} of {len(PROMISES)} promises are held; the table is in {ROOT / 'out' / 'bench.md'}.")
    if lacks:
        print(f"Not measured: {', '.join(dict.fromkeys(lacks))}; see {out}.", file=sys.stderr)
        return 2
    return 0 if all(held) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
