// How the fields of a record become text: values, templates, metadata.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace kvreel::engine {

// A value as a template writes it: strings as they are, everything else as compact JSON.
std::string as_text(const nlohmann::json& value);

// The names of a record's fields, for messages: "id, question".
std::string fields_of(const nlohmann::json& record);

// "{question}" is a field of the record, "{/a/0/b}" a JSON pointer into it, "{{" and "}}" are
// braces. Throws UsageError where the template is malformed, Error where the record (found at
// `origin`) lacks a field.
std::string fill_template(const std::string& format, const nlohmann::json& record,
                          const std::string& origin);

// The record's fields but those in `used` as a JSON object. Long ones (a document, a transcript)
// stay in the file: metadata is for reading beside results.
std::string short_fields(const nlohmann::json& record, const std::set<std::string>& used);

}  // namespace kvreel::engine
