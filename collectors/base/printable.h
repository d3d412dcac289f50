#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace memory_exporter {

/// Whether a terminal or a page shows `code_point` (one, as well-formed UTF-8) in its own place and
/// does nothing else. False for control characters (ESC, DEL and U+0080 to U+009F included), for
/// what turns or hides the text around it (bidirectional marks and overrides, zero width, tags) and
/// for U+2028 and U+2029, which end a line.
bool is_printable(std::string_view code_point);

/// Appends `code_point` as JSON escapes it: \u202e, and two escapes above U+FFFF.
void append_escaped(std::string& out, std::string_view code_point);

/// A stranger's text as a part of one line: ill-formed UTF-8 becomes U+FFFD, and what is not
/// printable is escaped. A result longer than `most` bytes is cut and ends in "...".
std::string printable(std::string_view bytes, std::size_t most = 500);

/// The same between double quotes, cut after 80 bytes: for a message that repeats a value and goes
/// on behind it.
std::string in_quotes(std::string_view value);

/// A stranger's text of many lines, for a terminal: as printable(), and the ends of lines stay.
std::string printable_lines(std::string_view text);

}  // namespace memory_exporter
