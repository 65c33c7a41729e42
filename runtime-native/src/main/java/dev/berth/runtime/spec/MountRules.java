package dev.berth.runtime.spec;

import java.util.List;
import java.util.Set;

/** What {@code mounts} must satisfy; options are read where the mounts are planned. */
final class MountRules {
  /** The files that a file system such as lxcfs may put over procfs; nothing else may. */
  private static final Set<String> PROC_FILES =
      Set.of(
          "/proc/cpuinfo",
          "/proc/diskstats",
          "/proc/meminfo",
          "/proc/stat",
          "/proc/swaps",
          "/proc/uptime",
          "/proc/loadavg",
          "/proc/slabinfo",
          "/proc/sys/kernel/ns_last_pid",
          "/proc/sys/crypto/fips_enabled");

  private MountRules() {}

  static void check(Field field, List<Mount> mounts, Linux linux) {
    for (int i = 0; i < mounts.size(); i++) {
      mount(field.element(i), mounts.get(i), linux);
    }
  }

  private static void mount(Field field, Mount mount, Linux linux) {
    Field destination = field.child("destination");
    destination.require(!mount.destination().isEmpty(), "required");
    String target = mount.target();
    destination.require(!target.equals("/"), "must not be the root");
    destination.require(
        !target.startsWith("/proc/") || PROC_FILES.contains(target),
        "nothing may be mounted inside /proc at " + Field.quoted(target));
    if (target.equals("/proc")) {
      destination.require(
          mount.isBind() || "proc".equals(mount.type()), "only procfs may be mounted on /proc");
    }
    if (mount.isBind()) {
      field.child("source").require(mount.source() != null, "required by a bind mount");
    } else {
      field.child("type").require(mount.type() != null, "required unless it is a bind mount");
    }
    boolean copied = mount.options().contains("tmpcopyup");
    Field options = field.child("options");
    options.require(!copied || "tmpfs".equals(mount.type()), "tmpcopyup is for tmpfs alone");
    // Its files would belong to ids that whoever copies does not have there.
    options.unsupportedIf(copied && linux.namespace("user").isPresent());
    idMappings(field, mount, linux);
  }

  private static void idMappings(Field field, Mount mount, Linux linux) {
    boolean option = mount.options().contains("idmap") || mount.options().contains("ridmap");
    boolean mapped = !mount.uidMappings().isEmpty() || !mount.gidMappings().isEmpty();
    if (!option && !mapped) {
      return;
    }
    field.require(mount.isBind(), "only a bind mount can be id-mapped");
    if (mapped) {
      field.child("uidMappings").require(!mount.uidMappings().isEmpty(), "required by gidMappings");
      field.child("gidMappings").require(!mount.gidMappings().isEmpty(), "required by uidMappings");
    } else {
      field
          .child("options")
          .require(
              linux.namespace("user").isPresent(), "idmap without mappings needs a user namespace");
    }
    LinuxRules.mappings(field.child("uidMappings"), mount.uidMappings());
    LinuxRules.mappings(field.child("gidMappings"), mount.gidMappings());
  }
}
