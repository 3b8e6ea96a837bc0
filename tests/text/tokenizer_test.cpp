#include "hone/text/tokenizer.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "hone/text/stream_decoder.hpp"
#include "reference_cases.hpp"

namespace {

using namespace hone::text;
using hone::Token;

Tokenizer golden(const std::string& name) {
  return Tokenizer::load(reference::committed() / (name + ".json"));
}

std::string unhex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

// What the tokenizers package gave, without Python at hand.
TEST(Tokenizer, GivesTheCommittedIds) {
  const auto path = reference::committed() / "cases.json";
  const auto cases = parse_json(read_file(path), path.string());
  std::size_t compared = 0;
  for (const auto& [name, list] : cases.items()) {
    const Tokenizer tokenizer = golden(name);
    for (const auto& test : list) {
      const std::string text = unhex(test["bytes"]);
      const auto expected = test["ids"].get<std::vector<Token>>();
      EXPECT_EQ(tokenizer.encode(text), expected) << name << ": " << reference::printable(text);
      EXPECT_EQ(tokenizer.decode(expected), test["decoded"].get<std::string>()) << name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 150u);
}

TEST(Tokenizer, NamesItsTokens) {
  const Tokenizer tokenizer = golden("bytes");
  const auto start = tokenizer.id_of("<|im_start|>");
  ASSERT_TRUE(start.has_value());
  EXPECT_TRUE(tokenizer.is_special(*start));
  EXPECT_EQ(tokenizer.spelling_of(*start), "<|im_start|>");
  EXPECT_EQ(tokenizer.id_of("<|nowhere|>"), std::nullopt);
  const auto space = tokenizer.id_of("Ġ");
  ASSERT_TRUE(space.has_value());
  EXPECT_EQ(tokenizer.bytes_of(*space), " ");
  EXPECT_FALSE(tokenizer.is_special(*space));
  EXPECT_EQ(tokenizer.size(), tokenizer.parts().added_tokens.back().id + 1);
  for (Token id = 0; id < tokenizer.size(); ++id)
    EXPECT_EQ(tokenizer.id_of(tokenizer.spelling_of(id)), id);
}

TEST(Tokenizer, SpecialTokensInTextCanBeMereText) {
  const Tokenizer tokenizer = golden("bytes");
  const std::string text = "a<|im_end|>b";
  const auto parsed = tokenizer.encode(text);
  const auto plain = tokenizer.encode(text, {.parse_special = false});
  EXPECT_NE(parsed, plain);
  for (const Token id : plain) EXPECT_FALSE(tokenizer.is_special(id));
  EXPECT_EQ(tokenizer.decode(parsed), text);
  EXPECT_EQ(tokenizer.decode(plain), text);
  EXPECT_EQ(tokenizer.decode(parsed, {.skip_special = true}), "ab");
}

TEST(Tokenizer, IdsWithoutATokenDecodeToNothing) {
  const Tokenizer tokenizer = golden("bytes");
  const auto ids = tokenizer.encode("ok");
  std::vector<Token> odd{-1, -2147483647 - 1};
  odd.insert(odd.end(), ids.begin(), ids.end());
  odd.push_back(static_cast<Token>(tokenizer.size()));
  odd.push_back(2147483647);
  EXPECT_EQ(tokenizer.decode(odd), "ok");
  EXPECT_EQ(tokenizer.decode({}), "");
}

// Every valid text comes back (NFC texts only: the tokenizer normalises).
TEST(Tokenizer, DecodingUndoesEncoding) {
  const Tokenizer tokenizer = golden("bytes");
  for (char32_t c = 0; c < 0x110000; c += 7) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text = "x";
    append_utf8(text, c);
    std::string storage;
    const auto normal = normalize(text, tokenizer.parts().normalizers, storage);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), normal);
  }
}

TEST(Tokenizer, ManyThreadsGetTheSame) {
  const Tokenizer tokenizer = golden("bytes");
  const auto path = reference::committed() / "cases.json";
  const auto cases = parse_json(read_file(path), path.string())["bytes"];
  std::vector<std::string> texts;
  std::vector<std::vector<Token>> expected;
  for (const auto& test : cases) {
    texts.push_back(unhex(test["bytes"]));
    expected.push_back(test["ids"].get<std::vector<Token>>());
  }
  std::vector<std::size_t> wrong(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t, copy = tokenizer] {
      for (int round = 0; round < 20; ++round)
        for (std::size_t i = 0; i < texts.size(); ++i) {
          const std::size_t at = (i * 7 + t) % texts.size();
          wrong[t] += copy.encode(texts[at]) != expected[at];
        }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::size_t count : wrong) EXPECT_EQ(count, 0u);
}

TEST(Tokenizer, AppendsToWhatIsThere) {
  const Tokenizer tokenizer = golden("bytes");
  std::vector<Token> ids{7};
  tokenizer.encode_to("the", ids);
  tokenizer.encode_to("", ids);
  auto expected = tokenizer.encode("the");
  expected.insert(expected.begin(), 7);
  EXPECT_EQ(ids, expected);
  EXPECT_EQ(tokenizer.encode("", {.add_special = true}).size(), 2u);
}

TEST(Tokenizer, SavesAndLoads) {
  const auto folder =
      std::filesystem::path(testing::TempDir()) / ("hone_tokenizer_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  TokenizerParts parts = golden("bytes").parts();
  parts.bos = parts.find("<|im_start|>");
  parts.eos = parts.find("<|im_end|>");
  parts.chat_template = "{{ messages[0].content }}\n\"é\"";
  const Tokenizer first(parts);
  first.save(folder);
  const Tokenizer second = Tokenizer::load(folder);
  EXPECT_EQ(second.bos(), first.bos());
  EXPECT_EQ(second.eos(), first.eos());
  EXPECT_EQ(second.pad(), std::nullopt);
  EXPECT_EQ(second.jinja_chat_template(), first.jinja_chat_template());
  EXPECT_EQ(second.size(), first.size());
  const std::string text = "Hello <|im_end|> 漢字 the\n";
  EXPECT_EQ(second.encode(text, {.add_special = true}), first.encode(text, {.add_special = true}));
  EXPECT_THROW(first.save(folder / "nowhere"), hone::Error);
  std::filesystem::remove_all(folder);
}

TEST(Tokenizer, MissingFilesAreNamed) {
  const auto error = [](const std::filesystem::path& path) {
    try {
      Tokenizer::load(path);
    } catch (const hone::Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(error("/nonexistent/tokenizer.json"),
            "/nonexistent/tokenizer.json: cannot be opened for reading");
  EXPECT_TRUE(error(std::filesystem::temp_directory_path()).find("no tokenizer there") !=
              std::string::npos);
}

TEST(StreamDecoder, GivesWhatDecodingAtOnceGives) {
  for (const char* name : {"bytes", "characters"}) {
    const Tokenizer tokenizer = golden(name);
    std::vector<Token> all =
        tokenizer.encode("  Été à 東京 👩‍👩‍👧 <|im_end|> fin");
    for (std::size_t n = 0; n <= all.size(); ++n) {
      const std::vector<Token> ids(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n));
      StreamDecoder stream(tokenizer);
      for (int twice = 0; twice < 2; ++twice) {  // finish leaves it as new
        std::string out;
        for (const Token id : ids) {
          const std::string part = stream.push(id);
          ASSERT_TRUE(is_valid_utf8(part));
          ASSERT_EQ(part.find(replacement_character), std::string::npos);
          out += part;
        }
        out += stream.finish();
        ASSERT_EQ(out, tokenizer.decode(ids)) << name << " " << n;
      }
    }
  }
}

}  // namespace
