// Samples as rows: one run beside the reference.
#pragma once

#include "viewer/model/grid.h"
#include "viewer/model/run_compare.h"

namespace kvreel::viewer {

// One row per sample of the run's trace, in its order; the first column is the sample's id. Samples
// that the run has not finished have "-". `figures` and `reference_figures` are compare_run()'s of
// the run and of the reference itself. The group's column is left out where no sample has one.
Grid samples_grid(const RunSource& run, const RunFigures& figures,
                  const RunFigures& reference_figures);

}  // namespace kvreel::viewer
