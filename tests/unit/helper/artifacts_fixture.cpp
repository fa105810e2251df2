#include "artifacts_fixture.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <nlohmann/json.hpp>
#include <regex>

namespace slipway::helper {

void ArtifactStageTest::SetUp() {
  SourcesDirectory::SetUp();
  project_ = root_ / "project";
  home_ = root_ / "home";
  std::filesystem::create_directories(project_);
  std::filesystem::create_directories(home_);
  server_ = std::make_unique<net::HttpServer>(
      io_.get_executor(), [this](net::Exchange& exchange) { return serve(exchange); });
  net::Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  port_ = server_->listen(endpoint);
  asio::co_spawn(io_, server_->run(), asio::detached);
  thread_ = std::thread{[this] { io_.run(); }};
}

void ArtifactStageTest::TearDown() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
  SourcesDirectory::TearDown();
}

asio::awaitable<void> ArtifactStageTest::serve(net::Exchange& exchange) {
  auto body = co_await exchange.read_body(64u << 20);
  ScriptedAnswer answer{404, {}, {}};
  {
    const std::lock_guard lock{mutex_};
    seen_.push_back(
        {exchange.request().target, exchange.request().headers.get("JOB-TOKEN"), std::move(body)});
    if (!script_.empty()) {
      answer = std::move(script_.front());
      script_.pop_front();
    }
  }
  if (answer.drop) {
    exchange.drop();
    co_return;
  }
  net::Response response;
  response.status = answer.status;
  response.headers = answer.headers;
  response.body = std::move(answer.body);
  co_await exchange.respond(std::move(response));
}

void ArtifactStageTest::script(std::vector<ScriptedAnswer> answers) {
  const std::lock_guard lock{mutex_};
  for (auto& answer : answers) script_.push_back(std::move(answer));
}

std::vector<SeenRequest> ArtifactStageTest::seen() {
  const std::lock_guard lock{mutex_};
  return seen_;
}

std::string ArtifactStageTest::url() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

void ArtifactStageTest::write(const std::string& path, const std::string& text) const {
  std::filesystem::create_directories((project_ / path).parent_path());
  write_file(project_ / path, text);
}

job::UploadArtifactsParameters ArtifactStageTest::upload_of(
    std::vector<job::ArtifactUpload> artifacts) const {
  job::UploadArtifactsParameters parameters;
  parameters.coordinator.url = url();
  parameters.job = 7;
  parameters.token = "glcbt-64_jobtoken123";
  parameters.project_dir = project_.string();
  parameters.variables = {{"CI_JOB_NAME", "build"}};
  parameters.artifacts = std::move(artifacts);
  return parameters;
}

job::DownloadArtifactsParameters ArtifactStageTest::download_of(
    std::vector<job::ArtifactSource> sources) const {
  job::DownloadArtifactsParameters parameters;
  parameters.coordinator.url = url();
  parameters.project_dir = project_.string();
  parameters.sources = std::move(sources);
  return parameters;
}

StageResult ArtifactStageTest::upload(const job::UploadArtifactsParameters& parameters) const {
  return run_stage("upload_artifacts_on_success", parameters, home_);
}

StageResult ArtifactStageTest::download(const job::DownloadArtifactsParameters& parameters) const {
  return run_stage("download_artifacts", parameters, home_);
}

FormFile file_of(const std::string& form) {
  const auto head_end = form.find("\r\n\r\n");
  const auto boundary = form.substr(0, form.find("\r\n"));
  const auto end = form.rfind("\r\n" + boundary + "--\r\n");
  if (head_end == std::string::npos || end == std::string::npos) return {"no form", form};
  static const std::regex name{"filename=\"([^\"]*)\""};
  const auto head = form.substr(0, head_end);
  std::smatch match;
  std::regex_search(head, match, name);
  return {match[1], form.substr(head_end + 4, end - head_end - 4)};
}

std::string plain(const std::string& log) {
  static const std::regex colours{"\x1b\\[[0-9;]*[mK]"};
  static const std::regex padding{" {2,}"};
  return std::regex_replace(std::regex_replace(log, colours, ""), padding, " ");
}

}  // namespace slipway::helper
