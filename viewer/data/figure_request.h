// What is asked for when a figure of open traces is.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "exports/figures/figures.h"
#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

struct FigureRequest {
  std::vector<TraceId> traces;  // in the order in which their series come
  std::string name;             // of exports::known_figures()
  exports::FigureOptions options;
  auto operator<=>(const FigureRequest&) const = default;
};

// A request as part of a key: copied without copying it, compared by what it says.
class FigureKey {
 public:
  FigureKey() = default;
  explicit FigureKey(FigureRequest request)
      : request_(std::make_shared<const FigureRequest>(std::move(request))) {}

  const FigureRequest* get() const { return request_.get(); }  // null: none
  std::strong_ordering operator<=>(const FigureKey& other) const;
  bool operator==(const FigureKey& other) const { return (*this <=> other) == 0; }

 private:
  std::shared_ptr<const FigureRequest> request_;
};

// A number that changes when one of these traces has grown or ended. Null: not open yet.
uint64_t growth_of(std::span<const Overview* const> traces);

}  // namespace kvreel::viewer
