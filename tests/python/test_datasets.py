"""Data sets in their published layouts become prompts, answers and scores in a trace."""

import csv
import difflib
import json
import pathlib
import re
import shutil
import string
import sys
import unittest

from kvreel_command import ASSETS, DEMO, ROOT, KvreelTest, kvreel

sys.path.insert(0, str(ROOT / "docs" / "examples"))
from read_trace import Trace  # noqa: E402

STORY = "Ann has a red kite. The kite is in the barn of Max. The river was wide."
TRUTHFULQA = ["Type", "Category", "Question", "Best Answer", "Correct Answers", "Incorrect Answers", "Source"]


def lines(*records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def longbench(**fields):
    record = {"input": "Where is the kite?", "context": STORY, "answers": ["barn of Max"], "length": 17,
              "dataset": "qasper", "language": "en", "all_classes": None, "_id": "a1"}
    record.update(fields)
    return record


class Recorded:
    """What a trace says about its prompts."""

    def __init__(self, path):
        trace = Trace(path)
        samples = range(trace.rows["samples"])
        self.ids = [trace.text("samples", "id", s) for s in samples]
        self.prompts = [trace.text("samples", "text", s) for s in samples]
        self.answers = [json.loads(trace.text("samples", "answers", s)) for s in samples]
        self.metadata = [json.loads(trace.text("samples", "metadata", s)) for s in samples]
        self.original_tokens = trace.column("samples", "original_tokens")
        self.provenance = json.loads(trace.file["provenance"][:].tobytes())
        self.about = self.provenance["prompts"]
        self.texts = {}
        self.generated = []
        for row in range(trace.rows["passes"]):
            sample = int(trace.column("passes", "sample")[row])
            self.texts[sample] = trace.text("passes", "text", row)
            self.generated.append(int(trace.column("passes", "generated")[row]))
        self.scores = {}
        for row in range(trace.rows["scores"]):
            key = (int(trace.column("scores", "sample")[row]), trace.text("scores", "metric", row))
            self.scores[key] = float(trace.column("scores", "value")[row])
        trace.file.close()


class DatasetTest(KvreelTest):
    def write(self, name, content):
        path = self.dir / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def write_csv(self, name, header, *rows):
        path = self.dir / name
        with open(path, "w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    def record_set(self, spec, *arguments, model=DEMO / "model"):
        return Recorded(self.record("t.h5", "--dataset", spec, "--policy", "full", "--force", *arguments, model=model))


class Layouts(DatasetTest):
    def test_gsm8k(self):
        path = self.write("test.jsonl", lines(
            {"question": "What is 2 + 3?", "answer": "It is <<2+3=5>>5.\n#### 5"},
            {"question": "How much is it?", "answer": "Much.\n#### 1,200"}))
        got = self.record_set(f"gsm8k:{path}", "--max-new-tokens", 4)
        self.assertEqual(got.ids, ["1", "2"])
        self.assertEqual(got.answers, [["5"], ["1,200"]])
        self.assertTrue(got.prompts[0].startswith("You solve arithmetic problems carefully.\n\nQuestion: What is 2 + 3?\n"))
        self.assertEqual(got.about["dataset"], "gsm8k")
        self.assertEqual(got.about["metrics"], ["number"])
        self.assertEqual(got.about["preset"], "refreekv")
        self.assertIn("{question}", got.about["template"])
        self.assertEqual(set(got.scores), {(0, "number"), (1, "number")})

    def test_options_given_win_over_the_set(self):
        path = self.write("test.jsonl", lines({"question": "2 + 3?", "answer": "#### 5"}))
        got = self.record_set(f"gsm8k:{path}", "--max-new-tokens", 3, "--ignore-eos", "--template", "<{question}>\\n",
                              "--system", "", "--metric", "exact-match,bleu")
        self.assertEqual(got.prompts, ["<2 + 3?>\n"])
        self.assertEqual(got.generated, [3])
        self.assertEqual(set(got.scores), {(0, "exact-match"), (0, "bleu")})

    def test_a_system_message_is_a_message_in_a_chat_and_stands_before_the_prompt_without(self):
        model = self.dir / "model"
        shutil.copytree(DEMO / "model", model)
        config = json.loads((model / "tokenizer_config.json").read_text())
        config["chat_template"] = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant]"
        (model / "tokenizer_config.json").write_text(json.dumps(config))
        path = self.write("test.jsonl", lines({"question": "2 + 3?", "answer": "#### 5"}))
        arguments = ["--max-new-tokens", 2, "--template", "{question}", "--system", "Be brief."]
        plain = self.record_set(f"gsm8k:{path}", *arguments, model=model)
        self.assertEqual(plain.prompts, ["Be brief.\n\n2 + 3?"])
        chat = self.record_set(f"gsm8k:{path}", *arguments, "--chat", model=model)
        self.assertEqual(chat.prompts, ["[system] Be brief.\n[user] 2 + 3?\n[assistant]"])
        path = self.write("triviaqa.jsonl", lines(longbench(dataset="triviaqa")))
        result = self.run_kvreel("record", "--model", model, "--dataset", f"triviaqa:{path}", "--chat", "--no-bandwidth",
                                 "--policy", "full", "-o", self.dir / "u.h5")
        self.assertIn("LongBench gives the prompts of triviaqa without a chat template", result.stdout)

    def test_gpqa_as_csv_and_json(self):
        row = {"Question": "Which is it?", "Correct Answer": "right\n", "Incorrect Answer 1": "wrong one",
               "Incorrect Answer 2": "wrong two", "Incorrect Answer 3": "wrong three", "Record ID": "rec1"}
        rows = [dict(row, **{"Record ID": f"rec{i}"}) for i in range(12)]
        table = self.write_csv("gpqa_main.csv", list(row), *[list(r.values()) for r in rows])
        as_list = self.write("gpqa_main.json", json.dumps(rows))
        arguments = ["--max-new-tokens", 2]
        got = self.record_set(f"gpqa:{table}", *arguments)
        self.assertEqual(got.ids, [f"rec{i}" for i in range(12)])
        for prompt, (answer,) in zip(got.prompts, got.answers):
            self.assertIn(f"({answer}) right\n", prompt)
            for wrong in ("one", "two", "three"):
                self.assertRegex(prompt, rf"\([ABCD]\) wrong {wrong}\n")
        self.assertGreater(len(set(map(tuple, got.answers))), 1, "the right option has no fixed place")
        self.assertEqual(self.record_set(f"gpqa:{as_list}", *arguments).prompts, got.prompts)
        self.assertNotEqual(self.record_set(f"gpqa:{table}", *arguments, "--seed", 1).prompts, got.prompts)

    def test_theoremqa_leaves_out_questions_with_pictures_and_says_so(self):
        records = [{"Question": f"Q{i}?", "Answer": answer, "Answer_type": "x", "Picture": picture, "id": f"a/{i}.json"}
                   for i, (answer, picture) in enumerate(
                       [(True, None), (5, "images/5.png"), ([0, 0.5], None), (1.0, None), ("(c)", None)])]
        path = self.write("theoremqa_test.json", json.dumps(records))
        trace = self.dir / "t.h5"
        result = self.run_kvreel("record", "--model", DEMO / "model", "--dataset", f"theoremqa:{path}", "--no-bandwidth",
                                 "--max-new-tokens", 2, "--policy", "full", "-o", trace)
        self.assertIn("1 of 5 records", result.stdout)
        self.assertIn("picture", result.stdout)
        got = Recorded(trace)
        self.assertEqual(got.ids, ["a/0.json", "a/2.json", "a/3.json", "a/4.json"])
        self.assertEqual(got.answers, [["True"], ["[0,0.5]"], ["1.0"], ["(c)"]])
        self.assertEqual((got.about["excluded"]["count"], got.about["excluded"]["of"]), (1, 5))
        self.assertIn("picture", got.about["excluded"]["why"])

    def test_truthfulqa(self):
        path = self.write_csv("TruthfulQA.csv", TRUTHFULQA,
                              ["Adversarial", "Myths", "Is the \"moon\", then, cheese?", "No, rock", "No; Rock", "Yes", "-"])
        got = self.record_set(f"truthfulqa:{path}", "--max-new-tokens", 4)
        self.assertTrue(got.prompts[0].startswith("Q: What is human life expectancy"))
        self.assertTrue(got.prompts[0].endswith("\n\nQ: Is the \"moon\", then, cheese?\nA:"))
        self.assertEqual(got.prompts[0].count("Q: "), 7)
        self.assertEqual(got.answers, [["No, rock"]])
        self.assertEqual(got.metadata[0]["Category"], "Myths")
        self.assertEqual(set(got.scores), {(0, "rouge-l"), (0, "bleu")})

    def test_coqa_asks_every_question_by_itself(self):
        story = {"id": "s1", "story": STORY,
                 "questions": [{"input_text": "Who has a kite?", "turn_id": 1}, {"input_text": "Which?", "turn_id": 2}],
                 "answers": [{"input_text": "Ann", "turn_id": 1}, {"input_text": "red", "turn_id": 2}]}
        path = self.write("coqa-dev-v1.0.json", json.dumps({"version": "1.0", "data": [story]}))
        got = self.record_set(f"coqa:{path}", "--max-new-tokens", 2)
        self.assertEqual(got.ids, ["s1/1", "s1/2"])
        self.assertEqual(got.answers, [["Ann"], ["red"]])
        self.assertNotIn("Who has a kite?", got.prompts[1])

    def test_trec_labels_in_latin_1(self):
        path = self.write("TREC_10.label", "NUM:dist How far is São Tomé ?\nHUM:ind Who was it ?\n".encode("latin-1"))
        got = self.record_set(f"trec:{path}", "--max-new-tokens", 2)
        self.assertEqual(got.answers, [["Number"], ["Human"]])
        self.assertTrue(got.prompts[0].endswith("Question: How far is São Tomé ?\nType:"))
        self.assertIn("Abbreviation, Entity, Description, Human, Location, Number", got.prompts[0])
        self.assertEqual(set(got.scores), {(0, "classification"), (1, "classification")})

    def test_longbench_by_name_and_by_content(self):
        path = self.write("any.jsonl", lines(longbench(), longbench(_id="a2", answers=["a", "b"])))
        got = self.record_set(f"qasper:{path}", "--max-new-tokens", 2)
        self.assertEqual(got.ids, ["a1", "a2"])
        self.assertEqual(got.answers[1], ["a", "b"])
        self.assertIn(f"Article: {STORY}\n\n Answer the question", got.prompts[0])
        again = self.record_set(f"longbench:{path}", "--max-new-tokens", 2)
        self.assertEqual(again.prompts, got.prompts)
        self.assertEqual(again.about["dataset"], "qasper")
        unnamed = longbench()
        del unnamed["dataset"]
        path = self.write("musique_e.jsonl", lines(unnamed))
        self.assertEqual(self.record_set(f"longbench:{path}", "--max-new-tokens", 2).about["dataset"], "musique")

    def test_every_set_of_longbench_runs_and_is_scored_by_its_metric(self):
        metrics = {"token-f1": ["narrativeqa", "qasper", "multifieldqa_en", "hotpotqa", "2wikimqa", "musique", "triviaqa"],
                   "rouge-l": ["gov_report", "qmsum", "multi_news", "samsum"],
                   "classification": ["trec", "lsht"], "count": ["passage_count"],
                   "retrieval": ["passage_retrieval_en", "passage_retrieval_zh"],
                   "edit-similarity": ["lcc", "repobench-p"]}
        for metric, names in metrics.items():
            for name in names:
                with self.subTest(set=name):
                    record = longbench(dataset=name, answers=["5"], all_classes=["5", "6"])
                    got = self.record_set(f"longbench:{self.write(f'{name}.jsonl', lines(record))}", "--max-new-tokens", 2)
                    self.assertEqual(got.about["dataset"], name)
                    self.assertIn(STORY, got.prompts[0])
                    self.assertEqual(set(got.scores), {(0, metric)})
                    first_line = name in ("trec", "triviaqa", "samsum", "lsht")
                    self.assertEqual(got.about["score_first_line"], first_line, "LongBench's rule")

    def test_lengths_of_both_presets(self):
        path = self.write("narrativeqa.jsonl", lines(longbench(dataset="narrativeqa")))
        template = ["--template", "{input}", "--ignore-eos"]
        self.assertEqual(self.record_set(f"narrativeqa:{path}", *template).generated, [20])
        self.assertEqual(self.record_set(f"narrativeqa:{path}", *template, "--preset", "longbench").generated, [128])

    def test_long_sets_lose_their_middle_and_others_are_refused(self):
        path = self.write("narrativeqa.jsonl", lines(longbench(dataset="narrativeqa", context=STORY * 100)))
        result = self.run_kvreel("record", "--model", DEMO / "model", "--dataset", f"narrativeqa:{path}", "--no-bandwidth",
                                 "--policy", "full", "-o", self.dir / "t.h5")
        self.assertIn("1 of 1 prompts were too long and lost their middle", result.stdout)
        got = Recorded(self.dir / "t.h5")
        self.assertGreater(got.original_tokens[0], 512)
        self.assertTrue(got.prompts[0].startswith("You are given a story"))
        self.assertTrue(got.prompts[0].endswith("Question: Where is the kite?\n\nAnswer:"))
        result = kvreel("record", "--model", DEMO / "model", "--dataset", f"narrativeqa:{path}", "--truncate", "refuse",
                        "-o", self.dir / "u.h5")
        self.assert_refused(result, "narrativeqa.jsonl, line 1", "--truncate middle")

    def test_classification_of_longbench(self):
        record = longbench(dataset="trec", input="Question: Who?\nType:", answers=["Human"], all_classes=["Human", "Place"])
        path = self.write("trec.jsonl", lines(record))
        got = self.record_set(f"trec:{path}", "--max-new-tokens", 2)
        self.assertTrue(got.prompts[0].endswith(f"{STORY}\nQuestion: Who?\nType:"))
        path = self.write("trec.jsonl", lines(dict(record, all_classes=None)))
        result = kvreel("record", "--model", DEMO / "model", "--dataset", f"trec:{path}", "-o", self.dir / "u.h5")
        self.assert_refused(result, "trec.jsonl, line 1", "all_classes")

    def test_qmsum_meetings(self):
        meeting = {"topic_list": [], "general_query_list": [{"query": "Summarize.", "answer": "They met."}],
                   "specific_query_list": [{"query": "Who spoke?", "answer": "Ann.", "relevant_text_span": [["0", "1"]]}],
                   "meeting_transcripts": [{"speaker": "Ann", "content": "Hello."}, {"speaker": "Max", "content": "Yes."}]}
        path = self.write("qmsum.jsonl", lines(meeting, meeting))
        got = self.record_set(f"qmsum:{path}", "--max-new-tokens", 2)
        self.assertEqual(got.ids, ["1/general/1", "1/specific/1", "2/general/1", "2/specific/1"])
        self.assertIn("Transcript:\nAnn: Hello.\nMax: Yes.\n\n\nNow,", got.prompts[0])
        self.assertEqual(got.answers[1], ["Ann."])

    def test_hotpotqa_in_both_of_its_layouts(self):
        with_context = {"_id": "h1", "question": "Where?", "answer": "here", "type": "bridge", "level": "hard",
                        "supporting_facts": [["One", 0]], "context": [["One", ["It is ", "here."]], ["Two", ["No."]]]}
        path = self.write("hotpot_dev.json", json.dumps([with_context]))
        got = self.record_set(f"hotpotqa:{path}", "--max-new-tokens", 2)
        self.assertEqual(got.ids, ["h1"])
        self.assertIn("Passage 1:\nOne\nIt is here.\n\nPassage 2:\nTwo\nNo.\n", got.prompts[0])
        with_sides = {"_id": "h2", "title_a": "One", "para_a": ["It is ", "here."], "title_b": "Two", "para_b": ["No."],
                      "question": "Where?", "answer": "here", "supporting_facts": [[0], [0]],
                      "distractors": [["Three", ["Never."], 17.5]]}
        path = self.write("hotpot_sides.json", json.dumps([with_sides]))
        got = self.record_set(f"hotpotqa:{path}", "--max-new-tokens", 2)
        for paragraph in ("One\nIt is here.", "Two\nNo.", "Three\nNever."):
            self.assertRegex(got.prompts[0], r"Passage \d:\n" + re.escape(paragraph))

    def test_needle_and_ruler_fill_the_context(self):
        text = self.write("text.txt", "\n".join(f"The river number {i} was wide." for i in range(50)))
        got = self.record_set(f"needle:{text},context=200,depths=0%+100%,count=2", "--max-new-tokens", 2)
        self.assertEqual([m["depth"] for m in got.metadata], [0, 0, 1, 1])
        for tokens in got.original_tokens:
            self.assertLessEqual(tokens, 200)
            self.assertGreater(tokens, 180, "a sentence has fewer than 20 tokens")
        for prompt, (answer,) in zip(got.prompts, got.answers):
            self.assertIn(f"is {answer}.", prompt)
        again = self.record_set(f"needle:{text},context=200,depths=0%+100%,count=2", "--max-new-tokens", 2)
        self.assertEqual(again.prompts, got.prompts)
        got = self.record_set(f"ruler:{text},context=300,count=2,keys=3,queries=2", "--max-new-tokens", 2)
        for prompt, answers in zip(got.prompts, got.answers):
            self.assertEqual(len(re.findall(r"The access code of the \w+ \w+ is \d{7}\.", prompt)), 3)
            self.assertEqual(len(answers), 2)
        self.assertEqual(got.about["options"], "context=300,count=2,keys=3,queries=2")

    def test_a_recording_is_resumed_with_more_records_but_not_with_another_prompt(self):
        path = self.write("test.jsonl", lines(*[{"question": f"{i}?", "answer": f"#### {i}"} for i in range(5)]))
        trace = self.dir / "t.h5"
        command = ["record", "--model", DEMO / "model", "--dataset", f"gsm8k:{path}", "--max-new-tokens", 2, "--policy",
                   "full", "--no-bandwidth", "--quiet", "-o", trace]
        self.run_kvreel(*command, "--limit", 2)
        self.run_kvreel(*command, "--limit", 4)
        got = Recorded(trace)
        self.assertEqual(got.ids, ["1", "2", "3", "4"])
        self.assertEqual(set(got.scores), {(sample, "number") for sample in range(4)})
        self.assert_refused(kvreel(*command, "--limit", 4, "--metric", "bleu"), "cannot be resumed", "metrics", "bleu")
        self.assert_refused(kvreel(*command, "--template", "{question}"), "cannot be resumed")

    def test_offset_and_limit_count_records_that_can_be_asked(self):
        path = self.write("test.jsonl", lines(*[{"question": f"{i}?", "answer": f"#### {i}"} for i in range(5)]))
        got = self.record_set(f"gsm8k:{path}", "--offset", 1, "--limit", 2, "--max-new-tokens", 2)
        self.assertEqual(got.answers, [["1"], ["2"]])


def token_f1(prediction, reference):
    def words(text):
        text = "".join(c for c in text.lower() if c not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    predicted, wanted = words(prediction), words(reference)
    same = sum(min(predicted.count(word), wanted.count(word)) for word in set(predicted))
    return 2 * same / (len(predicted) + len(wanted)) if same else 0.0


class Scores(DatasetTest):
    def test_scores_of_the_demo_set_follow_from_its_texts(self):
        path = DEMO / "prompts.jsonl"
        got = self.record_set(f"jsonl:{path}", "--limit", 12, "--max-new-tokens", 12, "--metric",
                              "token-f1,edit-similarity,exact-match,contained")
        self.assertEqual(len(got.scores), 12 * 4)
        right = 0
        for sample, text in got.texts.items():
            (answer,) = got.answers[sample]
            self.assertAlmostEqual(got.scores[sample, "token-f1"], token_f1(text, answer), places=12)
            ratio = difflib.SequenceMatcher(None, text.lstrip("\n").split("\n")[0], answer).ratio()
            self.assertAlmostEqual(got.scores[sample, "edit-similarity"], round(100 * ratio) / 100, places=12)
            self.assertEqual(got.scores[sample, "exact-match"], float(text.strip() == answer.strip()))
            self.assertEqual(got.scores[sample, "contained"], float(answer.lower() in text.lower()))
            right += got.scores[sample, "exact-match"]
        self.assertGreater(right, 0, "the demo model answers some of its own tasks")

    def test_without_metrics_nothing_is_scored(self):
        got = self.record_set(f"jsonl:{DEMO / 'prompts.jsonl'}", "--limit", 2, "--max-new-tokens", 2)
        self.assertEqual(got.scores, {})


class BadInput(DatasetTest):
    def refused(self, spec, *parts, arguments=(), code=1):
        trace = self.dir / "u.h5"
        result = kvreel("record", "--model", DEMO / "model", "--dataset", spec, "-o", trace, "--no-bandwidth", *arguments)
        self.assert_refused(result, *parts, code=code)
        self.assertFalse(trace.exists(), "a refused command leaves no file behind")

    def test_names_and_files(self):
        self.refused("gsm8:x.jsonl", "no data set 'gsm8'", "'gsm8k'", code=2)
        self.refused("gsm8k", "NAME:FILE", code=2)
        self.refused(f"gsm8k:{self.dir}/nowhere.jsonl", "nowhere.jsonl", "No such file")
        self.refused(f"gsm8k:{self.dir}", "directory")
        self.refused(f"gsm8k:{self.write('empty.jsonl', ' ')}", "empty.jsonl", "is empty")
        self.refused(f"longbench:{self.write('my_set.jsonl', lines({'input': ''}))}", "no data set 'my_set'", code=2)
        self.refused("vcsum:x.jsonl", "segmenter", code=2)

    def test_options_that_do_not_fit(self):
        path = self.write("a.jsonl", lines({"question": "2?", "answer": "#### 2"}))
        self.refused(f"gsm8k:{path}", "no metric 'token-f2'", "token-f1", arguments=["--metric", "token-f2"], code=2)
        self.refused(f"gsm8k:{path}", "one of", arguments=["--prompt", "x"], code=2)
        self.refused(f"gsm8k:{path}", "--answer-field", arguments=["--answer-field", "answer"], code=2)
        self.refused(f"gsm8k:{path}", "no records after --offset", arguments=["--offset", 1])
        self.refused(f"jsonl:{self.write('b.jsonl', lines({'prompt': 'x'}))}", "line 1", "reference answer",
                     arguments=["--metric", "bleu"])
        self.refused(f"gsm8k:{path}", "no field 'problem'", "question", arguments=["--template", "{problem}"])
        self.refused(f"needle:{path},contex=5", "'contex'", "'context'", code=2)
        self.refused(f"needle:{path},context=5", "context=5", "no room")
        self.refused(f"needle:{path}", "context=1024", "512 positions")

    def test_files_of_another_layout(self):
        questions = self.write("q.jsonl", lines({"question": "2?", "answer": "2"}))
        self.refused(f"gsm8k:{questions}", "q.jsonl, line 1", "####")
        self.refused(f"qasper:{questions}", "q.jsonl, line 1", "'answers'")
        self.refused(f"theoremqa:{questions}", "q.jsonl, line 1", "'Question'", "question")
        self.refused(f"coqa:{questions}", "q.jsonl", "'data'")
        self.refused(f"trec:{self.write('t.label', 'Who was it?')}", "t.label, line 1", "NUM:dist")
        self.refused(f"truthfulqa:{self.write_csv('t.csv', ['a', 'b'], ['1', '2'])}", "t.csv, line 2", "'Best Answer'")
        self.refused(f"gsm8k:{self.write('list.jsonl', '[1, 2]')}", "list.jsonl, line 1", "array")
        cut = self.write("cut.jsonl", lines({"a": 1}) + '{"a":')
        self.refused(f"gsm8k:{cut}", "cut.jsonl, line 2", "not valid JSON")
        self.refused(f"musique:{self.write('q2.jsonl', lines(longbench()))}", "q2.jsonl, line 1", "qasper", "musique")

    def test_answers_of_another_type(self):
        for wrong in ("text", [1], None, {"a": "b"}):
            path = self.write("qasper.jsonl", lines(longbench(answers=wrong)))
            self.refused(f"qasper:{path}", "qasper.jsonl, line 1", "'answers'", "list of texts")
        self.refused(f"qasper:{self.write('qasper.jsonl', lines(longbench(answers=[])))}", "line 1", "empty")
        self.refused(f"gsm8k:{self.write('g.jsonl', lines({'question': 'x', 'answer': 5}))}", "line 1", "'answer'", "text")
        theorem = [{"Question": "x", "Answer": None, "Picture": None, "id": "1"}]
        self.refused(f"theoremqa:{self.write('t.json', json.dumps(theorem))}", "record 1", "'Answer'", "null")

    def test_ids_that_are_there_twice(self):
        self.refused(f"qasper:{self.write('qasper.jsonl', lines(longbench(), longbench()))}", "line 2", "'a1'", "already")

    def test_text_that_is_not_utf_8(self):
        bad = lines({"question": "x", "answer": "#### 1"}).encode() + b'{"question": "caf\xe9", "answer": "#### 2"}\n'
        self.refused(f"gsm8k:{self.write('latin.jsonl', bad)}", "latin.jsonl", "line 2", "not UTF-8", "iconv")

    def test_csv_with_a_broken_quote(self):
        text = ",".join(TRUTHFULQA) + "\na,b,\"Is it?,c,d,e,f\n"
        self.refused(f"truthfulqa:{self.write('t.csv', text)}", "t.csv, line 2", "never closed")
        text = ",".join(TRUTHFULQA) + "\na,b,c\n"
        self.refused(f"truthfulqa:{self.write('u.csv', text)}", "u.csv, line 2", "3 fields", "7")


class Help(KvreelTest):
    def test_the_list_names_every_set_and_metric(self):
        result = self.run_kvreel("record", "--list-datasets")
        for name in ("gsm8k", "truthfulqa", "2wikimqa", "repobench-p", "needle:FILE", "token-f1", "rouge-l", "bleu"):
            self.assertIn(name, result.stdout)


@unittest.skipUnless(ASSETS, "KVREEL_TEST_ASSETS is not set to the directory of test assets")
class PublishedFiles(DatasetTest):
    """A few records of published files, with models whose 512 positions hold the prompts' ends only."""

    SETS = [
        ("gsm8k", "gsm8k_test.jsonl", {"number"}, 1319, 0),
        ("truthfulqa", "TruthfulQA.csv", {"rouge-l", "bleu"}, 817, 0),
        ("theoremqa", "theoremqa_test.json", {"theorem"}, 800, 53),
        ("qmsum", "qmsum_test.jsonl", {"rouge-l"}, 281, 0),
        ("trec", "TREC_10.label", {"classification"}, 500, 0),
        ("hotpotqa", "hotpotqa_dev_sample100_bm25distractors.json", {"token-f1"}, 100, 0),
        ("multi_news", "longbench_multi_news.jsonl", {"rouge-l"}, 200, 0),
    ]

    def test_end_to_end(self):
        for model in (DEMO / "model", pathlib.Path(ASSETS) / "models" / "stories260K"):
            for name, file, metrics, records, left_out in self.SETS:
                with self.subTest(model=model.name, set=name):
                    got = self.record_set(f"{name}:{ASSETS}/datasets/{file}", "--limit", 3, "--max-new-tokens", 8,
                                          "--truncate", "middle", model=model)
                    self.assertEqual(len(got.ids), 3)
                    self.assertTrue(all(got.prompts) and all(all(answers) for answers in got.answers))
                    self.assertEqual(got.about["excluded"]["of"], records)
                    self.assertEqual(got.about["excluded"]["count"], left_out)
                    self.assertEqual(set(got.scores), {(s, metric) for s in range(3) for metric in metrics})
                    self.assertTrue(all(0 <= value <= 1 for value in got.scores.values()))

    def test_needles_in_an_essay(self):
        got = self.record_set(f"needle:{ASSETS}/essays/apple.txt,context=400,depths=50%", "--max-new-tokens", 8)
        self.assertIn(f"is {got.answers[0][0]}.", got.prompts[0])


if __name__ == "__main__":
    unittest.main()
