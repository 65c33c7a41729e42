package dev.berth.cri.cli;

import dev.berth.cri.Version;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The {@code berth} command. Exit codes: 0 done, 1 failed, 2 wrong usage; exec and run: the
 * program's.
 */
@Command(
    name = "berth",
    description = "Runs and looks at pods through a CRI socket.",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    versionProvider = BerthCli.VersionText.class,
    subcommands = {
      PullCommand.class,
      ImagesCommand.class,
      InspectCommand.class,
      RemoveImageCommand.class,
      TagCommand.class,
      LoadCommand.class,
      SaveCommand.class,
      PushCommand.class,
      ImageCommand.class,
      RegistryCommand.class,
      GarbageCommand.class,
      RunCommand.class,
      PodsCommand.class,
      ContainersCommand.class,
      LogsCommand.class,
      ExecCommand.class,
      StopCommand.class,
      RemoveCommand.class,
      ShimCommand.class,
      InfoCommand.class,
      AuditCommand.class,
      OperationsCommand.class,
      ConfigCommand.class
    })
public final class BerthCli implements Runnable {
  static final String SOCKET_VARIABLE = "BERTH_SOCKET";
  static final String LOG_DIR_VARIABLE = "BERTH_LOG_DIR";

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--socket",
      paramLabel = "PATH",
      description =
          "CRI socket, a path or unix://path (default: $BERTH_SOCKET or /run/berth/berthd.sock)")
  private String socket = fromEnvironment(SOCKET_VARIABLE, "/run/berth/berthd.sock");

  @Option(
      names = "--log-dir",
      paramLabel = "DIR",
      description =
          "where the logs of pods made by 'berth run' go"
              + " (default: $BERTH_LOG_DIR or /var/log/berth)")
  private Path logDir = Path.of(fromEnvironment(LOG_DIR_VARIABLE, "/var/log/berth"));

  private static String fromEnvironment(String variable, String otherwise) {
    return Map.copyOf(System.getenv()).getOrDefault(variable, otherwise);
  }

  /** Runs one command and ends the process with its exit code. */
  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    CommandLine berth =
        new CommandLine(new BerthCli())
            .setExecutionExceptionHandler(new Failures())
            .setParameterExceptionHandler(BerthCli::wrongUsage);
    // What follows the container or image is the program's, also when it looks like an option.
    for (String name : List.of("exec", "run")) {
      Objects.requireNonNull(berth.getSubcommands().get(name)).setStopAtPositional(true);
    }
    return berth;
  }

  private static int wrongUsage(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    err.println(command.getCommandSpec().qualifiedName() + ": " + e.getMessage());
    err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
    return CommandLine.ExitCode.USAGE;
  }

  /** Opens the connection of one command. */
  CriClient connect() {
    Path path = Path.of(socket.startsWith("unix://") ? socket.substring(7) : socket);
    if (!Files.exists(path)) {
      throw new CliException("no CRI socket at " + path + "; is berthd running?");
    }
    return CriClient.to(path);
  }

  Path logDir() {
    return logDir;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is needed");
  }

  /** What {@code berth --version} prints. */
  static final class VersionText implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"berth " + Version.CURRENT};
    }
  }
}
