// Prepared data on disk: made once, then mapped.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "hone/checkpoint/atomic_file.hpp"
#include "hone/checkpoint/mapped_file.hpp"
#include "hone/core/error.hpp"
#include "hone/data/fingerprint.hpp"
#include "hone/data/store.hpp"

namespace hone {
inline namespace v0 {
namespace data {

namespace detail {

struct StoreHeader {
  std::array<char, 8> magic = {'H', 'O', 'N', 'E', 'T', 'R', 'E', 'E'};
  std::uint32_t version = 1;  // of the layout of the file and of what the stages compute
  float min_difference = 0.0f;
  std::array<std::uint64_t, 2> fingerprint = {};
  std::uint64_t trees = 0, nodes = 0, tokens = 0, info = 0;  // lengths of the arrays
  Tally tally = {};
};
static_assert(std::is_trivially_copyable_v<StoreHeader> && sizeof(StoreHeader) % 8 == 0);

// The header, then the arrays in this order, those of numbers at multiples of 64 bytes, and at last
// the magic word again.
struct StoreLayout {
  std::uint64_t trees, nodes, tokens, info, end, size;
};

constexpr std::uint64_t aligned(std::uint64_t at) { return (at + 63) / 64 * 64; }

inline StoreLayout layout(const StoreHeader& h) {
  StoreLayout at{};
  at.trees = aligned(sizeof(StoreHeader));
  at.nodes = aligned(at.trees + h.trees * sizeof(TreeEntry));
  at.tokens = aligned(at.nodes + h.nodes * sizeof(Node));
  at.info = at.tokens + h.tokens * sizeof(Token);
  at.end = aligned(at.info + h.info);
  at.size = at.end + h.magic.size();
  return at;
}

// Every index stays inside its array, so that nothing after this has to check.
inline void check_store(const Store::Arrays& a, std::string_view where) {
  const auto inside = [&](bool good, const char* what, std::uint64_t at) {
    require(good, where, ": ", what, " ", at, " points outside the file's arrays");
  };
  require(!a.trees.empty() && a.trees.front().first_node == 0 && a.trees.front().info == 0 &&
              a.trees.back().first_node == a.nodes.size() && a.trees.back().info == a.info.size(),
          where, ": the list of trees does not span the file's arrays");
  for (std::size_t t = 0; t + 1 < a.trees.size(); ++t) {
    const TreeEntry &tree = a.trees[t], &next = a.trees[t + 1];
    inside(tree.first_node < next.first_node && next.first_node <= a.nodes.size(), "tree", t);
    inside(tree.info <= next.info && next.info <= a.info.size(), "tree", t);
    for (std::uint64_t n = tree.first_node; n < next.first_node; ++n) {
      const Node& node = a.nodes[n];
      const auto index = static_cast<std::int64_t>(n - tree.first_node);
      inside(node.begin <= a.tokens.size() && node.length <= a.tokens.size() - node.begin, "node",
             n);
      inside(node.parent < index && (node.parent >= 0) == (index > 0) && node.parent >= -1, "node",
             n);
    }
  }
}

}  // namespace detail

// Writes the file beside its place and renames it there.
inline void save(const Store& store, const std::filesystem::path& path,
                 const Fingerprint& fingerprint) {
  const Store::Arrays& a = store.arrays();
  const detail::StoreHeader header{.min_difference = store.min_difference(),
                                   .fingerprint = fingerprint.value(),
                                   .trees = a.trees.size(),
                                   .nodes = a.nodes.size(),
                                   .tokens = a.tokens.size(),
                                   .info = a.info.size(),
                                   .tally = store.tally()};
  const detail::StoreLayout at = detail::layout(header);
  checkpoint::AtomicFile file(path);
  const auto put = [&](std::uint64_t begin, auto values) {
    file.write_at(begin, std::as_bytes(values));
  };
  put(0, std::span(&header, 1));
  put(at.trees, a.trees);
  put(at.nodes, a.nodes);
  put(at.tokens, a.tokens);
  put(at.info, a.info);
  put(at.end, std::span(header.magic));
  file.commit();
}

// Maps a file of save(). The sizes that it claims are checked against its own, every index against
// the arrays. With a fingerprint, a file of another one is refused.
inline Store open(const std::filesystem::path& path,
                  const std::optional<Fingerprint>& expected = {}) {
  const auto file = std::make_shared<checkpoint::MappedFile>(path);
  const std::string where = path.string();
  const auto bytes = file->bytes();
  detail::StoreHeader header;
  require(bytes.size() >= sizeof(header), where, ": has ", bytes.size(),
          " bytes, expected at least ", sizeof(header), ", the header of prepared data");
  std::memcpy(static_cast<void*>(&header), bytes.data(), sizeof(header));
  require(header.magic == detail::StoreHeader{}.magic, where, ": is not a file of prepared data");
  require(header.version == detail::StoreHeader{}.version, where, ": has version ", header.version,
          ", expected ", detail::StoreHeader{}.version, "; prepare the data again");
  require(!expected || expected->value() == header.fingerprint, where,
          ": was prepared from other sources or settings");
  for (const std::uint64_t n : {header.trees, header.nodes, header.tokens, header.info})
    require(n <= bytes.size(), where, ": claims an array of ", n, " entries, the file has ",
            bytes.size(), " bytes");
  const detail::StoreLayout at = detail::layout(header);
  require(at.size == bytes.size(), where, ": has ", bytes.size(), " bytes, expected ", at.size);
  const auto array = [&]<class T>(std::uint64_t begin, std::uint64_t count, const T*) {
    return std::span<const T>(reinterpret_cast<const T*>(bytes.data() + begin), count);
  };
  const Store::Arrays arrays{array(at.trees, header.trees, static_cast<const TreeEntry*>(nullptr)),
                             array(at.nodes, header.nodes, static_cast<const Node*>(nullptr)),
                             array(at.tokens, header.tokens, static_cast<const Token*>(nullptr)),
                             array(at.info, header.info, static_cast<const char*>(nullptr))};
  detail::check_store(arrays, where);
  return Store(file, arrays, header.tally, header.min_difference);
}

// The store of this fingerprint in `folder`, made by `make()` when it is not there yet. A damaged
// file is made anew. Processes that race make it twice and agree on the bytes.
template <class Make>
Store cached(const std::filesystem::path& folder, const Fingerprint& fingerprint, Make&& make) {
  const std::filesystem::path path = folder / (fingerprint.name() + ".trees");
  if (std::filesystem::exists(path)) {
    try {
      return open(path, fingerprint);
    } catch (const Error&) {
      std::filesystem::remove(path);
    }
  }
  std::filesystem::create_directories(folder);
  save(std::forward<Make>(make)(), path, fingerprint);
  return open(path, fingerprint);
}

}  // namespace data
}  // namespace v0
}  // namespace hone
