#include "config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>
#include <new>
#include <sstream>
#include <utility>

#include "collectors/base/printable.h"
#include "collectors/base/text.h"
#include "collectors/base/utf8.h"

namespace memory_exporter::config {
namespace {

/// A mistake on its way out of yaml-cpp, whose own ones travel the same way.
struct Mistake {
  Error error;
};

/// Where a second document begins, on the same way.
struct SecondDocument {
  Place place;
};

[[noreturn]] void fail(Place place, std::string what) {
  throw Mistake{malformed(std::move(what), place.line, place.column)};
}

constexpr std::string_view no_anchors =
    "has an anchor or alias (& or *), which is not read here: write the value itself, or put it in "
    "quotes";

Place place_of(const YAML::Mark& mark) {
  return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1};
}

/// Builds the nodes of one document, and ends the reading where a second one begins. It sees each
/// value before yaml-cpp looks for the next, so nothing is read beyond a bound.
class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override { ++documents_; }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(begin(Node::Kind::empty, mark, {}, anchor));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_anchor(mark); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_anchor(mark); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = begin(Node::Kind::scalar, mark, tag, anchor);
    if (value.size() > largest_value) fail(node.place, "is longer than 16 KiB");
    node.text = value;
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(begin(Node::Kind::list, mark, tag, anchor));
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(begin(Node::Kind::block, mark, tag, anchor));
  }
  void OnMapEnd() override { close(); }

  Node take_root() { return std::exchange(root_, Node{}); }

  /// The key that is being read; empty outside of all.
  std::string key() const {
    std::string path;
    for (const auto& node : open_) {
      if (node.keys.size() > node.items.size()) path = key_in(path, node.keys.back().text);
    }
    return path;
  }

 private:
  Node begin(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
             YAML::anchor_t anchor) {
    Node node;
    node.kind = kind;
    node.place = place_of(mark);
    if (documents_ > 1) throw SecondDocument{node.place};
    if (anchor != YAML::NullAnchor) refuse_anchor(mark);
    // "?" stands for none, "!" for quotes.
    if (!tag.empty() && tag != "?" && tag != "!") {
      fail(node.place, "has a tag (!), which is not read here: write the value alone");
    }
    if (++values_ > most_values) {
      fail(node.place, "more than " + std::to_string(most_values) + " values: no configuration");
    }
    return node;
  }

  [[noreturn]] static void refuse_anchor(const YAML::Mark& mark) {
    fail(place_of(mark), std::string(no_anchors));
  }

  void open(Node node) {
    if (open_.size() == most_nested) {
      fail(node.place, "more than " + std::to_string(most_nested) + " levels deep");
    }
    open_.push_back(std::move(node));
  }

  void close() {
    auto node = std::move(open_.back());
    open_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& around = open_.back();
    const bool is_key =
        around.kind == Node::Kind::block && around.keys.size() == around.items.size();
    (is_key ? around.keys : around.items).push_back(std::move(node));
  }

  Node root_;
  std::vector<Node> open_;  ///< lists and blocks around the place at hand
  std::size_t values_ = 0;
  int documents_ = 0;
};

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string_view without_byte_order_mark(std::string_view text) {
  const bool utf_16 = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF") ||
                      (text.size() > 1 && (text[0] == '\0') != (text[1] == '\0'));
  if (utf_16) fail({1, 1}, "is UTF-16: save it as UTF-8");
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  return text;
}

/// yaml-cpp takes some control characters for the end of the text and says nothing of the rest.
void refuse_control_character(std::string_view code_point, Place place) {
  const auto c = static_cast<unsigned char>(code_point.front());
  const bool c1 = c == 0xC2 && static_cast<unsigned char>(code_point[1]) < 0xA0;
  const bool blank = c == '\n' || c == '\r' || c == '\t';
  if ((c >= ' ' || blank) && c != 0x7F && !c1) return;
  std::string shown;
  append_escaped(shown, code_point);
  fail(place, "not valid YAML: the control character " + shown);
}

bool is_comment(std::string_view line) {
  skip_blanks(line);
  return line.starts_with('#');
}

void check(std::string_view text) {
  std::size_t signs = 0;
  for (int number = 1; !text.empty(); ++number) {
    const auto line = take_line(text);
    const bool comment = is_comment(line);
    Place place{number, 1};
    for (auto rest = line; !rest.empty();) {
      const auto front = utf8_front(rest);
      if (!front.valid) fail(place, "not UTF-8");
      refuse_control_character(rest.substr(0, front.size), place);
      const bool sign = std::string_view("[]{},:?&*!\"'").find(rest.front()) != rest.npos;
      if (sign && !comment && ++signs > most_signs) {
        fail(place, "more than " + std::to_string(most_signs) +
                        " brackets, commas, colons and quotes: no configuration");
      }
      place.column += static_cast<int>(front.size);
      rest.remove_prefix(front.size);
    }
  }
}

/// The text from a place to the end of its line.
std::string_view line_from(std::string_view text, Place place) {
  for (int line = 1; line < place.line; ++line) take_line(text);
  const auto line = take_line(text);
  return line.substr(std::min(line.size(), static_cast<std::size_t>(place.column - 1)));
}

/// yaml-cpp takes a sign that does not belong here for the end of a document, and for the beginning
/// of another, which has nothing in it.
Error second_document(Place place, std::string_view text) {
  const auto sign = line_from(text, place).substr(0, 1);
  if (sign == "," || sign == "]" || sign == "}") {
    return malformed("not valid YAML: " + in_quotes(sign) + " belongs to no list or block here",
                     place.line, place.column);
  }
  return malformed("a second document starts here, and only one is read", place.line, place.column);
}

/// What yaml-cpp says, or what is behind it.
std::string explained(const YAML::Exception& failed, std::string_view text) {
  const auto place = place_of(failed.mark);
  if (place.line > 0) {
    if (line_from(text, place).starts_with('*')) return std::string(no_anchors);
    const auto line = line_from(text, {place.line, 1});
    const auto indentation = line.substr(0, line.find_first_not_of(" \t"));
    if (indentation.find('\t') != std::string_view::npos) {
      return "not valid YAML: a tab indents this line: use blanks";
    }
  }
  return "not valid YAML: " + printable(failed.msg, 200);
}

Error with_key(Error error, const std::string& key) {
  if (!key.empty()) error.what = printable(key, 80) + ": " + error.what;
  return error;
}

Result<Node> parse(std::string_view text) {
  TreeBuilder builder;
  try {
    text = without_byte_order_mark(text);
    check(text);
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    // No third time: yaml-cpp would find one empty document after another where a sign does not
    // belong, and never come to an end.
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
    return builder.take_root();
  } catch (const SecondDocument& second) {
    return second_document(second.place, text);
  } catch (const Mistake& mistake) {
    return with_key(mistake.error, builder.key());
  } catch (const YAML::Exception& failed) {
    const auto place = place_of(failed.mark);
    return with_key(malformed(explained(failed, text), place.line, place.column), builder.key());
  }
}

}  // namespace

Result<Node> read_yaml(std::string_view text) {
  try {
    return parse(text);
  } catch (const std::bad_alloc&) {
    return Error{ErrorKind::exhausted, "not enough memory to read it", {}, 0};
  } catch (const std::exception& failed) {
    return malformed("not valid YAML: " + printable(failed.what(), 200));
  }
}

std::string key_in(std::string_view block, std::string_view key) {
  return block.empty() ? std::string(key) : std::string(block) + '.' + std::string(key);
}

}  // namespace memory_exporter::config
