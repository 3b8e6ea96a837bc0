// Checkpoints of a run, and going on from the newest: what every program can be told of them.
#pragma once

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace examples {

struct Saving {
  std::int64_t every = 0;  // steps between checkpoints; 0: none
  int keep = 2;            // newest ones that stay
  bool resume = false;
};

// --save-every, --keep and --resume.
void add_options(CLI::App& app, Saving& s);

// Refuses to begin a run whose checkpoints would lie among those of another. `folder` holds them.
void require_unused(const Saving& s, const std::string& folder);

}  // namespace examples
