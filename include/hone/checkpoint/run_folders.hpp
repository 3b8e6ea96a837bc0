// The checkpoints of a run: one folder for each saved step, the newest few kept.
//
//   checkpoint::RunFolders saved{"runs/ppo/checkpoints", 2};
//   saved.save(12, [&](const std::filesystem::path& folder) { ... });   // step-000012
//   if (auto newest = saved.newest()) ...
//
// A folder is filled under a temporary name, flushed and renamed, so one that has its name is
// complete. Old ones, and what killed processes left behind, go only after the new one is there;
// they lose their name first. One process at a time writes to a run.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "hone/checkpoint/atomic_file.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

class RunFolders {
 public:
  static constexpr std::string_view prefix = "step-";
  static constexpr std::string_view marker = "run.json";  // a folder without it is not ours

  explicit RunFolders(std::filesystem::path folder, int keep = 2)
      : folder_(std::move(folder)), keep_(keep) {
    require(keep > 0, folder_.string(), ": ", keep, " checkpoints to keep, expected at least 1");
  }

  const std::filesystem::path& folder() const { return folder_; }

  // fill(path) writes the files, `marker` among them.
  template <class Fill>
  void save(std::int64_t step, Fill&& fill) {
    AtomicFolder next(folder_ / name_of(step), true, std::string(marker));
    fill(next.path());
    next.commit();
    tidy();
  }

  // Complete checkpoints by step, ascending.
  std::vector<std::pair<std::int64_t, std::filesystem::path>> list() const {
    std::vector<std::pair<std::int64_t, std::filesystem::path>> out;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, error))
      if (const auto step = step_of(entry.path().filename().string()))
        out.emplace_back(*step, entry.path());
    std::sort(out.begin(), out.end());
    return out;
  }

  std::optional<std::filesystem::path> newest() const {
    const auto all = list();
    if (all.empty()) return std::nullopt;
    return all.back().second;
  }

  // Removes all but the newest, and what killed processes left.
  void tidy() const {
    namespace fs = std::filesystem;
    std::error_code error;
    auto all = list();
    for (; all.size() > static_cast<std::size_t>(keep_); all.erase(all.begin()))
      fs::rename(all.front().second, detail::temporary_beside(all.front().second), error);
    std::vector<fs::path> unnamed;
    for (const auto& entry : fs::directory_iterator(folder_, error)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(prefix) && name.find(".partial-") != std::string::npos)
        unnamed.push_back(entry.path());
    }
    for (const fs::path& path : unnamed) fs::remove_all(path, error);
  }

 private:
  static std::string name_of(std::int64_t step) {
    const std::string digits = std::to_string(step);
    return std::string(prefix) + std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') +
           digits;
  }

  static std::optional<std::int64_t> step_of(std::string_view name) {
    if (!name.starts_with(prefix)) return std::nullopt;
    name.remove_prefix(prefix.size());
    std::int64_t step = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
    if (error != std::errc() || end != name.data() + name.size() || step < 0) return std::nullopt;
    return step;
  }

  std::filesystem::path folder_;
  int keep_;
};

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
