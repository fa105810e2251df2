#include "config/schema_text.hpp"

namespace slipway::config {

std::span<const TableText> general_tables() {
  static constexpr TableText tables[] = {
      {"",
       "listen_address concurrent!:i check_interval!:i log_level? log_format? user "
       "sentry_dsn connection_max_age?:d shutdown_timeout!:i session_server:t labels:m "
       "runners:T machine:t experimental:t slipway:t"},
      {"session_server", "listen_address advertise_address session_timeout!:i"},
      {"machine", "shutdown_drain:t"},
      {"machine.shutdown_drain", "enabled:b concurrency:i max_retries:i retry_backoff:d"},
      {"experimental", "usage_logger:t"},
      {"experimental.usage_logger",
       "enabled:b writers:a log_dir max_backup_files:i max_rotation_age:d labels:m "
       "logrotate:t snowplow_billing:t"},
      {"experimental.usage_logger.logrotate",
       "log_dir max_backup_files:i max_rotation_age:d labels:m"},
      {"experimental.usage_logger.snowplow_billing",
       "collector_uri app_id category realm deployment_type metadata:x enable_oidc:b "
       "batch_delivery_duration_buckets:f skip_oidc_if_unsupported_cloud:b "
       "skip_runner_system_failure:b"},
      {"slipway", "state_dir on_stop adopt_timeout:d disk_high disk_low disk_floor disk_budget"},
      {"runners",
       "name! limit:i output_limit:i request_concurrency:i strict_check_interval?:b "
       "unhealthy_requests_limit:i unhealthy_interval?:d "
       "job_status_final_update_retry_limit:i url! id!:i token! token_obtained_at!:z "
       "token_expires_at!:z tls-ca-file tls-cert-file tls-key-file executor! builds_dir "
       "cache_dir clone_url environment:a proxy_exec?:b pre_get_sources_script "
       "post_get_sources_script pre_build_script post_build_script prepare_timeout?:d "
       "get_sources_timeout?:d debug_trace_disabled:b safe_directory_checkout?:b "
       "clean_git_config?:b shell use_slot_cgroups:b slot_cgroup_template step_runner_image "
       "experimental:t labels:m custom_build_dir:t referees:t cache:t artifact:t "
       "feature_flags:bm monitoring:t instance:t ssh:t docker:t parallels:t virtualbox:t "
       "machine:t kubernetes:t custom:t autoscaler:t"},
      {"runners.experimental", "boot_verify:t"},
      {"runners.experimental.boot_verify",
       "enabled:b timeout:d acquire_min_backoff:d acquire_max_backoff:d"},
      {"runners.custom_build_dir", "enabled?:b"},
      {"runners.referees", "metrics:t"},
      {"runners.referees.metrics",
       "prometheus_address query_interval:i queries:a metric_queries:a"},
      {"runners.cache",
       "Type Path Shared:b MaxUploadedArchiveSize!:i Insecure:b s3:t gcs:t azure:t"},
      {"runners.cache.s3",
       "ServerAddress AccessKey SecretKey SessionToken BucketName BucketLocation Insecure:b "
       "AuthenticationType ServerSideEncryption ServerSideEncryptionKeyID DualStack?:b "
       "PathStyle?:b Accelerate:b RoleARN UploadRoleARN AssumeRoleMaxConcurrency!:i "
       "DisableAssumeRoleCredentialsCaching:b"},
      {"runners.cache.gcs", "AccessID PrivateKey CredentialsFile BucketName UniverseDomain"},
      {"runners.cache.azure", "AccountName AccountKey ContainerName StorageDomain"},
      {"runners.artifact", "upload_timeout?:d response_header_timeout?:d"},
      {"runners.monitoring", "job_queuing_durations:T"},
      {"runners.monitoring.job_queuing_durations",
       "periods:a timezone threshold:d jobs_running_for_project"},
      {"runners.instance", "allowed_images:a use_common_build_dir:b"},
      {"runners.ssh",
       "user password host port identity_file disable_strict_host_key_checking?:b "
       "known_hosts_file"},
      {"runners.docker",
       "host tls_cert_path tls_verify!:b hostname image! runtime memory memory_swap "
       "memory_reservation cgroup_parent cpuset_cpus cpuset_mems cpus cpu_shares:i dns:a "
       "dns_search:a privileged!:b services_privileged?:b disable_entrypoint_overwrite!:b "
       "user allowed_users:a group_add:a userns_mode cap_add:a cap_drop:a "
       "oom_kill_disable!:b oom_score_adjust:i security_opt:a services_security_opt:a "
       "devices:a device_cgroup_rules:a gpus disable_cache!:b volumes:a volume_keep!:b "
       "volume_driver cache_dir extra_hosts:a volumes_from:a network_mode pid_mode ipcmode "
       "mac_address links:a services_limit?:i service_memory service_memory_swap "
       "service_memory_reservation service_cgroup_parent service_slot_cgroup_template "
       "service_cpuset_cpus service_cpus service_cpu_shares:i service_gpus "
       "wait_for_services_timeout:i allowed_images:a allowed_privileged_images:a "
       "allowed_privileged_services:a allowed_pull_policies:a allowed_services:a "
       "pull_policy:A isolation shm_size!:i helper_image helper_image_flavor enable_ipv6:b "
       "network_mtu!:i agent services_devices:lm volume_driver_ops:m services:T tmpfs:m "
       "services_tmpfs:m sysctls:m container_labels:m ulimit:m log_options:m dind:t"},
      {"runners.docker.services",
       "name alias command:a entrypoint:a environment:a suspend_data_path"},
      {"runners.docker.dind",
       "readiness:b isolate_certs:b mint_certs:b plain_tls_flag:b mtu:b dns:b layer_cache "
       "layer_cache_size images:a"},
      {"runners.parallels",
       "base_name template_name disable_snapshots:b time_server allowed_images:a"},
      {"runners.virtualbox",
       "base_name base_snapshot base_folder disable_snapshots:b allowed_images:a start_type"},
      {"runners.machine",
       "MaxGrowthRate:i IdleCount:i IdleScaleFactor:x IdleCountMin:i IdleTime:i MaxBuilds:i "
       "MachineDriver MachineName MachineOptions:a MachineOptionsWithName:a "
       "MaxRemovalAttempts:i OffPeakPeriods:a OffPeakTimezone OffPeakIdleCount:i "
       "OffPeakIdleTime:i autoscaling:T"},
      {"runners.machine.autoscaling",
       "Periods:a Timezone IdleCount:i IdleScaleFactor:x IdleCountMin:i IdleTime:i"},
      {"runners.custom",
       "config_exec config_args:a config_exec_timeout?:i prepare_exec prepare_args:a "
       "prepare_exec_timeout?:i run_exec! run_args:a cleanup_exec cleanup_args:a "
       "cleanup_exec_timeout?:i graceful_kill_timeout?:i force_kill_timeout?:i"},
      {"runners.autoscaler",
       "capacity_per_instance:i max_use_count:i max_instances:i plugin "
       "instance_ready_command instance_acquire_timeout:d update_interval:d "
       "update_interval_when_expecting:d deletion_retry_interval:d "
       "shutdown_deletion_interval:d shutdown_deletion_retries:i failure_threshold:i "
       "reservation_throttling:x log_internal_ip:b log_external_ip:b "
       "delete_instances_on_shutdown:b instance_operation_time_buckets:f "
       "instance_creation_time_buckets:f instance_is_running_time_buckets:f "
       "instance_deletion_time_buckets:f instance_readiness_time_buckets:f "
       "instance_life_duration_buckets:f plugin_config:x connector_config:t policy:T "
       "scale_throttle:t vm_isolation:t state_storage:t"},
      {"runners.autoscaler.connector_config",
       "os arch protocol protocol_port:i username password key_path use_static_credentials:b "
       "keepalive:d timeout:d use_external_addr:b"},
      {"runners.autoscaler.policy",
       "periods:a timezone idle_count:i idle_time:d scale_factor:x scale_factor_limit:i "
       "preemptive_mode?:b"},
      {"runners.autoscaler.scale_throttle", "limit:i burst:i"},
      {"runners.autoscaler.vm_isolation",
       "enabled:b nesting_host image nesting_config:x connector_config:t"},
      {"runners.autoscaler.vm_isolation.connector_config",
       "os arch protocol protocol_port:i username password key_path use_static_credentials:b "
       "keepalive:d timeout:d use_external_addr:b"},
      {"runners.autoscaler.state_storage", "enabled:b dir keep_instance_with_acquisitions:b"},
  };
  return tables;
}

}  // namespace slipway::config
