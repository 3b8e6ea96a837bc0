#include "hone/checkpoint/safetensors.hpp"

#include <deque>

#include "support.hpp"

namespace {

using namespace checkpoint_test;

Safetensors open(const std::string& header, const std::string& data = "") {
  static std::deque<std::string> kept;  // what a borrowed file points to
  kept.push_back(safetensors_bytes(header, data));
  return Safetensors(
      MappedFile::borrow(std::as_bytes(std::span<const char>(kept.back())), "x.safetensors"));
}

TEST(Safetensors, ReadsWhatTorchWrote) {
  HONE_GOLDENS(golden, goldens);
  const Safetensors file(golden / "mixed.safetensors");
  const Json listed = read_json(golden / "mixed.json");
  EXPECT_EQ(file.names().size(), listed.size());
  EXPECT_EQ(file.metadata().at("note"), "h\u00e9");
  int read = 0;
  for (const auto& [name, tensor] : listed.items()) {
    ASSERT_TRUE(file.has(name)) << name;
    EXPECT_EQ(file.shape(name), tensor["shape"].get<Shape>()) << name;
    if (is_readable(file.info(name).dtype)) {
      EXPECT_EQ(values_of(file, name), tensor["values"].get<std::vector<float>>()) << name;
      ++read;
    } else {
      EXPECT_ERROR(values_of(file, name), "expected F32, F16 or BF16");
    }
  }
  EXPECT_EQ(read, 6);
  EXPECT_EQ(file.info("f.i64").dtype, DType::i64);
  EXPECT_EQ(file.info("k.f8").dtype, DType::f8_e4m3);
}

TEST(Safetensors, NamesTheTensorAndWhatWasExpected) {
  const Safetensors file =
      open(R"({"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}})", std::string(8, '\0'));
  std::vector<float> two(2), three(3);
  EXPECT_EQ(values_of(file, "w"), (std::vector<float>{0, 0}));
  EXPECT_ERROR(file.read("w", Shape{1, 2}, two), "tensor \"w\" has shape [2, 1], expected [1, 2]");
  EXPECT_ERROR(file.read("w", Shape{2, 1}, three), "has 2 elements, but there is room for 3");
  EXPECT_ERROR(file.read("v", Shape{2}, two), "x.safetensors: holds no tensor \"v\"");
}

TEST(Safetensors, AcceptsWhatTheFormatAllows) {
  EXPECT_TRUE(open("{}").names().empty());
  EXPECT_TRUE(open("{}    ").names().empty());
  EXPECT_TRUE(open(R"({"__metadata__":{}})").names().empty());
  const Safetensors file =
      open(R"({"__metadata__":{"a":"b"}, "z":{"data_offsets":[4,4],"shape":[0,7],"dtype":"F32"},)"
           R"("s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
           std::string("\0\0\x80\x3f", 4));
  EXPECT_EQ(file.names(), (std::vector<std::string>{"s", "z"}));
  EXPECT_EQ(file.metadata().at("a"), "b");
  EXPECT_EQ(values_of(file, "s"), std::vector<float>{1.0f});
  EXPECT_EQ(file.shape("z"), (Shape{0, 7}));
  EXPECT_TRUE(values_of(file, "z").empty());
}

struct Defect {
  const char* what;
  std::string header;
  std::string data;
  const char* said;
};

TEST(Safetensors, RefusesEveryDefectOfTheHeader) {
  const std::string four(4, '\0'), eight(8, '\0');
  const Defect defects[] = {
      {"not an object", "[]", "", "does not begin with '{'"},
      {"leading space", " {}", "", "does not begin with '{'"},
      {"unclosed", "{", "", "byte 9: the header is not valid JSON"},
      {"rubbish after", "{}x", "", "byte 10: the header is not valid JSON"},
      {"tensor is a number", R"({"a":3})", "", "the header has a number at tensor \"a\""},
      {"tensor is a list", R"({"a":[]})", "", "the header has a list at tensor \"a\""},
      {"tensor is a string", R"({"a":"b"})", "", "the header has a string at tensor \"a\""},
      {"tensor is null", R"({"a":null})", "", "the header has null at tensor \"a\""},
      {"no dtype", R"({"a":{"shape":[1],"data_offsets":[0,4]}})", four, "lacks dtype"},
      {"no shape", R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", four, "lacks shape"},
      {"no offsets", R"({"a":{"dtype":"F32","shape":[1]}})", four, "lacks data_offsets"},
      {"one offset", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", four,
       "has 1 data_offsets, expected 2"},
      {"three offsets", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", four,
       "has more than 2 data_offsets"},
      {"unknown field", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", four,
       "has a field \"x\""},
      {"field twice", R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       four, "has dtype twice"},
      {"tensor twice",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       eight, "tensor \"a\" is listed twice"},
      {"metadata twice", R"({"__metadata__":{},"__metadata__":{}})", "", "is listed twice"},
      {"metadata number", R"({"__metadata__":{"a":1}})", "", "the header has a number"},
      {"unknown dtype", R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", four,
       "has dtype \"F31\", which is unknown"},
      {"negative size", R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", four,
       "has a negative number"},
      {"fraction", R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", four,
       "has a fraction"},
      {"nested list", R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", four,
       "has a list"},
      {"nested object", R"({"a":{"dtype":{"x":{}},"shape":[1],"data_offsets":[0,4]}})", four,
       "has an object"},
      {"size beyond 2^63",
       R"({"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}})", four,
       "has a size of 9223372036854775808"},
      {"size beyond 2^64",
       R"({"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}})", four,
       "has a fraction"},
      {"product overflows",
       R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", four,
       "which is not [4294967296, 4294967296] of F32"},
      {"bytes overflow",
       R"({"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}})", four,
       "which is not [4611686018427387905] of F32"},
      {"shape too small", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", eight,
       "has 8 bytes, which is not [1] of F32"},
      {"half a byte", R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}})",
       std::string(1, '\0'), "which is not [3] of F4"},
      {"offsets backwards", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", four,
       "lies at bytes 4 to 0 of 4"},
      {"beyond the end", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", four,
       "lies at bytes 0 to 8 of 4"},
      {"far beyond the end",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551615]}})",
       four, "lies at bytes"},
      {"gap before", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", eight,
       "begins at byte 4 of the data, expected 0"},
      {"overlap",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[2],"data_offsets":[2,6]}})",
       std::string(6, '\0'), "begins at byte 2 of the data, expected 4 (it overlaps another)"},
      {"same bytes",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       four, "(it overlaps another)"},
      {"data left over", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", eight,
       "the tensors end at byte 4 of the data, which has 8"},
      {"data without tensors", "{}", four, "the tensors end at byte 0 of the data, which has 4"},
      {"not UTF-8", "{\"a\xff\":{}}", "", "the header is not valid JSON"},
  };
  for (const Defect& d : defects) {
    const std::string said = error_of([&] { open(d.header, d.data); });
    EXPECT_NE(said.find(d.said), std::string::npos)
        << d.what << "\nsaid:     " << said << "\nexpected: " << d.said;
    EXPECT_EQ(said.find("x.safetensors: "), 0u) << d.what << ": names no file: " << said;
  }
}

TEST(Safetensors, RefusesAHeaderLongerThanTheFile) {
  for (const std::uint64_t claimed : {std::uint64_t{3}, std::uint64_t{1} << 60, ~std::uint64_t{0},
                                      ~std::uint64_t{0} - 7, std::uint64_t{100'000'001}}) {
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &claimed, 8);
    bytes += "{}";
    EXPECT_ERROR(Safetensors(MappedFile::borrow(std::as_bytes(std::span<const char>(bytes)),
                                                "x.safetensors")),
                 "x.safetensors: byte 0: claims " + std::to_string(claimed) +
                     " bytes of header, but 2 bytes follow");
  }
}

TEST(Safetensors, DeepNestingIsRefusedWithoutRecursion) {
  std::string deep = "{\"a\":";
  for (int i = 0; i < 200000; ++i) deep += "[";
  EXPECT_ERROR(open(deep), "the header has a list");
}

}  // namespace
