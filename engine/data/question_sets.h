// Loaders of sets whose questions are short: GSM8K, GPQA, TheoremQA, TruthfulQA, CoQA, TREC.
//
// Each reads the file as its authors publish it (docs/datasets.md) and throws Error with place and
// field for another layout. Template fields are named beside each.
#pragma once

#include <cstdint>
#include <filesystem>

#include "engine/data/dataset_file.h"

namespace kvreel::engine {

// {question}; the answer is what follows "####".
DatasetRecords load_gsm8k(const std::filesystem::path& path);

// {question}, {a}, {b}, {c}, {d}; the answer is a letter. The right option's place is drawn from
// the seed and the record's number.
DatasetRecords load_gpqa(const std::filesystem::path& path, uint64_t seed);

// {question}. Questions about a picture are left out.
DatasetRecords load_theoremqa(const std::filesystem::path& path);

// {question}; the answer is the column "Best Answer".
DatasetRecords load_truthfulqa(const std::filesystem::path& path);

// {story}, {question}: every question of every story by itself, without those before it.
DatasetRecords load_coqa(const std::filesystem::path& path);

// {question}; the answer is one of the six coarse classes: lines "NUM:dist How far ...", UTF-8 or
// Latin-1.
DatasetRecords load_trec(const std::filesystem::path& path);

}  // namespace kvreel::engine
