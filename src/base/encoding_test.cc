#include "base/encoding.h"

#include <gtest/gtest.h>

#include <array>

namespace gatehouse {
namespace {

using namespace std::string_view_literals;

struct Pair {
  std::string_view bytes;
  std::string_view text;
};

// RFC 4648 10, and bytes that use the two characters in which the alphabets differ.
TEST(Base64, EncodesAndDecodesTheVectors) {
  constexpr std::array kPadded = {
      Pair{"", ""},
      Pair{"f", "Zg=="},
      Pair{"fo", "Zm8="},
      Pair{"foo", "Zm9v"},
      Pair{"foob", "Zm9vYg=="},
      Pair{"fooba", "Zm9vYmE="},
      Pair{"foobar", "Zm9vYmFy"},
      Pair{"\xfb\xff\xfe"sv, "+//+"},
      Pair{"\0"sv, "AA=="},
  };
  for (const auto& [bytes, text] : kPadded) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes) << text;
  }
  constexpr std::array kUrl = {
      Pair{"", ""},
      Pair{"f", "Zg"},
      Pair{"fo", "Zm8"},
      Pair{"foo", "Zm9v"},
      Pair{"\xfb\xff\xfe"sv, "-__-"},
      Pair{"\0"sv, "AA"},
  };
  for (const auto& [bytes, text] : kUrl) {
    EXPECT_EQ(base64url_encode(bytes), text);
    EXPECT_EQ(base64url_decode(text), bytes) << text;
  }
}

TEST(Base64, RefusesEverySecondSpelling) {
  constexpr std::array kUrl = {
      "A"sv,  "AAAAA"sv, "Zg=="sv, "Zm8="sv, "Zm9v\n"sv,    " Zm9v"sv, "Zm 9v"sv, "+//+"sv,
      "Zh"sv, "Zm9"sv,   "Zv"sv,   "Z\0"sv,  "Z\xc3\xa9"sv, "Zm9v="sv, "===="sv,  "Zg.."sv,
  };
  for (const auto text : kUrl) EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
  constexpr std::array kPadded = {
      "Zg"sv,   "Zg="sv,      "Zm8"sv,    "Zh=="sv,   "Zm9="sv, "Z==="sv, "===="sv,
      "-__-"sv, "Zg==Zg=="sv, "Zm9v\n"sv, "Zm8=\n"sv, "Z g="sv, "=Zg="sv, "Zg==="sv,
  };
  for (const auto text : kPadded) EXPECT_EQ(base64_decode(text), std::nullopt) << text;
}

TEST(Base64, RoundTripsEveryLengthAndByte) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    EXPECT_EQ(hex_decode(hex_encode(bytes)), bytes);
    EXPECT_EQ(percent_decode(percent_encode(bytes)), bytes);
    EXPECT_EQ(form_decode(percent_encode(bytes)), bytes);
    bytes += static_cast<char>(i);
  }
}

TEST(Hex, TakesBothCasesAndNothingElse) {
  EXPECT_EQ(hex_encode("\x00\xAB\xff"sv), "00abff");
  EXPECT_EQ(hex_decode("00aBFf"), "\x00\xAB\xff"sv);
  EXPECT_EQ(hex_decode(""), "");
  for (const auto text : {"0"sv, "0g"sv, "0x"sv, " 00"sv, "00 "sv, "-1"sv})
    EXPECT_EQ(hex_decode(text), std::nullopt) << text;
}

TEST(Percent, EncodesAllButUnreserved) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b+c/d?e=f&g%\n\xc3\xa9"), "a%20b%2Bc%2Fd%3Fe%3Df%26g%25%0A%C3%A9");
}

TEST(Percent, DecodesOnceAndRefusesBrokenEscapes) {
  EXPECT_EQ(percent_decode("a%20b+c%2f%2F"), "a b+c//");
  EXPECT_EQ(form_decode("a%20b+c%2B"), "a b c+");
  EXPECT_EQ(percent_decode("%2541"), "%41");
  for (const auto text : {"%"sv, "a%2"sv, "%g0"sv, "%0g"sv, "%%20"sv, "% 20"sv, "%u0041"sv}) {
    EXPECT_EQ(percent_decode(text), std::nullopt) << text;
    EXPECT_EQ(form_decode(text), std::nullopt) << text;
  }
}

TEST(Html, EscapesWhatEndsTextOrAnAttribute) {
  EXPECT_EQ(html_escape(R"(<a href="x" title='y'>&amp;)"),
            "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;");
  EXPECT_EQ(html_escape("plain é"), "plain é");
}

TEST(Utf8, AcceptsTheShortestFormsOnly) {
  for (const auto text :
       {""sv, "a\0b"sv, "\x7f"sv, "\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv, "\xed\x9f\xbf"sv,
        "\xee\x80\x80"sv, "\xef\xbf\xbf"sv, "\xf0\x90\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv})
    EXPECT_TRUE(is_valid_utf8(text)) << hex_encode(text);
  for (const auto text :
       {"\x80"sv, "\xbf"sv, "\xc0\x80"sv, "\xc1\xbf"sv, "\xc2"sv, "\xc2\x41"sv, "\xc2\xc0"sv,
        "\xe0\x9f\xbf"sv, "\xe1\x80"sv, "\xed\xa0\x80"sv, "\xed\xbf\xbf"sv, "\xf0\x8f\xbf\xbf"sv,
        "\xf0\x90\x80"sv, "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv, "\xff\xfe"sv,
        "\xe1\x80\x80\x80"sv})
    EXPECT_FALSE(is_valid_utf8(text)) << hex_encode(text);
}

TEST(Ascii, ChangesAsciiOnly) {
  EXPECT_EQ(ascii_lower("AZ[@`az\xc3\x89"), "az[@`az\xc3\x89");
  EXPECT_TRUE(ascii_iequals("Cf-Access", "cF-aCCESS"));
  EXPECT_FALSE(ascii_iequals("a", "ab"));
  EXPECT_FALSE(ascii_iequals("[", "{"));
  EXPECT_FALSE(ascii_iequals("\xc3\x89", "\xc3\xa9"));
  EXPECT_EQ(trim(" \t\r\na b \n"), "a b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(ConstantTimeEqual, ComparesEveryByte) {
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_TRUE(constant_time_equal("a\0b"sv, "a\0b"sv));
  EXPECT_FALSE(constant_time_equal("a\0b"sv, "a\0c"sv));
  EXPECT_FALSE(constant_time_equal("ab", "a"));
  EXPECT_FALSE(constant_time_equal("", "a"));
}

TEST(Uuid, HasVersionAndVariant) {
  std::array<std::uint8_t, 16> random{};
  EXPECT_EQ(uuid_v4(random), "00000000-0000-4000-8000-000000000000");
  random.fill(0xff);
  EXPECT_EQ(uuid_v4(random), "ffffffff-ffff-4fff-bfff-ffffffffffff");
  EXPECT_TRUE(is_uuid(uuid_v4(random)));
}

TEST(Uuid, IsNamedByNamespaceAndName) {
  // RFC 9562 A.4.
  EXPECT_EQ(uuid_v5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com"),
            "2ed6657d-e927-568b-95e1-2665a8aea6a2");
  EXPECT_EQ(uuid_v5("www.example.com", "x"), uuid_v5("2ed6657d-e927-568b-95e1-2665a8aea6a2", "x"));
  EXPECT_NE(uuid_v5("application", "x"), uuid_v5("policy", "x"));
}

TEST(Uuid, IsLowerCaseWithHyphens) {
  EXPECT_TRUE(is_uuid("2ed6657d-e927-568b-95e1-2665a8aea6a2"));
  for (const auto text :
       {""sv, "2ed6657de927568b95e12665a8aea6a2"sv, "2ED6657D-e927-568b-95e1-2665a8aea6a2"sv,
        "2ed6657d-e927-568b-95e1-2665a8aea6a"sv, "2ed6657d-e927-568b-95e1-2665a8aea6a22"sv,
        "2ed6657de-927-568b-95e1-2665a8aea6a2"sv, "2ed6657d-e927-568b-95e1-2665a8aea6ag"sv,
        "{ed6657d-e927-568b-95e1-2665a8aea6a}"sv})
    EXPECT_FALSE(is_uuid(text)) << text;
}

}  // namespace
}  // namespace gatehouse
