// Prints the schema as Markdown, or writes it into a document between its markers.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.h"
#include "tracer/format/catalogue.h"

namespace {

void update(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) kvreel::fail("cannot read {}; name an existing document", path);
  const std::string document((std::istreambuf_iterator<char>(in)), {});
  const std::string updated = kvreel::tracer::with_schema(document);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << updated;
  if (!out.flush())
    kvreel::fail("cannot write {}; check the disk and the file's permissions", path);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 1) {
      std::fputs(kvreel::tracer::schema_markdown().c_str(), stdout);
    } else if (argc == 2) {
      update(argv[1]);
    } else {
      std::fputs("usage: kvreel_trace_schema [docs/trace-format.md]\n", stderr);
      return 2;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kvreel_trace_schema: %s\n", error.what());
    return 1;
  }
  return 0;
}
