#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "job/artifacts_stage.hpp"
#include "net/server.hpp"
#include "sources_fixture.hpp"

namespace slipway::helper {

/// What the coordinator was asked.
struct SeenRequest {
  std::string target;
  std::string token;  ///< JOB-TOKEN
  std::string body;
};

/// A scripted answer; `drop` closes the connection instead.
struct ScriptedAnswer {
  int status = 201;
  std::string body;
  net::Headers headers;
  bool drop = false;
};

/// A project directory, and a coordinator in a thread of its own that answers by a script, 404
/// beyond it. The stages run in child processes, as beside a job.
class ArtifactStageTest : public SourcesDirectory {
 protected:
  void SetUp() override;
  void TearDown() override;

  void script(std::vector<ScriptedAnswer> answers);
  std::vector<SeenRequest> seen();
  std::string url() const;

  void write(const std::string& path, const std::string& text) const;
  /// Of a job with these artifacts.
  job::UploadArtifactsParameters upload_of(std::vector<job::ArtifactUpload> artifacts) const;
  job::DownloadArtifactsParameters download_of(std::vector<job::ArtifactSource> sources) const;
  StageResult upload(const job::UploadArtifactsParameters& parameters) const;
  StageResult download(const job::DownloadArtifactsParameters& parameters) const;

  std::filesystem::path project_;
  std::filesystem::path home_;

 private:
  asio::awaitable<void> serve(net::Exchange& exchange);

  asio::io_context io_{1};
  std::unique_ptr<net::HttpServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::deque<ScriptedAnswer> script_;
  std::vector<SeenRequest> seen_;
};

/// The one file of a multipart body.
struct FormFile {
  std::string name;
  std::string content;
};
FormFile file_of(const std::string& form);
/// Without colours and padding.
std::string plain(const std::string& log);

}  // namespace slipway::helper
