package dev.berth.cri;

import dev.berth.base.AtomicFiles;
import dev.berth.cri.config.BerthConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * Makes the directories of an instance with their modes (rule R18): nobody but root looks into the
 * durable state, and others only pass through the volatile one on their way to the socket.
 */
final class Directories {
  private static final Set<PosixFilePermission> PRIVATE =
      PosixFilePermissions.fromString("rwx------");
  private static final Set<PosixFilePermission> PASSABLE =
      PosixFilePermissions.fromString("rwx--x--x");

  private Directories() {}

  static void prepare(BerthConfig config) throws IOException {
    create(config.root(), PRIVATE);
    create(config.state(), PASSABLE);
    Path socketDirectory = config.socket().resolveSibling(".").normalize();
    if (!Files.isDirectory(socketDirectory)) {
      create(socketDirectory, PASSABLE);
    }
  }

  private static void create(Path directory, Set<PosixFilePermission> mode) throws IOException {
    AtomicFiles.createPrivateDirectories(directory);
    Files.setPosixFilePermissions(directory, mode);
  }
}
