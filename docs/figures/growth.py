"""How cost grows with tokens, layers, heads, runs and events: recordings of dummy weights, and fitted exponents.

Run: python3 docs/figures/growth.py KVREEL MODEL [--longest TOKENS] > growth.csv
MODEL is a directory with config.json and tokenizer.json; its shape is the base that one size at a time departs from.
Prints every measurement as CSV, and on standard error a line for each exponent b of cost = a * size^b: least squares
in log-log over the medians, with the standard error of the slope. Times are kvreel's own, from table `passes`.
Set OMP_WAIT_POLICY=passive: threads that spin between operations take the writer's core, and what recording costs is
then noise.
"""

import argparse
import csv
import io
import json
import math
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

REPEATS = 3
BASE = {"tokens": 1024, "layers": 4, "heads": 8, "runs": 2, "generated": 32}
SIZES = {
    "tokens": [256, 512, 1024, 2048, 4096, 8192, 16384, 32768],
    "layers": [2, 4, 8, 16, 32],
    "heads": [4, 8, 16, 32],
    "runs": [2, 4, 8, 16],
    "generated": [8, 32, 128, 512],
}
COSTS = ["prefill_ms", "decide_ms", "token_ms", "recorder_ms", "file_bytes"]


def make_model(source, directory, shape):
    """A model directory of the shape, without weights: head_dim stays, the hidden size grows with the heads."""
    config = json.loads((source / "config.json").read_text())
    config["num_hidden_layers"] = shape["layers"]
    config["num_attention_heads"] = config["num_key_value_heads"] = shape["heads"]
    config["hidden_size"] = shape["heads"] * config["head_dim"]
    config["intermediate_size"] = 2 * config["hidden_size"]
    config["max_position_embeddings"] = shape["tokens"] + shape["generated"]
    (directory / "config.json").write_text(json.dumps(config))
    for name in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]:
        if (source / name).exists():
            shutil.copy(source / name, directory / name)
    return config["vocab_size"]


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


def measure(kvreel, source, shape):
    """Medians over REPEATS prompts of one recording, after one that warms up."""
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        vocabulary = make_model(source, directory, shape)
        prompts = directory / "prompts.jsonl"
        with prompts.open("w") as file:
            for prompt in range(REPEATS + 1):
                ids = [2 + (i * 7919 + prompt * 104729) % (vocabulary - 2) for i in range(shape["tokens"])]
                file.write(json.dumps({"ids": ids}) + "\n")
        trace = directory / "trace.h5"
        thresholds = ",".join(f"{0.5 * (i + 1)}%" for i in range(shape["runs"] - 1))
        run([kvreel, "record", "--model", str(directory), "--load-format", "dummy", "--no-hash", "--no-bandwidth",
             "--ignore-eos", "--prompts", str(prompts), "--policy", "full", "--policy",
             f"refreekv:threshold={thresholds},keep-layers=none", "--max-new-tokens", str(shape["generated"]),
             "-o", str(trace)])
        table = run([kvreel, "export", str(trace), "--table", "passes", "--format", "csv"])
        rows = list(csv.DictReader(line for line in io.StringIO(table) if not line.startswith("#")))
        first = rows[0]["sample"]
        rows = [row for row in rows if row["sample"] != first]
        decided = [row for row in rows if float(row["decide_ns"]) > 0]
        by_sample = {}
        for row in rows:
            by_sample.setdefault(row["sample"], []).append(float(row["recorder_ns"]))
        return {
            "prefill_ms": statistics.median([float(row["prefill_ns"]) for row in rows]) / 1e6,
            "decide_ms": statistics.median([float(row["decide_ns"]) for row in decided]) / 1e6,
            "token_ms": statistics.median([float(row["decode_ns"]) for row in rows]) / (shape["generated"] - 1) / 1e6,
            "recorder_ms": statistics.median([sum(times) for times in by_sample.values()]) / 1e6,
            "file_bytes": trace.stat().st_size / (REPEATS + 1),
        }


def fit(sizes, costs):
    """Exponent and its standard error of cost = a * size^b."""
    x = [math.log(size) for size in sizes]
    y = [math.log(cost) for cost in costs]
    mean_x, mean_y = statistics.fmean(x), statistics.fmean(y)
    spread = sum((a - mean_x) ** 2 for a in x)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / spread
    rest = sum((b - mean_y - slope * (a - mean_x)) ** 2 for a, b in zip(x, y))
    return slope, math.sqrt(rest / max(len(x) - 2, 1) / spread)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kvreel")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--longest", type=int, default=32768, help="most prompt tokens")
    options = parser.parse_args()
    writer = csv.writer(sys.stdout)
    writer.writerow(["size_of", "size", *COSTS])
    for name, sizes in SIZES.items():
        sizes = [size for size in sizes if name != "tokens" or size <= options.longest]
        costs = []
        for size in sizes:
            costs.append(measure(options.kvreel, options.model, {**BASE, name: size}))
            writer.writerow([name, size, *(f"{costs[-1][cost]:.6g}" for cost in COSTS)])
            sys.stdout.flush()
        for cost in COSTS:
            slope, error = fit(sizes, [each[cost] for each in costs])
            print(f"{cost} grows with {name}^{slope:.2f} (standard error {error:.2f}, {len(sizes)} sizes)",
                  file=sys.stderr)


if __name__ == "__main__":
    main()
