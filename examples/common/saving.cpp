#include "saving.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>

#include "hone/core/error.hpp"

namespace examples {

void add_options(CLI::App& app, Saving& s) {
  app.add_option("--save-every", s.every, "steps between checkpoints; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--keep", s.keep, "newest checkpoints that stay")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--resume", s.resume, "go on from the newest checkpoint in --out");
}

void require_unused(const Saving& s, const std::string& folder) {
  hone::require(s.resume || s.every == 0 || !std::filesystem::exists(folder), folder,
                ": holds the checkpoints of an earlier run; go on with --resume, or name another ",
                "--out");
}

}  // namespace examples
