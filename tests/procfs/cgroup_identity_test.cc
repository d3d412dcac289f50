#include "collectors/procfs/cgroup_identity.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/text.h"
#include "collectors/procfs/cgroup.h"
#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

/// What a test expects, with "-" for nothing, as the table writes it.
struct Facts {
  std::string unit = "-", slice = "-", user_unit = "-", container = "-", pod = "-", qos = "-";
  bool operator==(const Facts&) const = default;
};

void PrintTo(const Facts& facts, std::ostream* out) {
  *out << "unit " << facts.unit << ", slice " << facts.slice << ", user unit " << facts.user_unit
       << ", container " << facts.container << ", pod " << facts.pod << ", qos " << facts.qos;
}

Facts facts_of(const CgroupIdentity& identity) {
  const auto shown = [](std::string_view text) { return std::string(text.empty() ? "-" : text); };
  return {shown(identity.unit),           shown(identity.slice),     shown(identity.user_unit),
          shown(identity.container_id()), shown(identity.pod_uid()), shown(identity.qos)};
}

Facts facts_of_file(std::string_view text) {
  return facts_of(cgroup_identity(cgroup_paths(text)));
}
Facts facts_of_path(std::string_view path) {
  return facts_of(identity_of_path(path));
}

std::string take_column(std::string_view& row) {
  const auto end = row.find('\t');
  const std::string column(row.substr(0, end));
  row.remove_prefix(end == std::string_view::npos ? row.size() : end + 1);
  return column;
}

/// Lines of one file are divided by "\n" in a row, where a path may have "\x2d".
std::string with_newlines(std::string text) {
  for (auto at = text.find("\\n"); at != std::string::npos; at = text.find("\\n")) {
    text.replace(at, 2, "\n");
  }
  return text + '\n';
}

TEST(CgroupIdentity, IsRightInEveryRowOfTheTable) {
  const auto table = capture("cgroup-paths.tsv");
  std::string_view rest = table;
  take_line(rest);
  int rows = 0;
  while (!rest.empty()) {
    auto row = take_line(rest);
    const auto file = with_newlines(take_column(row));
    Facts expected;
    for (auto* column : {&expected.unit, &expected.slice, &expected.user_unit, &expected.container,
                         &expected.pod, &expected.qos}) {
      *column = take_column(row);
    }
    EXPECT_EQ(facts_of_file(file), expected) << file;
    ++rows;
  }
  EXPECT_EQ(rows, 84);
}

class Random {
 public:
  std::string hex(std::size_t size) {
    std::string text;
    while (text.size() < size) text += "0123456789abcdef"[number(16)];
    return text;
  }
  std::string uuid(char divider) {
    std::string text = hex(8);
    for (const std::size_t size : {4u, 4u, 4u, 12u}) text.append(1, divider) += hex(size);
    return text;
  }
  std::size_t number(std::size_t below) { return engine_() % below; }
  bool coin() { return number(2) == 0; }
  template <typename T>
  const T& one_of(const std::vector<T>& choices) {
    return choices[number(choices.size())];
  }

 private:
  std::mt19937 engine_{20261125};
};

/// A path that some runtime makes, and what it says of the container.
struct Made {
  std::string path;
  std::string container = "-", pod = "-", qos = "-";
  std::string unit = "-", slice = "-";  ///< where it is all of the path
};

std::string with_underscores(std::string text) {
  for (auto& c : text) c = c == '-' ? '_' : c;
  return text;
}

/// A pod as the kubelet and a runtime lay it out, with either driver.
Made pod_container(Random& random) {
  Made made;
  made.container = random.hex(64);
  made.pod = random.coin() ? random.uuid('-') : random.hex(32);
  made.qos = random.one_of<std::string>({"besteffort", "burstable", "guaranteed"});
  const bool guaranteed = made.qos == "guaranteed";
  const auto tail = random.one_of<std::string>({"", "", "/container", "/init.scope", "/a/b"});
  if (random.coin()) {
    const auto name = random.one_of<std::string>({"", "crio-"}) + made.container;
    made.path = random.one_of<std::string>({"/kubepods", "/kubelet/kubepods"}) +
                (guaranteed ? "" : "/" + made.qos) + "/pod" + made.pod + "/" + name + tail;
    return made;
  }
  const auto root = random.one_of<std::string>({"", "kubelet-", "a-b-"});
  std::string slices;
  for (std::size_t dash = root.find('-'); dash != std::string::npos;
       dash = root.find('-', dash + 1))
    slices += "/" + root.substr(0, dash) + ".slice";
  const auto parent = root + "kubepods" + (guaranteed ? "" : "-" + made.qos);
  made.slice = parent + "-pod" + with_underscores(made.pod) + ".slice";
  slices += "/" + root + "kubepods.slice";
  if (!guaranteed) slices += "/" + parent + ".slice";
  const auto prefix = random.one_of<std::string>({"docker-", "cri-containerd-", "crio-"});
  if (random.number(4) == 0) {  // the driver of containerd is another one than the kubelet's
    made.path =
        "/system.slice/containerd.service/" + made.slice + ":cri-containerd:" + made.container;
    made.slice = "system.slice";
    made.unit = "containerd.service";
    return made;
  }
  made.unit = prefix + made.container + ".scope";
  made.path = slices + "/" + made.slice + "/" + made.unit + tail;
  return made;
}

/// A container of an engine on a host.
Made engine_container(Random& random) {
  Made made;
  made.container = random.hex(64);
  const auto& id = made.container;
  const auto pod = random.hex(64);
  struct Shape {
    std::string path, unit, slice;
  };
  const auto shape = random.one_of<Shape>({
      {"/docker/" + id, "-", "-"},
      {"/system.slice/docker-" + id + ".scope", "docker-" + id + ".scope", "system.slice"},
      {"/custom.slice/docker-" + id + ".scope/init.scope", "docker-" + id + ".scope",
       "custom.slice"},
      {"/default/" + id, "-", "-"},
      {"/system.slice/nerdctl-" + id + ".scope", "nerdctl-" + id + ".scope", "system.slice"},
      {"/libpod_parent/libpod-" + id, "-", "-"},
      {"/libpod_parent/" + pod + "/libpod-" + id, "-", "-"},
      {"/machine.slice/libpod-" + id + ".scope/container", "libpod-" + id + ".scope",
       "machine.slice"},
      {"/machine.slice/machine-libpod_pod_" + pod + ".slice/libpod-" + id + ".scope/container",
       "libpod-" + id + ".scope", "machine-libpod_pod_" + pod + ".slice"},
      {"/system.slice/web.service/libpod-payload-" + id, "web.service", "system.slice"},
      {"/system.slice:docker:" + id, "-", "-"},
  });
  made.path = shape.path;
  made.unit = shape.unit;
  made.slice = shape.slice;
  return made;
}

/// Something that runs other things in it.
Made named_container(Random& random) {
  struct Shape {
    std::string path, container, unit, slice;
  };
  const auto number = std::to_string(random.number(100000));
  const auto name = "n" + random.hex(5) + random.one_of<std::string>({"", "-a", "_b", ".c", "@d"});
  auto escaped = name;
  for (auto at = escaped.find('-'); at != std::string::npos; at = escaped.find('-'))
    escaped.replace(at, 1, "\\x2d");
  const auto qemu = "machine-qemu\\x2d" + number + "\\x2d" + escaped + ".scope";
  const auto nspawn = "systemd-nspawn@" + name + ".service";
  const auto shape = random.one_of<Shape>({
      {"/lxc.payload." + name, name, "-", "-"},
      {"/lxc.payload." + name + "/system.slice/cron.service", name, "-", "-"},
      {"/lxc/" + number, number, "-", "-"},
      {"/lxc/" + name + "/ns/system.slice/cron.service", name, "-", "-"},
      {"/machine.slice/" + nspawn + "/payload", name, nspawn, "machine.slice"},
      {"/machine.slice/" + nspawn + "/payload/init.scope", name, nspawn, "machine.slice"},
      {"/machine.slice/machine-" + escaped + ".scope/payload/init.scope", name,
       "machine-" + escaped + ".scope", "machine.slice"},
      {"/machine.slice/" + qemu + "/libvirt/vcpu0", name, qemu, "machine.slice"},
      {"/machine/qemu-" + number + "-" + name + ".libvirt-qemu/emulator", name, "-", "-"},
      {"/qemu.slice/" + number + ".scope", number, number + ".scope", "qemu.slice"},
      {"/nomad/" + random.uuid('-') + "." + name, "", "-", "-"},
      {"/nomad.slice/share.slice/" + name + ".scope", name, name + ".scope", "share.slice"},
      {"/slurm/uid_" + number + "/job_" + number + "/step_0/task_0", "job_" + number, "-", "-"},
      {"/slurm_node7/uid_" + number + "/job_" + number, "job_" + number, "-", "-"},
      {"/system.slice/slurmstepd.scope/job_" + number + "/step_batch/user/task_0", "job_" + number,
       "slurmstepd.scope", "system.slice"},
  });
  Made made;
  made.path = shape.path;
  made.container = shape.container.empty() ? shape.path.substr(7) : shape.container;
  made.unit = shape.unit;
  made.slice = shape.slice;
  return made;
}

Made any(Random& random) {
  const auto kind = random.number(3);
  return kind == 0   ? pod_container(random)
         : kind == 1 ? engine_container(random)
                     : named_container(random);
}

Facts facts_of(const Made& made) {
  return {made.unit, made.slice, "-", made.container, made.pod, made.qos};
}

TEST(CgroupIdentity, HoldsForEveryPathThatARuntimeMakes) {
  Random random;
  for (int round = 0; round < 20000; ++round) {
    const auto made = any(random);
    EXPECT_EQ(facts_of_path(made.path), facts_of(made)) << made.path;
    const auto file = random.one_of<std::string>({
        "0::" + made.path + "\n",
        "0::" + made.path + " (deleted)\n",
        "5:cpu,memory:" + made.path + "\n1:name=systemd:" + made.path + "\n0::/\n",
        "5:pids:/x\n4:memory:" + made.path + "\n1:name=systemd:/\n0::/system.slice/k3s.service\n",
        "4:memory:/\n1:name=systemd:" + made.path + "\n0::/\n",
    });
    EXPECT_EQ(facts_of_file(file), facts_of(made)) << file;
    if (HasFailure()) return;
  }
}

/// A node in a container, a container in a pod, an engine in a machine: the outer one gives unit
/// and slice, the inner one the rest.
TEST(CgroupIdentity, IsThatOfTheInnermostOfNestedOnes) {
  Random random;
  for (int round = 0; round < 20000; ++round) {
    const auto outer = any(random);
    const auto inner = random.coin() ? pod_container(random) : engine_container(random);
    auto expected = facts_of(outer);
    expected.container = inner.container;
    if (inner.pod != "-") {
      expected.pod = inner.pod;
      expected.qos = inner.qos;
    }
    const auto path = outer.path + inner.path;
    EXPECT_EQ(facts_of_path(path), expected) << path;
    if (HasFailure()) return;
  }
}

TEST(CgroupIdentity, IsTheSameForAReaderInAnotherNamespace) {
  Random random;
  for (int round = 0; round < 2000; ++round) {
    const auto made = any(random);
    EXPECT_EQ(facts_of_path("/../.." + made.path), facts_of(made)) << made.path;
    if (HasFailure()) return;
  }
}

constexpr const char* id = "3c07201c9881c75038253c9b809334f8e622767e0d5ccaa5cd13aa3bb457b939";
constexpr const char* uid = "1b94f309_a7d6_4145_ac44_1b16a0061fb8";

TEST(CgroupIdentity, GivesNoContainerToMonitors) {
  const std::string hex = id;
  for (const auto& path :
       {"/machine.slice/libpod-conmon-" + hex + ".scope",
        "/kubepods.slice/crio-conmon-" + hex + ".scope", "/libpod_parent/conmon-" + hex,
        "/libpod_parent/" + hex + "/conmon", std::string("/lxc.monitor.first"),
        std::string("/lxc.monitor/100"), std::string("/system.slice/web.service/runtime"),
        std::string("/machine.slice/systemd-nspawn@web.service/supervisor"),
        std::string("/machine.slice/machine-web.scope/supervisor"),
        std::string("/system.slice/slurmstepd.scope/system"), std::string("/nomad/share")}) {
    EXPECT_EQ(facts_of_path(path).container, "-") << path;
  }
  // Those that run in a container themselves belong to that one.
  EXPECT_EQ(facts_of_path("/docker/" + hex + "/machine.slice/libpod-conmon-" +
                          std::string(64, 'a') + ".scope")
                .container,
            hex);
}

TEST(CgroupIdentity, TakesNothingElseForAnId) {
  const std::string hex = id;
  for (const auto& name : {hex + "0", hex.substr(1), hex + ".service", "docker" + hex,
                           "docker_" + hex, "-" + hex, ":" + hex, hex.substr(1) + "g",
                           hex.substr(1) + "A", hex + ".slice", "run-" + hex.substr(32),
                           std::string("pod") + uid, std::string("job_5"), std::string("uid_5")}) {
    EXPECT_EQ(facts_of_path("/a/" + name).container, "-") << name;
  }
  for (const auto& name :
       {"podman", "pod", "pod1b94f309", "pod-1b94f309-a7d6-4145-ac44-1b16a0061fb8",
        "pod1b94f309_a7d6_4145_ac44_1b16a0061fb8x", "podruntime",
        "pod1b94f309_a7d6_4145_ac44_1b16a0061fbg"}) {
    EXPECT_EQ(facts_of_path(std::string("/kubepods/") + name).pod, "-") << name;
  }
}

TEST(CgroupIdentity, BelievesUsersOnlyTheShapesOfTheirEngines) {
  const std::string hex = id;
  const std::string manager = "/user.slice/user-1000.slice/user@1000.service/";
  for (const auto& below :
       {"app.slice/app-" + hex + ".scope", hex, "user.slice/crio-" + hex + ".scope",
        "lxc/" + hex.substr(1), std::string("nomad/a"), std::string("qemu.slice/900.scope"),
        std::string("slurmstepd.scope/job_1/step_0"), std::string("slurm/uid_1/job_1"),
        "kubepods.slice/kubepods-pod" + std::string(uid) + ".slice/cri-containerd-" + hex +
            ".scope"}) {
    const auto facts = facts_of_path(manager + below);
    EXPECT_EQ(facts.container, "-") << below;
    EXPECT_EQ(facts.pod, "-") << below;
    EXPECT_EQ(facts.unit, "user@1000.service");
    EXPECT_EQ(facts.slice, "user-1000.slice");
  }
  for (const auto& below : {"user.slice/libpod-" + hex + ".scope/container", "docker/" + hex,
                            "user.slice/libpod/" + hex, "user.slice/docker-" + hex + ".scope",
                            "app.slice/web.service/libpod-payload-" + hex}) {
    EXPECT_EQ(facts_of_path(manager + below).container, hex) << below;
  }
  EXPECT_EQ(facts_of_path(manager + "app.slice/run-r1.scope/lxc.payload.c1/init").container, "c1");
}

TEST(CgroupIdentity, NamesUnitsAsSystemctlDoes) {
  EXPECT_EQ(facts_of_path("/system.slice/_cpu.service").unit, "cpu.service");
  EXPECT_EQ(facts_of_path("/system.slice/a\\x2db.service").unit, "a\\x2db.service");
  EXPECT_EQ(facts_of_path("/system.slice/web.service/worker.service").unit, "web.service");
  EXPECT_EQ(facts_of_path("/system.slice/web.service (deleted)").unit, "web.service");
  EXPECT_EQ(facts_of_path("/system.slice/.service").unit, "-");
  EXPECT_EQ(facts_of_path("/system.slice/x/web.service").unit, "-");
  EXPECT_EQ(facts_of_path("/user.slice/user-0.slice/user@0.service/init.scope").user_unit,
            "init.scope");
  EXPECT_EQ(facts_of_path("/user.slice/user@root.service/a.service").user_unit, "-");
}

TEST(CgroupIdentity, FollowsTheLinesInTheirOrder) {
  const std::string docker = std::string("/docker/") + id;
  EXPECT_EQ(facts_of_file("0::" + docker + "\n1:name=systemd:/lxc/5\n4:memory:/lxc/4\n").container,
            "4");
  EXPECT_EQ(facts_of_file("0::" + docker + "\n1:name=systemd:/lxc/5\n4:memory:/a\n").container,
            "5");
  EXPECT_EQ(facts_of_file("0::" + docker + "\n1:name=systemd:/a\n4:memory:/a\n").container, id);
  EXPECT_EQ(facts_of_file("0::/a.service\n4:memory:/b.service\n").unit, "b.service");
  EXPECT_EQ(facts_of_file("0::/a.service\n2:name=systemd:/c.service\n4:memory:/b.service\n").unit,
            "c.service");
  EXPECT_EQ(facts_of_file("2:name=systemd:/x.slice\n4:memory:/b.service\n").unit, "b.service");
  EXPECT_EQ(facts_of_file("2:name=systemd:/x.slice\n4:memory:/\n").slice, "x.slice");
  EXPECT_EQ(facts_of_file("2:name=memory:/a.service\n0::/b.service\n").unit, "b.service");
  EXPECT_EQ(facts_of_file(""), Facts());
}

/// Names that nobody foresaw: each answer is a part of the path, and nothing is read beyond it.
TEST(CgroupIdentity, TakesHostilePathsAsTheyAre) {
  const std::string long_name(512, 'x');
  EXPECT_EQ(facts_of_path("/lxc/" + long_name).container, long_name);
  EXPECT_EQ(facts_of_path("/system.slice/" + long_name + ".service").unit, long_name + ".service");
  EXPECT_EQ(facts_of_path("/machine.slice/machine-qemu\\x2d1\\x2da\\x2.scope").container, "a\\x2");
  EXPECT_EQ(facts_of_path("/machine.slice/machine-qemu\\x2d1\\x2d\\xff\\x0a.scope").container,
            "\xff\n");
  EXPECT_EQ(facts_of_path("/machine.slice/machine-qemu\\x2dz\\x2da.scope").container, "-");
  EXPECT_EQ(facts_of_path("/lxc/\xff\xfe").container, "\xff\xfe");
  EXPECT_EQ(facts_of_path("/..a/..").container, "-");
  EXPECT_EQ(facts_of_path("/a/../lxc/7").container, "7");
  EXPECT_EQ(facts_of_path("//lxc//7//").container, "7");
  EXPECT_EQ(facts_of_path("/../../..").unit, "-");
  EXPECT_EQ(facts_of_path(std::string("/lxc/") + '\0' + "7").container, std::string("\0", 1) + "7");
  EXPECT_EQ(facts_of_file("0::/a\n/lxc/7\n"), Facts());  // no line of the kernel's
  EXPECT_EQ(facts_of_file("0:\n::\n:\n\n0::lxc/7\nx::/lxc/7\n"), Facts());
  std::string deep;
  for (int i = 0; i < 2000; ++i) deep += "/a";
  EXPECT_EQ(facts_of_path(deep), Facts());
}

}  // namespace
}  // namespace memory_exporter::procfs
