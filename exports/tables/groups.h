// Groups of samples by a field of their metadata.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tracer/read/trace.h"

namespace kvreel::exports {

// Every sample's value of a field of its metadata, by row of `samples`: texts as they are, other
// values as JSON, "(none)" where the sample lacks the field or leaves it empty. Throws UsageError
// with the nearest field where no sample has it.
std::vector<std::string> sample_groups(const tracer::Trace& trace, const std::string& field);

// The same values, numbered in the order in which the samples first have them. Without a field
// there is one group.
class Groups {
 public:
  Groups() = default;
  // Throws as sample_groups() does.
  Groups(const tracer::Trace& trace, const std::string& field);

  bool any() const { return !of_sample_.empty(); }
  size_t of(int32_t sample) const { return any() ? of_sample_.at(static_cast<size_t>(sample)) : 0; }
  const std::string& name(size_t group) const { return names_.at(group); }
  // Of a name that name() gives; 0 without a field.
  size_t number(const std::string& name) const;

 private:
  std::vector<size_t> of_sample_;
  std::vector<std::string> names_;
};

}  // namespace kvreel::exports
