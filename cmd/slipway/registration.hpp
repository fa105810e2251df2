#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/slipway/commands.hpp"
#include "cmd/slipway/interruption.hpp"
#include "cmd/slipway/prompt.hpp"
#include "config/config.hpp"
#include "config/entry.hpp"
#include "gitlab_api/client.hpp"

namespace slipway::cmd {

/// The flags of `register` that do not set a key of the block by themselves.
struct RegisterOptions {
  std::string config_path;
  bool non_interactive = false;
  bool leave_runner = false;
  bool ignore_server_options = false;
  std::string url;
  std::string token;
  std::string registration_token;
  std::string name;
  std::string default_name;  ///< what `name` is when nothing was said
  std::string executor;
  std::string template_path;          ///< "" = none
  int concurrent = 0;                 ///< for the file; 0 = as it is
  std::vector<std::string> settings;  ///< `runners.docker.key=TOML value`
  // Settings of the server: sent only with a registration token.
  std::string tag_list;
  bool run_untagged = false;
  bool locked = true;
  std::string access_level;
  int maximum_timeout = 0;
  bool paused = false;
  std::string maintenance_note;
};

/// One run of `register`: asks for what is missing, registers or verifies the runner, writes its
/// block. What fails after GitLab knows the runner takes it back there.
class Registration {
 public:
  /// \param entry  holds what the runner flags say.
  Registration(const Context& context, RegisterOptions options, config::RunnerEntry entry);

  /// \throws UsageError, Fatal.
  void run();

 private:
  void check_options() const;
  void check_settings() const;
  void check_complete() const;
  void settle_token();
  void check_server_options() const;
  void ask_server_settings();
  void ask_executor();
  void ask_image();
  void add_cache_volume();
  void enrol();
  void register_with_registration_token();
  void verify_authentication_token();
  void warn_of_limits() const;
  void save();
  void add_runner();
  void update_runner();
  void apply_settings();
  void take_template();
  void keep_tables_of_executor();
  /// The file has a runner of this url and token already.
  const config::Runner* known_runner() const;
  void undo() noexcept;
  gitlab_api::ClientOptions client() const;
  bool created_in_ui() const { return options_.token.starts_with("glrt-"); }
  std::string text(std::string_view key) const;

  const Context& context_;
  RegisterOptions options_;
  config::RunnerEntry entry_;
  config::Config config_;
  std::string system_id_;
  Interruption interruption_;
  Prompt prompt_;
  bool enrolled_ = false;  ///< GitLab knows the runner through this command
};

}  // namespace slipway::cmd
