package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Memfd;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.Spawner;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The program that compiles AppArmor profiles and loads them into the kernel. */
record AppArmorParser(Path program) {
  private static final List<Path> PLACES =
      List.of(Path.of("/usr/sbin/apparmor_parser"), Path.of("/sbin/apparmor_parser"));
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int MAX_ERROR_BYTES = 4096;
  private static final int SIGKILL = 9;

  /** Finds the program; empty if it is not installed. */
  static Optional<AppArmorParser> find() {
    return PLACES.stream().filter(Files::isExecutable).findFirst().map(AppArmorParser::new);
  }

  /**
   * Loads a profile, or replaces the loaded one.
   *
   * @throws BerthException FAILED_PRECONDITION with what the program says
   */
  void load(String name, String profile) {
    try (Fd executable = Descriptors.open(program);
        Fd in = Memfd.create("apparmor-profile", 0);
        Fd err = Memfd.create("apparmor-stderr", 0)) {
      Descriptors.writeAt(in, 0, profile.getBytes(UTF_8));
      Spawner.Child child =
          Spawner.of(executable, List.of("apparmor_parser", "--skip-cache", "--replace"))
              .environment(Map.of("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))
              .descriptor(0, in)
              .descriptor(1, err)
              .descriptor(2, err)
              .spawn();
      if (!succeeds(child)) {
        String said = new String(Descriptors.readAt(err, 0, MAX_ERROR_BYTES), UTF_8).strip();
        throw new BerthException(
            FAILED_PRECONDITION,
            "apparmor profile \"" + name + "\" cannot be loaded: " + said.replace('\n', ' '));
      }
    }
  }

  private static boolean succeeds(Spawner.Child child) {
    try (Fd process = child.pidfd()) {
      if (!Processes.awaitExit(process, LIMIT)) {
        Processes.signal(process, SIGKILL);
        Processes.waitFor(process, LIMIT);
        return false;
      }
      return Processes.reap(process).filter(new ExitStatus.Exited(0)::equals).isPresent();
    }
  }
}
