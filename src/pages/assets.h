// The files of templates/, static/ and texts/, put into the program when it is configured:
// embed.cmake.
#pragma once

#include <string_view>

namespace gatehouse::pages {

extern const std::string_view kHeadTemplate;
extern const std::string_view kFootTemplate;
extern const std::string_view kRefusalTemplate;
extern const std::string_view kChooserTemplate;
extern const std::string_view kPinRequestTemplate;
extern const std::string_view kPinEntryTemplate;
extern const std::string_view kPurposeTemplate;
extern const std::string_view kTransferTemplate;
extern const std::string_view kPostureTemplate;
extern const std::string_view kMessageTemplate;
extern const std::string_view kHomeTemplate;
extern const std::string_view kStylesheet;
extern const std::string_view kPostureScript;
extern const std::string_view kLauncherScript;
extern const std::string_view kEnglishTexts;
extern const std::string_view kGermanTexts;
// Change with the content: static files may be cached for ever under `?v=`.
extern const std::string_view kStylesheetVersion;
extern const std::string_view kPostureScriptVersion;
extern const std::string_view kLauncherScriptVersion;

}  // namespace gatehouse::pages
