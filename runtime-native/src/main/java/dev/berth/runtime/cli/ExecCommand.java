package dev.berth.runtime.cli;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.SpecJson;
import dev.berth.runtime.spec.SpecValidator;
import dev.berth.runtime.task.ExecSpec;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskExit;
import dev.berth.runtime.task.TaskIo;
import dev.berth.runtime.task.TaskProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs one more process in a running container and waits for its end. */
@Command(name = "exec", description = "Runs a command in a running container.")
final class ExecCommand extends ContainerCommand {
  private static final Duration POLL = Duration.ofHours(1);
  private static final Duration KILL_LIMIT = Duration.ofSeconds(10);
  private static final int SIGKILL = 9;

  @Mixin private LaunchFlags flags = new LaunchFlags();
  @Mixin private ProcessFlags changes = new ProcessFlags();

  @Option(
      names = {"-p", "--process"},
      paramLabel = "FILE",
      description = "the process as JSON, as config.json has one; instead of COMMAND and options")
  private @Nullable Path processFile;

  @Option(
      names = {"-d", "--detach"},
      description = "return once it runs, and leave it there")
  private boolean detach;

  @Option(
      names = "--ignore-paused",
      description = "also in a paused container, where it begins when that is resumed")
  private boolean ignorePaused;

  @Parameters(index = "1..*", arity = "0..*", paramLabel = "COMMAND")
  private List<String> command = new ArrayList<>();

  @Override
  int with(Task task) {
    if (!ignorePaused && Status.of(task).equals(Status.PAUSED)) {
      throw new BerthException(
          FAILED_PRECONDITION, "container " + id() + ": cannot execute in it, it is paused");
    }
    ContainerProcess process = process(task.process());
    return detach ? leave(task, process) : follow(task, process);
  }

  private int leave(Task task, ContainerProcess process) {
    var spec = new ExecSpec(execId(), process, flags.released(), flags.options(true));
    flags.writePid(task.execReleased(spec));
    return 0;
  }

  private int follow(Task task, ContainerProcess wanted) {
    if (flags.hasConsoleSocket()) {
      throw new BerthException(INVALID_ARGUMENT, "--console-socket: is for --detach only");
    }
    var spec = new ExecSpec(execId(), wanted, new TaskIo.Inherited(), flags.options(true));
    TaskProcess process = task.exec(spec);
    try (var _ = ForwardedSignals.to(process::signal)) {
      task.startExec(process);
      flags.writePid(process.pid());
      return await(process);
    } finally {
      process.signal(SIGKILL);
      process.await(KILL_LIMIT);
      task.deleteExec(spec.execId());
    }
  }

  private static String execId() {
    return "exec-" + Ids.generate().substring(0, 16);
  }

  private static int await(TaskProcess process) {
    Optional<TaskExit> exit = Optional.empty();
    while (exit.isEmpty()) {
      exit = process.await(POLL);
    }
    return exit.get().code();
  }

  private ContainerProcess process(ContainerProcess first) {
    if (processFile != null) {
      return read(processFile);
    }
    if (command.isEmpty()) {
      throw new BerthException(INVALID_ARGUMENT, "neither COMMAND nor --process is given");
    }
    return changes.apply(first.toBuilder().args(command), first);
  }

  private static ContainerProcess read(Path file) {
    try {
      ContainerProcess process =
          SpecJson.read("process", Files.readAllBytes(file), ContainerProcess.class);
      SpecValidator.validateProcess("process", process);
      return process;
    } catch (IOException e) {
      throw new BerthException(NOT_FOUND, "--process " + file + ": cannot be read: " + e, e);
    }
  }
}
