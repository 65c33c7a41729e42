package dev.berth.runtime.spec;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What {@code linux} must satisfy. */
final class LinuxRules {
  private static final Set<String> NAMESPACES =
      Set.of("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time");
  private static final Set<String> PROPAGATIONS =
      Set.of(
          "private",
          "rprivate",
          "shared",
          "rshared",
          "slave",
          "rslave",
          "unbindable",
          "runbindable");

  /** UID_GID_MAP_MAX_EXTENTS of linux/user_namespace.h. */
  private static final int MAX_MAPPINGS = 340;

  private static final long ID_SPACE = 1L << 32;

  private LinuxRules() {}

  static void check(Field field, Linux linux) {
    namespaces(field.child("namespaces"), linux);
    userNamespace(field, linux);
    TimeRules.check(field.child("timeOffsets"), linux);
    NetDeviceRules.check(field.child("netDevices"), linux);
    sysctls(field.child("sysctl"), linux);
    DomainRules.personality(field.child("personality"), linux.personality());
    DomainRules.memoryPolicy(field.child("memoryPolicy"), linux.memoryPolicy());
    cgroupsPath(field.child("cgroupsPath"), linux.cgroupsPath());
    devices(field.child("devices"), linux.devices());
    if (linux.resources() != null) {
      ResourceRules.check(field.child("resources"), linux.resources());
    }
    if (linux.intelRdt() != null) {
      IntelRdtRules.check(field.child("intelRdt"), linux.intelRdt());
    }
    if (linux.seccomp() != null) {
      SeccompRules.check(field.child("seccomp"), linux.seccomp());
    }
    if (linux.rootfsPropagation() != null) {
      field
          .child("rootfsPropagation")
          .require(
              PROPAGATIONS.contains(linux.rootfsPropagation()),
              "unknown propagation " + Field.quoted(linux.rootfsPropagation()));
    }
    ProcessRules.selinux(field.child("mountLabel"), linux.mountLabel());
    absolute(field.child("maskedPaths"), linux.maskedPaths());
    absolute(field.child("readonlyPaths"), linux.readonlyPaths());
  }

  private static void namespaces(Field field, Linux linux) {
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < linux.namespaces().size(); i++) {
      Namespace namespace = linux.namespaces().get(i);
      Field type = field.element(i).child("type");
      type.require(
          NAMESPACES.contains(namespace.type()),
          "unknown namespace " + Field.quoted(namespace.type()));
      type.require(seen.add(namespace.type()), namespace.type() + " is given twice");
      if (namespace.path() != null) {
        Field path = field.element(i).child("path");
        path.requireAbsolute(namespace.path());
        if (namespace.type().equals("mount")) {
          throw path.unsupported(
              "a mount namespace is not joined: the container's root and mounts would be made in"
                  + " the file system of those who are in it");
        }
      }
    }
    field.require(seen.contains("mount"), "a mount namespace is required");
  }

  private static void userNamespace(Field field, Linux linux) {
    Optional<Namespace> user = linux.namespace("user");
    boolean mapped = !linux.uidMappings().isEmpty() || !linux.gidMappings().isEmpty();
    Field uids = field.child("uidMappings");
    Field gids = field.child("gidMappings");
    uids.require(linux.uidMappings().isEmpty() || user.isPresent(), "needs a user namespace");
    gids.require(linux.gidMappings().isEmpty() || user.isPresent(), "needs a user namespace");
    if (mapped || user.filter(namespace -> namespace.path() == null).isPresent()) {
      uids.require(!linux.uidMappings().isEmpty(), "required by the user namespace");
      gids.require(!linux.gidMappings().isEmpty(), "required by the user namespace");
    }
    mappings(uids, linux.uidMappings());
    mappings(gids, linux.gidMappings());
  }

  /** The kernel refuses overlapping or overflowing ranges with a bare EINVAL; we say which. */
  static void mappings(Field field, List<IdMapping> mappings) {
    field.require(mappings.size() <= MAX_MAPPINGS, "more than " + MAX_MAPPINGS + " ranges");
    for (int i = 0; i < mappings.size(); i++) {
      IdMapping mapping = mappings.get(i);
      Field element = field.element(i);
      element.child("size").requireRange(mapping.size(), 1, ID_SPACE);
      element
          .child("containerID")
          .requireRange(mapping.containerID(), 0, ID_SPACE - mapping.size());
      element.child("hostID").requireRange(mapping.hostID(), 0, ID_SPACE - mapping.size());
      for (int j = 0; j < i; j++) {
        IdMapping other = mappings.get(j);
        element.require(
            !overlap(mapping.containerID(), mapping.size(), other.containerID(), other.size())
                && !overlap(mapping.hostID(), mapping.size(), other.hostID(), other.size()),
            "overlaps range " + j);
      }
    }
  }

  private static boolean overlap(long first, long size, long other, long otherSize) {
    return first < other + otherSize && other < first + size;
  }

  /** Rule R8: only parameters that a namespace of the container's own keeps from the host. */
  private static void sysctls(Field field, Linux linux) {
    for (Map.Entry<String, String> entry : linux.sysctl().entrySet()) {
      Field parameter = field.entry(entry.getKey());
      String namespace =
          parse(parameter, entry.getKey())
              .namespace()
              .orElseThrow(() -> parameter.refuse("is not kept apart by any namespace"));
      parameter.require(
          linux.namespace(namespace).isPresent(), "needs a " + namespace + " namespace");
      parameter.require(
          entry.getValue().chars().noneMatch(c -> c == '+' || (c < ' ' && c != '\t') || c == 127),
          "the value holds a control character or '+'");
    }
  }

  private static SysctlName parse(Field parameter, String name) {
    try {
      return SysctlName.parse(name);
    } catch (IllegalArgumentException e) {
      throw parameter.refuse("not the name of a kernel parameter");
    }
  }

  private static void cgroupsPath(Field field, @Nullable String path) {
    if (path != null) {
      field.require(!ContainerPaths.hasParentComponent(path), "must not contain \"..\"");
      field.require(path.chars().noneMatch(Character::isISOControl), "holds a control character");
    }
  }

  private static void devices(Field field, List<Device> devices) {
    for (int i = 0; i < devices.size(); i++) {
      Device device = devices.get(i);
      Field element = field.element(i);
      element.child("path").requireAbsolute(device.path());
      element
          .child("type")
          .require(
              Set.of("c", "b", "u", "p").contains(device.type()),
              "expected c, b, u or p, not " + Field.quoted(device.type()));
      // MINORBITS of linux/kdev_t.h is 20, which leaves 12 bits for the major number.
      element.child("major").requireRange(device.major(), 0, (1 << 12) - 1);
      element.child("minor").requireRange(device.minor(), 0, (1 << 20) - 1);
      if (device.fileMode() != null) { // containerd sends the type bits of st_mode along
        element.child("fileMode").requireRange(device.fileMode(), 0, 0177777);
      }
      if (device.uid() != null) {
        element.child("uid").requireRange(device.uid(), 0, ProcessRules.MAX_ID);
      }
      if (device.gid() != null) {
        element.child("gid").requireRange(device.gid(), 0, ProcessRules.MAX_ID);
      }
    }
  }

  private static void absolute(Field field, List<String> paths) {
    for (int i = 0; i < paths.size(); i++) {
      field.element(i).requireAbsolute(paths.get(i));
    }
  }
}
