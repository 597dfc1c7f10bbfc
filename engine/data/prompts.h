// Prompts from files: JSONL records, JSON arrays, or plain text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/tokenizer/chat_template.h"

namespace kvreel::engine {

// One prompt as a file states it. Exactly one of text, messages and ids is set.
struct PromptRecord {
  std::string id;
  std::string text;
  std::vector<ChatMessage> messages;
  std::vector<int32_t> ids;              // token ids given outright
  std::vector<std::string> answers;      // reference answers
  std::vector<std::string> all_classes;  // what the metric "classification" chooses from
  std::string metadata;                  // the record's other short fields as a JSON object
  std::string origin;                    // "questions.jsonl, line 12": for messages about it
};

struct PromptOptions {
  std::string format;        // template with {field} or {/json/pointer}; "": the field "prompt",
                             // "messages" or "ids"
  std::string answer_field;  // "": "answer", "answers" or "reference" where present
  std::string id_field;      // "": "id" where present, else the line's number
  int64_t offset = 0;        // records to skip
  int64_t limit = 0;         // 0: all
};

// Reads *.jsonl (one JSON object per line), *.json (an array of objects) or any other file as one
// plain-text prompt. Throws Error with file, line and remedy for what is malformed, for missing
// fields, and for repeated ids.
std::vector<PromptRecord> read_prompts(const std::filesystem::path& path,
                                       const PromptOptions& options);

// A prompt written on the command line.
PromptRecord prompt_from_text(std::string text, std::string id);

}  // namespace kvreel::engine
