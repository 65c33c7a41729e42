package dev.berth.runtime.cli;

import com.google.gson.GsonBuilder;
import dev.berth.runtime.plan.ContainerPlan;
import dev.berth.runtime.plan.Placement;
import dev.berth.runtime.seccomp.SeccompFeatures;
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
    linux.put("intelRdt", intelRdt());
    linux.put(
        "memoryPolicy",
        Map.of("modes", Placement.memoryPolicies(), "flags", Placement.memoryPolicyFlags()));
    linux.put("netDevices", Map.of("enabled", true));
    linux.put("mountExtensions", Map.of("idmap", Map.of("enabled", true)));
    return linux;
  }

  private static Map<String, Object> intelRdt() {
    Map<String, Object> intelRdt = new LinkedHashMap<>();
    intelRdt.put("enabled", true);
    intelRdt.put("schemata", true);
    intelRdt.put("monitoring", true);
    return intelRdt;
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
    seccomp.put("actions", SeccompFeatures.actions());
    seccomp.put("operators", SeccompFeatures.operators());
    seccomp.put("archs", SeccompFeatures.architectures());
    return seccomp;
  }
}
