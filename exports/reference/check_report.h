// A comparison with the released code, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "exports/reference/check_reference.h"

namespace kvreel::exports {

std::string render_check_text(const CheckReport& report);
nlohmann::ordered_json check_json(const CheckReport& report);

}  // namespace kvreel::exports
