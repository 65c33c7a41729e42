package dev.berth.runtime.cli;

import dev.berth.runtime.plan.LaunchOptions;
import dev.berth.runtime.task.TaskIo;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What create, run, restore and exec have in common, as runc has it. */
final class LaunchFlags {
  @Option(
      names = "--console-socket",
      paramLabel = "SOCKET",
      description = "gets the master of the terminal")
  private @Nullable Path consoleSocket;

  @Option(names = "--pid-file", paramLabel = "FILE", description = "written with the pid")
  private @Nullable Path pidFile;

  @Option(
      names = "--preserve-fds",
      paramLabel = "N",
      description = "pass N more descriptors, from 3 on")
  private int preservedFds;

  @Option(names = "--no-new-keyring", description = "stay in the caller's session keyring")
  private boolean sameKeyring;

  @SuppressWarnings("UnusedVariable") // there is nothing to turn off
  @Option(names = "--no-subreaper", description = "accepted: this program is no subreaper")
  private boolean noSubreaper;

  /** Of a process that is left to the caller. */
  TaskIo.Released released() {
    return new TaskIo.Released(consoleSocket);
  }

  boolean hasConsoleSocket() {
    return consoleSocket != null;
  }

  LaunchOptions options(boolean pivots) {
    return new LaunchOptions(preservedFds, pivots, !sameKeyring);
  }

  void writePid(int pid) {
    PidFile.write(pidFile, pid);
  }
}
