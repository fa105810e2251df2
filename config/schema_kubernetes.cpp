#include "config/schema_text.hpp"

namespace slipway::config {

std::span<const TableText> kubernetes_tables() {
  static constexpr TableText tables[] = {
      {"runners.kubernetes",
       "host! context cert_file key_file ca_file bearer_token "
       "bearer_token_overwrite_allowed!:b image! namespace! namespace_overwrite_allowed! "
       "namespace_per_job!:b privileged?:b allow_privilege_escalation?:b runtime_class_name? "
       "cpu_limit cpu_limit_overwrite_max_allowed cpu_request "
       "cpu_request_overwrite_max_allowed memory_limit memory_limit_overwrite_max_allowed "
       "memory_request memory_request_overwrite_max_allowed ephemeral_storage_limit "
       "ephemeral_storage_limit_overwrite_max_allowed ephemeral_storage_request "
       "ephemeral_storage_request_overwrite_max_allowed service_cpu_limit "
       "service_cpu_limit_overwrite_max_allowed service_cpu_request "
       "service_cpu_request_overwrite_max_allowed service_memory_limit "
       "service_memory_limit_overwrite_max_allowed service_memory_request "
       "service_memory_request_overwrite_max_allowed service_ephemeral_storage_limit "
       "service_ephemeral_storage_limit_overwrite_max_allowed "
       "service_ephemeral_storage_request "
       "service_ephemeral_storage_request_overwrite_max_allowed helper_cpu_limit "
       "helper_cpu_limit_overwrite_max_allowed helper_cpu_request "
       "helper_cpu_request_overwrite_max_allowed helper_memory_limit "
       "helper_memory_limit_overwrite_max_allowed helper_memory_request "
       "helper_memory_request_overwrite_max_allowed helper_ephemeral_storage_limit "
       "helper_ephemeral_storage_limit_overwrite_max_allowed "
       "helper_ephemeral_storage_request "
       "helper_ephemeral_storage_request_overwrite_max_allowed pod_cpu_limit "
       "pod_cpu_limit_overwrite_max_allowed pod_cpu_request "
       "pod_cpu_request_overwrite_max_allowed pod_memory_limit "
       "pod_memory_limit_overwrite_max_allowed pod_memory_request "
       "pod_memory_request_overwrite_max_allowed allowed_images:a allowed_services:a "
       "allowed_users:a allowed_groups:a pull_policy:A allowed_pull_policies:a "
       "image_pull_secrets:a use_service_account_image_pull_secrets:b helper_image "
       "helper_image_flavor helper_image_autoset_arch_and_os:b "
       "node_selector_overwrite_allowed! node_tolerations_overwrite_allowed! "
       "pod_labels_overwrite_allowed! pod_annotations_overwrite_allowed! service_account "
       "service_account_overwrite_allowed! automount_service_account_token?:b scheduler_name "
       "priority_class_name pod_termination_grace_period_seconds?:i "
       "cleanup_grace_period_seconds?:i cleanup_resources_timeout?:d poll_interval:i "
       "poll_timeout:i resource_availability_check_max_attempts:i retry_limit:i "
       "retry_backoff_max:i cap_add:a cap_drop:a dns_policy logs_base_dir scripts_base_dir "
       "print_pod_warning_events?:b pod_disruption_budget?:b suspend_pvc_size "
       "suspend_pvc_storage_class retry_limits:im node_selector:m node_tolerations:m "
       "pod_labels:m pod_annotations:m affinity:x host_aliases:T dns_config:t services:T "
       "container_lifecycle:t pod_security_context:t "
       "init_permissions_container_security_context:t build_container_security_context:t "
       "helper_container_security_context:t service_container_security_context:t pod_spec:T "
       "volumes:t autoscaler:t"},
      {"runners.kubernetes.host_aliases", "ip hostnames:a"},
      {"runners.kubernetes.dns_config", "nameservers:a searches:a options:T"},
      {"runners.kubernetes.dns_config.options", "name value?"},
      {"runners.kubernetes.services",
       "name alias command:a entrypoint:a environment:a suspend_data_path"},
      {"runners.kubernetes.container_lifecycle", "post_start:x pre_stop:x"},
      {"runners.kubernetes.pod_security_context",
       "fs_group?:i run_as_group?:i run_as_non_root?:b run_as_user?:i supplemental_groups:x "
       "selinux_type seccomp_profile:t app_armor_profile:t"},
      {"runners.kubernetes.pod_security_context.seccomp_profile", "type localhost_profile"},
      {"runners.kubernetes.pod_security_context.app_armor_profile", "type localhost_profile"},
      {"runners.kubernetes.init_permissions_container_security_context",
       "privileged?:b run_as_user?:i run_as_group?:i run_as_non_root?:b "
       "read_only_root_filesystem?:b allow_privilege_escalation?:b selinux_type proc_mount "
       "capabilities:t seccomp_profile:t app_armor_profile:t"},
      {"runners.kubernetes.init_permissions_container_security_context.capabilities",
       "add:a drop:a"},
      {"runners.kubernetes.init_permissions_container_security_context.seccomp_profile",
       "type localhost_profile"},
      {"runners.kubernetes.init_permissions_container_security_context.app_armor_profile",
       "type localhost_profile"},
      {"runners.kubernetes.build_container_security_context",
       "privileged?:b run_as_user?:i run_as_group?:i run_as_non_root?:b "
       "read_only_root_filesystem?:b allow_privilege_escalation?:b selinux_type proc_mount "
       "capabilities:t seccomp_profile:t app_armor_profile:t"},
      {"runners.kubernetes.build_container_security_context.capabilities", "add:a drop:a"},
      {"runners.kubernetes.build_container_security_context.seccomp_profile",
       "type localhost_profile"},
      {"runners.kubernetes.build_container_security_context.app_armor_profile",
       "type localhost_profile"},
      {"runners.kubernetes.helper_container_security_context",
       "privileged?:b run_as_user?:i run_as_group?:i run_as_non_root?:b "
       "read_only_root_filesystem?:b allow_privilege_escalation?:b selinux_type proc_mount "
       "capabilities:t seccomp_profile:t app_armor_profile:t"},
      {"runners.kubernetes.helper_container_security_context.capabilities", "add:a drop:a"},
      {"runners.kubernetes.helper_container_security_context.seccomp_profile",
       "type localhost_profile"},
      {"runners.kubernetes.helper_container_security_context.app_armor_profile",
       "type localhost_profile"},
      {"runners.kubernetes.service_container_security_context",
       "privileged?:b run_as_user?:i run_as_group?:i run_as_non_root?:b "
       "read_only_root_filesystem?:b allow_privilege_escalation?:b selinux_type proc_mount "
       "capabilities:t seccomp_profile:t app_armor_profile:t"},
      {"runners.kubernetes.service_container_security_context.capabilities", "add:a drop:a"},
      {"runners.kubernetes.service_container_security_context.seccomp_profile",
       "type localhost_profile"},
      {"runners.kubernetes.service_container_security_context.app_armor_profile",
       "type localhost_profile"},
      {"runners.kubernetes.pod_spec", "name patch_path patch patch_type"},
      {"runners.kubernetes.volumes",
       "empty_dir:T host_path:T pvc:T config_map:T secret:T csi:T nfs:T"},
      {"runners.kubernetes.volumes.empty_dir",
       "name mount_path sub_path read_only:b medium size_limit mount_propagation?"},
      {"runners.kubernetes.volumes.host_path",
       "name mount_path sub_path read_only:b host_path mount_propagation?"},
      {"runners.kubernetes.volumes.pvc", "name mount_path sub_path read_only:b mount_propagation?"},
      {"runners.kubernetes.volumes.config_map", "name mount_path sub_path read_only:b items:m"},
      {"runners.kubernetes.volumes.secret", "name mount_path sub_path read_only:b items:m"},
      {"runners.kubernetes.volumes.csi",
       "name mount_path sub_path read_only:b driver fs_type volume_attributes:m"},
      {"runners.kubernetes.volumes.nfs", "name mount_path sub_path read_only:b server path"},
      {"runners.kubernetes.autoscaler",
       "max_pause_pods:i pause_pod_image pause_pod_priority_class_name "
       "pause_pod_image_pull_secrets:a policy:T"},
      {"runners.kubernetes.autoscaler.policy",
       "periods:a timezone idle_count:i idle_time:d scale_factor:x scale_factor_limit:i "
       "preemptive_mode?:b"},
  };
  return tables;
}

}  // namespace slipway::config
