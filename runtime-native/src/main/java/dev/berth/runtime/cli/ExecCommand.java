package dev.berth.runtime.cli;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.SpecJson;
import dev.berth.runtime.spec.SpecValidator;
import dev.berth.runtime.spec.User;
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
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs one more process in a running container and waits for its end. */
@Command(name = "exec", description = "Runs a command in a running container.")
final class ExecCommand extends ContainerCommand {
  private static final Duration POLL = Duration.ofHours(1);
  private static final Duration KILL_LIMIT = Duration.ofSeconds(10);
  private static final int SIGKILL = 9;

  @Option(names = "--cwd", paramLabel = "DIR", description = "working directory in the container")
  private @Nullable String cwd;

  @Option(
      names = {"-u", "--user"},
      paramLabel = "UID[:GID]",
      description = "numbers; names are not looked up")
  private @Nullable String user;

  @Option(
      names = {"-e", "--env"},
      paramLabel = "NAME=VALUE",
      description = "added to the container's environment")
  private List<String> env = new ArrayList<>();

  @Option(
      names = {"-p", "--process"},
      paramLabel = "FILE",
      description = "the process as JSON, as config.json has one; instead of COMMAND and options")
  private @Nullable Path processFile;

  @Option(
      names = {"-d", "--detach"},
      description = "return once it runs, and leave it there")
  private boolean detach;

  @Option(names = "--pid-file", paramLabel = "FILE", description = "written with the pid")
  private @Nullable Path pidFile;

  @Parameters(index = "1..*", arity = "0..*", paramLabel = "COMMAND")
  private List<String> command = new ArrayList<>();

  @Override
  int with(Task task) {
    String execId = "exec-" + Ids.generate().substring(0, 16);
    TaskProcess process =
        task.exec(new ExecSpec(execId, process(task.process()), new TaskIo.Inherited()));
    boolean stays = false;
    try {
      task.startExec(process);
      writePid(process.pid());
      stays = detach;
      return detach ? 0 : await(process);
    } finally {
      if (!stays) {
        process.signal(SIGKILL);
        process.await(KILL_LIMIT);
        task.deleteExec(execId);
      }
    }
  }

  private static int await(TaskProcess process) {
    Optional<TaskExit> exit = Optional.empty();
    while (exit.isEmpty()) {
      exit = process.await(POLL);
    }
    return exit.get().code();
  }

  private void writePid(int pid) {
    if (pidFile == null) {
      return;
    }
    try {
      Files.writeString(pidFile, Integer.toString(pid));
    } catch (IOException e) {
      throw new BerthException(
          INVALID_ARGUMENT, "--pid-file " + pidFile + ": cannot be written: " + e, e);
    }
  }

  private ContainerProcess process(ContainerProcess first) {
    if (processFile != null) {
      return read(processFile);
    }
    if (command.isEmpty()) {
      throw new BerthException(INVALID_ARGUMENT, "neither COMMAND nor --process is given");
    }
    List<String> environment = new ArrayList<>(first.env());
    environment.addAll(env);
    ContainerProcess.Builder builder =
        first.toBuilder().args(command).env(environment).terminal(false);
    if (cwd != null) {
      builder.cwd(cwd);
    }
    if (user != null) {
      builder.user(parse(user));
    }
    return builder.build();
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

  private static User parse(String text) {
    List<String> parts = List.of(text.split(":", 2));
    try {
      long uid = Long.parseLong(parts.getFirst());
      return new User(uid, parts.size() > 1 ? Long.parseLong(parts.getLast()) : 0);
    } catch (NumberFormatException e) {
      throw new BerthException(INVALID_ARGUMENT, "--user " + text + ": must be UID or UID:GID", e);
    }
  }
}
