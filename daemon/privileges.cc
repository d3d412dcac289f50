#include "daemon/privileges.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>

#include "collectors/base/file_descriptor.h"
#include "collectors/base/text.h"
#include "collectors/process/facts/dimension.h"
#include "collectors/procfs/reader.h"
#include "daemon/scrape.h"

namespace memory_exporter {
namespace {

constexpr unsigned most_capabilities = 64;

/// The first collector that is on and reads processes; any of them starts the sampling.
std::string process_collector(const Undertaking& undertaking) {
  for (const auto& entry : collector_table()) {
    if (entry.reads_processes && undertaking.settings.switches.is_on(entry)) {
      return "collectors." + std::string(entry.name);
    }
  }
  return {};
}

/// Giants are walked through pagemap in budgeted mode alone: --once and exact mode walk each in one
/// go.
std::string pagemap_tier(const Undertaking& undertaking) {
  const auto& settings = undertaking.settings.process;
  if (undertaking.settings.once || settings.pss_mode != process::PssMode::budgeted ||
      settings.pss_tier != process::PssTier::pagemap || process_collector(undertaking).empty()) {
    return {};
  }
  return "pss.tier: pagemap";
}

std::string cgroup_collector(const Undertaking& undertaking) {
  const auto table = collector_table();
  const auto entry = std::find_if(table.begin(), table.end(),
                                  [](const auto& row) { return row.name == "cgroup"; });
  const bool on = entry != table.end() && undertaking.settings.switches.is_on(*entry);
  return on ? "collectors.cgroup" : "";
}

std::string cgroup_names(const Undertaking& undertaking) {
  const auto& group_by = undertaking.settings.process.group_by;
  return process::needs_cgroups(group_by) ? process_collector(undertaking) : "";
}

std::string tree_elsewhere(const Undertaking& undertaking) {
  const config::Settings usual;
  const auto& settings = undertaking.settings;
  if (settings.procfs != usual.procfs) return "--path.procfs";
  if (settings.sysfs != usual.sysfs) return "--path.sysfs";
  if (settings.rootfs != usual.rootfs) return "--path.rootfs";
  return {};
}

std::string closed_config_file(const Undertaking& undertaking) {
  return undertaking.config_file_is_closed ? "--config.file" : "";
}

std::string low_port(const Undertaking& undertaking) {
  if (undertaking.settings.once) return {};
  const auto& addresses = undertaking.settings.listen_addresses;
  const bool low = std::any_of(addresses.begin(), addresses.end(), [&](const auto& address) {
    return address.port != 0 && address.port < undertaking.first_open_port;
  });
  return low ? "--web.listen-address" : "";
}

constexpr std::array needs = {
    PrivilegeNeed{
        CAP_SYS_PTRACE,
        "smaps_rollup, smaps, maps, exe, the addresses in stat and kcmp of other users' "
        "processes, and of root's that have more capabilities than this one; what hidepid "
        "hides (ptrace_may_access in kernel/ptrace.c, has_pid_permissions in "
        "fs/proc/base.c)",
        process_collector},
    PrivilegeNeed{CAP_PERFMON,
                  "smaps_rollup, smaps and maps on newer kernels, for who has no CAP_SYS_PTRACE "
                  "(may_access_mm in kernel/fork.c)",
                  process_collector, CAP_SYS_PTRACE},
    PrivilegeNeed{CAP_SYS_ADMIN,
                  "page frame numbers in /proc/PID/pagemap (pagemap_read in fs/proc/task_mmu.c)",
                  pagemap_tier},
    PrivilegeNeed{CAP_DAC_READ_SEARCH,
                  "/proc/PID/pagemap of other users, mode 0400, and /proc/kpagecount where this is "
                  "not root (generic_permission in fs/namei.c, as below)",
                  pagemap_tier},
    PrivilegeNeed{CAP_DAC_READ_SEARCH, "cgroups whose owner closed their directory",
                  cgroup_collector},
    PrivilegeNeed{CAP_DAC_READ_SEARCH,
                  "the same cgroups, looked at to tell which one a process's memory is charged to",
                  cgroup_names},
    PrivilegeNeed{CAP_DAC_READ_SEARCH, "a tree that lies below a directory closed to this user",
                  tree_elsewhere},
    PrivilegeNeed{CAP_DAC_READ_SEARCH, "a reload of a file that is closed to this user",
                  closed_config_file},
    PrivilegeNeed{CAP_NET_BIND_SERVICE,
                  "a port below net.ipv4.ip_unprivileged_port_start (inet_bind in "
                  "net/ipv4/af_inet.c)",
                  low_port},
};

bool is_served_better(const PrivilegeNeed& need, CapabilitySet held) {
  return need.unless_held != 0 && held.contains(need.unless_held);
}

unsigned first_open_port() {
  constexpr unsigned usual = 1024;
  const auto procfs = procfs::Tree::open("/proc");
  if (!procfs) return usual;
  procfs::Buffer buffer;
  const auto text = procfs->read("sys/net/ipv4/ip_unprivileged_port_start", buffer);
  if (!text) return usual;
  return to_number<unsigned>(text->substr(0, text->find('\n'))).value_or(usual);
}

/// Nothing where the kernel does not say.
CapabilitySet permitted() {
  CapabilitySet set;
  if (capng_get_caps_process() != 0) return set;
  for (unsigned capability = 0; capability < most_capabilities; ++capability) {
    if (capng_have_capability(CAPNG_PERMITTED, capability) == 1) set.add(capability);
  }
  return set;
}

/// What has no effect can be had again as long as it is permitted.
bool put_in_effect(CapabilitySet wanted) {
  if (capng_get_caps_process() != 0) return false;
  for (unsigned capability = 0; capability < most_capabilities; ++capability) {
    if (capng_have_capability(CAPNG_PERMITTED, capability) != 1) continue;
    capng_update(wanted.contains(capability) ? CAPNG_ADD : CAPNG_DROP, CAPNG_EFFECTIVE, capability);
  }
  return capng_apply(CAPNG_SELECT_CAPS) == 0;
}

/// Whether only a capability opens the file: another user's, mode 0600. It was read a moment ago,
/// so it is no file that does not answer. Leaves no capability in effect.
bool is_closed(const std::string& path) {
  if (path.empty() || !put_in_effect({})) return false;
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return !file.valid() && errno == EACCES;
}

/// First the bounding set, for which CAP_SETPCAP has to be there still; who does not have it keeps
/// a bounding set that no_new_privs makes harmless.
void keep(CapabilitySet kept) {
  put_in_effect(CapabilitySet{CAP_SETPCAP});
  capng_clear(CAPNG_SELECT_ALL);
  for (unsigned capability = 0; capability < most_capabilities; ++capability) {
    if (!kept.contains(capability)) continue;
    capng_updatev(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_PERMITTED | CAPNG_EFFECTIVE),
                  capability, -1);
  }
  for (const auto set : {CAPNG_SELECT_BOUNDS, CAPNG_SELECT_CAPS, CAPNG_SELECT_AMBIENT}) {
    capng_apply(set);
  }
}

std::string name_of(unsigned capability) {
  const char* name = capng_capability_to_name(capability);
  if (name == nullptr) return "CAP_" + std::to_string(capability);
  std::string text = "CAP_";
  for (; *name != '\0'; ++name) {
    text += *name >= 'a' && *name <= 'z' ? static_cast<char>(*name - 'a' + 'A') : *name;
  }
  return text;
}

}  // namespace

int CapabilitySet::size() const {
  return std::popcount(bits_);
}

std::string CapabilitySet::text() const {
  std::string all;
  for (unsigned capability = 0; capability < most_capabilities; ++capability) {
    if (!contains(capability)) continue;
    if (!all.empty()) all += ',';
    all += name_of(capability);
  }
  return all.empty() ? "none" : all;
}

std::span<const PrivilegeNeed> privilege_needs() {
  return needs;
}

CapabilitySet needed_of(CapabilitySet held, const Undertaking& undertaking) {
  CapabilitySet needed;
  for (const auto& need : needs) {
    if (!held.contains(need.capability) || is_served_better(need, held)) continue;
    if (!need.asked_by(undertaking).empty()) needed.add(need.capability);
  }
  return needed;
}

Privileges Privileges::keep_needed(const config::Settings& settings) {
  const auto held = permitted();
  const bool closed = !settings.once && is_closed(settings.config_file);
  const auto kept = needed_of(held, {settings, first_open_port(), closed});
  keep(kept);
  Privileges privileges(held, kept);
  privileges.refused_ = permitted().without(kept);
  return privileges;
}

Status Privileges::allow(const config::Settings& settings) const {
  const Undertaking undertaking{settings};
  for (const auto& need : needs) {
    if (!dropped_.contains(need.capability) || is_served_better(need, kept_)) continue;
    if (const auto asker = need.asked_by(undertaking); !asker.empty()) {
      return Error{ErrorKind::failed,
                   asker + " needs " + name_of(need.capability) +
                       ", which was dropped at the start: restart",
                   settings.config_file, 0};
    }
  }
  return Done{};
}

void Privileges::warn(Log& log) const {
  if (refused_.empty()) return;
  log.warn("capabilities that are not needed could not be dropped",
           {{"capabilities", refused_.text()}, {"look_at", "a seccomp filter without capset"}});
}

void Privileges::say(Log& log) const {
  warn(log);
  log.info("capabilities kept",
           {{"capabilities", kept_.text()}, {"dropped", std::to_string(dropped_.size())}});
}

}  // namespace memory_exporter
