// Loaders of sets with long texts: LongBench, and the published files of QMSum and HotpotQA.
//
// All give the fields {context} and {input}. Each throws Error with place and field for another
// layout.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/data/dataset_file.h"

namespace kvreel::engine {

// The file's set: what its first record says in "dataset", else the file's name ("qasper.jsonl",
// "qasper_e.jsonl", "longbench_qasper.jsonl").
std::string longbench_name(const std::filesystem::path& path);

// One set of LongBench. Records of another set than `name` are refused.
DatasetRecords load_longbench(const std::filesystem::path& path, std::string_view name);

// LongBench's records, or QMSum's meetings: a record for each general and each specific query.
DatasetRecords load_qmsum(const std::filesystem::path& path);

// LongBench's records, or HotpotQA's (context or two paragraphs with distractors), whose paragraphs
// are put into an order drawn from the seed where the file has none.
DatasetRecords load_hotpotqa(const std::filesystem::path& path, uint64_t seed);

}  // namespace kvreel::engine
