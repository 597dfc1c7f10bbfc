// Names of runs where there is no room for all of them: what tells them apart stays.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace kvreel::viewer {

// The longest of these that `fits`:
//   - the label itself;
//   - "…threshold=5%" for "refreekv:threshold=5%": without a beginning that it shares with another
//     of `all`, up to a ':', ',' or space, and where that is not enough, up to a '='; never so that
//     the rest is the end of another label, too;
//   - "…threshold=5%,…": the shortest such rest, cut at its end;
//   - "streami…=50%": where there is none, the label without its middle.
// Empty where not even one character fits. `all` may or may not contain the label.
std::string short_label(std::string_view label, std::span<const std::string> all,
                        const std::function<bool(std::string_view)>& fits);

}  // namespace kvreel::viewer
