#include "collectors/procfs/reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/served_file.h"

namespace memory_exporter::procfs {
namespace {

namespace fs = std::filesystem;

/// A folder of its own for each test, gone afterwards.
class Reader : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "reader_test.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, std::string_view text) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << text;
  }

  Tree tree() const {
    auto opened = Tree::open(root_);
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
  }

  /// As the listing should show a folder named after a process.
  ListedProcess listed(pid_t pid) const {
    struct stat found {};
    EXPECT_EQ(::stat((root_ / std::to_string(pid)).c_str(), &found), 0);
    return {pid, found.st_ino};
  }

  fs::path root_;
};

Tree open_proc() {
  auto proc = Tree::open("/proc");
  EXPECT_TRUE(proc) << proc.error().message();
  return std::move(*proc);
}

std::string pattern_of(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 256);
  return text;
}

std::size_t open_descriptors() {
  const fs::directory_iterator entries("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

/// A child that sleeps until it is ended.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  std::string path() const { return "/proc/" + std::to_string(pid_); }

  void kill_and_leave_unreaped() const {
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  pid_t pid_;
};

TEST_F(Reader, ReadsAWholeFileWhateverItsSize) {
  const auto sizes = {std::size_t{0},           std::size_t{1},        std::size_t{4096},
                      Buffer::initial_size - 1, Buffer::initial_size,  Buffer::initial_size + 1,
                      2 * Buffer::initial_size, std::size_t{3'000'000}};
  const auto tree = this->tree();
  for (const auto size : sizes) {
    const auto text = pattern_of(size);
    write("file", text);
    Buffer buffer;
    const auto read = tree.read("file", buffer);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_TRUE(*read == text) << size;
  }
}

TEST_F(Reader, ReusesItsBufferForSmallerFiles) {
  write("large", pattern_of(100'000));
  write("small", "small");
  write("empty", "");
  const auto tree = this->tree();
  Buffer buffer;
  ASSERT_TRUE(tree.read("large", buffer));
  const auto* place = buffer.data();
  const auto capacity = buffer.capacity();
  EXPECT_EQ(*tree.read("small", buffer), "small");
  EXPECT_EQ(*tree.read("empty", buffer), "");
  EXPECT_EQ(buffer.data(), place);
  EXPECT_EQ(buffer.capacity(), capacity);
}

TEST_F(Reader, ReadsToTheEndOfAFileThatGrowsMeanwhile) {
  write("growing", "");
  const auto tree = this->tree();
  std::atomic<bool> written = false;
  std::thread writer([&] {
    std::ofstream file(root_ / "growing", std::ios::binary | std::ios::app);
    for (int i = 0; i < 2000; ++i) file << std::string(100, 'x') << std::flush;
    written = true;
  });
  Buffer buffer;
  std::size_t last = 0;
  while (!written) {
    const auto text = tree.read("growing", buffer);
    ASSERT_TRUE(text);
    EXPECT_GE(text->size(), last);
    EXPECT_EQ(text->find_first_not_of('x'), std::string_view::npos);
    last = text->size();
  }
  writer.join();
  EXPECT_EQ(tree.read("growing", buffer)->size(), 200'000u);
}

TEST_F(Reader, ReadsFilesInFolders) {
  write("1/task/2/stat", "deep");
  Buffer buffer;
  EXPECT_EQ(*tree().read("1/task/2/stat", buffer), "deep");
}

TEST(ReaderOnProc, ReadsAFileThatTheKernelGivesInPieces) {
  // smaps of this process is some 100 KiB; the kernel hands out about a page a read.
  const int file = ::open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  std::vector<char> bytes(1 << 20);
  const auto first = ::read(file, bytes.data(), bytes.size());
  ::close(file);
  ASSERT_GT(first, 0);

  Buffer buffer;
  const auto text = open_proc().read("self/smaps", buffer);
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_GT(text->size(), static_cast<std::size_t>(first)) << "no short read: too small a file";
  EXPECT_TRUE(text->ends_with('\n'));
  const auto last_entry = text->rfind("\nSize:");
  EXPECT_NE(text->find("\nVmFlags:", last_entry), std::string_view::npos);
}

TEST(ReaderOnProc, ReadsFilesThatSayTheyAreEmpty) {
  struct stat status {};
  ASSERT_EQ(::stat("/proc/self/stat", &status), 0);
  ASSERT_EQ(status.st_size, 0);
  Buffer buffer;
  const auto text = open_proc().read("self/stat", buffer);
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_TRUE(text->starts_with(std::to_string(::getpid()) + " ("));
}

/// Takes whole lines off the front, as a parser does.
Result<std::size_t> take_lines(std::string_view text, std::vector<std::string>& lines) {
  std::size_t taken = 0;
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n', taken)) {
    lines.emplace_back(text.substr(taken, end - taken));
    taken = end + 1;
  }
  return taken;
}

TEST_F(Reader, HandsALargeFileOutInPiecesOfItsBuffer) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "line " + std::to_string(i) + '\n';
  write("large", text);
  Buffer buffer;
  std::vector<std::string> lines;
  int pieces = 0;
  int last_pieces = 0;
  const auto read = tree().read_in_pieces("large", buffer, [&](std::string_view piece, bool last) {
    ++pieces;
    last_pieces += last;
    return take_lines(piece, lines);
  });
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(lines.size(), 100'000u);
  EXPECT_EQ(lines.back(), "line 99999");
  EXPECT_GT(pieces, 50);
  EXPECT_EQ(last_pieces, 1);
  EXPECT_EQ(buffer.capacity(), Buffer::initial_size);
}

TEST_F(Reader, GrowsItsBufferOnlyForAnEntryThatDoesNotFit) {
  const std::string entry(Buffer::initial_size + 1, 'x');
  write("wide", "a\n" + entry + "\nb\n");
  Buffer buffer;
  std::vector<std::string> lines;
  ASSERT_TRUE(tree().read_in_pieces(
      "wide", buffer, [&](std::string_view piece, bool) { return take_lines(piece, lines); }));
  EXPECT_EQ(lines, (std::vector<std::string>{"a", entry, "b"}));
  EXPECT_EQ(buffer.capacity(), 2 * Buffer::initial_size);
}

TEST_F(Reader, HandsAnEmptyFileOutAsOneLastPiece) {
  write("empty", "");
  Buffer buffer;
  int pieces = 0;
  ASSERT_TRUE(tree().read_in_pieces("empty", buffer, [&](std::string_view piece, bool last) {
    ++pieces;
    EXPECT_TRUE(piece.empty());
    EXPECT_TRUE(last);
    return Result<std::size_t>(std::size_t{0});
  }));
  EXPECT_EQ(pieces, 1);
}

TEST_F(Reader, EndsWithTheFirstErrorOfReadingOrTaking) {
  write("file", "x");
  Buffer buffer;
  const auto refuse = [](std::string_view, bool) -> Result<std::size_t> {
    return malformed("not so", 3);
  };
  const auto refused = tree().read_in_pieces("file", buffer, refuse);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), root_.string() + "/file:3: not so");
  EXPECT_EQ(tree().read_in_pieces("nothing", buffer, refuse).error().kind, ErrorKind::vanished);
  EXPECT_EQ(tree().read_in_pieces(".", buffer, refuse).error().kind, ErrorKind::io);
}

/// Runs `check` in a child without root's powers; its result is the child's exit status.
int as_nobody(const std::function<bool()>& check) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool dropped = ::getuid() != 0 || (::setgid(65534) == 0 && ::setuid(65534) == 0);
    ::_exit(dropped && check() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A file that never ends.
void link_endless(const fs::path& path, const char* device) {
  fs::create_symlink(device, path);
}

TEST_F(Reader, AFileThatDoesNotEndIsMalformedAndLeavesNoMemoryBehind) {
  link_endless(root_ / "endless", "/dev/zero");
  Buffer buffer;
  const auto read = tree().read("endless", buffer);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::malformed);
  EXPECT_EQ(read.error().message(), root_.string() + "/endless: too large: 16 MiB or more");
  EXPECT_EQ(buffer.capacity(), 0u);
  write("file", "text");
  EXPECT_EQ(*tree().read("file", buffer), "text");
}

TEST_F(Reader, ReadsTheLargestTextAndNoByteMore) {
  write("file", std::string(Tree::largest_text - 1, 'x'));
  Buffer buffer;
  const auto read = tree().read("file", buffer);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->size(), Tree::largest_text - 1);
  EXPECT_EQ(buffer.capacity(), Tree::largest_text);
  write("file", std::string(Tree::largest_text, 'x'));
  EXPECT_EQ(tree().read("file", buffer).error().kind, ErrorKind::malformed);
}

TEST_F(Reader, AnEntryThatDoesNotEndIsMalformed) {
  link_endless(root_ / "endless", "/dev/zero");
  Buffer buffer;
  std::vector<std::string> lines;
  const auto read = tree().read_in_pieces(
      "endless", buffer, [&](std::string_view piece, bool) { return take_lines(piece, lines); });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::malformed);
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST_F(Reader, EntriesThatDoNotEndAreMalformed) {
  link_endless(root_ / "endless", "/dev/zero");
  Buffer buffer;
  std::uint64_t taken = 0;
  const auto take = [&](std::string_view piece, bool) -> Result<std::size_t> {
    taken += piece.size();
    return piece.size();
  };
  const auto read = tree().read_in_pieces("endless", buffer, take, 10 << 20);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::malformed);
  EXPECT_EQ(taken, std::uint64_t{10 << 20});
}

TEST_F(Reader, TellsWhetherAFileIsThere) {
  write("some/file", "");
  fs::create_symlink("nowhere", root_ / "link");
  const auto tree = this->tree();
  for (const char* path : {"some", "some/file", "link"}) EXPECT_TRUE(*tree.exists(path)) << path;
  for (const char* path : {"none", "some/none", "some/file/none", "link/none"}) {
    EXPECT_FALSE(*tree.exists(path)) << path;
  }
  EXPECT_FALSE(*Tree::absent("/nowhere").exists("."));
  fs::permissions(root_, fs::perms::all);
  fs::permissions(root_ / "some", fs::perms::none);
  EXPECT_EQ(as_nobody([&] {
              const auto there = tree.exists("some/file");
              return !there && there.error().kind == ErrorKind::denied;
            }),
            0);
  fs::permissions(root_ / "some", fs::perms::all);
}

TEST_F(Reader, KnowsAFileByWhatItIsAndNotByItsName) {
  write("file", "");
  write("other", "");
  fs::create_symlink("file", root_ / "link");
  fs::create_hard_link(root_ / "file", root_ / "name");
  const auto tree = this->tree();
  const auto id = tree.file_id("file");
  ASSERT_TRUE(id);
  struct stat found {};
  ASSERT_EQ(::stat((root_ / "file").c_str(), &found), 0);
  EXPECT_EQ(*id, (FileId{found.st_dev, found.st_ino}));
  EXPECT_EQ(*tree.file_id("link"), *id);
  EXPECT_EQ(*tree.file_id("name"), *id);
  EXPECT_NE(*tree.file_id("other"), *id);
  EXPECT_EQ(tree.file_id("nothing").error().kind, ErrorKind::vanished);
}

TEST_F(Reader, SaysVanishedForWhatIsNotThere) {
  write("file", "");
  const auto tree = this->tree();
  Buffer buffer;
  for (const char* path : {"nothing", "nothing/status", "file/below"}) {
    const auto read = tree.read(path, buffer);
    ASSERT_FALSE(read) << path;
    EXPECT_EQ(read.error().kind, ErrorKind::vanished) << path;
    EXPECT_EQ(read.error().path, root_.string() + '/' + path);
    EXPECT_FALSE(read.error().what.empty());
    EXPECT_EQ(tree.list(path).error().kind, ErrorKind::vanished) << path;
    EXPECT_EQ(tree.read_link(path).error().kind, ErrorKind::vanished) << path;
  }
}

TEST_F(Reader, SaysIoForADirectoryReadAsAFile) {
  fs::create_directory(root_ / "folder");
  Buffer buffer;
  const auto read = tree().read("folder", buffer);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::io);
}

TEST_F(Reader, SaysVanishedForAFileListedAsADirectory) {
  write("file", "");
  EXPECT_EQ(tree().list("file").error().kind, ErrorKind::vanished);
}

TEST_F(Reader, SaysDeniedForWhatItMayNotOpen) {
  write("secret", "");
  write("closed/file", "");
  fs::permissions(root_, fs::perms::all);
  fs::permissions(root_ / "secret", fs::perms::none);
  fs::permissions(root_ / "closed", fs::perms::none);
  const auto tree = this->tree();
  EXPECT_EQ(as_nobody([&] {
              Buffer buffer;
              const auto secret = tree.read("secret", buffer);
              const auto closed = tree.read("closed/file", buffer);
              const auto listed = tree.list("closed");
              return !secret && secret.error().kind == ErrorKind::denied && !closed &&
                     closed.error().kind == ErrorKind::denied && !listed &&
                     listed.error().kind == ErrorKind::denied;
            }),
            0);
  fs::permissions(root_ / "closed", fs::perms::all);
}

TEST(ReaderOnProc, SaysDeniedForAnotherUsersMemory) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to have another user's process";
  const Child child;
  const auto proc = open_proc();
  const auto path = std::to_string(child.pid()) + "/smaps_rollup";
  Buffer buffer;
  ASSERT_TRUE(proc.read(path.c_str(), buffer));
  EXPECT_EQ(as_nobody([&] {
              const auto read = proc.read(path.c_str(), buffer);
              return !read && read.error().kind == ErrorKind::denied;
            }),
            0);
}

TEST(ReaderOnProc, SaysVanishedForAProcessThatIsGone) {
  const auto proc = open_proc();
  Child child;
  const auto path = std::to_string(child.pid()) + "/stat";
  Buffer buffer;
  ASSERT_TRUE(proc.read(path.c_str(), buffer));
  child.end();
  EXPECT_EQ(proc.read(path.c_str(), buffer).error().kind, ErrorKind::vanished);
}

TEST(ReaderOnProc, SaysVanishedForAProcessThatDiesBetweenOpenAndRead) {
  // Tree opens and reads in one call. Through /proc/self/fd it can be handed a file whose process
  // died meanwhile: the link opens what the descriptor holds, and only the read meets ESRCH.
  Child child;
  const int stat = ::open((child.path() + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
  const int rollup = ::open((child.path() + "/smaps_rollup").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(stat, 0);
  ASSERT_GE(rollup, 0);
  child.end();
  char byte = 0;
  ASSERT_EQ(::read(stat, &byte, 1), -1);
  ASSERT_EQ(errno, ESRCH);
  ASSERT_EQ(::read(rollup, &byte, 1), -1);
  ASSERT_EQ(errno, ESRCH);

  const auto descriptors = Tree::open("/proc/self/fd");
  ASSERT_TRUE(descriptors);
  Buffer buffer;
  const auto read = descriptors->read(std::to_string(stat).c_str(), buffer);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::vanished);
  EXPECT_EQ(read.error().what, std::strerror(ESRCH));
  ::close(stat);
  ::close(rollup);
}

TEST(ReaderOnProc, ReadsAZombiesStatAndFindsNoMemory) {
  Child child;
  child.kill_and_leave_unreaped();
  const auto proc = open_proc();
  Buffer buffer;
  const auto stat = proc.read((std::to_string(child.pid()) + "/stat").c_str(), buffer);
  ASSERT_TRUE(stat) << stat.error().message();
  EXPECT_NE(stat->find(") Z "), std::string_view::npos);
  const auto rollup = proc.read((std::to_string(child.pid()) + "/smaps_rollup").c_str(), buffer);
  EXPECT_TRUE(rollup ? rollup->empty() : rollup.error().kind == ErrorKind::vanished);
}

TEST_F(Reader, SaysWhyATreeCannotBeOpened) {
  write("file", "");
  EXPECT_EQ(Tree::open(root_ / "nothing").error().kind, ErrorKind::vanished);
  EXPECT_EQ(Tree::open(root_ / "file").error().kind, ErrorKind::vanished);
  EXPECT_EQ(Tree::open(root_ / "file").error().path, root_ / "file");
}

TEST(AbsentTree, SaysVanishedToEverything) {
  const auto tree = Tree::absent("/nowhere/sys");
  EXPECT_FALSE(tree.present());
  Buffer buffer;
  std::vector<ListedProcess> processes = {{1, 2}};
  EXPECT_EQ(tree.read("kernel", buffer).error().kind, ErrorKind::vanished);
  EXPECT_EQ(tree.read("kernel", buffer).error().path, "/nowhere/sys/kernel");
  EXPECT_EQ(tree.list(".").error().kind, ErrorKind::vanished);
  EXPECT_EQ(tree.read_link("kernel").error().kind, ErrorKind::vanished);
  EXPECT_EQ(tree.list_processes(processes).error().kind, ErrorKind::vanished);
  EXPECT_TRUE(processes.empty());
}

TEST_F(Reader, StaysInTheTreeItOpenedWhenThePathIsSwapped) {
  write("tree/file", "first");
  const auto opened = Tree::open(root_ / "tree");
  ASSERT_TRUE(opened);
  fs::rename(root_ / "tree", root_ / "moved");
  write("tree/file", "second");
  Buffer buffer;
  EXPECT_EQ(*opened->read("file", buffer), "first");
}

TEST_F(Reader, ListsNamesWithoutTheDots) {
  for (const char* name : {"b", "a", ".hidden", "folder/inside"}) write(name, "");
  auto names = *tree().list(".");
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{".hidden", "a", "b", "folder"}));
  EXPECT_EQ(*tree().list("folder"), std::vector<std::string>{"inside"});
}

TEST_F(Reader, ListsOnlyFoldersWhereAskedTo) {
  for (const char* name : {"some/file", "some/a/inside", "some/b.service/inside"}) write(name, "");
  fs::create_directory_symlink("a", root_ / "some/link");
  auto names = *tree().list_directories("some");
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b.service"}));
  EXPECT_EQ(tree().list_directories("gone").error().kind, ErrorKind::vanished);
}

TEST_F(Reader, ListsFoldersOfAnySize) {
  for (int i = 0; i < 3000; ++i) write("many/" + std::string(40, 'n') + std::to_string(i), "");
  EXPECT_EQ(tree().list("many")->size(), 3000u);
}

TEST_F(Reader, ListsOnlyNumbersAsProcesses) {
  for (const char* name :
       {"1", "42", "4194304", "self", "1a", "a1", "-1", "0", "99999999999", "+5"}) {
    fs::create_directory(root_ / name);
  }
  std::vector<ListedProcess> processes = {{7, 1}, {8, 2}, {9, 3}};
  ASSERT_TRUE(tree().list_processes(processes));
  std::sort(processes.begin(), processes.end());
  EXPECT_EQ(processes, (std::vector<ListedProcess>{listed(1), listed(42), listed(4194304)}));
}

TEST(ReaderOnProc, ListsItselfAndItsChildAmongTheProcesses) {
  Child child;
  const auto proc = open_proc();
  const auto count = [&](pid_t pid) {
    std::vector<ListedProcess> processes;
    EXPECT_TRUE(proc.list_processes(processes));
    return std::count_if(processes.begin(), processes.end(),
                         [&](const ListedProcess& process) { return process.pid == pid; });
  };
  EXPECT_EQ(count(::getpid()), 1);
  EXPECT_EQ(count(child.pid()), 1);
  const auto gone = child.pid();
  child.end();
  EXPECT_EQ(count(gone), 0);
}

TEST(ReaderOnProc, GivesAProcessTheSameInodeEveryTimeAndNoTwoTheSame) {
  Child child;
  const auto proc = open_proc();
  const auto inode_of = [&](pid_t pid) {
    std::vector<ListedProcess> processes;
    EXPECT_TRUE(proc.list_processes(processes));
    const auto found = std::find_if(processes.begin(), processes.end(),
                                    [&](const auto& process) { return process.pid == pid; });
    return found == processes.end() ? 0 : found->inode;
  };
  const auto own = inode_of(::getpid());
  const auto other = inode_of(child.pid());
  EXPECT_NE(own, other);
  EXPECT_EQ(inode_of(::getpid()), own);
  EXPECT_EQ(inode_of(child.pid()), other);
}

TEST_F(Reader, ReadsWhereALinkPoints) {
  const std::string far(3000, 'x');
  fs::create_symlink("target (deleted)", root_ / "near");
  fs::create_symlink(far, root_ / "far");
  write("file", "");
  EXPECT_EQ(*tree().read_link("near"), "target (deleted)");
  EXPECT_EQ(*tree().read_link("far"), far);
  EXPECT_EQ(tree().read_link("file").error().kind, ErrorKind::io);
}

TEST_F(Reader, LeaksNoDescriptor) {
  write("file", pattern_of(50'000));
  const auto before = open_descriptors();
  {
    const auto tree = this->tree();
    EXPECT_EQ(open_descriptors(), before + 1);
    auto moved = this->tree();
    moved = Tree(this->tree());
    Buffer buffer;
    std::vector<ListedProcess> processes;
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(tree.read("file", buffer));
      EXPECT_FALSE(tree.read("nothing", buffer));
      EXPECT_FALSE(tree.read(".", buffer));
      EXPECT_TRUE(tree.list("."));
      EXPECT_FALSE(tree.list("file"));
      EXPECT_FALSE(tree.read_link("file"));
      EXPECT_TRUE(tree.list_processes(processes));
      EXPECT_FALSE(Tree::open(root_ / "nothing"));
    }
    EXPECT_EQ(open_descriptors(), before + 2);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(Reader, KeepsItsDescriptorsFromChildrenThatExec) {
  const auto tree = this->tree();
  EXPECT_NE(::fcntl(tree.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Buffer, KeepsWhatItIsAskedToWhenItGrows) {
  Buffer buffer;
  EXPECT_EQ(buffer.capacity(), 0u);
  buffer.grow(1, 0);
  EXPECT_EQ(buffer.capacity(), Buffer::initial_size);
  std::memcpy(buffer.data(), "keep", 4);
  buffer.grow(Buffer::initial_size + 1, 4);
  EXPECT_GE(buffer.capacity(), 2 * Buffer::initial_size);
  EXPECT_EQ(std::string_view(buffer.data(), 4), "keep");
  const auto capacity = buffer.capacity();
  buffer.grow(1, 0);
  EXPECT_EQ(buffer.capacity(), capacity);
}

TEST(Tree, KnowsWhatIsMountedOverItsNames) {
  const auto root = Tree::open("/");
  ASSERT_TRUE(root);
  EXPECT_TRUE(root->is_mounted_over("proc"));
  const auto proc = Tree::open("/proc");
  ASSERT_TRUE(proc);
  EXPECT_FALSE(proc->is_mounted_over("version"));
  EXPECT_FALSE(proc->is_mounted_over("not there"));
  EXPECT_FALSE(Tree::absent("/proc").is_mounted_over("version"));
}

TEST_F(Reader, ACopyReadsOnWhenDescriptorsHaveRunOutInBetween) {
  write("file", "text");
  const auto original = tree();
  memory_exporter::testing::NoDescriptors no_descriptors;
  no_descriptors.start();
  const auto copy = original.duplicate();
  no_descriptors.stop();
  Buffer buffer;
  const auto text = copy.read("file", buffer);
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_EQ(*text, "text");
}

/// The kernel, but for calls that are interrupted first, a folder that does not tell what is in it,
/// and a file that cannot be asked.
class OddKernel final : public SystemCalls {
 public:
  int openat(int directory, const char* path, int flags) override {
    return interrupted() ? -1 : SystemCalls::openat(directory, path, flags);
  }
  ssize_t read(int file, void* to, std::size_t size) override {
    return interrupted() ? -1 : SystemCalls::read(file, to, size);
  }
  ssize_t getdents64(int directory, void* to, std::size_t size) override {
    if (interrupted()) return -1;
    const auto got = SystemCalls::getdents64(directory, to, size);
    for (ssize_t at = 0; at < got;) {
      auto* entry = reinterpret_cast<struct dirent64*>(static_cast<char*>(to) + at);
      entry->d_type = DT_UNKNOWN;
      at += entry->d_reclen;
    }
    return got;
  }
  ssize_t readlinkat(int directory, const char* path, char* to, std::size_t size) override {
    return interrupted() ? -1 : SystemCalls::readlinkat(directory, path, to, size);
  }
  int fstatat(int directory, const char* path, struct stat* to, int flags) override {
    if (interrupted()) return -1;
    if (path == refused) {
      errno = refused_with;
      return -1;
    }
    return SystemCalls::fstatat(directory, path, to, flags);
  }
  int statx(int directory, const char* path, int flags, unsigned mask, struct statx* to) override {
    return interrupted() ? -1 : SystemCalls::statx(directory, path, flags, mask, to);
  }

  std::string refused{};
  int refused_with = 0;

 private:
  /// Every other call is.
  bool interrupted() {
    errno = EINTR;
    return ++calls_ % 2 == 1;
  }
  int calls_ = 0;
};

TEST_F(Reader, WhatASignalInterruptsIsDoneAgain) {
  write("folder/file", "text");
  fs::create_symlink("folder", root_ / "link");
  const auto tree = Tree::open(root_, std::make_shared<OddKernel>());
  ASSERT_TRUE(tree) << tree.error().message();
  Buffer buffer;
  const auto text = tree->read("folder/file", buffer);
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_EQ(*text, "text");
  EXPECT_EQ(tree->list("folder")->size(), 1u);
  EXPECT_EQ(tree->list_directories(".")->size(), 1u);
  EXPECT_EQ(*tree->read_link("link"), "folder");
  EXPECT_TRUE(tree->file_id("link"));
  EXPECT_EQ(*tree->exists("folder"), true);
}

TEST_F(Reader, AFolderThatCannotBeToldFromAFileIsListed) {
  for (const char* name : {"a/x", "b/x", "c"}) write(name, "");
  const auto calls = std::make_shared<OddKernel>();
  const auto tree = Tree::open(root_, calls);
  const auto listed = [&] {
    auto names = *tree->list_directories(".");
    std::sort(names.begin(), names.end());
    return names;
  };
  EXPECT_EQ(listed(), (std::vector<std::string>{"a", "b"}));
  calls->refused = "b";
  calls->refused_with = EIO;
  EXPECT_EQ(listed(), (std::vector<std::string>{"a", "b"}));
  calls->refused_with = ENOENT;  // removed meanwhile
  EXPECT_EQ(listed(), (std::vector<std::string>{"a"}));
}

}  // namespace
}  // namespace memory_exporter::procfs
