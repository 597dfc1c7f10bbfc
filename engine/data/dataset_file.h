// Files of data sets: their text, their JSON records, and fields that must be there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::engine {

// A question, ready for the template.
struct DatasetRecord {
  nlohmann::json fields;  // what the template may name; an object
  std::string id;
  std::vector<std::string> answers;
  std::vector<std::string> all_classes;  // of classification sets
  std::string origin;                    // "test.jsonl, line 12"
};

struct DatasetRecords {
  std::vector<DatasetRecord> records;
  int64_t left_out = 0;      // records of the file that cannot be asked
  std::string left_out_why;  // "their question needs a picture"
  std::string format;        // the template for this layout, "" where it is the set's
};

// One object of a JSON file.
struct JsonRecord {
  nlohmann::json value;
  std::string origin;
  int64_t number = 0;  // its line, or its place in the list, from 1

  // Each throws Error that names place, field and the fields that are there. `set` is the data
  // set's name.
  const nlohmann::json& field(std::string_view name, std::string_view set) const;
  std::string text(std::string_view name, std::string_view set) const;
  std::vector<std::string> texts(std::string_view name, std::string_view set) const;

  // "_id" or "id" where it is a text or a number, else the record's number.
  std::string id() const;
};

// The bytes of a file. Throws Error where it cannot be read, is empty, or is a directory.
std::string read_bytes(const std::filesystem::path& path);

// The text of a file without a byte order mark. Throws Error where it is not UTF-8, with the line.
std::string read_text(const std::filesystem::path& path);

// The objects of a .json file that holds a list, or of a file with one object per line.
std::vector<JsonRecord> read_json_records(const std::filesystem::path& path, std::string_view set);

// The whole of a .json file that holds one object.
JsonRecord read_json_object(const std::filesystem::path& path, std::string_view set);

}  // namespace kvreel::engine
