#include "executors/docker/service_report.hpp"

#include <gmock/gmock.h>

#include "executors/docker/subnets.hpp"
#include "executors/docker/user_ids.hpp"
#include "job/failure.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

docker_api::ContainerDetails exposing(int first, int last, std::vector<std::string> env = {}) {
  docker_api::ContainerDetails container;
  for (int port = first; port <= last; ++port) container.exposed_tcp_ports.push_back(port);
  container.env = std::move(env);
  return container;
}

TEST(PortsToCheck, E24_AreTheFirstTwentyThatAreExposed) {
  EXPECT_THAT(ports_to_check(exposing(1, 0)), IsEmpty());
  EXPECT_THAT(ports_to_check(exposing(80, 81)), ElementsAre(80, 81));
  const auto many = ports_to_check(exposing(100, 130));
  EXPECT_EQ(many.size(), 20u);
  EXPECT_EQ(many.front(), 100);
  EXPECT_EQ(many.back(), 119);
}

TEST(PortsToCheck, E27_AreThatOfTheEnvironmentAlone) {
  for (const auto* entry : {"HEALTHCHECK_TCP_PORT=2375", "healthcheck_tcp_port=2375"})
    EXPECT_THAT(ports_to_check(exposing(80, 90, {"A=1", entry})), ElementsAre(2375)) << entry;
  EXPECT_THAT(ports_to_check(exposing(80, 80, {"HEALTHCHECK_TCP_PORTS=1"})), ElementsAre(80));
  EXPECT_THAT(ports_to_check(exposing(1, 0, {"HEALTHCHECK_TCP_PORT=1", "HEALTHCHECK_TCP_PORT=2"})),
              ElementsAre(2));
  for (const auto* value : {"abc", "", "80x", "0", "65536", "-1"}) {
    SCOPED_TRACE(value);
    try {
      ports_to_check(exposing(80, 80, {std::string{"HEALTHCHECK_TCP_PORT="} + value}));
      ADD_FAILURE() << "accepted";
    } catch (const job::Failure& failure) {
      EXPECT_EQ(failure.what(), std::string{"invalid health check tcp port: "} + value);
      EXPECT_EQ(failure.reason(), job::FailureReason::runner_system_failure);
    }
  }
}

TEST(Healthcheck, CountsWhereItCanBeHealthyInTime) {
  struct Case {
    const char* health;
    std::chrono::nanoseconds interval;
    std::chrono::seconds limit;
    bool want;
  };
  const Case cases[] = {
      {"", 1s, 30s, false},          {"none", 1s, 30s, false},     {"starting", 1s, 30s, true},
      {"healthy", 29s, 30s, true},   {"starting", 0s, 30s, false}, {"starting", 0s, 60s, true},
      {"starting", 30s, 30s, false},
  };
  for (const auto& c : cases) {
    docker_api::ContainerDetails container;
    container.health = c.health;
    container.health_interval = c.interval;
    EXPECT_EQ(has_timely_healthcheck(container, c.limit), c.want) << c.health;
  }
}

TEST(UnhealthyBlock, IsTheDocumentedOne) {
  UnhealthyService service;
  service.name = "runner-x-redis-0";
  service.error = "service \"runner-x-redis-0-wait-for-service\" timeout";
  service.check_log = "connection refused\n";
  service.service_log = "\n2024-01-01T00:00:00Z starting\n\n";
  EXPECT_EQ(unhealthy_block(service),
            "\n\x1b[0;33m*** WARNING:\x1b[0;m Service runner-x-redis-0 probably didn't start "
            "properly.\n\nHealth check error:\nservice \"runner-x-redis-0-wait-for-service\" "
            "timeout\n\nHealth check container logs:\nconnection refused\n\nService container "
            "logs:\n2024-01-01T00:00:00Z starting\n\n\x1b[0;33m*********\x1b[0;m\n\n");
  service.check_log.reset();
  service.hint = "Do this.";
  EXPECT_EQ(unhealthy_block(service),
            "\n\x1b[0;33m*** WARNING:\x1b[0;m Service runner-x-redis-0 probably didn't start "
            "properly.\n\nHealth check error:\nservice \"runner-x-redis-0-wait-for-service\" "
            "timeout\n\nService container logs:\n2024-01-01T00:00:00Z starting\n\nDo this.\n\n"
            "\x1b[0;33m*********\x1b[0;m\n\n");
}

class Lines : public JobLog {
 public:
  void write(job::LogStream stream, job::LogKind kind, std::string_view bytes) override {
    EXPECT_EQ(stream, job::LogStream::service);
    text += static_cast<char>(kind);
    text += bytes;
  }
  void flush(job::LogStream) override {}
  std::string text;
};

TEST(ServiceLines, E45_CarryTheServicesNameHoweverTheyAreCut) {
  Lines log;
  ServiceLines lines{log, {"postgres", "db"}};
  lines.add(job::LogKind::out, "one\r\ntw");
  lines.add(job::LogKind::err, "oh");
  lines.add(job::LogKind::out, "o\n\n");
  EXPECT_EQ(log.text,
            "O\x1b[0;37m[service:postgres-db] one\x1b[0;m\n"
            "O\x1b[0;37m[service:postgres-db] two\x1b[0;m\n"
            "O\x1b[0;37m[service:postgres-db] \x1b[0;m\n");
  log.text.clear();
  lines.finish();
  EXPECT_EQ(log.text, "E\x1b[0;37m[service:postgres-db] oh\x1b[0;m\n");
}

TEST(LogTime, IsWhatEnginesWrite) {
  using namespace std::chrono_literals;
  const LogTime noon = std::chrono::sys_days{std::chrono::year{2024} / 5 / 17} + 12h;
  const std::pair<const char*, std::optional<LogTime>> cases[] = {
      {"2024-05-17T12:00:00.000000001Z text", noon + 1ns},
      {"2024-05-17T12:00:00.5Z", noon + 500ms},
      {"2024-05-17T12:00:01Z x y", noon + 1s},
      {"2024-05-17T14:30:00.25+02:30 podman", noon + 250ms},
      {"2024-05-17T07:00:00-05:00 west", noon},
      {"2024-05-17T12:00:00.0000000001Z", std::nullopt},
      {"2024-05-17T12:00:00.Z", std::nullopt},
      {"2024-05-17T12:00:00", std::nullopt},
      {"2024-05-17T12:00:00x", std::nullopt},
      {"2024-05-17T12:00:00+0200", std::nullopt},
      {"2024-13-17T12:00:00Z", std::nullopt},
      {"2024-02-30T12:00:00Z", std::nullopt},
      {"9999-02-03T12:00:00Z", std::nullopt},
      {"2024-05-1aT12:00:00Z", std::nullopt},
      {"2024/05/17 12:00:00", std::nullopt},
      {"", std::nullopt},
      {"no time", std::nullopt},
  };
  for (const auto& [text, time] : cases) EXPECT_EQ(log_time(text), time) << text;
}

TEST(ServiceLines, E45_PrintEveryLineOnceHoweverOftenTheConnectionIsCut) {
  Lines log;
  ServiceLines lines{log, {"a"}};
  const auto printed = [&log] {
    std::string text;
    std::istringstream in{std::exchange(log.text, "")};
    for (std::string line; std::getline(in, line);)
      text += line.front() + line.substr(line.find("Z ") + 2, 3) + " ";
    return text;
  };
  EXPECT_EQ(lines.since(), std::nullopt);
  const std::string at = "2024-05-17T12:00:0";
  lines.add(job::LogKind::out, at + "1.1Z one\n" + at + "3.5Z two\n" + at + "3.6Z thr");
  lines.add(job::LogKind::err, at + "3.4Z err\n");
  EXPECT_EQ(printed(), "Oone Otwo Eerr ");
  EXPECT_EQ(lines.count(), 3u);
  const std::chrono::sys_seconds noon{std::chrono::sys_days{std::chrono::year{2024} / 5 / 17} +
                                      std::chrono::hours{12}};
  EXPECT_EQ(lines.since(), noon + std::chrono::seconds{1});
  lines.resume();
  lines.add(job::LogKind::out, at + "1.1Z one\n" + at + "3.5Z two\n" + at + "3.6Z three\n");
  // Written before that line of the other stream, and seen after it.
  lines.add(job::LogKind::err, at + "3.4Z err\n" + at + "3.45Z new\n");
  EXPECT_EQ(printed(), "Othr Enew ");
  lines.resume();
  lines.add(job::LogKind::out, at + "3.6Z three\nno time\n");
  EXPECT_THAT(log.text, ::testing::AllOf(::testing::HasSubstr("] no time"),
                                         ::testing::Not(::testing::HasSubstr("three"))));
}

TEST(ServiceLines, HoldNoMoreThanALongLine) {
  Lines log;
  ServiceLines lines{log, {"a"}};
  for (int i = 0; i < 100; ++i) lines.add(job::LogKind::out, std::string(10'000, 'x'));
  lines.add(job::LogKind::out, "\nshort\n");
  EXPECT_LT(log.text.size(), 70'000u);
  EXPECT_THAT(log.text, ::testing::HasSubstr("] short\x1b[0;m\n"));
}

TEST(UserIds, AreTheLastTwoLines) {
  struct Case {
    const char* output;
    std::optional<std::pair<unsigned, unsigned>> want;
  };
  const Case cases[] = {
      {"1000\n1001\n", std::pair{1000u, 1001u}},
      {"noise 7\n8\r\n0\r\n0\r\n\n", std::pair{0u, 0u}},
      {"", std::nullopt},
      {"1000\n", std::nullopt},
      {"1000\nstaff\n", std::nullopt},
      {"-1\n0\n", std::nullopt},
      {"99999999999\n0\n", std::nullopt},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.output);
    const auto ids = parse_user_ids(c.output);
    ASSERT_EQ(ids.has_value(), c.want.has_value());
    if (!ids) continue;
    EXPECT_EQ(ids->uid, c.want->first);
    EXPECT_EQ(ids->gid, c.want->second);
  }
}

TEST(SmallSubnet, IsAPieceOfOneRange) {
  EXPECT_EQ(small_subnet(0), "198.19.0.0/26");
  EXPECT_EQ(small_subnet(5), "198.19.1.64/26");
  EXPECT_EQ(small_subnet(1023), "198.19.255.192/26");
  EXPECT_EQ(small_subnet(1024), small_subnet(0));
  EXPECT_EQ(small_subnet(4'294'967'295u), small_subnet(1023));
}

}  // namespace
}  // namespace slipway::executors::docker
