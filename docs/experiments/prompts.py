#!/usr/bin/env python3
"""Prompts of the demo model's tasks for docs/experiments/evidence.md. Standard library only.

    prompts.py tasks FILE      60 held-out prompts of each of the seven tasks: those of
                               assets/demo-model/train/make_prompts.py --keep 60
    prompts.py evidence FILE   200 prompts each of `twohop` and `list`, drawn from another seed and not
                               stratified, with the field `evidence`: for twohop whether the second fact
                               stands after or before the first, for list how many names are asked for

Nothing is chosen by what the model makes of it.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "assets" / "demo-model" / "train"))
from make_prompts import held_out  # noqa: E402
from tokenizer import Tokenizer, build  # noqa: E402

EVIDENCE_SEED = 20261124
TASKS = ("twohop", "list")


def evidence_of(row):
    """What decides how hard the row is for a cache that forgets the oldest first."""
    if row["task"] == "list":
        # "... went to Ann. Ann went to Lucy. Lucy went to the sea.": a name for each "went".
        return f"{row['answer'].count('went') + 1} names"
    story, question = row["prompt"].split("\nQ:")
    # The stem ends "... The red ball went to"; the answer begins " Tom. Tom is in the garden."
    thing = question.rsplit("\nA:", 1)[1].strip().removesuffix("went to").strip()
    owner = row["answer"].strip().split(".")[0]
    first, second = story.index(f"{thing} went to {owner}."), story.index(f" {owner} is in the")
    return "second fact after the first" if second > first else "second fact before the first"


def shown(row, **more):
    fields = {key: row[key] for key in ("id", "task", "prompt", "answer")}
    fields.update(prompt_tokens=len(row["prompt_ids"]), depth=row["depth"], **more)
    return json.dumps(fields) + "\n"


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("tasks", "evidence"):
        sys.exit(__doc__)
    tokenizer = Tokenizer(build())
    if sys.argv[1] == "tasks":
        lines = [shown(row) for rows in held_out(tokenizer, 60).values() for row in rows]
    else:
        drawn = held_out(tokenizer, 200, seed=EVIDENCE_SEED)
        rows = [(evidence_of(row), row) for task in TASKS for row in drawn[task]]
        rows.sort(key=lambda pair: (pair[1]["task"] != TASKS[0], pair[0]))  # so that figures list them in order
        lines = [shown(row, evidence=evidence) for evidence, row in rows]
    Path(sys.argv[2]).write_text("".join(lines))


if __name__ == "__main__":
    main()
