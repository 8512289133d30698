#include "apps/gatehouse/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <utility>

#include "apps/gatehouse/serve.h"
#include "base/encoding.h"
#include "base/try.h"
#include "jose/jwk.h"
#include "net/http_client.h"
#include "platform/clock.h"
#include "platform/country_database.h"
#include "policy/snapshot_document.h"
#include "selectors/registry.h"

namespace gatehouse::apps {
namespace {

using Error = std::unexpected<std::string>;

// The members by their names in JSON and on the command line.
constexpr std::pair<const char*, std::string Question::*> kTexts[] = {
    {"app", &Question::application},
    {"user", &Question::user},
    {"login-method", &Question::login_method},
    {"evaluation", &Question::evaluation},
    {"ip", &Question::address},
    {"country", &Question::country},
    {"service-token", &Question::service_token},
    {"certificate", &Question::certificate},
    {"session", &Question::session},
    {"at", &Question::at},
};
constexpr std::pair<const char*, std::vector<std::string> Question::*> kLists[] = {
    {"group", &Question::groups},
    {"claim", &Question::claims},
    {"auth-method", &Question::auth_methods},
    {"auth-context", &Question::auth_contexts},
    {"posture", &Question::posture},
};
constexpr std::pair<const char*, bool Question::*> kFlags[] = {
    {"purpose", &Question::purpose},
    {"preflight", &Question::preflight},
};

template <typename Things>
std::string names_of(const Things& things) {
  std::string names;
  for (const auto& thing : things) names.append(names.empty() ? "" : ", ").append(thing.name);
  return names.empty() ? "none" : names;
}

// By id or by name.
template <typename Things>
std::expected<const typename Things::value_type*, std::string> find_named(std::string_view argument,
                                                                          std::string_view name,
                                                                          const Things& things) {
  const typename Things::value_type* found = nullptr;
  for (const auto& thing : things) {
    if (thing.id == name) return &thing;
    if (thing.name != name) continue;
    if (found != nullptr)
      return Error(fmt::format("{}: several are named `{}`: use the id", argument, name));
    found = &thing;
  }
  if (found != nullptr) return found;
  return Error(
      fmt::format("{}: there is no `{}`; there are: {}", argument, name, names_of(things)));
}

struct Place {
  const decision::CompiledApplication* application = nullptr;
  std::string host;  // that the request goes to
};

std::expected<Place, std::string> find_place(const std::string& text,
                                             const decision::Snapshot& snapshot) {
  const auto applications = snapshot.applications();
  if (auto named = find_named("--app", text, applications); named)
    return Place{*named, (*named)->hostname};
  else if (std::ranges::count(applications, text, &decision::CompiledApplication::name) > 1)
    return Error(named.error());
  const auto slash = std::min(text.find('/'), text.size());
  const std::string host = text.substr(0, slash);
  const std::string path = slash == text.size() ? "/" : text.substr(slash);
  const auto located = snapshot.locate(host, path);
  if (located.ambiguous)
    return Error(
        fmt::format("--app: `{}` can be read in several ways, which lead to different "
                    "applications; such a request is refused with ambiguous_path",
                    text));
  if (located.application == nullptr)
    return Error(
        fmt::format("--app: there is no application `{}` and none at that address; there are: {}",
                    text, names_of(applications)));
  return Place{located.application, host};
}

// `Managed laptop=managed,checkin=2h,age=5m,patched,score=12`.
std::expected<model::PostureEvidence, std::string> read_posture(const std::string& text,
                                                                const model::Resources& resources,
                                                                Instant now) {
  const auto equals = std::min(text.find('='), text.size());
  const std::string name = text.substr(0, equals);
  model::PostureEvidence evidence;
  if (const auto rule = find_named("--posture", name, resources.posture_rules)) {
    evidence.integration_id = json::find_string((*rule)->input, "connection_id").value_or("");
  } else if (const auto integration =
                 find_named("--posture", name, resources.posture_integrations)) {
    evidence.integration_id = (*integration)->id;
  } else {
    return Error(fmt::format(
        "--posture: there is no device posture rule or integration `{}`; rules: {}; "
        "integrations: {}",
        name, names_of(resources.posture_rules), names_of(resources.posture_integrations)));
  }
  evidence.device_id = "explained";
  evidence.established_at = now;
  std::string_view rest = std::string_view(text).substr(std::min(equals + 1, text.size()));
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    const std::string_view part = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const auto is = part.find('=');
    const std::string_view key = part.substr(0, is);
    const std::string_view value =
        is == std::string_view::npos ? std::string_view() : part.substr(is + 1);
    if (part == "managed" || part == "unmanaged") {
      evidence.managed = part == "managed";
    } else if (part == "patched" || part == "unpatched") {
      evidence.patch_compliant = part == "patched";
    } else if (key == "checkin" || key == "age") {
      const auto duration = parse_duration(value);
      if (!duration)
        return Error(fmt::format("--posture: `{}` must be a duration such as `{}=2h`", part, key));
      const Instant then = now - std::chrono::duration_cast<std::chrono::seconds>(*duration);
      if (key == "age")
        evidence.established_at = then;
      else
        evidence.last_checkin = then;
    } else if (key == "score") {
      double score = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), score);
      if (error != std::errc() || end != value.data() + value.size())
        return Error(fmt::format("--posture: `{}` must be a number such as `score=12`", part));
      evidence.vulnerability_score = score;
    } else {
      return Error(
          fmt::format("--posture: `{}` is not one of managed, unmanaged, patched, unpatched, "
                      "checkin=2h, age=5m, score=12",
                      part));
    }
  }
  return evidence;
}

std::expected<model::Session, std::string> make_session(
    const Question& question, const decision::CompiledApplication& application,
    const model::Resources& resources, Instant now) {
  model::Session session;
  session.created_at = now;
  session.expires_at = now + resources.organization.session_duration;
  model::Identity& identity = session.identity;
  identity.email = question.user;
  identity.authenticated_at = now;
  if (!question.login_method.empty()) {
    identity.login_method = GATEHOUSE_TRY(find_named("--login-method", question.login_method,
                                                     resources.identity_providers))
                                ->id;
  } else if (!application.allowed_idps.empty()) {
    identity.login_method = application.allowed_idps.front();
  } else if (!resources.identity_providers.empty()) {
    identity.login_method = resources.identity_providers.front().id;
  }
  identity.amr = question.auth_methods;
  identity.auth_contexts = question.auth_contexts;
  identity.groups = question.groups;
  identity.groups_known = !question.groups.empty();
  identity.organizations_known = !question.groups.empty();
  for (const std::string& group : question.groups) {
    const auto slash = std::min(group.find('/'), group.size());
    model::GithubOrganization organization{group.substr(0, slash), {}};
    if (slash < group.size()) organization.teams.push_back(group.substr(slash + 1));
    identity.organizations.push_back(std::move(organization));
  }
  for (const std::string& claim : question.claims) {
    const auto equals = claim.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error(fmt::format("--claim: `{}` must be written `name=value`", claim));
    const std::string name = claim.substr(0, equals);
    identity.claims[name].push_back(claim.substr(equals + 1));
    identity.saml_attributes[name].push_back(claim.substr(equals + 1));
  }
  for (const std::string& text : question.posture) {
    auto evidence = GATEHOUSE_TRY(read_posture(text, resources, now));
    if (std::ranges::find(session.posture, evidence.integration_id,
                          &model::PostureEvidence::integration_id) != session.posture.end())
      return Error(
          fmt::format("--posture: `{}` speaks of the same integration as another one", text));
    session.posture.push_back(std::move(evidence));
  }
  if (!question.evaluation.empty()) {
    if (question.evaluation != "success" && question.evaluation != "refused")
      return Error(
          fmt::format("--evaluation: `{}` is not one of success, refused", question.evaluation));
    for (const decision::Evaluator& evaluator : application.evaluators)
      session.evaluations.push_back({evaluator.key, question.evaluation == "success", now});
  }
  if (question.purpose) session.purposes.push_back({application.audience, "stated", now});
  return session;
}

// What can only be said of somebody who is signed in; nullptr when nothing is.
const char* first_of_a_person(const Question& question) {
  for (const auto& [name, list] : kLists)
    if (!(question.*list).empty()) return name;
  if (!question.login_method.empty()) return "login-method";
  if (!question.evaluation.empty()) return "evaluation";
  return question.purpose ? "purpose" : nullptr;
}

std::expected<std::optional<model::Session>, std::string> session_of(
    const Question& question, const decision::CompiledApplication& application,
    const Explainable& about, Instant now) {
  const char* person = first_of_a_person(question);
  if (!question.session.empty()) {
    if (!question.user.empty()) person = "user";
    if (person != nullptr)
      return Error(fmt::format("--{}: --session already says who is asking", person));
    if (!about.find_session)
      return Error("--session: only a running gateway has sessions: use --state");
    auto session = about.find_session(question.session);
    if (!session) return Error("--session: there is no live session of this nonce");
    return session;
  }
  if (question.user.empty()) {
    if (person != nullptr) return Error(fmt::format("--{}: says nothing without --user", person));
    return std::nullopt;
  }
  return GATEHOUSE_TRY(make_session(question, application, about.resources, now));
}

// Compiled rules know other things by their ids; people know names.
void name_things(decision::Explanation& explanation, const model::Resources& resources) {
  std::vector<std::pair<std::string_view, std::string_view>> names;
  const auto know = [&names](const auto& things) {
    for (const auto& thing : things)
      if (!thing.id.empty()) names.emplace_back(thing.id, thing.name);
  };
  know(resources.identity_providers);
  know(resources.posture_integrations);
  know(resources.posture_rules);
  know(resources.lists);
  know(resources.groups);
  know(resources.service_tokens);
  const auto name = [&names](std::string& text) {
    for (const auto& [id, replacement] : names)
      for (auto at = text.find(id); at != std::string::npos; at = text.find(id, at)) {
        text.replace(at, id.size(), replacement);
        at += replacement.size();
      }
  };
  for (decision::ExplainedInput& input : explanation.inputs) {
    name(input.name);
    name(input.value);
  }
  for (decision::TraceEntry& entry : explanation.trace) {
    name(entry.what);
    name(entry.seen.value);
  }
}

void print(const json::object& explanation, std::string_view text, Output output) {
  if (output == Output::Json)
    std::cout << json::serialize(explanation) << "\n";
  else
    std::cout << text;
}

int wrong(std::string_view message) {
  std::cerr << "gatehouse: " << message << "\n";
  return kExitUsage;
}

int explain_file(const Question& question, const std::string& file, Output output) {
  const auto loaded = load_configuration(file);
  if (!loaded) {
    for (const auto& problem : loaded.error())
      std::cerr << configuration::to_string(problem) << "\n";
    return kExitUsage;
  }
  policy::PublicationContext publication;
  publication.published_at = system_now();
  publication.issuer = "https://" + loaded->resources.organization.auth_domain;
  // A snapshot has keys; no token is looked at here.
  publication.jwks.push_back(jose::PrivateKey::generate_p256().public_key().to_jwk());
  const auto snapshot = policy::compile_snapshot(
      policy::make_snapshot_document(loaded->resources, publication), selectors::registry());
  if (!snapshot) {
    for (const auto& problem : snapshot.error())
      std::cerr << configuration::to_string(loaded->place(problem)) << "\n";
    return kExitUsage;
  }
  std::function<std::string(const IpAddress&)> country_of;
  if (const std::string& path = loaded->settings.country_database; !path.empty()) {
    auto countries = CountryDatabase::open(path);
    if (!countries) return wrong(countries.error().message);
    country_of = [countries = *std::move(countries)](const IpAddress& address) {
      return std::string(countries->country_of(address));
    };
  }
  const auto explanation = answer_question(
      question, {**snapshot, loaded->resources, {}, country_of}, publication.published_at);
  if (!explanation) return wrong(explanation.error());
  print(decision::to_json(*explanation), decision::to_text(*explanation), output);
  return kExitOk;
}

int explain_running(const Question& question, const std::string& state_directory, Output output) {
  net::OutboundRequest request;
  request.method = "POST";
  request.url = "http://gatehouse/explain";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = json::serialize(to_json(question));
  const auto answer = ask_gateway(state_directory, std::move(request));
  if (!answer) return kExitFailure;
  const auto& [status_code, body] = *answer;
  const auto* explanation = json::find_object(body, "explanation");
  const auto text = json::find_string(body, "text");
  if (status_code == 200 && explanation != nullptr && text) {
    print(*explanation, *text, output);
    return kExitOk;
  }
  const auto message = json::find_string(body, "error");
  if (status_code == 422 && message) return wrong(*message);
  std::cerr << "gatehouse: " << message.value_or("the gateway's answer is not readable") << "\n";
  return kExitFailure;
}

}  // namespace

json::object to_json(const Question& question) {
  json::object document;
  for (const auto& [name, text] : kTexts) document[name] = question.*text;
  for (const auto& [name, list] : kLists) {
    json::array values;
    for (const std::string& value : question.*list) values.emplace_back(value);
    document[name] = std::move(values);
  }
  for (const auto& [name, flag] : kFlags) document[name] = question.*flag;
  return document;
}

std::expected<Question, std::string> question_from_json(const json::value& document) {
  const json::object* object = document.if_object();
  if (object == nullptr) return Error("the question must be a JSON object");
  const auto member = [](const auto& table, std::string_view key) {
    const auto entry =
        std::ranges::find_if(table, [&](const auto& one) { return one.first == key; });
    return entry == std::end(table) ? nullptr : &*entry;
  };
  Question question;
  for (const auto& [key, value] : *object) {
    if (const auto* text = member(kTexts, key)) {
      if (!value.is_string()) return Error(fmt::format("{}: must be text", text->first));
      question.*text->second = value.get_string();
    } else if (const auto* list = member(kLists, key)) {
      const auto is_text = [](const json::value& one) { return one.is_string(); };
      if (!value.is_array() || !std::ranges::all_of(value.get_array(), is_text))
        return Error(fmt::format("{}: must be a list of text", list->first));
      for (const json::value& one : value.get_array())
        (question.*list->second).emplace_back(one.get_string());
    } else if (const auto* flag = member(kFlags, key)) {
      if (!value.is_bool()) return Error(fmt::format("{}: must be true or false", flag->first));
      question.*flag->second = value.get_bool();
    } else {
      return Error(fmt::format("`{}` is not part of a question", std::string_view(key)));
    }
  }
  if (question.application.empty()) return Error("app: is required");
  return question;
}

std::expected<decision::Explanation, std::string> answer_question(const Question& question,
                                                                  const Explainable& about,
                                                                  Instant now) {
  if (!question.at.empty()) {
    const auto at = parse_rfc3339(question.at);
    if (!at)
      return Error(
          fmt::format("--at: `{}` must be a time such as `2030-01-31T08:00:00Z`", question.at));
    now = *at;
  }
  const Place place = GATEHOUSE_TRY(find_place(question.application, about.snapshot));

  decision::Evidence evidence;
  std::string country = question.country;
  if (!question.address.empty()) {
    const auto address = IpAddress::parse(question.address);
    if (!address) return Error(fmt::format("--ip: `{}` is not an address", question.address));
    evidence.client_ip = *address;
    if (country.empty() && about.country_of) country = about.country_of(*address);
  }
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  if (!country.empty() && (country.size() != 2 || !std::ranges::all_of(country, is_letter)))
    return Error(fmt::format("--country: `{}` must be two letters such as `DE`", country));
  std::ranges::transform(country, country.begin(),
                         [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  evidence.country = country;

  if (!question.service_token.empty()) {
    const auto& tokens = about.resources.service_tokens;
    const auto known =
        std::ranges::find(tokens, question.service_token, &model::ServiceToken::client_id);
    const std::string client_id =
        known != tokens.end()
            ? known->client_id
            : GATEHOUSE_TRY(find_named("--service-token", question.service_token, tokens))
                  ->client_id;
    evidence.service_token = about.snapshot.service_token_by_client_id(client_id);
  }
  if (!question.certificate.empty()) {
    if (about.snapshot.client_certificates(place.host) == nullptr)
      return Error(fmt::format(
          "--certificate: no certificate authority is configured for the host `{}`", place.host));
    evidence.certificate.state = decision::CertificateEvidence::State::Valid;
    evidence.certificate.common_name = question.certificate;
  }
  evidence.cors_preflight = question.preflight;

  const auto session = GATEHOUSE_TRY(session_of(question, *place.application, about, now));
  std::string email;
  if (session) {
    email = model::canonical_email(session->identity.email).value_or("");
    evidence.session = &*session;
    evidence.canonical_email = email;
  }
  auto explanation = decision::explain(about.snapshot, *place.application, evidence, now);
  name_things(explanation, about.resources);
  return explanation;
}

std::optional<decision::Explanation> explain_past(const PastDecision& past,
                                                  const Explainable& about) {
  const auto applications = about.snapshot.applications();
  const auto application =
      std::ranges::find(applications, past.application_id, &decision::CompiledApplication::id);
  if (application == applications.end()) return std::nullopt;
  decision::Evidence evidence;
  if (const auto address = IpAddress::parse(past.address)) evidence.client_ip = *address;
  const std::string country =
      about.country_of ? about.country_of(evidence.client_ip) : std::string();
  evidence.country = country;
  const auto token = std::ranges::find(about.resources.service_tokens, past.service_token_id,
                                       &model::ServiceToken::id);
  if (token != about.resources.service_tokens.end())
    evidence.service_token = about.snapshot.service_token_by_client_id(token->client_id);
  if (about.snapshot.client_certificates(past.host) != nullptr)
    evidence.certificate.state = decision::CertificateEvidence::State::Unknown;
  std::string email;
  if (past.session) {
    email = model::canonical_email(past.session->identity.email).value_or("");
    evidence.session = &*past.session;
    evidence.canonical_email = email;
  }
  auto explanation = decision::explain(about.snapshot, *application, evidence, past.at);
  name_things(explanation, about.resources);
  return explanation;
}

int explain(const Question& question, const std::string& configuration_file,
            const std::string& state_directory, Output output) {
  if (configuration_file.empty() == state_directory.empty())
    return wrong("one of --config and --state is needed, and not both");
  return configuration_file.empty() ? explain_running(question, state_directory, output)
                                    : explain_file(question, configuration_file, output);
}

}  // namespace gatehouse::apps
