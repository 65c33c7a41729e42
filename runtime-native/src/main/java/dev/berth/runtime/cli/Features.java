package dev.berth.runtime.cli;

import com.google.gson.GsonBuilder;
import dev.berth.runtime.plan.ContainerPlan;
import dev.berth.runtime.spec.CapabilityNames;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What this runtime can do, whatever this host can: runtime-spec, features.md. What is not in it is
 * not done.
 */
public final class Features {
  static final List<String> SECCOMP_ACTIONS =
      List.of(
          "SCMP_ACT_ALLOW",
          "SCMP_ACT_ERRNO",
          "SCMP_ACT_KILL",
          "SCMP_ACT_KILL_PROCESS",
          "SCMP_ACT_KILL_THREAD",
          "SCMP_ACT_LOG",
          "SCMP_ACT_TRACE",
          "SCMP_ACT_TRAP");

  static final List<String> SECCOMP_OPERATORS =
      List.of(
          "SCMP_CMP_EQ",
          "SCMP_CMP_GE",
          "SCMP_CMP_GT",
          "SCMP_CMP_LE",
          "SCMP_CMP_LT",
          "SCMP_CMP_MASKED_EQ",
          "SCMP_CMP_NE");

  static final List<String> SECCOMP_ARCHITECTURES =
      List.of(
          "SCMP_ARCH_AARCH64",
          "SCMP_ARCH_ARM",
          "SCMP_ARCH_X32",
          "SCMP_ARCH_X86",
          "SCMP_ARCH_X86_64");

  private static final List<String> HOOKS =
      List.of(
          "prestart",
          "createRuntime",
          "createContainer",
          "startContainer",
          "poststart",
          "poststop");

  private static final List<String> NAMESPACES =
      List.of("cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts");

  private Features() {}

  /** Returns them as a JSON object, with line ends. */
  public static String json() {
    return new GsonBuilder().setPrettyPrinting().create().toJson(features());
  }

  private static Map<String, Object> features() {
    Map<String, Object> features = new LinkedHashMap<>();
    features.put("ociVersionMin", "1.0.0");
    features.put("ociVersionMax", RuntimeSpec.OCI_VERSION);
    features.put("hooks", HOOKS);
    features.put("mountOptions", ContainerPlan.mountOptions());
    features.put("linux", linux());
    features.put("annotations", Map.of("dev.berth.runtime.version", RuntimeCli.VERSION));
    return features;
  }

  private static Map<String, Object> linux() {
    Map<String, Object> linux = new LinkedHashMap<>();
    linux.put("namespaces", NAMESPACES);
    linux.put("capabilities", CapabilityNames.all());
    linux.put("cgroup", cgroup());
    linux.put("seccomp", seccomp());
    linux.put("apparmor", Map.of("enabled", true));
    linux.put("selinux", Map.of("enabled", true));
    linux.put("intelRdt", Map.of("enabled", false));
    linux.put("mountExtensions", Map.of("idmap", Map.of("enabled", true)));
    return linux;
  }

  private static Map<String, Object> cgroup() {
    Map<String, Object> cgroup = new LinkedHashMap<>();
    cgroup.put("v1", true);
    cgroup.put("v2", true);
    cgroup.put("systemd", true);
    cgroup.put("systemdUser", false);
    cgroup.put("rdma", true);
    return cgroup;
  }

  private static Map<String, Object> seccomp() {
    Map<String, Object> seccomp = new LinkedHashMap<>();
    seccomp.put("enabled", true);
    seccomp.put("actions", SECCOMP_ACTIONS);
    seccomp.put("operators", SECCOMP_OPERATORS);
    seccomp.put("archs", SECCOMP_ARCHITECTURES);
    return seccomp;
  }
}
