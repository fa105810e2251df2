#include "docker_api/limits.hpp"

namespace slipway::docker_api::limits {
namespace {

net::Limits bounded(std::chrono::milliseconds total) {
  net::Limits limits;
  limits.connect = connect;
  limits.handshake = tls_handshake;
  limits.head = total;
  limits.idle = stream_idle;
  limits.total = total;
  limits.max_body = max_answer;
  return limits;
}

}  // namespace

net::Limits query() {
  return bounded(query_total);
}

net::Limits change(std::chrono::milliseconds more) {
  return bounded(change_total + more);
}

net::Limits upload() {
  return bounded(upload_total);
}

net::Limits stream(std::chrono::milliseconds idle) {
  auto limits = bounded(upload_total);
  limits.head = stream_head;
  limits.idle = idle;
  return limits;
}

}  // namespace slipway::docker_api::limits
