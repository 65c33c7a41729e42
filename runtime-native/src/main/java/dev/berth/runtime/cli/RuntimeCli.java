package dev.berth.runtime.cli;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.util.Objects.requireNonNull;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.task.BerthInit;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.Tasks;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code berth-runtime}: runs containers from OCI bundles, with the commands of the OCI runtime
 * command line.
 *
 * <p>Exit codes: what the container's process ended with where a command waits for it; 1 for a
 * refused or failed command, 2 for wrong usage, and 255 for a failed {@code exec}, as runc has
 * them.
 */
@Command(
    name = "berth-runtime",
    description = "Runs containers from OCI bundles.",
    mixinStandardHelpOptions = true,
    version = {
      "berth-runtime version " + RuntimeCli.VERSION,
      "spec: " + RuntimeSpec.OCI_VERSION // the lines of runc's, which programs read
    })
public final class RuntimeCli {
  static final String VERSION = "0.1.0";
  static final int EXEC_FAILED = 255;

  @Option(
      names = "--root",
      paramLabel = "DIR",
      defaultValue = "/run/berth-runtime",
      description = "where containers are recorded (default: ${DEFAULT-VALUE})")
  private Path root = Path.of("/run/berth-runtime");

  @Option(
      names = "--log",
      paramLabel = "FILE",
      description = "where errors are appended to, besides stderr")
  private @Nullable Path log;

  @Option(
      names = "--log-format",
      paramLabel = "FORMAT",
      defaultValue = "text",
      description = "text or json (default: ${DEFAULT-VALUE})")
  private FailureLog.Format logFormat = FailureLog.Format.text;

  @Option(names = "--debug", description = "print the stack of a failure")
  private boolean debug;

  @Option(
      names = "--systemd-cgroup",
      description = "require linux.cgroupsPath to name a scope: slice:prefix:name")
  private boolean systemdCgroup;

  private RuntimeCli() {}

  /** Runs the command line and ends the JVM with its exit code. */
  public static void main(String[] arguments) {
    System.exit(execute(arguments));
  }

  static int execute(String... arguments) {
    CommandLine command =
        Verbs.find(List.of(arguments))
            .map(RuntimeCli::commandLine)
            .orElseGet(RuntimeCli::commandLine);
    return command.execute(arguments);
  }

  /** The command line with every verb, of which usage speaks. */
  static CommandLine commandLine() {
    return commandLine(Verbs.names());
  }

  /** The command line for one verb: most of the time it takes to start goes into knowing verbs. */
  private static CommandLine commandLine(String verb) {
    return commandLine(List.of(verb));
  }

  private static CommandLine commandLine(Collection<String> verbs) {
    CommandLine command = new CommandLine(new RuntimeCli());
    for (String verb : verbs) {
      command.addSubcommand(verb, Verbs.command(verb));
      CommandLine added = requireNonNull(command.getSubcommands().get(verb), "just added");
      // What follows the container's name is a command to run, or for ps, with options of its own.
      added.setStopAtPositional(verb.equals("exec") || verb.equals("ps"));
      added.setUnmatchedArgumentsAllowed(verb.equals("restore"));
    }
    return command.setExecutionExceptionHandler(RuntimeCli::explain);
  }

  private static int explain(
      Exception failure, CommandLine command, CommandLine.ParseResult parsed) {
    String text =
        failure instanceof BerthException
            ? String.valueOf(failure.getMessage())
            : "internal error: " + failure;
    command.getErr().println("berth-runtime " + command.getCommandName() + ": " + text);
    RuntimeCli cli = command.getParent().getCommand();
    if (cli.debug) {
      failure.printStackTrace(command.getErr());
    }
    if (cli.log != null) {
      new FailureLog(cli.log, cli.logFormat).write(text, command.getErr());
    }
    return command.getCommandName().equals("exec") ? EXEC_FAILED : CommandLine.ExitCode.SOFTWARE;
  }

  /**
   * Checks the place of a container's cgroup, whose form says who makes it.
   *
   * @throws BerthException INVALID_ARGUMENT if systemd was asked for, and it names a path
   */
  void checkCgroup(@Nullable Linux linux) {
    String path = linux == null ? null : linux.cgroupsPath();
    if (systemdCgroup && path != null && path.startsWith("/")) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "linux.cgroupsPath \""
              + Ids.printable(path)
              + "\": must be slice:prefix:name with --systemd-cgroup");
    }
  }

  /** Whether cgroups are systemd's to make. */
  boolean asksSystemd() {
    return systemdCgroup;
  }

  /** What a command does with the tasks; the result is its exit code. */
  interface Work {
    int with(Tasks tasks) throws Exception;
  }

  int withTasks(Work work) throws Exception {
    try (BerthInit program = BerthInit.open();
        Tasks tasks = new Tasks(root, program, Cgroups.detect())) {
      return work.with(tasks);
    }
  }

  int withTask(String id, java.util.function.ToIntFunction<Task> work) throws Exception {
    return withTasks(tasks -> {
      try (Task task = tasks.adopt(id)) {
        return work.applyAsInt(task);
      }
    });
  }
}
