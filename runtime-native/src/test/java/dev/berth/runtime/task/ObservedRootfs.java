package dev.berth.runtime.task;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;

/**
 * A root file system for generated specs: every place they name is there, since the root of a user
 * namespace may make none, and the sources of their mounts are on a shared tmpfs with another in
 * it.
 */
record ObservedRootfs(Path path, Path source) implements AutoCloseable {
  /** A file, a directory, something below one, one of procfs, and one that is nowhere. */
  static final List<String> MASKABLE =
      List.of("/srv/secret", "/srv/full", "/proc/keys", "/proc/sysrq-trigger", "/srv/none");

  static final List<String> PROTECTABLE =
      List.of("/srv/kept", "/srv/keptfile", "/proc/sys", "/proc/irq", "/srv/nowhere");

  static ObservedRootfs make(Path rootfs, Path source) throws IOException {
    for (String name : List.of("srv/full", "srv/kept", "srv/work", "mnt", "sys/fs/cgroup")) {
      Files.createDirectories(rootfs.resolve(name));
    }
    for (String name : List.of("srv/secret", "srv/full/below", "srv/kept/below", "srv/keptfile")) {
      Files.writeString(rootfs.resolve(name), "content\n");
    }
    for (int i = 0; i < 8; i++) {
      Files.createDirectory(rootfs.resolve("mnt/" + i));
      Files.createFile(rootfs.resolve("mnt/file" + i));
    }
    Files.setPosixFilePermissions(
        rootfs.resolve("tmp"), PosixFilePermissions.fromString("rwxrwxrwx"));
    Files.createDirectories(source);
    command("mount", "-t", "tmpfs", "-o", "nosuid,mode=755", "source", source.toString());
    command("mount", "--make-shared", source.toString());
    Files.writeString(source.resolve("file"), "content");
    Path inner = Files.createDirectories(source.resolve("directory/inner"));
    command("mount", "-t", "tmpfs", "-o", "noexec", "inner", inner.toString());
    return new ObservedRootfs(rootfs, source);
  }

  Path sourceFile() {
    return source.resolve("file");
  }

  /** Has another mount in its directory {@code inner}. */
  Path sourceDirectory() {
    return source.resolve("directory");
  }

  /** Removes what a container has made on it, before the next one makes something else there. */
  void clean() throws IOException {
    for (String directory : List.of("srv", "dev", "dev/more")) {
      Path parent = path.resolve(directory);
      try (Stream<Path> files = Files.exists(parent) ? Files.list(parent) : Stream.empty()) {
        for (Path file : files.toList()) {
          if (file.getFileName().toString().startsWith("device")) {
            Files.delete(file);
          }
        }
      }
    }
  }

  @Override
  public void close() throws IOException {
    command("umount", "-R", "-l", source.toString());
  }

  private static void command(String... words) throws IOException {
    try {
      int code = new ProcessBuilder(words).inheritIO().start().waitFor();
      if (code != 0) {
        throw new IOException(String.join(" ", words) + " ended with " + code);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }
}
