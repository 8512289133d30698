// `gatehouse explain`: which decision somebody would get, and why. The same question can be asked
// of a configuration file and of a running gateway (POST /explain of the administration socket).
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/gatehouse/commands.h"
#include "base/ip.h"
#include "base/json.h"
#include "base/time.h"
#include "decision/explanation.h"
#include "model/resources.h"

namespace gatehouse::apps {

// As the command line has it; what is empty was not said.
struct Question {
  std::string application;                // name, id, or domain[/path]
  std::string user;                       // address; empty: nobody is signed in
  std::string login_method;               // name or id
  std::vector<std::string> groups;        // `staff`; of GitHub `organization/team`
  std::vector<std::string> claims;        // `department=Research`
  std::vector<std::string> auth_methods;  // `mfa`
  std::vector<std::string> auth_contexts;
  std::vector<std::string> posture;  // `Managed laptop=managed,checkin=2h,age=5m`
  std::string evaluation;            // what external evaluators said: success, refused
  std::string address;
  std::string country;
  std::string service_token;  // name, id or client id
  std::string certificate;    // common name
  std::string session;        // nonce of a live session, instead of user and what belongs to it
  std::string at;             // RFC 3339
  bool purpose = false;
  bool preflight = false;
};
[[nodiscard]] json::object to_json(const Question& question);
// A member that is absent was not said. An error text names the member that is unknown or of the
// wrong type, or `app`, which is needed.
[[nodiscard]] std::expected<Question, std::string> question_from_json(const json::value& document);

// What a question is asked of. Borrowed for the call.
struct Explainable {
  const decision::Snapshot& snapshot;
  const model::Resources& resources;
  // Live sessions by nonce; empty: there is no gateway.
  std::function<std::optional<model::Session>(const std::string& nonce)> find_session;
  // Of --ip, when --country is not given; empty: unknown.
  std::function<std::string(const IpAddress&)> country_of;
};
// Errors name the argument and what exists: "--app: there is no `wik`; there are: Wiki".
[[nodiscard]] std::expected<decision::Explanation, std::string> answer_question(
    const Question& question, const Explainable& about, Instant now);

// A decision of the past, as far as a decision log has it.
struct PastDecision {
  std::string application_id;
  std::string host;
  std::string address;
  std::string service_token_id;  // empty: none
  // As it was then; nullopt: nobody was signed in.
  std::optional<model::Session> session;
  Instant at{};
};
// What the configuration of now says of it; nullopt: the application is gone.
[[nodiscard]] std::optional<decision::Explanation> explain_past(const PastDecision& past,
                                                                const Explainable& about);

// Exactly one of the two is given; `state_directory` is that of a running gateway.
[[nodiscard]] int explain(const Question& question, const std::string& configuration_file,
                          const std::string& state_directory, Output output);

}  // namespace gatehouse::apps
