// The writers of the formats; make_writer() (writers.h) chooses between them.
#pragma once

#include <memory>
#include <ostream>

#include "exports/tables/table.h"
#include "exports/tables/writers.h"

namespace kvreel::exports {

std::unique_ptr<RowSink> make_csv_writer(std::ostream& out, const WriteOptions& options);
std::unique_ptr<RowSink> make_json_writer(std::ostream& out);
std::unique_ptr<RowSink> make_text_writer(std::ostream& out, const WriteOptions& options);
std::unique_ptr<RowSink> make_markdown_writer(std::ostream& out, const WriteOptions& options);
std::unique_ptr<RowSink> make_latex_writer(std::ostream& out, const WriteOptions& options);

}  // namespace kvreel::exports
