#pragma once

#include <exception>
#include <string>

namespace memory_exporter {

/// What this process asks of the kernel and of libc for itself, before its first thread starts.
/// None of it fails: what is refused stays as it was.
void set_up_process();

/// Says on standard error why the program ends, in one line of 2,000 bytes at most, whatever is in
/// the text. Gives up where standard error takes nothing for a second.
void complain(const std::string& message);

/// What an exception means for the operator: which limit keeps memory or threads from us, where it
/// is one of those; else its own text.
std::string reason(const std::exception& failed);

}  // namespace memory_exporter
