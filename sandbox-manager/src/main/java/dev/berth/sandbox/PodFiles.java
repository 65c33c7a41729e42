package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.FileSystemContext;
import dev.berth.runtime.kernel.MountAttribute;
import dev.berth.runtime.kernel.Mounts;
import dev.berth.runtime.spec.IdMappings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * The files that the containers of a sandbox share: /etc/hosts, /etc/resolv.conf, /etc/hostname and
 * the memory at /dev/shm.
 */
final class PodFiles {
  private static final int MAX_FILE_BYTES = 1 << 20;
  private static final String SHM = "shm";
  private static final Path HOST_SHM = Path.of("/dev/shm");

  private final PodPaths paths;

  PodFiles(PodPaths paths) {
    this.paths = paths;
  }

  /** Makes the files. {@link #release} undoes it, also half of it. */
  void create(String sandboxId, PodSandboxConfig config, String hostname) {
    Path directory = paths.sandbox(sandboxId);
    try {
      AtomicFiles.createPrivateDirectories(directory);
      write(hosts(sandboxId), readHost("/etc/hosts"));
      write(resolvConf(sandboxId), resolvConf(config));
      write(hostnameFile(sandboxId), (hostname + "\n").getBytes(UTF_8));
      giveToPod(sandboxId, PodIds.of(config));
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot write the sandbox's files: " + e, e);
    }
    if (!SandboxConfigs.hasHostIpc(config)) {
      mountShm(directory, PodIds.of(config));
    }
  }

  /** Its root may write to them, as it may without a user namespace. */
  private void giveToPod(String sandboxId, IdMappings ids) {
    if (!ids.isEmpty()) {
      List.of(hosts(sandboxId), resolvConf(sandboxId), hostnameFile(sandboxId))
          .forEach(file -> MappedLayers.give(file, ids));
    }
  }

  Path hosts(String sandboxId) {
    return paths.sandbox(sandboxId).resolve("hosts");
  }

  Path resolvConf(String sandboxId) {
    return paths.sandbox(sandboxId).resolve("resolv.conf");
  }

  Path hostnameFile(String sandboxId) {
    return paths.sandbox(sandboxId).resolve("hostname");
  }

  /** Returns the directory that becomes /dev/shm. */
  Path shm(String sandboxId, PodSandboxConfig config) {
    return SandboxConfigs.hasHostIpc(config) ? HOST_SHM : paths.sandbox(sandboxId).resolve(SHM);
  }

  /** Returns where something is mounted for a sandbox. */
  Set<Path> mounts(String sandboxId, PodSandboxConfig config) {
    return SandboxConfigs.hasHostIpc(config) ? Set.of() : Set.of(shm(sandboxId, config));
  }

  private static byte[] resolvConf(PodSandboxConfig config) throws IOException {
    return config.hasDnsConfig()
        ? ResolvConf.of(config.getDnsConfig()).getBytes(UTF_8)
        : readHost("/etc/resolv.conf");
  }

  /** A host without the file is a host whose file is empty. */
  private static byte[] readHost(String file) throws IOException {
    try (InputStream in = Files.newInputStream(Path.of(file))) {
      return in.readNBytes(MAX_FILE_BYTES);
    } catch (NoSuchFileException e) {
      return new byte[0];
    }
  }

  /** Readable for all: programs of any user look names up. */
  private static void write(Path file, byte[] content) throws IOException {
    Files.write(file, content);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
  }

  private static void mountShm(Path directory, IdMappings ids) {
    try (DirFd parent = DirFd.open(directory);
        Fd target = parent.makeDirectories(SHM, 0755);
        FileSystemContext tmpfs = FileSystemContext.open("tmpfs");
        Fd tree =
            tmpfs
                .set("mode", "1777")
                .set("size", "64m")
                .set("uid", Long.toString(ids.hostUid(0)))
                .set("gid", Long.toString(ids.hostGid(0)))
                .mount(
                    EnumSet.of(
                        MountAttribute.NO_SETUID,
                        MountAttribute.NO_DEVICES,
                        MountAttribute.NO_EXEC))) {
      Mounts.attach(tree, target);
    }
  }

  /** Gives the memory at /dev/shm back; the files stay until {@link #remove}. Idempotent. */
  void release(String sandboxId) {
    Path directory = paths.sandbox(sandboxId);
    if (!Files.isDirectory(directory)) {
      return;
    }
    try (DirFd parent = DirFd.open(directory)) {
      while (Mounts.detach(parent, SHM)) {
        // until nothing is mounted there
      }
    }
  }

  /** Deletes the sandbox's directory, after all in it was released. Idempotent. */
  void remove(String sandboxId) {
    try {
      AtomicFiles.deleteTree(paths.sandbox(sandboxId));
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot delete the sandbox's files: " + e, e);
    }
  }
}
