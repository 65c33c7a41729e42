package dev.berth.runtime.checkpoint;

import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.task.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** CRIU (https://criu.org), a program of the host. Thread-safe. */
public final class Criu {
  private static final String NAME = "criu";
  private static final String DEFAULT_PATH =
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  /** A dump takes about a second for each gigabyte of memory. */
  private static final Duration LIMIT = Duration.ofMinutes(10);

  /** Is left of the caller's time for CRIU's end, so that the caller hears of it; or a quarter. */
  private static final Duration RESERVE = Duration.ofSeconds(2);

  private final @Nullable Path program;
  private final String searchPath;

  private Criu(@Nullable Path program, String searchPath) {
    this.program = program;
    this.searchPath = searchPath;
  }

  /**
   * Finds CRIU when it is used: it may be installed meanwhile.
   *
   * @param program absolute path; null to look for {@code criu} in {@code PATH}
   */
  public static Criu of(@Nullable Path program) {
    return new Criu(program, Objects.requireNonNullElse(System.getenv("PATH"), DEFAULT_PATH));
  }

  static Criu searchedFor(String searchPath) {
    return new Criu(null, searchPath);
  }

  /**
   * Dumps the processes of a running or frozen container; on return, also by a failure, they are as
   * they were, unless they were to end.
   *
   * <p>Once it runs, CRIU is killed only when the operation's time is over or the operation is
   * cancelled: at some moments its code is inside the container's threads.
   *
   * @throws BerthException FAILED_PRECONDITION if CRIU is missing, cannot work on this host, or
   *     cannot dump this container, with the errors of its log; FAILED_PRECONDITION if the
   *     container does not run; DEADLINE_EXCEEDED or CANCELLED after it was killed
   */
  public void dump(Task task, DumpOptions options, Operation operation) {
    Path executable = find();
    requireRunning(task);
    List<String> command = new ArrayList<>(List.of(executable.toString()));
    command.addAll(CriuArguments.dump(task.spec(), DumpFacts.read(task), options));
    boolean wasFrozen = task.cgroup().map(Cgroup::isFrozen).orElse(false);
    try {
      run(executable, command, options, operation);
    } catch (BerthException e) {
      throw e.during("container " + task.id());
    } finally {
      restoreFreezer(task, wasFrozen);
    }
  }

  private static void requireRunning(Task task) {
    Task.State state = task.state();
    if (state != Task.State.RUNNING) {
      throw new BerthException(
          FAILED_PRECONDITION,
          "container " + task.id() + ": cannot be checkpointed, it is " + state);
    }
  }

  /** A CRIU that was killed leaves the group frozen. */
  private static void restoreFreezer(Task task, boolean wasFrozen) {
    if (!wasFrozen) {
      task.cgroup().filter(Cgroup::isFrozen).ifPresent(Cgroup::thaw);
    }
  }

  private void run(
      Path executable, List<String> command, DumpOptions options, Operation operation) {
    Duration limit = limit(operation.remaining(LIMIT));
    try (CriuProcess process = CriuProcess.start(executable, command, searchPath)) {
      operation.onCancel(process::kill);
      Optional<ExitStatus> status = process.await(limit);
      operation.check();
      if (status.isEmpty()) {
        throw new BerthException(
            DEADLINE_EXCEEDED, "criu did not end within " + limit + " and was killed");
      }
      if (!status.get().equals(new ExitStatus.Exited(0))) {
        throw failed(status.get(), process.output(), options.work().resolve(DumpOptions.LOG));
      }
    } catch (NativeException e) {
      throw new BerthException(
          FAILED_PRECONDITION, executable + " cannot be executed: " + e.getMessage(), e);
    }
  }

  private static Duration limit(Duration left) {
    Duration quarter = left.dividedBy(4);
    return left.minus(quarter.compareTo(RESERVE) < 0 ? quarter : RESERVE);
  }

  private static BerthException failed(ExitStatus status, String output, Path log) {
    try {
      String errors = DumpLog.errors(log);
      String said = errors.isEmpty() ? output : errors;
      return new BerthException(
          FAILED_PRECONDITION,
          "criu ended with code "
              + status.shellCode()
              + ": "
              + (said.isBlank() ? "it says nothing" : said));
    } catch (IOException e) {
      return new BerthException(INTERNAL, "criu failed, and " + log + " is unreadable: " + e, e);
    }
  }

  private Path find() {
    if (program != null) {
      if (!Files.isExecutable(program)) {
        throw missing(program + " is no program");
      }
      return program;
    }
    return Arrays.stream(searchPath.split(":", -1))
        .filter(folder -> folder.startsWith("/"))
        .map(folder -> Path.of(folder, NAME))
        .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
        .findFirst()
        .orElseThrow(() -> missing("it is not in PATH"));
  }

  private static BerthException missing(String why) {
    return new BerthException(
        FAILED_PRECONDITION,
        "criu is missing: "
            + why
            + "; install the package criu, version 4 or later, or name it in the configuration");
  }
}
