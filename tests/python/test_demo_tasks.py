"""The demo model's prompts: each answer worked out again from the story's text alone.

The solver below knows the sentences' grammar and nothing of the generator. It is run over the
shipped prompts, over all that were drawn with them, and over samples as the training draws them.

Run: python3 -m unittest discover -s tests/python
"""

import json
import random
import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "assets" / "demo-model"
sys.path.insert(0, str(DEMO / "train"))
import curriculum  # noqa: E402
import make_prompts  # noqa: E402
import tasks  # noqa: E402
import tokenizer  # noqa: E402
from words import CATEGORIES, FILLERS  # noqa: E402

TOKENIZER = tokenizer.Tokenizer(tokenizer.build())

# What a sentence of a story can say, without its full stop.
SENTENCES = {
    "placed": r"The (\w+ \w+) is in the (\w+) of (\w+)",
    "given": r"The (\w+ \w+) went to (\w+)",
    "whereabouts": r"([A-Z]\w+) is in the (\w+)",
    "code": r"The code of (\w+) is (\d{5})",
    "had": r"(\w+) had (\d) (\w+)",
    "bought": r"(\w+) bought (\d) more (\w+)",
    "ate": r"(\w+) ate (\d) of the (\w+)",
    "moved": r"([A-Z]\w+) went to (the sea|[A-Z]\w+)",
    "listed": r"The words are ((?:\w+ )*\w+)",
    "labelled": r"The (\w+) is ([A-Z]\d)",
}


class NotInGrammar(ValueError):
    """A text that the grammar has no reading for."""


def read_story(text):
    """Sentences as [(kind, words)], fillers left out."""
    if not re.fullmatch(r"(?: [^.]+\.)*", text):
        raise NotInGrammar(f"not a row of sentences: '{text}'")
    facts = []
    for sentence in re.findall(r" ([^.]+)\.", text):
        if sentence + "." in FILLERS:
            continue
        readings = [
            (kind, match.groups())
            for kind, pattern in SENTENCES.items()
            if (match := re.fullmatch(pattern, sentence))
        ]
        if len(readings) != 1:
            raise NotInGrammar(f"{len(readings)} readings of '{sentence}'")
        facts += readings
    return facts


def only(facts, kind, key):
    """What the one sentence of this kind says about `key`."""
    found = [words[1:] for k, words in facts if k == kind and words[0] == key]
    if len(found) != 1:
        raise NotInGrammar(f"{len(found)} sentences of kind {kind} about '{key}'")
    return found[0]


def answer_fact(facts, thing):
    place, owner = only(facts, "placed", thing)
    return f" {place} of {owner}."


def answer_twohop(facts, thing):
    (owner,) = only(facts, "given", thing)
    (place,) = only(facts, "whereabouts", owner)
    return f" {owner}. {owner} is in the {place}."


def answer_passkey(facts, owner):
    return f" {only(facts, 'code', owner)[0]}."


def answer_arith(facts, owner):
    had, fruit = only(facts, "had", owner)
    order = [
        kind for kind, words in facts if words[0] == owner and kind in ("had", "bought", "ate")
    ]
    if len(order) != 2 or order[0] != "had":
        raise NotInGrammar(f"{owner}'s fruit comes as {order}")
    change, same_fruit = only(facts, order[1], owner)
    if fruit != same_fruit:
        raise NotInGrammar(f"{owner} had {fruit} and {order[1]} {same_fruit}")
    word, sign = ("plus", 1) if order[1] == "bought" else ("minus", -1)
    total = int(had) + sign * int(change)
    return f" {had}. {owner} {order[1]} {change}. {had} {word} {change} is {total}."


def answer_list(facts, first):
    (name,) = only(facts, "moved", first)
    answer = ""
    while name != "the sea":
        answer += f" {name}. {name} went to"
        (name,) = only(facts, "moved", name)
    return answer + " the sea."


def answer_copy(facts, _):
    (words,) = [words[0] for kind, words in facts if kind == "listed"]
    return f" {words}."


def answer_fewshot(facts, item):
    (category,) = [name for name, items in CATEGORIES.items() if item in items]
    labels = {words[1] for kind, words in facts if words[0] in CATEGORIES[category]}
    if len(labels) != 1:
        raise NotInGrammar(f"the labels of {category} are {sorted(labels)}")
    return f" {labels.pop()}."


# The question, the stem that ends the prompt, and who answers. (fewshot has no question.)
QUESTIONS = {
    "fact": (r"Where is the (\w+ \w+)\?", r"The (\w+ \w+) is in the", answer_fact),
    "twohop": (r"Find the (\w+ \w+)\.", r"The (\w+ \w+) went to", answer_twohop),
    "passkey": (r"What is the code of (\w+)\?", r"The code of (\w+) is", answer_passkey),
    "arith": (r"How many \w+ does (\w+) have\?", r"(\w+) had", answer_arith),
    "list": (r"Who came after (\w+)\?", r"([A-Z]\w+) went to", answer_list),
    "copy": (r"(What are the words)\?", r"(The words are)", answer_copy),
    "fewshot": (None, r"The (\w+) is", answer_fewshot),
}


def split(prompt):
    """(title, story, [(question or None, stem)]) of a prompt, answers before the last dropped."""
    match = re.fullmatch(r"<s>(Story|Label):([^\n]*)\n(.*)", prompt, re.DOTALL)
    if not match:
        raise NotInGrammar(f"not a story and questions: '{prompt}'")
    parts = re.findall(r"(?:Q: ([^\n]*)\n)?A: ([^\n]*?)(?:</s>\n|$)", match[3])
    return match[1], match[2], parts


def solve(task, prompt):
    """The answer to the prompt's last question, </s> included."""
    title, story, parts = split(prompt)
    if title != ("Label" if task == "fewshot" else "Story"):
        raise NotInGrammar(f"a prompt of {task} begins with '{title}'")
    question, stem = parts[-1]
    asked, stemmed, answer = QUESTIONS[task]
    key = re.fullmatch(stemmed, stem)
    if not key:
        raise NotInGrammar(f"'{stem}' is no stem of {task}")
    if question:
        again = re.fullmatch(asked, question)
        if not again or (task != "copy" and again[1] != key[1]):
            raise NotInGrammar(f"'{question}' does not ask for '{stem}'")
    return answer(read_story(story), key[1]) + "</s>"


def shipped():
    return [json.loads(line) for line in (DEMO / "prompts.jsonl").read_text().splitlines()]


class ShippedPrompts(unittest.TestCase):
    def test_there_are_five_of_each_task_in_order(self):
        wanted = [f"{task}-{index:03d}" for task in tasks.TASKS for index in range(5)]
        self.assertEqual([sample["id"] for sample in shipped()], wanted)

    def test_every_answer_follows_from_its_story(self):
        for sample in shipped():
            with self.subTest(sample["id"]):
                self.assertEqual(solve(sample["task"], sample["prompt"]), sample["answer"])

    def test_token_counts_are_those_of_the_shipped_tokenizer(self):
        for sample in shipped():
            with self.subTest(sample["id"]):
                self.assertEqual(TOKENIZER.count(sample["prompt"]), sample["prompt_tokens"])

    def test_they_are_what_the_generator_draws(self):
        text = (DEMO / "prompts.jsonl").read_text()
        self.assertEqual("".join(make_prompts.lines(make_prompts.KEPT)), text)


class Generator(unittest.TestCase):
    def test_all_420_drawn_prompts_are_solved(self):
        drawn = make_prompts.held_out(TOKENIZER, make_prompts.DRAWN)
        count = 0
        for task, rows in drawn.items():
            for row in rows:
                self.assertEqual(solve(task, row["prompt"]), row["answer"], row["id"])
                count += 1
        self.assertEqual(count, 420)

    def test_twohop_is_drawn_in_both_orders(self):
        rows = make_prompts.held_out(TOKENIZER, make_prompts.DRAWN)["twohop"]
        first_hop_first = 0
        for row in rows:
            owner = row["answer"].split(".")[0].strip()
            stem = row["prompt"].rsplit("\nA: ", 1)[1]
            story = row["prompt"]
            first_hop_first += story.index(f"{stem} {owner}.") < story.index(f"{owner} is in the")
        self.assertTrue(15 <= first_hop_first <= 45, first_hop_first)

    def test_depth_says_about_where_the_evidence_is(self):
        # A depth is a sorting key among the other sentences' uniform ones, so it holds on average:
        # 20 prompts of a task and depth, means near 0.08, 0.5 and 0.92 of the text.
        drawn = make_prompts.held_out(TOKENIZER, make_prompts.DRAWN)
        for task in make_prompts.STRATIFIED:
            places = {"early": [], "middle": [], "late": []}
            for row in drawn[task]:
                story, stem = (
                    row["prompt"].rsplit("\nQ: ", 1)[0],
                    row["prompt"].rsplit("\nA: ", 1)[1],
                )
                places[row["depth"]].append(story.index(f" {stem} ") / len(story))
            means = {depth: sum(found) / len(found) for depth, found in places.items()}
            self.assertEqual([len(found) for found in places.values()], [20, 20, 20])
            self.assertLess(means["early"], 0.2, task)
            self.assertTrue(0.4 < means["middle"] < 0.6, (task, means))
            self.assertGreater(means["late"], 0.8, task)

    def test_every_question_of_a_training_sample_is_solved(self):
        rng, questions = random.Random(7), 0
        for round_number in range(210):
            task, stems = tasks.TASKS[round_number % 7], round_number % 2 == 1
            segments = tasks.sample(
                rng, task, 320, TOKENIZER.count, 4, mix=0 if stems else 0.3, stems=stems
            )
            text = ""
            for part, kind in segments:
                if kind == tasks.ANSWER and task != "fewshot":
                    self.assertEqual(solve(task, text), part)
                    questions += 1
                text += part
            if task == "fewshot":
                prompt = text[: -len(segments[-1].text)]
                self.assertEqual(solve(task, prompt), segments[-1].text)
        self.assertGreater(questions, 300)  # seven tasks, four with several questions

    def test_samples_are_short_enough_nearly_always(self):
        # Lengths are planned from averages; training draws again where a sample is too long.
        rng, fit = random.Random(11), 0
        for index in range(420):
            segments = tasks.sample(rng, tasks.TASKS[index % 7], 200, TOKENIZER.count)
            fit += sum(TOKENIZER.count(text) for text, _ in segments) <= 200
        self.assertGreater(fit, 0.9 * 420)

    def test_segments_are_tokenised_alike_alone_and_joined(self):
        rng = random.Random(3)
        for index in range(70):
            segments = tasks.sample(rng, tasks.TASKS[index % 7], 150, TOKENIZER.count, 3)
            alone = [token for text, _ in segments for token in TOKENIZER.encode(text)]
            joined = "".join(text for text, _ in segments)
            self.assertEqual(alone, TOKENIZER.encode(joined))
            self.assertEqual(TOKENIZER.decode(alone), joined)

    def test_every_value_of_an_exercise_stands_in_its_table(self):
        rng, tables, copies = random.Random(5), 0, 0
        for _ in range(200):
            segments = curriculum.exercise(rng, 96, TOKENIZER.count)
            table = segments[1].text.removeprefix("Story:")
            if segments[2].text == "\nA:":
                tables += 1
                lines = segments[3:]
                for (key, _), (value, kind) in zip(lines[::2], lines[1::2]):
                    self.assertEqual(kind, tasks.ANSWER)
                    self.assertIn(f".{key}{value.removesuffix('</s>')}", "." + table)
            else:
                copies += 1
                repeated = segments[2].text.removeprefix("\nA:") + segments[3].text
                self.assertEqual(repeated, table + "</s>")
        self.assertGreater(min(tables, copies), 40)


class Solver(unittest.TestCase):
    """The solver reads the story: another story, another answer."""

    PROMPT = "<s>Story: The code of Tom is 48151. The sun was warm.{}\nQ: {}\nA: The code of Tom is"

    def test_a_changed_code_changes_the_answer(self):
        prompt = self.PROMPT.format("", "What is the code of Tom?")
        self.assertEqual(solve("passkey", prompt), " 48151.</s>")
        self.assertEqual(solve("passkey", prompt.replace("48151", "48152")), " 48152.</s>")

    def test_a_second_fact_about_the_same_key_is_refused(self):
        prompt = self.PROMPT.format(" The code of Tom is 11111.", "What is the code of Tom?")
        with self.assertRaisesRegex(NotInGrammar, "2 sentences of kind code about 'Tom'"):
            solve("passkey", prompt)

    def test_an_unknown_sentence_is_refused(self):
        prompt = self.PROMPT.format(" Tom sang.", "What is the code of Tom?")
        with self.assertRaisesRegex(NotInGrammar, "0 readings of 'Tom sang'"):
            solve("passkey", prompt)

    def test_a_question_about_another_key_is_refused(self):
        prompt = self.PROMPT.format("", "What is the code of Ann?")
        with self.assertRaisesRegex(NotInGrammar, "does not ask for"):
            solve("passkey", prompt)


class ShippedTokenizer(unittest.TestCase):
    def test_it_is_what_the_training_code_builds(self):
        text = (DEMO / "model" / "tokenizer.json").read_text()
        self.assertEqual(tokenizer.text_of(tokenizer.build()), text)

    def test_text_outside_the_lexicon_comes_back_unchanged(self):
        for text in ["Zürich, 12345!", "two  spaces\n\nand\ttabs", "日本語 🙂", ""]:
            self.assertEqual(TOKENIZER.decode(TOKENIZER.encode(text)), text)

    def test_special_tokens_in_the_text_are_one_id(self):
        self.assertEqual(TOKENIZER.encode("<s></s>"), [0, 1])


if __name__ == "__main__":
    unittest.main()
