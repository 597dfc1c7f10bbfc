"""Pictures of every page of the viewer in both themes, from the demo trace.

Run: ./dev pictures, or python3 docs/pictures/gallery.py VIEWER TRACE DIRECTORY
Needs no display. The same trace gives the same pictures where Mesa and the fonts are the same.
"""

import pathlib
import subprocess
import sys

# What a person does before each picture; the pointer ends where it lights up nothing. {style}: of figures, like the theme.
PAGES = {
    "overview": ["key 1"],
    "replay": ["key 2", "wait", "drag replay.scrubber 0.99 0.5 0.6 0.5"],
    "what-if": ["key 2", "wait", "click replay.end", "drag replay.threshold 0.675 0.3 0.5 0.3"],
    "compare": ["click replay.threshold.reset", "key 3", "wait", "click compare.rank.row.5"],
    "timeline": ["key 4", "wait", "click timeline.decision"],
    "attention": ["key 5"],
    "figures": ["figure decision", "click figures.style.{style}"],
}


def script(theme):
    lines = [f"theme {theme}", "wait", "click run", "click run.2", "wait"]
    style = "dark" if theme == "dark" else "screen"
    for page, steps in PAGES.items():
        steps = [step.format(style=style) for step in steps]
        lines += [*steps, "wait", "hover status 0.3 0.5", "wait", f"shot {page}-{theme}.png"]
    return "\n".join(lines) + "\n"


def make(viewer, trace, directory, size="1600x1000"):
    """Writes the pictures and returns their paths. Raises with the viewer's sentence where it fails."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    made = []
    for theme in ("dark", "light"):
        steps = directory / f"steps-{theme}.txt"
        steps.write_text(script(theme))
        command = [str(viewer), "--headless", "--size", size, "--script", str(steps.resolve())]
        result = subprocess.run([*command, str(pathlib.Path(trace).resolve())], cwd=directory,
                                capture_output=True, text=True, timeout=300)
        steps.unlink()
        if result.returncode != 0:
            raise RuntimeError(result.stderr.strip())
        made += [directory / f"{page}-{theme}.png" for page in PAGES]
    return made


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    for path in make(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]):
        print(path)
