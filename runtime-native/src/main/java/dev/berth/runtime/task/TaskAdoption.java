package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Processes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Finds tasks that a JVM before this one created.
 *
 * <p>Nothing is waited for: each stub is asked what it holds, and its {@link TaskProcess} hears the
 * answer. A stub that stands still costs nobody else anything, and its process is known by its
 * record meanwhile.
 */
final class TaskAdoption {
  private final Tasks tasks;
  private final Launcher launcher;

  TaskAdoption(Tasks tasks, Launcher launcher) {
    this.tasks = tasks;
    this.launcher = launcher;
  }

  List<Task> adoptAll(Path stateDirectory, BiConsumer<Path, RuntimeException> onUnreadable) {
    List<Task> found = new ArrayList<>();
    for (Path path : list(stateDirectory)) {
      try {
        found.add(adopt(new TaskDirectory(path), onUnreadable));
      } catch (RuntimeException e) {
        onUnreadable.accept(path, e);
      }
    }
    return found;
  }

  /**
   * Finds a task and those of its execs that can be understood.
   *
   * @param onUnreadable told of the other execs
   */
  Task adopt(TaskDirectory directory, BiConsumer<Path, RuntimeException> onUnreadable) {
    TaskRecord record = TaskRecord.read(directory);
    Task task =
        new Task(
            tasks, directory, launcher.adopter(directory), find(directory, record), record, null);
    for (Path path : list(directory.execs())) {
      TaskDirectory exec = new TaskDirectory(path);
      if (!Files.exists(exec.state())) {
        continue; // its JVM was killed while it made it; it goes with the task
      }
      try {
        TaskRecord execRecord = TaskRecord.read(exec);
        task.found(
            execRecord.id(), new TaskProcess(exec, launcher.adopter(exec), find(exec, execRecord)));
      } catch (RuntimeException e) {
        onUnreadable.accept(path, e);
      }
    }
    return task;
  }

  private static TaskProcess.Hold find(TaskDirectory directory, TaskRecord record) {
    return record.released()
        ? TaskProcess.Hold.released(record.pid(), openProcess(record))
        : TaskProcess.Hold.found(
            record.pid(), openProcess(record), record.started(), ProcessIo.hold(directory, record));
  }

  /** The process's pidfd; null if it is gone or its number names another process now. */
  private static @Nullable Fd openProcess(TaskRecord record) {
    Optional<Fd> pidfd = Processes.open(record.pid());
    boolean same =
        pidfd.isPresent()
            && Processes.startTime(record.pid()).equals(OptionalLong.of(record.startTime()));
    if (pidfd.isPresent() && !same) {
      pidfd.get().close();
    }
    return same ? pidfd.get() : null;
  }

  private static List<Path> list(Path directory) {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.filter(Files::isDirectory).sorted().toList();
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, directory + ": cannot be listed: " + e, e);
    }
  }
}
