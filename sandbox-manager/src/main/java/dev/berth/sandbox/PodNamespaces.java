package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NamespaceSetup;
import dev.berth.runtime.kernel.NamespaceType;
import dev.berth.runtime.kernel.Namespaces;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.spec.SysctlName;
import dev.berth.runtime.task.BerthInit;
import dev.berth.runtime.task.UserNamespaces;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The namespaces of sandboxes: network, ipc, uts and user, pinned by mounts in the sandbox's
 * directory so that they live without a process.
 *
 * <p>They are set up before anyone can see them: loopback up, host name and sysctls set.
 */
final class PodNamespaces {
  private static final Set<NamespaceType> ALL =
      EnumSet.of(NamespaceType.NETWORK, NamespaceType.IPC, NamespaceType.UTS, NamespaceType.USER);

  private final PodPaths paths;
  private final Path program;

  /**
   * @param program absolute path of berth-init, which makes user namespaces
   */
  PodNamespaces(PodPaths paths, Path program) {
    this.paths = paths;
    this.program = program;
  }

  /** Creates and pins the namespaces that a sandbox has for itself; all or none. */
  void create(String sandboxId, PodSandboxConfig config, String hostname) {
    Set<NamespaceType> types = typesOf(config);
    if (types.isEmpty()) {
      return;
    }
    Path directory = paths.namespaces(sandboxId);
    try {
      AtomicFiles.createPrivateDirectories(directory);
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot create " + directory + ": " + e, e);
    }
    try (DirFd pins = DirFd.open(directory)) {
      Map<NamespaceType, Namespaces.Pin> wanted = new EnumMap<>(NamespaceType.class);
      types.forEach(type -> wanted.put(type, new Namespaces.Pin(pins, type.procName())));
      IdMappings ids = PodIds.of(config);
      Namespaces.Setup setup = inside -> setUp(inside, types, config, hostname);
      if (ids.isEmpty()) {
        Namespaces.create(wanted, setup);
      } else {
        createMapped(wanted, ids, setup);
      }
    }
  }

  /** The others belong to the user namespace, or the pod's root would have no say in them. */
  private void createMapped(
      Map<NamespaceType, Namespaces.Pin> wanted, IdMappings ids, Namespaces.Setup setup) {
    Map<NamespaceType, Fd> made;
    try (BerthInit init = BerthInit.open(program)) {
      made = new UserNamespaces(init).create(ids, wanted.keySet());
    }
    try {
      Namespaces.setUp(made, ids.hostUid(0), setup);
      Namespaces.pin(made, wanted);
    } finally {
      made.values().forEach(Fd::close);
    }
  }

  private static void setUp(
      NamespaceSetup inside, Set<NamespaceType> types, PodSandboxConfig config, String hostname) {
    if (types.contains(NamespaceType.NETWORK)) {
      inside.bringLoopbackUp();
    }
    if (types.contains(NamespaceType.UTS)) {
      inside.setHostname(hostname);
    }
    PodSysctls.of(config).forEach((name, value) -> setParameter(inside, name, value));
  }

  private static void setParameter(NamespaceSetup inside, SysctlName name, String value) {
    NamespaceType type =
        name.namespace().flatMap(NamespaceType::ofSpecName).orElseThrow(); // checked before
    try {
      inside.setParameter(type, name.path(), value);
    } catch (NativeException e) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "linux.sysctls: " + name.path() + ": " + e.getMessage(),
          e);
    }
  }

  /** Unpins the namespaces of a sandbox. Idempotent. */
  void release(String sandboxId) {
    Path directory = paths.namespaces(sandboxId);
    if (!Files.isDirectory(directory)) {
      return;
    }
    try (DirFd pins = DirFd.open(directory)) {
      ALL.forEach(type -> Namespaces.unpin(pins, type.procName()));
    }
  }

  /** Tells whether the namespaces that a sandbox should have are there. */
  boolean areAlive(String sandboxId, PodSandboxConfig config) {
    Path directory = paths.namespaces(sandboxId);
    try {
      for (NamespaceType type : typesOf(config)) {
        Namespaces.open(directory.resolve(type.procName()), type).close();
      }
      return true;
    } catch (BerthException e) {
      return false; // no such file, or a file without a namespace on it: the pin is gone
    }
  }

  /** Returns where the namespaces of a sandbox are pinned. */
  Set<Path> pins(String sandboxId, PodSandboxConfig config) {
    Path directory = paths.namespaces(sandboxId);
    return typesOf(config).stream()
        .map(type -> directory.resolve(type.procName()))
        .collect(Collectors.toUnmodifiableSet());
  }

  /** Opens the user namespace of a sandbox that has one for itself, closed by the caller. */
  Fd openUser(String sandboxId) {
    return Namespaces.open(
        paths.namespaces(sandboxId).resolve(NamespaceType.USER.procName()), NamespaceType.USER);
  }

  /** Opens the network namespace of a sandbox that has one for itself, closed by the caller. */
  Fd openNetwork(String sandboxId) {
    return Namespaces.open(
        paths.namespaces(sandboxId).resolve(NamespaceType.NETWORK.procName()),
        NamespaceType.NETWORK);
  }

  /** Returns the paths of the pinned namespaces, by type as the runtime spec names them. */
  Map<String, String> pathsOf(String sandboxId, PodSandboxConfig config) {
    Map<String, String> result = new TreeMap<>();
    for (NamespaceType type : typesOf(config)) {
      result.put(type.specName(), paths.namespaces(sandboxId).resolve(type.procName()).toString());
    }
    return result;
  }

  /** A pod on the host's network has the host's name too: CRI says so. */
  private static Set<NamespaceType> typesOf(PodSandboxConfig config) {
    Set<NamespaceType> types = EnumSet.noneOf(NamespaceType.class);
    if (!SandboxConfigs.hasHostNetwork(config)) {
      types.add(NamespaceType.NETWORK);
      types.add(NamespaceType.UTS);
    }
    if (!SandboxConfigs.hasHostIpc(config)) {
      types.add(NamespaceType.IPC);
    }
    if (!PodIds.of(config).isEmpty()) {
      types.add(NamespaceType.USER);
    }
    return types;
  }
}
