// Sign-out at identity providers, and what they tell us of it.
#include "adapters/access/endpoints.h"
#include "adapters/access/responses.h"
#include "controlplane/provider_logout.h"

namespace gatehouse::adapters {
namespace {

using controlplane::LogoutFailure;

int status_of(LogoutFailure failure) {
  switch (failure) {
    case LogoutFailure::NotReady:
    case LogoutFailure::StoreUnavailable:
    case LogoutFailure::ProviderUnreachable:
      return 503;
    case LogoutFailure::TooManyRequests:
      return 429;
    case LogoutFailure::UnknownMethod:
    case LogoutFailure::NotSupported:
    case LogoutFailure::TokenRefused:
    case LogoutFailure::AlreadyUsed:
      break;
  }
  return 400;
}

}  // namespace

net::HttpResponse get_provider_logout(const Call& call) {
  // As every log-out: no foreign page may send somebody there unseen.
  const auto destination = call.request.header("Sec-Fetch-Dest");
  if (destination && *destination != "document") return text_response(call, 403, "embedded");
  auto url = controlplane::sign_out_url(call.context, call.browser, call.argument);
  if (url) return redirect_response(call.request, std::move(*url));
  if (url.error().kind == controlplane::FailureKind::MethodUnavailable)
    return text_response(call, 404, "no_sign_out");
  return failure_response(call, url.error());
}

// Source: OpenID Connect Back-Channel Logout 1.0 2.5, 2.7 and 2.8.
net::HttpResponse post_backchannel_logout(const Call& call) {
  const auto ended = controlplane::accept_logout_token(call.context, call.browser, call.argument,
                                                       call.form("logout_token"));
  if (ended) return json_response(200, {});
  const int status = status_of(ended.error().failure);
  return json_response(status,
                       {{"error", status == 400 ? "invalid_request" : "temporarily_unavailable"},
                        {"error_description", ended.error().message}});
}

}  // namespace gatehouse::adapters
