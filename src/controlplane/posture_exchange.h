// The posture exchange: the browser asks the local agent, we verify what it signed and keep it on
// the session. Several integrations are asked one after another. Thread-safe. facts/tanium.md 3.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "controlplane/context.h"
#include "controlplane/journey.h"
#include "controlplane/outcome.h"
#include "decision/reason.h"
#include "model/identity.h"

namespace gatehouse::controlplane {

// The page that asks, for every integration that some policy of the application looks at: those
// without evidence first, then those with the oldest.
[[nodiscard]] std::string posture_page_url(const Context& context, const Browser& browser,
                                           const Journey& journey, const model::Session& session);
// A check of a signed-in browser, of what its policies need: external evaluators that are due are
// asked first, and waited for. Without a session it goes to the login URL.
[[nodiscard]] OutcomeOrFailure begin_posture_check(Context& context, const Browser& browser,
                                                   const LoginQuery& query);

struct AskDevice {
  std::string application;
  json::object exchange;             // posture::exchange_instructions
  std::string transaction;           // to send back with the answer
  std::vector<std::string> origins;  // that the page may connect to
};
[[nodiscard]] std::expected<AskDevice, Failure> show_posture_page(Context& context,
                                                                  const Browser& browser,
                                                                  std::string_view sealed);

struct PostureResult {
  std::string transaction;
  std::string token;       // either this ...
  std::string error;       // ... or a reason code
  std::string permission;  // granted, denied, prompt, unsupported; may be empty
};
// What the page may say in place of a token; anything else is an agent that did not answer as it
// should.
[[nodiscard]] decision::Reason reported_reason(const PostureResult& result);
// What is consumed so that a verified token is accepted once.
[[nodiscard]] std::string posture_token_key(std::string_view integration,
                                            std::string_view replay_id);
struct PostureReply {
  std::optional<decision::Reason> reason;  // nullopt: go on
  std::string url;
};
[[nodiscard]] std::expected<PostureReply, Failure> receive_posture_result(
    Context& context, const Browser& browser, const PostureResult& result);

}  // namespace gatehouse::controlplane
