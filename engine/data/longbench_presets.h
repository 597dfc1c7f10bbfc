// The part of the table of data sets that is LongBench's.
#pragma once

#include <vector>

#include "engine/data/dataset_preset.h"

namespace kvreel::engine {

std::vector<DatasetPreset> longbench_presets();

}  // namespace kvreel::engine
