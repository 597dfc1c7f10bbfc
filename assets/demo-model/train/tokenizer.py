"""Byte-level BPE over the closed lexicon: trained here, written as Hugging Face's tokenizer.json.

Every lexicon word becomes one token, every other text falls back to pieces and bytes. The encoder
below gives what `tokenizers` gives; it is here because training needs nothing else then.
"""

import collections
import json
import re

from words import DIGITS, lexicon

# The ASCII part of GPT-2's pre-tokenisation; the lexicon needs no more.
WORD = re.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII
)
SPECIAL = ["<s>", "</s>"]


def byte_alphabet():
    """GPT-2's printable stand-in for each byte: {byte: character}."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {byte: chr(byte) for byte in printable}
    alphabet.update({byte: chr(256 + index) for index, byte in enumerate(others)})
    return {byte: alphabet[byte] for byte in range(256)}


BYTE_TO_CHAR = byte_alphabet()
CHAR_TO_BYTE = {char: byte for byte, char in BYTE_TO_CHAR.items()}


def to_chars(text):
    return "".join(BYTE_TO_CHAR[byte] for byte in text.encode())


def merged(pieces, pair):
    """`pieces` with every occurrence of the adjacent `pair` joined, from the left."""
    result, index = [], 0
    while index < len(pieces):
        if tuple(pieces[index : index + 2]) == pair:
            result.append(pair[0] + pair[1])
            index += 2
        else:
            result.append(pieces[index])
            index += 1
    return result


def learn_merges(words):
    """Merges until every word is one piece, the pair that most words share first.

    A space joins a single digit before anything else, and digits never join each other.
    """
    split = [list(to_chars(word)) for word in words]
    merges = []

    def add(pair):
        merges.append(pair)
        split[:] = [merged(pieces, pair) for pieces in split]

    for digit in DIGITS:
        add((BYTE_TO_CHAR[ord(" ")], digit))
    while True:
        counts = collections.Counter(pair for word in split for pair in zip(word, word[1:]))
        if not counts:
            return merges
        # Ties go to the larger pair in code order; among pairs of one word, shorter ones first.
        add(max(counts, key=lambda p: (counts[p], -len(p[0] + p[1]) * (counts[p] == 1), p)))


def build():
    """The content of tokenizer.json."""
    merges = learn_merges(lexicon())
    vocab = {token: index for index, token in enumerate(SPECIAL)}
    for char in BYTE_TO_CHAR.values():
        vocab[char] = len(vocab)
    for first, second in merges:
        vocab.setdefault(first + second, len(vocab))
    begin = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": t}} for t, name in enumerate("AB"))
    flags = dict.fromkeys(["single_word", "lstrip", "rstrip", "normalized"], False)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": index, "content": token, **flags, "special": True}
            for index, token in enumerate(SPECIAL)
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": True,
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [begin, first],
            "pair": [begin, first, second],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}},
        },
        "decoder": {
            "type": "ByteLevel",
            "add_prefix_space": True,
            "trim_offsets": True,
            "use_regex": True,
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [f"{first} {second}" for first, second in merges],
        },
    }


def text_of(content):
    """tokenizer.json as it is shipped."""
    return json.dumps(content, ensure_ascii=False, indent=0)


class Tokenizer:
    """Encodes and decodes by the content of a tokenizer.json of `build`'s kind."""

    def __init__(self, content):
        self.vocab = content["model"]["vocab"]
        self.rank = {tuple(m.split(" ")): i for i, m in enumerate(content["model"]["merges"])}
        self.special = {token["content"]: token["id"] for token in content["added_tokens"]}
        self.token = {index: token for token, index in self.vocab.items()}
        self._special = re.compile("(" + "|".join(map(re.escape, self.special)) + ")")
        self._words = {}

    def _encode_word(self, word):
        pieces = list(to_chars(word))
        while len(pieces) > 1:
            pair = min(zip(pieces, pieces[1:]), key=lambda p: self.rank.get(p, len(self.rank)))
            if pair not in self.rank:
                break
            pieces = merged(pieces, pair)
        return [self.vocab[piece] for piece in pieces]

    def encode(self, text):
        """Ids of `text`; <s> and </s> in the text are the special tokens, none is added."""
        ids = []
        for part in self._special.split(text):
            if part in self.special:
                ids.append(self.special[part])
                continue
            for word in WORD.findall(part):
                if word not in self._words:
                    self._words[word] = self._encode_word(word)
                ids += self._words[word]
        return ids

    def count(self, text):
        return len(self.encode(text))

    def decode(self, ids):
        data = b""
        for index in ids:
            token = self.token[index]
            in_bytes = token.encode() if token in self.special else map(CHAR_TO_BYTE.get, token)
            data += bytes(in_bytes)
        return data.decode("utf-8", "replace")
