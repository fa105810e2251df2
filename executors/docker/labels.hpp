#pragma once

/// The labels by which slipway knows its objects on an Engine again, beside those of GitLab Runner
/// that every object carries as well. What lacks `state_label` with this process's own value is
/// nobody's business here.
namespace slipway::executors::docker {

/// Random id of the state directory whose process made the object. On every container, network and
/// volume.
inline constexpr auto state_label = "io.slipway.state";
/// Key of the job that the object was made for and goes with. Absent on what outlives a job: cache
/// volumes, the helper volume and the container that fills it.
inline constexpr auto job_label = "io.slipway.job";
/// On volumes only: what for. `volume_of_job` goes with its job, `volume_of_cache` and
/// `volume_of_helper` stay.
inline constexpr auto volume_label = "io.slipway.volume";
inline constexpr auto volume_of_job = "job";
inline constexpr auto volume_of_cache = "cache";
inline constexpr auto volume_of_helper = "helper";
inline constexpr auto volume_of_layers = "layers";  ///< of a Docker-in-Docker engine, kept
/// `keep` on a container whose anonymous volumes stay when it is removed (`volume_keep`).
inline constexpr auto anonymous_volumes_label = "io.slipway.anonymous-volumes";
inline constexpr auto keep_anonymous_volumes = "keep";
/// GitLab Runner's own: `true` on volumes that survive their job.
inline constexpr auto reusable_label = "com.gitlab.gitlab-runner.reusable";

}  // namespace slipway::executors::docker
