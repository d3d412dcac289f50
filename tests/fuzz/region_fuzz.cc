// A first byte of options, the program's path, a newline, and a smaps: each mapping has one region,
// and the regions add up to the mappings.
#include "collectors/process/sampling/region.h"

#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

struct Classified {
  std::vector<process::Region> regions;
  process::MappingTotals totals;
  std::uint64_t virtual_size = 0;
  OptionalBytes resident;
};

Classified classify(std::string_view smaps, const process::RegionContext& context) {
  Classified all;
  process::RegionClassifier classifier(context);
  const auto walked = procfs::for_each_smaps_entry(smaps, [&](const procfs::SmapsEntry& entry) {
    const auto region = classifier.next(entry);
    all.regions.push_back(region);
    all.totals.add(entry, region);
    all.virtual_size += entry.vma.size().value;
    add_known(all.resident, entry.memory.resident);
    fuzz::require(context.executable.empty() || entry.vma.path != context.executable ||
                      !entry.vma.path.starts_with('/') || classifier.program().has_value(),
                  "the program's file is known once it was seen");
  });
  if (!walked) all.regions.clear();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto text = fuzz::as_text(data + 1, size - 1);
  const auto newline = text.find('\n');
  if (newline == std::string_view::npos) return 0;
  // Without the privilege to read the link, nothing is known of the program.
  const bool is_known = (data[0] & 1) != 0;
  const auto program = process::as_printed_in_maps(text.substr(0, is_known ? newline : 0));
  const process::RegionContext context{.executable = program,
                                       .stacks_are_marked = (data[0] & 2) != 0};
  const auto smaps = text.substr(newline + 1);
  const auto all = classify(smaps, context);
  if (all.regions.empty()) return 0;

  fuzz::require(classify(smaps, context).regions == all.regions,
                "the same mappings, the same regions");
  std::uint64_t mappings = 0;
  std::uint64_t virtual_size = 0;
  OptionalBytes resident;
  for (const auto region : process::regions) {
    const auto& figures = all.totals[region];
    fuzz::require(!process::to_string(region).empty(), "a region has a name");
    mappings += figures.mappings;
    virtual_size += figures.virtual_size.value;
    add_known(resident, figures.resident);
  }
  fuzz::require(mappings == all.regions.size(), "each mapping has one region");
  fuzz::require(virtual_size == all.virtual_size, "the regions add up to the mappings");
  fuzz::require(resident == all.resident, "what is resident adds up too");
  return 0;
}
