#pragma once

#include <string>
#include <string_view>

#include "collectors/procfs/cgroup.h"

namespace memory_exporter::procfs {

/// What the path of a cgroup says of those in it: views into it, empty where it says nothing.
///
/// The grammars are those of systemd (src/basic/cgroup-util.c), the kubelet (pkg/kubelet/cm,
/// pod_container_manager_linux.go, cgroup_manager_linux.go) and the runtimes: docker, containerd
/// and nerdctl, CRI-O, podman, LXC, LXD and Proxmox, systemd-nspawn, libvirt, nomad and slurm.
struct CgroupIdentity {
  std::string_view unit;              ///< of the system's manager, as systemctl prints it
  std::string_view user_unit;         ///< of the manager in user@UID.service
  std::string_view slice;             ///< the last of those in front of the unit
  std::string_view container;         ///< the innermost, in the bytes of the path
  bool container_is_escaped = false;  ///< as systemd escapes the name of a unit
  std::string_view pod;               ///< the innermost; may have '_' where the uid has '-'
  std::string_view qos;               ///< of that pod: guaranteed, burstable or besteffort

  std::string container_id() const;  ///< as its runtime prints it
  std::string pod_uid() const;       ///< as the API server prints it

  bool operator==(const CgroupIdentity&) const = default;
};

/// Of one path, as the kernel prints it. Allocates nothing; some 0.2 us.
///
/// A container is the last segment that is 64 hex digits, whatever stands in front of them
/// ("docker-", "cri-containerd-", "...slice:cri-containerd:") and a ".scope" behind; where there is
/// none, the last one with a name of another kind. Whoever owns a subtree names the cgroups in it:
/// the innermost container and pod are the workload's own word. Below user@UID.service, where every
/// user can, only the shapes of podman, docker and payloads count. conmon and other monitors belong
/// to no container.
CgroupIdentity identity_of_path(std::string_view path);

/// Of a process: the first path with a container, in the order memory, systemd, unified; where
/// there is none, the path with systemd's unit.
CgroupIdentity cgroup_identity(const CgroupPaths& paths);

}  // namespace memory_exporter::procfs
