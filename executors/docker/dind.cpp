#include "executors/docker/dind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <nlohmann/json.hpp>

#include "executors/docker/image_name.hpp"
#include "executors/docker/plan_parts.hpp"

namespace slipway::executors::docker {

namespace {

using Words = std::vector<std::string>;

constexpr std::string_view known_entrypoint = "dockerd-entrypoint.sh";
/// Ethernet's: what dockerd assumes by itself.
constexpr int usual_mtu = 1500;
/// The least that every IPv4 host takes (RFC 791); less is a mistake.
constexpr int least_mtu = 576;

/// A service with its image, and the questions that the rules ask of them.
class Subject {
 public:
  Subject(const Plan& plan, const ServicePlan& service, const docker_api::ImageDetails& image)
      : plan_{plan}, service_{service}, image_{image} {
    const auto extra = nlohmann::json::parse(service.container.host_config_extra, nullptr, false);
    if (extra.is_object() && extra.contains("Tmpfs") && extra["Tmpfs"].is_object())
      for (const auto& [path, options] : extra["Tmpfs"].items()) tmpfs_.push_back(clean_path(path));
  }

  /// Certificates and command may be touched.
  bool is_known() const {
    if (service_.dind_listed) return true;
    const auto& own = service_.container.entrypoint;
    if ((own && *own != image_.entrypoint) || image_.entrypoint.empty()) return false;
    const auto& last = image_.entrypoint.back();
    return last.substr(last.rfind('/') + 1) == known_entrypoint;
  }

  /// What the entrypoint gets as arguments.
  Words command() const {
    if (!service_.container.command.empty()) return service_.container.command;
    // An entrypoint of the service's own takes the image's command away.
    return service_.container.entrypoint ? Words{} : image_.command;
  }

  bool has_only_flags() const {
    const auto words = command();
    return words.empty() || (words.front().starts_with('-') &&
                             std::find(words.begin(), words.end(), "--") == words.end());
  }

  /// \param name  `--mtu`; as a word of its own or before `=`.
  bool has_flag(std::string_view name) const {
    const auto words = command();
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
      return word == name || (word.starts_with(name) && word.substr(name.size()).starts_with('='));
    });
  }
  bool has_tls_flag() const {
    const auto words = command();
    return std::any_of(words.begin(), words.end(),
                       [](std::string_view word) { return word.starts_with("--tls"); });
  }

  bool runs_as_root() const {
    const auto& user = service_.container.user.empty() ? image_.user : service_.container.user;
    const auto name = user.substr(0, user.find(':'));
    return name.empty() || name == "root" || name == "0";
  }

  /// An entry of `volumes` with a source, or a tmpfs, that lies over `path`, in it or above it.
  bool is_taken(const std::string& path) const {
    const auto binds = sourced_binds(plan_, service_.container);
    return std::any_of(
               binds.begin(), binds.end(),
               [&](const auto& bind) { return paths_overlap(bind_destination(bind), path); }) ||
           std::any_of(tmpfs_.begin(), tmpfs_.end(),
                       [&](const auto& destination) { return paths_overlap(destination, path); });
  }

  /// Where volumes and directories lie that outlive the job, and those of the job.
  Words managed(bool kept_only) const {
    Words list;
    for (const auto& volume : plan_.volumes)
      if (volume.reusable || !kept_only) list.push_back(clean_path(volume.destination));
    for (const auto& bind : plan_.cached_binds) list.push_back(bind_destination(bind));
    return list;
  }

  bool is_official() const {
    const auto name = parse_image_name(service_.image.name);
    if (!name) return false;
    const auto& repository = name->repository;
    return repository == "docker" || repository.ends_with("library/docker");
  }

 private:
  const Plan& plan_;
  const ServicePlan& service_;
  const docker_api::ImageDetails& image_;
  Words tmpfs_;
};

/// True for `tcp://10.0.0.5:2376`, which clients take without `tcp://` too; not for names and
/// loopback addresses.
bool names_an_address(std::string_view docker_host) {
  const auto scheme = docker_host.find("://");
  auto host = scheme == std::string_view::npos ? docker_host : docker_host.substr(scheme + 3);
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find_first_of(":/"));
  }
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string{host}, error);
  return !error && !address.is_loopback();
}

/// Why no certificates are made; "" = they are.
std::string why_not_minted(const Plan& plan, const ServicePlan& service,
                           const docker_api::ImageDetails& image, const Subject& subject,
                           const std::string& cert_dir) {
  if (!plan.dind.mint_certs) return "mint_certs is off";
  if (cert_dir.empty()) return "the engine speaks plain TCP";
  const auto clean = clean_path(cert_dir);
  if (!cert_dir.starts_with('/') || clean == "/")
    return "DOCKER_TLS_CERTDIR is no directory of its own";
  if (!subject.is_known()) return "the entrypoint is not the image's own dockerd-entrypoint.sh";
  if (!subject.has_only_flags()) return "the command is not made of flags alone";
  if (names_an_address(service.docker_host) ||
      names_an_address(last_value(plan.build.env, "DOCKER_HOST").value_or("")))
    return "DOCKER_HOST names an address, which nobody knows before the start";
  if (subject.is_taken(clean)) return "`volumes` has an entry with a source there";
  const auto client = clean + "/client";
  for (const auto& kept : subject.managed(true))
    if (paths_overlap(kept, clean) && !is_same_or_parent(client, kept))
      return "the volume there is kept between jobs";
  // A directory that the image lacks would be root's alone.
  const bool brought = last_value(image.env, "DOCKER_TLS_CERTDIR") == cert_dir;
  if (!subject.runs_as_root() && !brought) return "the image may not read that directory";
  return "";
}

/// With the job's own network, its MTU counts as well: it is the inner engine's uplink.
int wanted_mtu(const Plan& plan, const DindHost& host) {
  int mtu = host.uplink_mtu;
  const auto own = plan.network_options.find("com.docker.network.driver.mtu");
  if (plan.job_network.empty() || own == plan.network_options.end()) return mtu;
  int of_network = 0;
  std::from_chars(own->second.data(), own->second.data() + own->second.size(), of_network);
  return of_network > 0 && (mtu == 0 || of_network < mtu) ? of_network : mtu;
}

void decide_flags(const Plan& plan, const ServicePlan& service, const DindHost& host,
                  const Subject& subject, DindDecision& decision) {
  // A key in both places keeps dockerd from starting; nobody knows what is in a file of the job's.
  if (!subject.is_known() || !subject.has_only_flags() || !host.daemon_keys ||
      subject.has_flag("--config-file"))
    return;
  const auto configured = [&](const char* key) { return host.daemon_keys->contains(key); };
  const auto act = [&](const char* key, const std::string& shown) {
    decision.notices.push_back(fmt::format("Docker-in-Docker: {} is started with {} ({})",
                                           service.shown_name, shown, key));
  };
  if (plan.dind.plain_tls_flag && decision.cert_dir.empty() && !subject.has_tls_flag() &&
      !configured("tls") && !configured("tlsverify")) {
    decision.flags.emplace_back("--tls=false");
    act("plain_tls_flag", "--tls=false");
  }
  if (host.local) {
    const auto mtu = wanted_mtu(plan, host);
    if (plan.dind.mtu && mtu >= least_mtu && mtu < usual_mtu && !subject.has_flag("--mtu") &&
        !configured("mtu")) {
      decision.flags.push_back(fmt::format("--mtu={}", mtu));
      act("mtu", decision.flags.back());
    }
    const auto& resolvers = plan.dns.empty() ? host.resolvers : plan.dns;
    if (plan.dind.dns && is_user_defined_network(service.container.network_mode) &&
        !resolvers.empty() && !subject.has_flag("--dns") && !configured("dns")) {
      Words words;
      for (const auto& resolver : resolvers) words.push_back("--dns=" + resolver);
      act("dns", fmt::format("{}", fmt::join(words, " ")));
      decision.flags.insert(decision.flags.end(), words.begin(), words.end());
    }
  }
  decision.command = subject.command();
  decision.command.insert(decision.command.end(), decision.flags.begin(), decision.flags.end());
}

std::string why_no_layers(const ServicePlan& service, const DindHost& host, const Subject& subject,
                          const std::string& cert_dir) {
  if (!subject.runs_as_root()) return "its engine does not run as root";
  for (const auto* flag : {"--data-root", "--graph", "-g"})
    if (subject.has_flag(flag)) return fmt::format("its command has {}", flag);
  if (host.daemon_keys &&
      (host.daemon_keys->contains("data-root") || host.daemon_keys->contains("graph")))
    return "its daemon.json names another directory";
  const std::string root = dind_data_root;
  // The private keys of one job would be there for the next.
  if (cert_dir.starts_with('/') && is_same_or_parent(root, clean_path(cert_dir)))
    return "DOCKER_TLS_CERTDIR is in it";
  const auto managed = subject.managed(false);
  const bool covered = subject.is_taken(root) ||
                       std::any_of(managed.begin(), managed.end(),
                                   [&](const auto& path) { return paths_overlap(path, root); });
  if (covered) return fmt::format("`volumes` or `services_tmpfs` has an entry for {}", root);
  return service.layers.empty() ? "layer_cache is off" : "";
}

bool is_client_directory_shared(const Plan& plan, const ServicePlan& service,
                                const Subject& subject, const std::string& client) {
  const auto has = [&](const auto& destinations) {
    return std::any_of(destinations.begin(), destinations.end(), [&](const auto& destination) {
      return is_same_or_parent(destination, client);
    });
  };
  Words sourced;
  for (const auto& bind : sourced_binds(plan, service.container))
    sourced.push_back(bind_destination(bind));
  const auto extra = nlohmann::json::parse(plan.build.host_config_extra, nullptr, false);
  const bool borrowed =
      extra.is_object() && extra.contains("VolumesFrom") && !extra["VolumesFrom"].empty();
  return has(sourced) || has(subject.managed(false)) || borrowed;
}

}  // namespace

std::vector<std::string> certificate_hosts(const Plan& plan, const ServicePlan& service) {
  Words hosts;
  const auto add = [&](const ServicePlan& one) {
    hosts.push_back(one.container.name);
    if (!one.container.hostname.empty()) hosts.push_back(one.container.hostname);
    hosts.insert(hosts.end(), one.aliases.begin(), one.aliases.end());
  };
  add(service);
  for (const auto& other : plan.services)
    if (other.is_dind && other.index != service.index) add(other);
  return hosts;
}

bool shares_server_certificate(const Plan& plan, const std::string& cert_dir) {
  const auto server = clean_path(cert_dir + "/server");
  return std::any_of(plan.volumes.begin(), plan.volumes.end(), [&](const VolumePlan& volume) {
    return is_same_or_parent(clean_path(volume.destination), server);
  });
}

DindDecision decide_dind(const Plan& plan, const ServicePlan& service,
                         const docker_api::ImageDetails& image, const DindHost& host) {
  const Subject subject{plan, service, image};
  DindDecision decision;
  decision.cert_dir = service.cert_dir ? *service.cert_dir
                                       : last_value(image.env, "DOCKER_TLS_CERTDIR").value_or("");
  decision.not_minted = why_not_minted(plan, service, image, subject, decision.cert_dir);
  decision.mint = decision.not_minted.empty();
  decision.mint_if_none = decision.mint && !subject.is_official();
  decide_flags(plan, service, host, subject, decision);
  if (!service.layers.empty()) {
    decision.layers_refused = why_no_layers(service, host, subject, decision.cert_dir);
    decision.keep_layers = decision.layers_refused.empty();
  }
  const auto client = clean_path(decision.cert_dir + "/client");
  const bool over_tls = decision.cert_dir.starts_with('/') && subject.is_known() &&
                        !service.docker_host.starts_with("unix://");
  if (plan.dind.mint_certs && over_tls &&
      !is_client_directory_shared(plan, service, subject, client))
    decision.warnings.push_back(fmt::format(
        "Docker-in-Docker: the job cannot see the certificates of {}: add \"{}\" to `volumes` in "
        "[runners.docker], or set DOCKER_TLS_CERTDIR to \"\" to do without TLS",
        service.shown_name, client));
  return decision;
}

}  // namespace slipway::executors::docker
