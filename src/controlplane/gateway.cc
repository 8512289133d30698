#include "controlplane/gateway.h"

#include <utility>

#include "controlplane/context.h"
#include "controlplane/publication.h"
#include "controlplane/signing_keys.h"

namespace gatehouse::controlplane {
namespace {

class GatewayImplementation final : public Gateway {
 public:
  explicit GatewayImplementation(GatewayDependencies dependencies)
      : context_(std::move(dependencies)), publication_(context_) {}

  std::expected<ApplyOutcome, ChangeError> change(const Actor& actor,
                                                  const MakeEdits& make) override {
    return publication_.change(actor, make);
  }
  std::expected<ApplyOutcome, std::vector<policy::Problem>> apply(const model::Resources& resources,
                                                                  const Actor& actor,
                                                                  ApplyOptions options) override {
    return publication_.apply(resources, actor, options);
  }
  std::expected<std::vector<PlannedChange>, std::vector<policy::Problem>> plan(
      const model::Resources& resources, ApplyOptions options) override {
    return publication_.plan(resources, options);
  }
  std::vector<policy::Problem> check(const model::Resources& resources) override {
    return publication_.check(resources);
  }
  std::expected<bool, std::string> restore() override { return publication_.restore(); }
  void republish() override { publication_.republish(); }
  bool follow() override { return publication_.follow(); }
  void tick() override {
    publication_.tick();
    rotate_if_due(context_, [this] { publication_.republish(); });
  }

  std::shared_ptr<const decision::Snapshot> snapshot() const override {
    const auto configuration = context_.configuration();
    return configuration ? configuration->snapshot : nullptr;
  }
  std::shared_ptr<const model::Resources> resources() const override {
    const auto configuration = context_.configuration();
    return configuration ? configuration->resources : nullptr;
  }
  Context& context() override { return context_; }

 private:
  Context context_;
  Publication publication_;
};

}  // namespace

std::unique_ptr<Gateway> Gateway::make(GatewayDependencies dependencies) {
  return std::make_unique<GatewayImplementation>(std::move(dependencies));
}

}  // namespace gatehouse::controlplane
