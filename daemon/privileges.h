#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "collectors/base/result.h"
#include "config/settings.h"
#include "daemon/log.h"

namespace memory_exporter {

/// A set of capabilities, by their numbers in linux/capability.h.
class CapabilitySet {
 public:
  constexpr CapabilitySet() = default;
  constexpr CapabilitySet(std::initializer_list<unsigned> capabilities) {
    for (const auto capability : capabilities) add(capability);
  }

  constexpr void add(unsigned capability) { bits_ |= std::uint64_t{1} << capability; }
  constexpr bool contains(unsigned capability) const { return (bits_ >> capability & 1) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr CapabilitySet without(CapabilitySet others) const {
    CapabilitySet rest;
    rest.bits_ = bits_ & ~others.bits_;
    return rest;
  }
  int size() const;
  /// "CAP_SYS_PTRACE,CAP_SYS_ADMIN", or "none".
  std::string text() const;

  constexpr bool operator==(const CapabilitySet&) const = default;

 private:
  std::uint64_t bits_ = 0;
};

/// What is asked of the process, and what of its surroundings decides whether that is privileged.
struct Undertaking {
  const config::Settings& settings;
  unsigned first_open_port = 0;        ///< from which on anyone may listen
  bool config_file_is_closed = false;  ///< to this user without capabilities
};

/// One reason to keep a capability.
struct PrivilegeNeed {
  unsigned capability;
  std::string_view why;  ///< with the kernel's source of the check
  /// The flag or key that asks for it, as the operator writes it; empty where nobody does.
  std::string (*asked_by)(const Undertaking&);
  /// One that serves better: where it is held, this one is not needed. 0: none.
  unsigned unless_held = 0;
};

/// Every reason there is. A new tier, collector or endpoint that needs a capability is one row.
std::span<const PrivilegeNeed> privilege_needs();

/// What of `held` is needed.
CapabilitySet needed_of(CapabilitySet held, const Undertaking& undertaking);

/// The capabilities of this process, which only ever become fewer. Safe to use from many threads.
class Privileges {
 public:
  /// Leaves in the permitted and effective sets what is needed of them, and nothing in the
  /// inheritable, the ambient and, where CAP_SETPCAP allows that, the bounding set: a program that
  /// this process were made to start would have none at all. Does nothing where there is nothing
  /// to drop. Capabilities are each thread's own, so this comes before the second thread.
  static Privileges keep_needed(const config::Settings& settings);

  /// For tests: the result without the doing.
  Privileges(CapabilitySet held, CapabilitySet kept) : kept_(kept), dropped_(held.without(kept)) {}

  CapabilitySet kept() const { return kept_; }
  CapabilitySet dropped() const { return dropped_; }

  /// Whether these settings could come into force now. The error names who needs which capability
  /// that was there at the start and has been dropped.
  Status allow(const config::Settings& settings) const;

  /// Warns where the kernel refused to take what is not needed.
  void warn(Log& log) const;
  /// The same, and says what is kept: for a daemon that serves. One that does not start has one
  /// line to say, which is why.
  void say(Log& log) const;

 private:
  CapabilitySet kept_;     ///< of those needed
  CapabilitySet dropped_;  ///< held at the start, and not needed
  CapabilitySet refused_;  ///< of those dropped: still there
};

}  // namespace memory_exporter
