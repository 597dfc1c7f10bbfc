"""A recording whose names and texts are meant to break out of every format."""

import json

# Ids of samples, and what they could do: end a CSV field, a Markdown cell, a LaTeX row, a JSON string, a line.
IDS = [
    'comma, "quote"',
    "pipe | and \\ backslash",
    "tex & # % $ _ { } ~ ^ \\end{tabular}",
    "[0pt] at a row's start",
    "line\nbreak\tand \u001b[31m colour",
    "\u6f22\u5b57 and \u00e9 and \u202e reversed",
]
FIELD = 'kind "of" | thing'


def write(path):
    """Writes the prompts as JSON lines; each has answers that no model gives, and a group."""
    with open(path, "w", encoding="utf-8") as file:
        for i, identity in enumerate(IDS):
            record = {"id": identity, "prompt": f"<s>Story: Rain fell all night. {identity}", "answer": "none such",
                      FIELD: ["a|b", "c & d"][i % 2]}
            file.write(json.dumps(record) + "\n")
    return path
