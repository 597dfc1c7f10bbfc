// Any text as Markdown and as LaTeX that shows it and does nothing else.
#include "exports/tables/markup.h"

namespace kvreel::exports {

std::string escape_markdown(std::string_view text) {
  constexpr std::string_view kSpecial = "\\`*_[]<>|~&$!#";
  std::string out;
  for (const char c : text) {
    if (kSpecial.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string escape_latex(std::string_view text) {
  // "\u2423", the open box that visible() shows a space at an end as, has a command of its own.
  constexpr std::string_view kOpenBox = "\u2423";
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '\\':
        out += "\\textbackslash{}";
        break;
      case '^':
        out += "\\textasciicircum{}";
        break;
      case '~':
        out += "\\textasciitilde{}";
        break;
      case '<':
        out += "\\textless{}";
        break;
      case '>':
        out += "\\textgreater{}";
        break;
      case '|':
        out += "\\textbar{}";
        break;
      case '"':  // active under some of babel's languages
        out += "\\symbol{34}";
        break;
      case '`':
        out += "\\symbol{96}";
        break;
      case '{':
      case '}':
      case '$':
      case '&':
      case '#':
      case '%':
      case '_':
        out += '\\';
        out += c;
        break;
      case '[':  // behind the end of a row: an optional argument of it
      case ']':
      case '*':
        out += '{';
        out += c;
        out += '}';
        break;
      case '-':  // -- is a dash, ,, and '' are quotation marks, ?' and !' inverted marks
      case ',':
      case '\'':
        out += c;
        if (i + 1 < text.size() && text[i + 1] == c) out += "{}";
        break;
      default:
        if (text.substr(i).starts_with(kOpenBox)) {
          out += "\\textvisiblespace{}";
          i += kOpenBox.size() - 1;
        } else {
          out += c;
        }
    }
  }
  return out;
}

}  // namespace kvreel::exports
