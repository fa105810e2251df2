#include "docker_api/limits.hpp"

namespace slipway::docker_api::limits {
namespace {

net::Limits bounded(std::chrono::milliseconds total) {
  net::Limits limits;
  limits.connect = patience().connect;
  limits.handshake = patience().tls_handshake;
  limits.head = total;
  limits.idle = stream_idle;
  limits.total = 2 * total;
  limits.max_body = max_answer;
  return limits;
}

}  // namespace

Patience& patience() {
  static Patience patience;
  return patience;
}

net::Limits ping() {
  return bounded(patience().ping);
}

net::Limits query() {
  return bounded(patience().query);
}

net::Limits list() {
  return bounded(patience().list);
}

net::Limits change(std::chrono::milliseconds more) {
  return bounded(patience().change + more);
}

net::Limits attach() {
  return bounded(patience().attach);
}

net::Limits archive() {
  return bounded(patience().archive);
}

net::Limits upload() {
  auto limits = bounded(patience().upload);
  limits.idle = patience().pull_idle;
  return limits;
}

net::Limits stream(std::chrono::milliseconds idle) {
  auto limits = bounded(patience().list);
  limits.idle = idle;
  return limits;
}

net::Limits pull() {
  auto limits = bounded(patience().pull_idle);
  // The Engine is silent until the registry has answered for the manifest.
  limits.idle = patience().pull_idle;
  return limits;
}

}  // namespace slipway::docker_api::limits
