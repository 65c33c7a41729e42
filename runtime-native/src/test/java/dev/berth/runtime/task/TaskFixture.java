package dev.berth.runtime.task;

import dev.berth.base.AtomicFiles;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.plan.Rootfs;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** A state directory, a root file system and a berth-init; ends and removes everything on close. */
final class TaskFixture implements AutoCloseable {
  static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int SIGKILL = 9;

  /** One for all tests: it holds a descriptor per hierarchy for as long as the JVM lives. */
  static final Cgroups CGROUPS = Cgroups.detect();

  final Path base;
  final Path rootfs;
  final Tasks tasks;
  private final BerthInit program;

  TaskFixture() throws IOException {
    Processes.becomeSubreaper();
    base = Files.createTempDirectory(Path.of("/tmp"), "berth-task");
    rootfs = BusyboxBundle.makeRootfs(base.resolve("rootfs"));
    program = BerthInit.open(berthInit());
    tasks = newTasks();
  }

  /** Another user of the same directory, as after a restart. */
  Tasks newTasks() {
    return new Tasks(base.resolve("state"), program, CGROUPS);
  }

  BerthInit program() {
    return program;
  }

  static Path berthInit() {
    String arch = System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
    return Path.of(
        System.getProperty("berth.root.dir"), "runtime-native/target/native", arch, "berth-init");
  }

  Path log() {
    return base.resolve("log");
  }

  RuntimeSpec.Builder spec(String script) {
    return BusyboxBundle.spec(rootfs, script);
  }

  Task create(String id, RuntimeSpec spec) {
    return create(id, spec, new TaskIo.Log(log()));
  }

  Task create(String id, RuntimeSpec spec, TaskIo io) {
    return tasks.create(new TaskSpec(id, base, spec, new Rootfs.Directory(rootfs.toString()), io));
  }

  /** Runs a script to its end and returns what it logged, without stamps. */
  String run(RuntimeSpec spec) throws IOException {
    try (Task task = create("run", spec)) {
      task.start();
      int code = task.await(LIMIT).orElseThrow().code();
      task.delete();
      String output = CriLog.read(log()).content();
      Files.delete(log());
      return output + "exit " + code + "\n";
    }
  }

  /** Ends and removes a container that a failed test has left, and its log. */
  void endLeft(String id) throws IOException {
    try (Tasks other = newTasks()) {
      for (Task task : other.adoptAll((path, failure) -> {})) {
        try (task) {
          if (task.id().equals(id)) {
            task.kill(SIGKILL, true);
            task.await(LIMIT);
            task.delete();
          }
        }
      }
    }
    Files.deleteIfExists(log());
  }

  @Override
  public void close() throws IOException {
    for (Task task : newTasks().adoptAll((path, failure) -> {})) {
      task.kill(SIGKILL, true);
      task.await(LIMIT);
      task.delete();
    }
    program.close();
    AtomicFiles.deleteTree(base);
  }
}
