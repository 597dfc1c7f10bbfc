// The post-processor of a tokenizer.json: the tokens that it puts around a text.
#include "engine/tokenizer/post_processor.h"

#include <fmt/format.h>

#include <utility>

namespace kvreel::engine {
namespace {

constexpr int kMaxNestedProcessors = 16;

// Ids of the special token that a template names, from the template's own table.
std::vector<int32_t> special_ids(const JsonField& processing, const std::string& name) {
  std::vector<int32_t> ids;
  const JsonField token = processing.at("special_tokens").at(name);
  for (const JsonField& id : token.at("ids").items()) ids.push_back(id.token_id());
  return ids;
}

}  // namespace

PostProcessor::PostProcessor(const JsonField& post_processor) {
  read(post_processor, 0);
}

void PostProcessor::read(const JsonField& post_processor, int depth) {
  const std::string& type = post_processor.type();
  if (type == "Sequence") {
    if (depth == kMaxNestedProcessors) post_processor.refuse("sequences may nest 16 deep at most");
    for (const JsonField& step : post_processor.at("processors").items()) read(step, depth + 1);
  } else if (type == "TemplateProcessing") {
    read_template(post_processor);
  } else if (type != "ByteLevel") {
    post_processor.refuse(
        "kvreel supports the post-processors ByteLevel, TemplateProcessing and Sequence only");
  }
}

void PostProcessor::read_template(const JsonField& processing) {
  constexpr size_t kMostIds = 4096;  // that one template may add
  Template parts;
  size_t texts = 0;
  size_t ids = 0;
  for (const JsonField& part : processing.at("single").items()) {
    if (const std::optional<JsonField> special = part.find("SpecialToken")) {
      parts.push_back(
          {.is_text = false, .ids = special_ids(processing, special->at("id").string())});
      ids += parts.back().ids.size();
      if (ids > kMostIds) {
        part.refuse(fmt::format("kvreel adds {} special tokens to a text at most", kMostIds));
      }
    } else {
      const JsonField id = part.at("Sequence").at("id");
      if (id.string() != "A") id.refuse("a template for one text can use the sequence \"A\" only");
      parts.push_back({.is_text = true, .ids = {}});
      ++texts;
    }
  }
  if (texts != 1) processing.at("single").refuse("expected the sequence \"A\" in it once");
  constexpr size_t kMostTemplates = 64;
  if (templates_.size() == kMostTemplates) {
    processing.refuse(fmt::format("kvreel takes {} templates at most", kMostTemplates));
  }
  templates_.push_back(std::move(parts));
}

std::vector<int32_t> PostProcessor::apply(std::vector<int32_t> ids, bool add_special) const {
  if (!add_special) return ids;
  for (const Template& parts : templates_) {
    std::vector<int32_t> arranged;
    for (const Part& part : parts) {
      const std::vector<int32_t>& source = part.is_text ? ids : part.ids;
      arranged.insert(arranged.end(), source.begin(), source.end());
    }
    ids = std::move(arranged);
  }
  return ids;
}

}  // namespace kvreel::engine
