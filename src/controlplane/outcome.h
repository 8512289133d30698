// What a step of a sign-in ends in. Plain values; adapters/access turns them into pages, redirects
// and cookies.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "controlplane/context.h"
#include "decision/reason.h"

namespace gatehouse::controlplane {

struct GoTo {
  std::string url;
  // Set when the person was refused: the URL is the refusal page.
  std::optional<decision::Reason> refusal;
};

struct LoginMethod {
  std::string id;
  std::string name;
  std::string type;
};
enum class Notice : std::uint8_t {
  None,
  OtherMethodNeeded,
  SignInAgain,
  NeverCameBack,  // from the provider: its own page has said why, perhaps
  InCircles,      // the browser was sent to sign in too often
};
struct ChooseMethod {
  std::string application;  // its name
  std::string host;
  std::string transaction;
  std::vector<LoginMethod> methods;
  Notice notice = Notice::None;
};

enum class InputError : std::uint8_t {
  None,
  Address,
  CodeForm,
  CodeWrong,
  CodeExpired,
  TooManyTries,
  PurposeMissing,
  PurposeTooLong,
  PurposeForm,
};
struct AskAddress {
  std::string application;
  std::string transaction;
  std::string email;
  InputError error = InputError::None;
};
struct AskCode {
  std::string application;
  std::string transaction;
  std::string email;
  InputError error = InputError::None;
};

struct AskPurpose {
  std::string application;
  std::string transaction;
  std::string prompt;  // the policy's; may be empty
  std::string text;
  InputError error = InputError::None;
};

// A global session to set as CF_Authorization of the auth domain.
struct GlobalSession {
  std::string token;
  Instant expires_at{};
};

struct Outcome {
  std::variant<GoTo, ChooseMethod, AskAddress, AskCode, AskPurpose> next;
  std::optional<GlobalSession> session;
  std::optional<std::string> attempt{};  // to set as CF_Attempt
};
using OutcomeOrFailure = std::expected<Outcome, Failure>;

}  // namespace gatehouse::controlplane
