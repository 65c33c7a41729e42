package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Processes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Finds tasks that a JVM before this one created. */
final class TaskAdoption {
  private static final Duration CONTROL_LIMIT = Duration.ofSeconds(10);

  private final Tasks tasks;
  private final Launcher launcher;

  TaskAdoption(Tasks tasks, Launcher launcher) {
    this.tasks = tasks;
    this.launcher = launcher;
  }

  List<Task> adoptAll(Path stateDirectory, BiConsumer<Path, BerthException> onUnreadable) {
    List<Task> found = new ArrayList<>();
    for (Path path : list(stateDirectory)) {
      try {
        found.add(adopt(new TaskDirectory(path)));
      } catch (BerthException e) {
        onUnreadable.accept(path, e);
      }
    }
    return found;
  }

  Task adopt(TaskDirectory directory) {
    TaskRecord record = TaskRecord.read(directory);
    Task task =
        new Task(
            tasks, directory, launcher.adopter(directory), find(directory, record), record, null);
    for (Path path : list(directory.execs())) {
      TaskDirectory exec = new TaskDirectory(path);
      if (!Files.exists(exec.state())) {
        continue; // its JVM was killed while it made it; it goes with the task
      }
      TaskRecord execRecord = TaskRecord.read(exec);
      task.found(
          execRecord.id(), new TaskProcess(exec, launcher.adopter(exec), find(exec, execRecord)));
    }
    return task;
  }

  /** Reconnects to the stub; where there is none any more, to the process; else to its record. */
  private static TaskProcess.Hold find(TaskDirectory directory, TaskRecord record) {
    if (record.released()) {
      return TaskProcess.Hold.released(record.pid(), openProcess(record));
    }
    try {
      StubChannel watch = StubChannel.connect(directory, CONTROL_LIMIT);
      StubChannel.Reply reply =
          watch.ask(StubMessage.of(StubMessage.Kind.DESCRIPTORS), List.of(), CONTROL_LIMIT);
      Stub.Created found = Stub.created(reply.message().a(), reply.descriptors());
      return new TaskProcess.Hold(
          null,
          watch,
          found.pid(),
          found.pidfd(),
          found.master(),
          false,
          ProcessIo.hold(directory, record));
    } catch (BerthException e) {
      if (e.kind() != BerthException.Kind.UNAVAILABLE) {
        throw e;
      }
      return new TaskProcess.Hold(
          null,
          null,
          record.pid(),
          openProcess(record),
          null,
          false,
          ProcessIo.hold(directory, record));
    }
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
