package dev.berth.runtime.cli;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.User;
import dev.berth.runtime.task.ExecSpec;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskExit;
import dev.berth.runtime.task.TaskIo;
import dev.berth.runtime.task.TaskProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** Runs one more process in a running container and waits for its end. */
@Command(name = "exec", description = "Runs a command in a running container.")
final class ExecCommand implements Callable<Integer> {
  private static final Duration POLL = Duration.ofHours(1);

  @ParentCommand private @Nullable RuntimeCli parent;

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

  @Parameters(index = "0", paramLabel = "ID")
  private String id = "";

  @Parameters(index = "1..*", arity = "1..*", paramLabel = "COMMAND")
  private List<String> command = new ArrayList<>();

  @Override
  public Integer call() throws Exception {
    return java.util.Objects.requireNonNull(parent).withTask(id, this::run);
  }

  private int run(Task task) {
    String execId = "exec-" + Ids.generate().substring(0, 16);
    TaskProcess process =
        task.exec(new ExecSpec(execId, process(task.process()), new TaskIo.Inherited()));
    try {
      task.startExec(process);
      Optional<TaskExit> exit = Optional.empty();
      while (exit.isEmpty()) {
        exit = process.await(POLL);
      }
      return exit.get().code();
    } finally {
      task.deleteExec(execId);
    }
  }

  private ContainerProcess process(ContainerProcess first) {
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

  private static User parse(String text) {
    List<String> parts = List.of(text.split(":", 2));
    try {
      long uid = Long.parseLong(parts.getFirst());
      return new User(uid, parts.size() > 1 ? Long.parseLong(parts.getLast()) : 0);
    } catch (NumberFormatException e) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT, "--user " + text + ": must be UID or UID:GID", e);
    }
  }
}
