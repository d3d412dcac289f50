#include "daemon/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string>

#include "collectors/procfs/reader.h"
#include "tests/support/temp_tree.h"

namespace memory_exporter {
namespace {

/// A service manager's socket; `name` may start with a NUL byte.
class Receiver {
 public:
  explicit Receiver(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof(address.sun_path));
    const auto size = offsetof(sockaddr_un, sun_path) + name.size();
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address),
                     static_cast<socklen_t>(size)),
              0);
  }

  std::string receive() const {
    char text[256];
    const auto got = ::recv(fd_.get(), text, sizeof(text), MSG_DONTWAIT);
    return got < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(got));
  }

 private:
  FileDescriptor fd_;
};

class NotifyTest : public ::testing::Test {
 protected:
  ~NotifyTest() override { ::unsetenv("NOTIFY_SOCKET"); }
  static void set_socket(const std::string& value) { ::setenv("NOTIFY_SOCKET", value.c_str(), 1); }
};

TEST_F(NotifyTest, WithoutAServiceManagerNothingHappens) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(notify_service_manager("READY=1"));
}

TEST_F(NotifyTest, SendsTheStateToAPath) {
  const testing::TempTree folder;
  const Receiver receiver(folder.path("notify"));
  set_socket(folder.path("notify"));
  EXPECT_TRUE(notify_service_manager("READY=1"));
  EXPECT_EQ(receiver.receive(), "READY=1");
}

TEST_F(NotifyTest, SendsTheStateToANameOutsideTheFileSystem) {
  const auto name = "memory_exporter_test_" + std::to_string(::getpid());
  const Receiver receiver('\0' + name);
  set_socket('@' + name);
  EXPECT_TRUE(notify_service_manager("STOPPING=1"));
  EXPECT_EQ(receiver.receive(), "STOPPING=1");
}

TEST_F(NotifyTest, SaysWhenNobodyListens) {
  for (const auto& socket :
       {std::string("/nonexistent/socket"), std::string("relative"), std::string("vsock:2:1"),
        std::string(), '/' + std::string(200, 'x')}) {
    set_socket(socket);
    EXPECT_FALSE(notify_service_manager("READY=1")) << socket;
  }
}

}  // namespace
}  // namespace memory_exporter
