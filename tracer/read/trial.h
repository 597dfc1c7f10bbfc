// Reads a stranger's file in a child process first: libhdf5 can crash, hang or take any amount of
// memory on a hostile file, and whoever opens one must survive that.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace kvreel::tracer {

// Whether a file is read on trial before it is read for good.
enum class Trial : bool { no, yes };

struct TrialLimits {
  // Of the processor: a loaded machine must not make a sound file look damaged. Walking ten million
  // rows takes some hundredths of a second; of a trace that was killed opening compares every byte.
  unsigned opening_seconds = 5;    // until it is open: however long the rest of it is read for
  unsigned processor_seconds = 5;  // in all
  uint64_t bytes_per_second = 50'000'000;  // of the trace's files, in addition
  // By the clock, for what waits and does not work, which grows twelvefold with the above. A
  // network file system may take its time.
  unsigned seconds = 60;
  uint64_t memory = uint64_t{1} << 30;  // bytes, beyond what this process has
};

// Of reading all of a trace, which inflates what was deflated.
inline constexpr TrialLimits kReadingAll = {.processor_seconds = 60, .bytes_per_second = 1'000'000};

// Runs `open` and then `walk`, which read the file at `path`, in a child process with limits on
// memory and time and without output; nothing that they do there is left behind. Returns where both
// came to an end. Throws Error
//  - with the text of what `open` throws: the file need not be opened here to say why it is
//  refused;
//  - saying that the file is damaged where the child crashed or was late.
// What `walk` throws, an Error included, is for those to meet who read that part of the file.
//
// A file that a recorder is writing comes from this machine's kvreel and changes meanwhile: it is
// not tried. Nor is any where no process can be made, since reading must work on a machine that is
// short of them.
//
// To be called by the thread that uses HDF5. Other threads may do anything meanwhile, but nothing
// that `open` and `walk` wait for.
void read_on_trial(const std::string& path, const std::function<void()>& open,
                   const std::function<void()>& walk, const TrialLimits& limits = {});

}  // namespace kvreel::tracer
