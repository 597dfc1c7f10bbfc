#!/usr/bin/env python3
"""Makes ../prompts.jsonl: the first five held-out prompts of each task. Standard library only.

    python make_prompts.py           # writes it
    python make_prompts.py --check   # fails where the file differs from what would be written
    python make_prompts.py --keep 60 --out all.jsonl

The prompts are taken as they come, whatever the model makes of them. Sixty of a task are drawn from
one random stream before the next task's, so that more can be kept without changing the first ones.
Where a task names a depth, its evidence begins at 8, 50 and 92 % of the story in turn.
"""

import argparse
import json
import random
import sys
from pathlib import Path

from tasks import TASKS, sample
from tokenizer import Tokenizer, build

HERE = Path(__file__).resolve().parent
SEED = 4242
DRAWN = 60
KEPT = 5
SHORTEST, LONGEST = 64, 480
DEPTHS = {"early": 0.08, "middle": 0.5, "late": 0.92}

# Not twohop: with its evidence placed, the second fact never comes before the first.
STRATIFIED = ("fact", "passkey", "arith")


def held_out(tokenizer, count, seed=SEED, stratified=STRATIFIED):
    """`count` prompts of each task, 64 to 480 tokens: {task: [row]}."""
    rng, result = random.Random(seed), {}
    for task in TASKS:
        rows = result[task] = []
        while len(rows) < count:
            depth = list(DEPTHS)[len(rows) % len(DEPTHS)] if task in stratified else ""
            length = rng.randint(SHORTEST, LONGEST)
            segments = sample(rng, task, length, tokenizer.count, depth=DEPTHS.get(depth))
            prompt, answer = "".join(text for text, _ in segments[:-1]), segments[-1].text
            ids = tokenizer.encode(prompt)
            if not SHORTEST <= len(ids) <= LONGEST:
                continue
            row = {"id": f"{task}-{len(rows):03d}", "task": task, "prompt": prompt}
            row.update(answer=answer, depth=depth)
            row.update(prompt_ids=ids, answer_ids=tokenizer.encode(answer))
            rows.append(row)
    return result


def lines(keep):
    tokenizer = Tokenizer(build())
    for rows in held_out(tokenizer, DRAWN).values():
        for row in rows[:keep]:
            shown = {key: row[key] for key in ("id", "task", "prompt", "answer")}
            shown.update(prompt_tokens=len(row["prompt_ids"]), depth=row["depth"])
            yield json.dumps(shown) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=int, default=KEPT, help=f"of each task, at most {DRAWN}")
    parser.add_argument("--out", type=Path, default=HERE.parent / "prompts.jsonl")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    args = parser.parse_args()
    if not 1 <= args.keep <= DRAWN:
        parser.error(f"--keep {args.keep}: give 1 to {DRAWN}")
    text = "".join(lines(args.keep))
    if not args.check:
        args.out.write_text(text)
    elif args.out.read_text() != text:
        sys.exit(f"{args.out} differs from what this script makes")


if __name__ == "__main__":
    main()
