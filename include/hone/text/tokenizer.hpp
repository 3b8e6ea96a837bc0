// Text to tokens and back.
//
//   const auto tokenizer = hone::text::Tokenizer::load("models/SmolLM2-135M-Instruct");
//   const std::vector<hone::Token> ids = tokenizer.encode("Hello, world");
//   const std::string same = tokenizer.decode(ids);
//
// Ids equal those of the Hugging Face tokenizers package on the same files. Input need not be valid
// UTF-8: what is not becomes U+FFFD (see utf8.hpp). A Tokenizer is a handle on something immutable:
// copies are cheap and share it, and every const member may be called by any number of threads.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/text/gguf_tokenizer.hpp"
#include "hone/text/gpt2_files.hpp"
#include "hone/text/rank_file.hpp"
#include "hone/text/splitter.hpp"
#include "hone/text/tokenizer_config.hpp"
#include "hone/text/tokenizer_json.hpp"
#include "hone/text/tokenizer_json_writer.hpp"
#include "hone/text/tokenizer_parts.hpp"

namespace hone {
inline namespace v0 {
namespace text {

struct EncodeOptions {
  bool add_special = false;   // put the model's own tokens around the text (Llama 3: BOS before it)
  bool parse_special = true;  // "<|im_end|>" in the text is that token; false: it is mere text
};

struct DecodeOptions {
  bool skip_special = false;  // leave special tokens out
};

class Tokenizer {
 public:
  explicit Tokenizer(TokenizerParts parts)
      : core_(std::make_shared<const Core>(std::move(parts))) {}

  // A folder with tokenizer.json or with vocab.json and merges.txt, or a tokenizer.json itself.
  static Tokenizer load(const std::filesystem::path& path) {
    const bool is_folder = std::filesystem::is_directory(path);
    const std::filesystem::path file = is_folder ? path / "tokenizer.json" : path;
    if (is_folder && !std::filesystem::exists(file)) {
      const bool has_pair = !find_gpt2_files(path).first.empty();
      require(has_pair, path.string(),
              ": no tokenizer there, expected tokenizer.json, or vocab.json with merges.txt");
      return Tokenizer(read_gpt2_files(path));
    }
    TokenizerParts parts = parse_tokenizer_json(read_file(file), file.string());
    read_folder_settings(is_folder ? path : file.parent_path(), parts);
    return Tokenizer(std::move(parts));
  }

  static Tokenizer from_gguf(GgufTokenizer gguf) { return Tokenizer(parts_of(std::move(gguf))); }

  static Tokenizer from_rank_file(const std::filesystem::path& path,
                                  const RankFileOptions& options = {}) {
    return Tokenizer(read_rank_file(path, options));
  }

  // Writes tokenizer.json and tokenizer_config.json into a folder that exists.
  void save(const std::filesystem::path& folder) const {
    require(std::filesystem::is_directory(folder), folder.string(), ": no such folder");
    write_file(folder / "tokenizer.json", to_tokenizer_json(parts()));
    write_file(folder / "tokenizer_config.json", to_tokenizer_config(parts()));
  }

  std::vector<Token> encode(std::string_view text, EncodeOptions options = {}) const {
    std::vector<Token> ids;
    encode_to(text, ids, options);
    return ids;
  }

  // Appends the tokens of `text` to `ids`.
  void encode_to(std::string_view text, std::vector<Token>& ids, EncodeOptions options = {}) const {
    if (options.add_special) ids.insert(ids.end(), parts().prefix.begin(), parts().prefix.end());
    if (!text.empty()) {
      ScratchLoan loan(*core_);
      core_->encode(text, !options.parse_special, *loan.scratch, ids);
    }
    if (options.add_special) ids.insert(ids.end(), parts().suffix.begin(), parts().suffix.end());
  }

  // Valid UTF-8 whatever the tokens are: bytes that make no character become U+FFFD. An id without
  // a token (a model's vocabulary may be padded) gives nothing.
  std::string decode(std::span<const Token> ids, DecodeOptions options = {}) const {
    std::string out;
    bool begins = true;
    for (const Token id : ids) append_bytes(id, options, begins, out);
    if (is_valid_utf8(out)) return out;
    return replace_invalid_utf8(out);
  }

  // The bytes that a token stands for, perhaps a part of a character only.
  std::string_view bytes_of(Token id) const { return core_->decoded(id); }

  // Appends a token's share of a text, given whether the text begins with it. StreamDecoder and
  // decode are made of this.
  void append_bytes(Token id, DecodeOptions options, bool& begins, std::string& out) const {
    if (options.skip_special && is_special(id)) return;
    std::string_view bytes = bytes_of(id);
    if (begins && !bytes.empty()) {
      begins = false;
      if (parts().strip_leading_space && bytes.front() == ' ') bytes.remove_prefix(1);
    }
    out += bytes;
  }

  // One past the largest id.
  std::int64_t size() const { return std::max(parts().vocabulary.end(), core_->added.end()); }

  // The id of a token by its content ("<|im_end|>") or its spelling in the vocabulary ("Ġthe").
  std::optional<Token> id_of(const std::string& spelling) const {
    if (const AddedToken* token = core_->added.of_content(spelling)) return token->id;
    return parts().vocabulary.of_spelling(spelling);
  }

  // The inverse of id_of; empty if there is no such token.
  std::string spelling_of(Token id) const {
    const AddedToken* token = core_->added.of_id(id);
    return token != nullptr ? token->content : parts().vocabulary.spelling(id);
  }

  bool is_special(Token id) const {
    const AddedToken* token = core_->added.of_id(id);
    return token != nullptr && token->special;
  }

  std::optional<Token> bos() const { return parts().bos; }
  std::optional<Token> eos() const { return parts().eos; }
  std::optional<Token> pad() const { return parts().pad; }

  // The model's own chat template in Jinja, empty if it has none; ChatTemplate::of reads it.
  const std::string& jinja_chat_template() const { return parts().chat_template; }

  const std::string& source() const { return parts().source; }
  const TokenizerParts& parts() const { return core_->parts; }

 private:
  // What one encode call works with.
  struct Scratch {
    std::string valid;
    std::string normalized;
    Pieces pieces;
    RegexScratch regex;
    BpeScratch bpe;
  };

  struct Core {
    explicit Core(TokenizerParts given)
        : parts(std::move(given)),
          added(parts.added_tokens, parts.vocabulary, parts.normalizers, parts.source),
          splitter(parts.pre_tokenizers, parts.source + ": pre_tokenizer"),
          bpe(parts.vocabulary, parts.merges, parts.bpe) {
      const Token end = std::max(parts.vocabulary.end(), added.end());
      for (const auto& [name, ids] :
           {std::pair{"prefix", &parts.prefix}, std::pair{"suffix", &parts.suffix}})
        for (const Token id : *ids)
          require(parts.vocabulary.contains(id) || added.of_id(id) != nullptr, parts.source,
                  ": post_processor: the ", name, " has token ", id, ", expected 0 to ", end - 1);
      ends.reserve(static_cast<std::size_t>(end) + 1);
      ends.push_back(0);
      for (Token id = 0; id < end; ++id) {
        append_decoded(id);
        ends.push_back(text.size());
      }
    }
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    // What the token becomes in a decoded text.
    void append_decoded(Token id) {
      if (const AddedToken* token = added.of_id(id)) {
        std::string storage;
        text += token->normalized ? normalize(token->content, parts.normalizers, storage)
                                  : std::string_view(token->content);
        return;
      }
      const std::string_view bytes = parts.vocabulary.bytes(id);
      if (parts.vocabulary.alphabet() == Alphabet::characters) {
        if (parts.bpe.byte_fallback && bytes.size() == 6 && bytes.starts_with("<0x")) {
          for (unsigned b = 0; b < 256; ++b)
            if (bytes == Bpe::byte_name(b)) {
              text.push_back(static_cast<char>(b));
              return;
            }
        }
        if (!parts.space_mark.empty()) {
          text += detail::replace_all(bytes, parts.space_mark, " ");
          return;
        }
      }
      text += bytes;
    }

    std::string_view decoded(Token id) const {
      const auto i = static_cast<std::size_t>(id);
      if (id < 0 || i + 1 >= ends.size()) return {};
      return std::string_view(text).substr(ends[i], ends[i + 1] - ends[i]);
    }

    void encode(std::string_view input, bool skip_special, Scratch& s,
                std::vector<Token>& ids) const {
      if (!is_valid_utf8(input)) {
        s.valid = replace_invalid_utf8(input);
        input = s.valid;
      }
      added.split_raw(
          input, skip_special, s.regex,
          [&](const AddedToken* token, std::size_t begin, std::size_t end) {
            if (token != nullptr) {
              ids.push_back(token->id);
              return;
            }
            const std::string_view part =
                normalize(input.substr(begin, end - begin), parts.normalizers, s.normalized);
            added.split_normalized(part, skip_special, s.regex,
                                   [&](const AddedToken* inner, std::size_t from, std::size_t to) {
                                     if (inner != nullptr)
                                       ids.push_back(inner->id);
                                     else
                                       encode_plain(part.substr(from, to - from),
                                                    begin == 0 && from == 0, s, ids);
                                   });
          });
    }

    // Text without added tokens, normalised.
    void encode_plain(std::string_view plain, bool begins_input, Scratch& s,
                      std::vector<Token>& ids) const {
      splitter(plain, begins_input, s.pieces);
      for (std::size_t i = 0; i < s.pieces.ranges.size(); ++i) {
        if (!s.pieces.is_spelled) {
          bpe.encode(s.pieces[i], s.bpe, ids);
          continue;
        }
        s.bpe.bytes.clear();
        append_unspelled(s.bpe.bytes, s.pieces[i]);
        bpe.encode(s.bpe.bytes, s.bpe, ids);
      }
    }

    TokenizerParts parts;
    AddedTokens added;
    Splitter splitter;
    Bpe bpe;
    std::string text;               // of all tokens as decode writes them, end to end
    std::vector<std::size_t> ends;  // where each ends in `text`

    mutable std::mutex mutex;
    mutable std::vector<std::unique_ptr<Scratch>> idle;
  };

  // Takes a scratch from those idle, or makes one; gives it back in the end.
  struct ScratchLoan {
    explicit ScratchLoan(const Core& core) : owner(core) {
      const std::lock_guard lock(owner.mutex);
      if (!owner.idle.empty()) {
        scratch = std::move(owner.idle.back());
        owner.idle.pop_back();
      }
      if (!scratch) scratch = std::make_unique<Scratch>();
    }
    ~ScratchLoan() {
      const std::lock_guard lock(owner.mutex);
      try {
        owner.idle.push_back(std::move(scratch));
      } catch (...) {  // no memory to keep it: the next call makes another
      }
    }
    ScratchLoan(const ScratchLoan&) = delete;
    ScratchLoan& operator=(const ScratchLoan&) = delete;

    const Core& owner;
    std::unique_ptr<Scratch> scratch;
  };

  std::shared_ptr<const Core> core_;
};

}  // namespace text
}  // namespace v0
}  // namespace hone
