// LongBench's sets (Bai et al. 2023, arXiv 2308.14508) with its prompts, lengths and metrics.
//
// The prompts are LongBench's configuration (dataset2prompt.json, MIT licence), word for word,
// their slips included: other words would give other scores.
#include "engine/data/longbench_presets.h"

namespace kvreel::engine {

std::vector<DatasetPreset> longbench_presets() {
  return {
      {.name = "narrativeqa",
       .layout = DatasetLayout::longbench,
       .title = "a question about a story or a film script",
       .format =
           "You are given a story, which can be either a novel or a movie script, and a question. "
           "Answer the question asconcisely as you can, using a single phrase if possible. "
           "Do not provide any explanation.\n\nStory: {context}\n\nNow, answer the question "
           "based on the story asconcisely as you can, using a single phrase if possible. "
           "Do not provide any explanation.\n\nQuestion: {input}\n\nAnswer:",
       .metrics = {"token-f1"},
       .max_new_tokens = 20,
       .longbench_tokens = 128,
       .truncate = true},
      {.name = "qasper",
       .layout = DatasetLayout::longbench,
       .title = "a question about a scientific article",
       .format =
           "You are given a scientific article and a question. Answer the question as concisely "
           "as you can, using a single phrase or sentence if possible. If the question cannot "
           "be answered based on the information in the article, write \"unanswerable\". "
           "If the question is a yes/no question, answer \"yes\", \"no\", or \"unanswerable\". "
           "Do not provide any explanation.\n\nArticle: {context}\n\n Answer the question "
           "based on the above article as concisely as you can, using a single phrase or "
           "sentence if possible. If the question cannot be answered based on the information "
           "in the article, write \"unanswerable\". If the question is a yes/no question, "
           "answer \"yes\", \"no\", or \"unanswerable\". Do not provide any explanation.\n"
           "\nQuestion: {input}\n\nAnswer:",
       .metrics = {"token-f1"},
       .max_new_tokens = 300,
       .longbench_tokens = 128,
       .truncate = true},
      {.name = "multifieldqa_en",
       .layout = DatasetLayout::longbench,
       .title = "a question about a text of any field",
       .format =
           "Read the following text and answer briefly.\n\n{context}\n\nNow, answer the following "
           "question based on the above text, only give me the answer and do not output any "
           "other words.\n\nQuestion: {input}\nAnswer:",
       .metrics = {"token-f1"},
       .max_new_tokens = 64,
       .truncate = true},
      {.name = "hotpotqa",
       .layout = DatasetLayout::hotpotqa,
       .title = "a question about ten paragraphs",
       .format = "Answer the question based on the given passages. Only give me the answer and "
                 "do not output any other words.\n\nThe following are given passages.\n{context}\n"
                 "\nAnswer the question based on the given passages. Only give me the answer and "
                 "do not output any other words.\n\nQuestion: {input}\nAnswer:",
       .metrics = {"token-f1"},
       .max_new_tokens = 32,
       .truncate = true},
      {.name = "2wikimqa",
       .layout = DatasetLayout::longbench,
       .title = "a question that joins passages",
       .format = "Answer the question based on the given passages. Only give me the answer and "
                 "do not output any other words.\n\nThe following are given passages.\n{context}\n"
                 "\nAnswer the question based on the given passages. Only give me the answer and "
                 "do not output any other words.\n\nQuestion: {input}\nAnswer:",
       .metrics = {"token-f1"},
       .max_new_tokens = 32,
       .truncate = true},
      {.name = "musique",
       .layout = DatasetLayout::longbench,
       .title = "a question that joins up to four passages",
       .format = "Answer the question based on the given passages. Only give me the answer and "
                 "do not output any other words.\n\nThe following are given passages.\n{context}\n"
                 "\nAnswer the question based on the given passages. Only give me the answer and "
                 "do not output any other words.\n\nQuestion: {input}\nAnswer:",
       .metrics = {"token-f1"},
       .max_new_tokens = 20,
       .longbench_tokens = 32,
       .truncate = true},
      {.name = "gov_report",
       .layout = DatasetLayout::longbench,
       .title = "the summary of a government report",
       .format = "You are given a report by a government agency. Write a one-page summary of the "
                 "report.\n\nReport:\n{context}\n\nNow, write a one-page summary of the report.\n"
                 "\nSummary:",
       .metrics = {"rouge-l"},
       .max_new_tokens = 512,
       .truncate = true},
      {.name = "qmsum",
       .layout = DatasetLayout::qmsum,
       .title = "a query about a meeting",
       .format =
           "You are given a meeting transcript and a query containing a question or instruction. "
           "Answer the query in one or more sentences.\n\nTranscript:\n{context}\n\nNow, "
           "answer the query based on the above meeting transcript in one or more sentences.\n"
           "\nQuery: {input}\nAnswer:",
       .metrics = {"rouge-l"},
       .max_new_tokens = 200,
       .longbench_tokens = 512,
       .truncate = true},
      {.name = "multi_news",
       .layout = DatasetLayout::longbench,
       .title = "the summary of several news texts",
       .format = "You are given several news passages. Write a one-page summary of all news. \n"
                 "\nNews:\n{context}\n\nNow, write a one-page summary of all the news.\n\nSummary:",
       .metrics = {"rouge-l"},
       .max_new_tokens = 600,
       .longbench_tokens = 512,
       .truncate = true},
      {.name = "trec",
       .layout = DatasetLayout::trec,
       .title = "the type of a question",
       .format =
           "Please determine the type of the question below. Here are some examples of questions.\n"
           "\n{context}\n{input}",
       .metrics = {"classification"},
       .max_new_tokens = 64,
       .truncate = true,
       .first_line = true,
       .in_chat = false},
      {.name = "triviaqa",
       .layout = DatasetLayout::longbench,
       .title = "a question after worked examples",
       .format = "Answer the question based on the given passage. Only give me the answer and do "
                 "not output any other words. The following are some examples.\n\n{context}\n\n"
                 "{input}",
       .metrics = {"token-f1"},
       .max_new_tokens = 32,
       .truncate = true,
       .first_line = true,
       .in_chat = false},
      {.name = "samsum",
       .layout = DatasetLayout::longbench,
       .title = "the summary of a dialogue after worked examples",
       .format =
           "Summarize the dialogue into a few short sentences. The following are some examples.\n"
           "\n{context}\n\n{input}",
       .metrics = {"rouge-l"},
       .max_new_tokens = 128,
       .truncate = true,
       .first_line = true,
       .in_chat = false},
      {.name = "passage_count",
       .layout = DatasetLayout::longbench,
       .title = "how many different paragraphs there are",
       .format =
           "There are some paragraphs below sourced from Wikipedia. Some of them may be "
           "duplicates. "
           "Please carefully read these paragraphs and determine how many unique paragraphs "
           "there are after removing duplicates. In other words, how many non-repeating paragraphs "
           "are there in total?\n\n{context}\n\nPlease enter the final count of unique paragraphs "
           "after removing duplicates. The output format should only contain the number, "
           "such as 1, 2, 3, and so on.\n\nThe final answer is: ",
       .metrics = {"count"},
       .max_new_tokens = 32,
       .truncate = true},
      {.name = "passage_retrieval_en",
       .layout = DatasetLayout::longbench,
       .title = "which paragraph an abstract is from",
       .format =
           "Here are 30 paragraphs from Wikipedia, along with an abstract. Please determine "
           "which paragraph the abstract is from.\n\n{context}\n\nThe following is an abstract.\n"
           "\n{input}\n\nPlease enter the number of the paragraph that the abstract is from. "
           "The answer format must be like \"Paragraph 1\", \"Paragraph 2\", etc.\n\nThe "
           "answer is: ",
       .metrics = {"retrieval"},
       .max_new_tokens = 32,
       .truncate = true},
      {.name = "lcc",
       .layout = DatasetLayout::longbench,
       .title = "the next line of a file of code",
       .format = "Please complete the code given below. \n{context}Next line of code:\n",
       .metrics = {"edit-similarity"},
       .max_new_tokens = 64,
       .truncate = true,
       .in_chat = false},
      {.name = "repobench-p",
       .layout = DatasetLayout::longbench,
       .title = "the next line of code, beside other files",
       .format = "Please complete the code given below. \n{context}{input}Next line of code:\n",
       .metrics = {"edit-similarity"},
       .max_new_tokens = 64,
       .truncate = true,
       .in_chat = false},
      {.name = "passage_retrieval_zh",
       .layout = DatasetLayout::longbench,
       .title = "the same in Chinese",
       .format = "以下是若干段落文字，以及其中一个段落的摘要。请确定给"
                 "定的摘要出自哪一段。\n\n{context}\n\n下面是一个摘要\n\n{input}\n"
                 "\n请输入摘要所属段落的编号。答案格式必须是\"段落1\"，\"段"
                 "落2\"等格式\n\n答案是：",
       .metrics = {"retrieval"},
       .max_new_tokens = 32,
       .truncate = true},
      {.name = "lsht",
       .layout = DatasetLayout::longbench,
       .title = "the class of a Chinese news text",
       .format = "请判断给定新闻的类别，下面是一些例子。\n\n{context}\n{input}",
       .metrics = {"classification"},
       .max_new_tokens = 64,
       .truncate = true,
       .first_line = true,
       .in_chat = false}};
}

}  // namespace kvreel::engine
