package dev.berth.runtime.task;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Memfd;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.Spawner;
import dev.berth.runtime.spec.Hooks;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A hook in the runtime's namespaces while it runs: a child of this process and the leader of a
 * session. What it prints goes into a file in memory of fixed size, so nobody has to drain it, and
 * is told only if the hook fails.
 */
final class HookProcess implements AutoCloseable {
  private static final int MAX_OUTPUT_BYTES = 64 << 10;
  private static final int TOLD_CHARACTERS = 500;
  private static final int ERROR_DESCRIPTOR = 3; // see main.c
  private static final Duration KILL_LIMIT = Duration.ofSeconds(10);

  private final String field;
  private final Hooks.Hook hook;
  private final Spawner.Child child;
  private final Fd output;
  private final Fd error;
  private boolean reaped;

  private HookProcess(String field, Hooks.Hook hook, Spawner.Child child, Fd output, Fd error) {
    this.field = field;
    this.hook = hook;
    this.child = child;
    this.output = output;
    this.error = error;
  }

  /**
   * Runs a hook to its end.
   *
   * @param program executes it, without what this process has for itself: a strict umask, open
   *     files
   * @param field of config.json that it stands in
   * @param state what it reads
   * @param limit how long it may run
   * @throws BerthException INTERNAL naming field and program if it cannot be run, fails, or does
   *     not end in time and was killed
   */
  static void run(BerthInit program, String field, Hooks.Hook hook, byte[] state, Duration limit) {
    try (Fd input = StateFile.of(state);
        Fd output = Memfd.create("hook-output", MAX_OUTPUT_BYTES);
        Fd error = Memfd.create("hook-error", Integer.BYTES)) {
      Memfd.seal(output, Set.of(Memfd.Seal.GROW));
      Spawner.Child child =
          Spawner.of(program.sealed(), command(hook))
              .environment(environment(hook))
              .ownSession()
              .descriptor(0, input)
              .descriptor(1, output)
              .descriptor(2, output)
              .descriptor(ERROR_DESCRIPTOR, error)
              .spawn();
      try (var process = new HookProcess(field, hook, child, output, error)) {
        process.requireSuccess(limit);
      }
    }
  }

  private static List<String> command(Hooks.Hook hook) {
    List<String> command = new ArrayList<>(List.of("berth-init", "hook", hook.path()));
    command.addAll(hook.arguments());
    return command;
  }

  private static Map<String, String> environment(Hooks.Hook hook) {
    Map<String, String> variables = new LinkedHashMap<>();
    for (String entry : hook.env()) {
      int equals = entry.indexOf('=');
      variables.put(entry.substring(0, equals), entry.substring(equals + 1));
    }
    return variables;
  }

  private void requireSuccess(Duration limit) {
    if (!Processes.awaitExit(child.pidfd(), limit)) {
      throw failure(" did not end within " + limit.toMillis() + " ms and was killed");
    }
    int errno = errno();
    if (errno != 0) {
      throw new BerthException(
          INTERNAL, field + ".path: " + Ids.printable(hook.path()) + ": " + Errno.describe(errno));
    }
    switch (reap().orElseThrow(() -> failure(" was reaped by others"))) {
      case ExitStatus.Exited(int code) when code == 0 -> {}
      case ExitStatus.Exited(int code) -> throw failure(" exited with " + code + printed());
      case ExitStatus.Signaled(int signal, var _) ->
          throw failure(" was killed by signal " + signal + printed());
    }
  }

  /** Why it could not be executed; 0 if it was. */
  private int errno() {
    return ByteBuffer.wrap(Descriptors.readAt(error, 0, Integer.BYTES))
        .order(ByteOrder.nativeOrder())
        .getInt();
  }

  private BerthException failure(String what) {
    return new BerthException(INTERNAL, field + ": " + Ids.printable(hook.path()) + what);
  }

  /** The end of what it printed, in one line. What was never written reads as zeros. */
  private String printed() {
    String text =
        new String(Descriptors.readAt(output, 0, MAX_OUTPUT_BYTES), UTF_8)
            .replace("\0", "")
            .strip()
            .replaceAll("\\p{Cntrl}+", "; ");
    return text.isEmpty()
        ? ""
        : ": " + text.substring(Math.max(0, text.length() - TOLD_CHARACTERS));
  }

  /** From here on the number may belong to another process. */
  private Optional<ExitStatus> reap() {
    reaped = true;
    return Processes.reap(child.pidfd());
  }

  /** Kills it, if it still runs, with all that it has started, and reaps them. */
  @Override
  public void close() {
    if (!reaped) {
      Orphans.killWithDescendants(child);
      if (Processes.awaitExit(child.pidfd(), KILL_LIMIT)) {
        Orphans.endAll(child.pid());
        Optional<ExitStatus> _ = reap();
      }
    }
    child.pidfd().close();
  }
}
