#include "hone/checkpoint/gguf.hpp"

#include "gguf_bytes.hpp"
#include "support.hpp"

namespace {

using namespace checkpoint_test;

Gguf open(const std::string& bytes) {
  return Gguf(MappedFile::borrow(std::as_bytes(std::span<const char>(bytes)), "x.gguf"));
}

TEST(Gguf, ReadsEveryKindOfValue) {
  HONE_GOLDENS(golden, goldens);
  const Gguf file(golden / "gguf/container.gguf");
  for (const char* kind : {"uint8", "uint16", "uint32", "uint64"})
    EXPECT_EQ(file.integer(std::string("test.") + kind), 100) << kind;
  for (const char* kind : {"int8", "int16", "int32", "int64"})
    EXPECT_EQ(file.integer(std::string("test.") + kind), -100) << kind;
  EXPECT_EQ(file.number("test.float32"), 0.25);
  EXPECT_EQ(file.number("test.float64"), -1e300);
  EXPECT_EQ(file.number("test.int8"), -100.0);
  EXPECT_EQ(file.boolean("test.bool"), true);
  EXPECT_EQ(file.text("test.string"), "h\u00e9");
  EXPECT_EQ(file.numbers("test.floats"), (std::vector<double>{0.5, -1.5}));
  EXPECT_EQ(file.texts("test.strings"), (std::vector<std::string>{"a", "", "b\u00e9"}));
  EXPECT_TRUE(file.has_key("test.nested"));
  EXPECT_FALSE(file.integer("test.absent").has_value());
  EXPECT_TRUE(file.texts("test.absent").empty());
  EXPECT_ERROR(file.integer("test.string"),
               "metadata \"test.string\" is string, expected a whole number");
  EXPECT_ERROR(file.text("test.int8"), "metadata \"test.int8\" is i8, expected string");
  EXPECT_ERROR(file.boolean("test.int8"), "is i8, expected bool");
  EXPECT_ERROR(file.integers("test.int8"), "is i8, expected an array");
  EXPECT_ERROR(file.integers("test.floats"), "is f32, expected a whole number");
  EXPECT_ERROR(file.numbers("test.strings"), "is string, expected an array of numbers");
  EXPECT_ERROR(file.numbers("test.nested"), "is array, expected an array of numbers");
  EXPECT_ERROR(file.texts("test.floats"), "is f32, expected an array of strings");
}

TEST(Gguf, ReadsEveryFormatAsTheGgufPackageDoes) {
  HONE_GOLDENS(golden, goldens);
  const Gguf file(golden / "gguf/container.gguf");
  const Safetensors wanted(golden / "gguf/container.raw.safetensors");
  for (const char* format : {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1"}) {
    EXPECT_EQ(file.shape(format), (Shape{3, 5, 64}));
    EXPECT_TRUE(same_bits(values_of(file, format), values_of(wanted, format))) << format;
  }
  EXPECT_ERROR(values_of(file, "Q5_0"), "tensor \"Q5_0\" is Q5_0, expected F32, F16, BF16, Q8_0");
}

TEST(Gguf, ReadsRowsOfATensor) {
  HONE_GOLDENS(golden, goldens);
  const Gguf file(golden / "gguf/container.gguf");
  const auto all = values_of(file, "Q4_1");
  std::vector<float> rows(2 * 64);
  file.read_rows(file.tensor("Q4_1"), 7, 2, rows);
  EXPECT_TRUE(same_bits(rows, std::span(all).subspan(7 * 64, 2 * 64)));
}

TEST(Gguf, EveryTensorOfSmolLm2EqualsTheGgufPackages) {
  if (hone_test::environment("HONE_TEST_DATA").empty())
    GTEST_SKIP() << "HONE_TEST_DATA names no folder with the SmolLM2 file";
  HONE_GOLDENS(golden, "checkpoint/smollm2.py");
  const Gguf file(fs::path(hone_test::environment("HONE_TEST_DATA")) /
                  "smollm2/SmolLM2-135M-Instruct.Q4_1.gguf");
  const Json wanted = read_json(golden / "crc.json")["raw"];
  EXPECT_EQ(file.names().size(), 272u);
  EXPECT_EQ(wanted.size(), 272u);
  for (const auto& [name, crc] : wanted.items())
    EXPECT_EQ(crc32_of(values_of(file, name)), crc.get<std::uint32_t>()) << name;
}

TEST(Gguf, RefusesWhatIsNoGguf) {
  EXPECT_ERROR(open(""),
               "x.gguf: byte 0: the magic number needs 4 bytes, but the file ends after 0");
  EXPECT_ERROR(open("GGML0000"), "x.gguf: byte 0: is no GGUF file");
  EXPECT_ERROR(open(GgufBytes(1).finish()), "byte 4: GGUF version 1, expected 2 or 3");
  EXPECT_ERROR(open(GgufBytes(3 << 24).finish()), "(big-endian?), expected 2 or 3");
  EXPECT_EQ(error_of([] { open(GgufBytes().finish()); }), "");
}

TEST(Gguf, BelievesNoCountAndNoLength) {
  constexpr std::uint64_t huge = std::uint64_t{1} << 60;
  for (const std::uint64_t claimed : {huge, ~std::uint64_t{0}, std::uint64_t{1}}) {
    EXPECT_ERROR(open(GgufBytes().counts(claimed, 0).finish()), "byte 8: claims");
    EXPECT_ERROR(open(GgufBytes().counts(0, claimed).finish()), "byte 16: claims");
    const std::string padding(40, '\0');
    EXPECT_ERROR(open(GgufBytes().counts(0, 1).number(claimed + 100).bytes(padding).finish()),
                 "a metadata key needs");
    EXPECT_ERROR(open(GgufBytes().key("k", 8).number(claimed).finish()), "metadata \"k\" needs");
    EXPECT_ERROR(open(GgufBytes().key("k", 9).word(8).number(claimed).finish()),
                 "metadata \"k\" claims " + std::to_string(claimed) + " elements");
    EXPECT_ERROR(open(GgufBytes().key("k", 9).word(9).number(claimed).finish()),
                 "metadata \"k\" claims");
    EXPECT_ERROR(open(GgufBytes().key("k", 9).word(12).number(claimed).finish()),
                 "metadata \"k\" claims");
  }
}

TEST(Gguf, RefusesBrokenMetadata) {
  EXPECT_ERROR(open(GgufBytes().key("k", 13).number(0).finish()), "metadata \"k\" has type 13");
  EXPECT_ERROR(open(GgufBytes().key("k", 9).word(99).number(0).finish()),
               "metadata \"k\" has type 99");
  EXPECT_ERROR(open(GgufBytes().key("k", 4).word(1).key("k", 4).word(2).finish()),
               "metadata \"k\" appears twice");
  GgufBytes nested;
  nested.key("k", 9);
  for (int depth = 0; depth < 8; ++depth) nested.word(9).number(1);
  EXPECT_ERROR(open(nested.bytes(std::string(40, '\0')).finish()), "nests arrays deeper than 4");
  const std::string large = GgufBytes().key("k", 10).number(~std::uint64_t{0}).finish();
  EXPECT_ERROR(open(large).integer("k"), "metadata \"k\" is 18446744073709551615, too large");
}

TEST(Gguf, RefusesBrokenTensors) {
  const auto one = [](std::vector<std::uint64_t> dims, std::uint32_t format, std::uint64_t offset,
                      std::size_t data) {
    return GgufBytes()
        .tensor("t", dims, format, offset)
        .align()
        .bytes(std::string(data, '\0'))
        .finish();
  };
  EXPECT_EQ(error_of([&] { open(one({32, 2}, 8, 0, 68)); }), "");
  EXPECT_ERROR(open(one({32, 2}, 8, 0, 67)),
               "tensor \"t\" of 2 x 34 bytes lies at byte 0 of the data, which has 67");
  EXPECT_ERROR(open(one({32, 2}, 8, 32, 68)), "lies at byte 32 of the data");
  EXPECT_ERROR(open(one({32, 2}, 8, 1, 100)), "begins at a multiple of 32");
  EXPECT_ERROR(open(one({32}, 8, ~std::uint64_t{0} - 31, 100)), "of the data, which has 100");
  EXPECT_ERROR(open(one({31, 2}, 8, 0, 68)),
               "has shape [2, 31], which is no whole number of Q8_0 blocks");
  EXPECT_ERROR(open(one({1, 1, 1, 1, 1}, 0, 0, 4)), "has 5 dimensions, expected at most 4");
  EXPECT_ERROR(open(one({1u << 31, 1u << 31, 4}, 0, 0, 4)),
               "which is no whole number of F32 blocks");
  EXPECT_ERROR(open(one({std::uint64_t{1} << 62}, 0, 0, 4)), "x 4 bytes lies at byte 0");
  EXPECT_ERROR(open(one({std::uint64_t{1} << 63}, 0, 0, 4)), "has a size of 9223372036854775808");
  EXPECT_ERROR(open(one({4}, 5, 0, 16)), "has format 5, which is unknown");
  EXPECT_EQ(error_of([&] { open(one({}, 0, 0, 4)); }), "");
  EXPECT_EQ(error_of([&] { open(one({0, 7}, 0, 0, 0)); }), "");
  EXPECT_ERROR(open(GgufBytes()
                        .tensor("t", {4}, 0, 0)
                        .tensor("t", {4}, 0, 32)
                        .align()
                        .bytes(std::string(64, '\0'))
                        .finish()),
               "tensor \"t\" appears twice");
  EXPECT_ERROR(open(GgufBytes()
                        .tensor("t", {16}, 0, 0)
                        .tensor("u", {8}, 0, 32)
                        .align()
                        .bytes(std::string(64, '\0'))
                        .finish()),
               "tensors \"t\" and \"u\" overlap");
  EXPECT_ERROR(open(GgufBytes()
                        .key("general.alignment", 4)
                        .word(48)
                        .tensor("t", {4}, 0, 0)
                        .align()
                        .bytes(std::string(64, '\0'))
                        .finish()),
               "general.alignment is 48, expected a power of two");
  EXPECT_ERROR(open(GgufBytes().tensor("t", {4}, 0, 0).finish()),
               "the padding before the data needs");
}

}  // namespace
