package dev.berth.runtime.task;

import dev.berth.base.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where a task keeps what must survive its JVM: a directory of mode 0700 on a tmpfs, void after a
 * reboot.
 *
 * <pre>
 *   task.json     what Tasks needs to adopt it
 *   control       the stub's socket
 *   resctrl       the groups that were made for linux.intelRdt
 *   exit          the exit record
 *   journal       how far the log has come
 *   stdout, stderr            FIFOs behind the process's output
 *   stdin         FIFO behind its input, if attached clients may feed it
 *   stdout.spool, stderr.spool   between FIFO and log
 *   execs/ID/     the same for each process executed beside it
 * </pre>
 */
record TaskDirectory(Path path) {
  static final String CONTROL = "control";
  static final String STDOUT = "stdout";
  static final String STDERR = "stderr";
  static final String STDIN = "stdin";
  static final int JOURNAL_BYTES = 4096;

  /**
   * Makes the directory with empty exit record and journal.
   *
   * @throws java.nio.file.FileAlreadyExistsException if there is one
   */
  static TaskDirectory create(Path path) throws IOException {
    Path parent = path.getParent();
    if (parent != null) {
      AtomicFiles.createPrivateDirectories(parent);
    }
    Files.createDirectory(
        path,
        java.nio.file.attribute.PosixFilePermissions.asFileAttribute(
            java.nio.file.attribute.PosixFilePermissions.fromString("rwx------")));
    TaskDirectory directory = new TaskDirectory(path);
    ExitRecord.create(directory.exitRecord());
    Files.write(directory.journal(), new byte[JOURNAL_BYTES]);
    return directory;
  }

  Path state() {
    return path.resolve("task.json");
  }

  /** A copy of the bundle's, which may change. */
  Path config() {
    return path.resolve("config.json");
  }

  /** The groups of resctrl that were made for the task, one a line; missing if there are none. */
  Path resourceGroups() {
    return path.resolve("resctrl");
  }

  Path exitRecord() {
    return path.resolve("exit");
  }

  Path journal() {
    return path.resolve("journal");
  }

  Path spool(String stream) {
    return path.resolve(stream + ".spool");
  }

  Path execs() {
    return path.resolve("execs");
  }

  TaskDirectory exec(String execId) {
    return new TaskDirectory(execs().resolve(execId));
  }

  List<String> execIds() throws IOException {
    if (!Files.isDirectory(execs())) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(execs())) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  void delete() throws IOException {
    AtomicFiles.deleteTree(path);
  }
}
