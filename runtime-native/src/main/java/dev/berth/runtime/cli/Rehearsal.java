package dev.berth.runtime.cli;

import dev.berth.runtime.kernel.ProcessTree;
import dev.berth.runtime.kernel.Processes;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Goes through the commands that a container's life takes, in one process: what the AOT cache of
 * {@code berth-runtime} is made from. Not for use otherwise.
 */
public final class Rehearsal {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private Rehearsal() {}

  /** Takes a bundle whose program lives until it is killed, and an empty directory. */
  public static void main(String[] arguments) {
    Processes.becomeSubreaper();
    String root = Path.of(arguments[1]).toString();
    List<List<String>> commands =
        List.of(
            List.of("create", "--bundle", arguments[0], "--pid-file", root + "/pid", "rehearsal"),
            List.of("state", "rehearsal"),
            List.of("start", "rehearsal"),
            List.of("exec", "--detach", "rehearsal", "/berth-init", "version"),
            List.of("exec", "rehearsal", "/berth-init", "version"),
            List.of("ps", "--format", "json", "rehearsal"),
            List.of("kill", "rehearsal", "KILL"),
            List.of("delete", "--force", "rehearsal"));
    int worst = 0;
    for (List<String> command : commands) {
      worst = Math.max(worst, run(root, command));
      // The first process of a PID namespace does not end before each of the others is reaped.
      ProcessTree.ownChildren().stream().filter(Processes::isZombie).forEach(Rehearsal::reap);
    }
    ProcessTree.ownChildren().forEach(Rehearsal::reap);
    System.exit(worst);
  }

  private static void reap(int pid) {
    Processes.open(pid)
        .ifPresent(child -> {
          try (child) {
            var _ = Processes.waitFor(child, LIMIT);
          }
        });
  }

  private static int run(String root, List<String> command) {
    var words = new java.util.ArrayList<>(List.of("--root", root + "/records"));
    words.addAll(command);
    return RuntimeCli.execute(words.toArray(String[]::new));
  }
}
