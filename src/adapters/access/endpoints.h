// The handlers of /cdn-cgi/access/*, by theme. Each answers one request; routing, methods, hosts
// and origins have been checked by access_endpoints.cc.
#pragma once

#include <string>

#include "adapters/access/call.h"
#include "controlplane/posture_exchange.h"
#include "controlplane/session.h"
#include "net/http.h"

namespace gatehouse::adapters {

// sign_in_endpoints.cc: the auth domain
[[nodiscard]] net::HttpResponse get_login(const Call& call);
[[nodiscard]] net::HttpResponse post_login(const Call& call);
[[nodiscard]] net::HttpResponse get_start(const Call& call);
[[nodiscard]] net::HttpResponse get_callback(const Call& call);
[[nodiscard]] net::HttpResponse post_pin_request(const Call& call);
[[nodiscard]] net::HttpResponse post_pin_verify(const Call& call);
[[nodiscard]] net::HttpResponse get_posture_start(const Call& call);
[[nodiscard]] net::HttpResponse get_posture_page(const Call& call);
[[nodiscard]] net::HttpResponse post_posture_result(const Call& call);
[[nodiscard]] net::HttpResponse get_purpose(const Call& call);
[[nodiscard]] net::HttpResponse post_purpose(const Call& call);
[[nodiscard]] net::HttpResponse get_refused(const Call& call);
// The page that asks a device.
[[nodiscard]] net::HttpResponse device_page_response(const Call& call,
                                                     controlplane::AskDevice page);

// trial_endpoints.cc: what an administrator tries out
[[nodiscard]] net::HttpResponse get_test(const Call& call);

// cli_endpoints.cc: tokens for command lines. On the application's host:
[[nodiscard]] net::HttpResponse get_transfer_application(const Call& call);
[[nodiscard]] net::HttpResponse get_transfer_start(const Call& call);
[[nodiscard]] net::HttpResponse get_transfer_return(const Call& call);
[[nodiscard]] net::HttpResponse get_transfer_result(const Call& call);
// On the auth domain:
[[nodiscard]] net::HttpResponse get_transfer(const Call& call);
[[nodiscard]] net::HttpResponse post_transfer(const Call& call);

// session_endpoints.cc
[[nodiscard]] net::HttpResponse get_home(const Call& call);
[[nodiscard]] net::HttpResponse post_end_session(const Call& call);
[[nodiscard]] net::HttpResponse post_end_all_sessions(const Call& call);
[[nodiscard]] net::HttpResponse get_global_logout(const Call& call);
[[nodiscard]] net::HttpResponse get_authorized(const Call& call);
[[nodiscard]] net::HttpResponse get_application_logout(const Call& call);
[[nodiscard]] net::HttpResponse get_identity(const Call& call);

// provider_logout_endpoints.cc
[[nodiscard]] net::HttpResponse get_provider_logout(const Call& call);
[[nodiscard]] net::HttpResponse post_backchannel_logout(const Call& call);

}  // namespace gatehouse::adapters
