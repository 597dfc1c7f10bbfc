"""Every figure of kvreel, drawn from recordings of the demo model.

Run: ./dev pictures, or python3 docs/figures/gallery.py KVREEL DEMO_TRACE SWEEP_TRACE DIRECTORY
The same traces give the same files, byte for byte, but for the command in their metadata.
"""

import pathlib
import subprocess
import sys

# Which of the two traces shows a figure best, and how.
FIGURES = {
    "threshold-budget": ("sweep", ["--by", "task"]),
    "threshold-score": ("sweep", []),
    "retention": ("sweep", ["--by", "task"]),
    "threshold": ("sweep", ["--size", "acl-page"]),
    "layer-budget": ("demo", []),
    "score-budget": ("sweep", []),
    "score-bytes": ("sweep", []),
    "fidelity-budget": ("sweep", []),
    "fidelity-steps": ("sweep", ["--run", "refreekv:keep-layers=none,threshold=1%", "--run",
                                 "refreekv:keep-layers=none,threshold=5%"]),
    "lost-attention": ("sweep", ["--run", "refreekv:keep-layers=none,threshold=1%", "--run",
                                 "refreekv:keep-layers=none,threshold=5%"]),
    "eviction-map": ("demo", []),
    "norm-curves": ("demo", []),
    "decision": ("demo", ["--size", "acl-page"]),
    "attention-norms": ("demo", ["--size", "acl-page"]),
    "latency": ("demo", ["--size", "acl-page"]),
    "step-latency": ("demo", []),
    "cache-bytes": ("demo", []),
    "memory": ("demo", []),
}
# What the demo cannot show.
ELSEWHERE = {
    "kernels": "needs a recording on a GPU",
}


def make(kvreel, traces, directory):
    """Writes the figures as SVG and returns their paths. Raises with kvreel's sentence where it fails."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    made = []
    for name, (trace, options) in FIGURES.items():
        path = directory / f"{name}.svg"
        size = [] if "--size" in options else ["--size", "acl-column"]
        command = [str(kvreel), "export", str(traces[trace]), "--figure", name, "--force", "-o", str(path), *size,
                   *options]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if result.returncode != 0:
            raise RuntimeError(f"{name}: {result.stderr.strip()}")
        made.append(path)
    return made


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    for made_path in make(sys.argv[1], {"demo": sys.argv[2], "sweep": sys.argv[3]}, sys.argv[4]):
        print(made_path)
