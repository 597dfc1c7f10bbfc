"""Dense retrieval exercises: a hard look-up every few tokens instead of one at a story's end."""

from tasks import ANSWER, BOS, CUE, EOS, SILENT, Segment
from words import COLOURS, DIGITS, NAMES, OBJECTS, PLACES

SEPARATORS = [
    " is",
    " is",
    " went to",
    " is in the",
    " had",
    " of",
    " bought",
    "",
    " has the",
    " are",
]


def exercise(rng, length, count_tokens):
    """A skip-copy (35 %) or a table asked whole (65 %), at most `length` tokens."""
    words = sorted({*NAMES, *OBJECTS, *PLACES})
    separator = rng.choice(SEPARATORS)
    gap = count_tokens(separator) if separator else 0
    if rng.random() < 0.35:
        return _skip_copy(rng, length, words, separator, gap)
    return _table(rng, length, separator, gap)


def _skip_copy(rng, length, words, separator, gap):
    """w1 sep w2 sep ... wk. and all of it again: the match is 1 + gap tokens back."""
    most = min((length - 9) // (2 * (1 + gap)), len(words))
    chosen = rng.sample(words, rng.randint(max(3, most // 2), most))
    text = separator.join(" " + word for word in chosen)
    return [
        Segment(BOS, 0),
        Segment("Story:" + text + ".", SILENT),
        Segment("\nA: " + chosen[0], CUE),
        Segment(text[1 + len(chosen[0]) :] + "." + EOS, ANSWER),
    ]


def _table(rng, length, separator, gap):
    """Lines of key and value, then all of them again in another order; only values are answers."""
    style = rng.choice(["name", "name", "object", "pair", "code"])
    value = rng.choice(["place", "name", "object", "digit", "code"])
    keys, key_tokens = _keys(rng, style)
    per_line = key_tokens + gap + (5 if value == "code" else 1) + 1
    most = max(1, min((length - 7) // (2 * per_line), len(keys)))
    count = max(1, rng.randint(max(1, most // 2), most))
    lines = [(key + separator, _value(rng, value)) for key in keys[:count]]
    table = "".join(f"{key}{value}." for key, value in lines)
    segments = [Segment(BOS, 0), Segment("Story:" + table, SILENT), Segment("\nA:", CUE)]
    rng.shuffle(lines)
    for key, value in lines:
        segments += [Segment(key, CUE), Segment(value + ".", ANSWER)]
    segments[-1] = Segment(segments[-1].text + EOS, ANSWER)
    return segments


def _keys(rng, style):
    """Keys in random order and the tokens of one."""
    if style == "name":
        return [" " + name for name in rng.sample(NAMES, 16)], 1
    if style == "object":
        return [" " + thing for thing in rng.sample(OBJECTS, 16)], 1
    if style == "code":
        return [" The code of " + name for name in rng.sample(NAMES, 16)], 4
    keys = [f" The {colour} {thing}" for colour in COLOURS for thing in OBJECTS]
    rng.shuffle(keys)
    if rng.random() < 0.5:  # four colours crossed with three objects: no single word tells
        things, colours = rng.sample(OBJECTS, 3), rng.sample(COLOURS, 4)
        keys = [f" The {colour} {thing}" for colour in colours for thing in things]
        rng.shuffle(keys)
    return keys, 3


def _value(rng, kind):
    if kind == "code":
        return " " + "".join(rng.sample(DIGITS, 5))
    choices = {"place": PLACES, "name": NAMES, "object": OBJECTS, "digit": DIGITS[1:]}[kind]
    return " " + rng.choice(choices)
