package dev.berth.runtime.systemd;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Asks systemd for units, as {@code org.freedesktop.systemd1(5)} describes its manager object.
 *
 * <p>A request that starts or stops a unit returns when systemd has done so. Each has a deadline of
 * its own, for the manager is one thread that everybody on the host waits for. Thread-safe.
 */
public final class Systemd {
  /** Where the manager of a host listens for root alone. */
  public static final Path SOCKET = Path.of("/run/systemd/private");

  private static final Path BOOTED = Path.of("/run/systemd/system"); // sd_booted(3)
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final String OBJECT = "/org/freedesktop/systemd1";
  private static final String MANAGER = "org.freedesktop.systemd1.Manager";
  private static final String NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit";
  private static final String UNIT_EXISTS = "org.freedesktop.systemd1.UnitExists";
  private static final String INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs";

  private final Path socket;
  private final Duration limit;

  /** Uses a socket where a manager listens. */
  Systemd(Path socket, Duration limit) {
    this.socket = socket;
    this.limit = limit;
  }

  /** Returns the manager of this host, which need not run. */
  public static Systemd ofHost() {
    return new Systemd(SOCKET, LIMIT);
  }

  /** Whether this host was booted with systemd, and it can be asked from here. */
  public static boolean isRunning() {
    return Files.isDirectory(BOOTED) && Files.exists(SOCKET);
  }

  /**
   * Starts a unit that lives until it is stopped or, if it is a scope, its last process has ended.
   *
   * @param unit such as {@code berth-1.scope}; a scope needs processes from the begin, by the
   *     property {@code PIDs}
   * @throws BerthException ALREADY_EXISTS if it has started already; INVALID_ARGUMENT if systemd
   *     does not take a property; DEADLINE_EXCEEDED naming the unit
   */
  public void start(String unit, List<UnitProperty> properties) {
    job(
        unit,
        "start",
        "StartTransientUnit",
        "ssa(sv)a(sa(sv))",
        body -> {
          body.text(unit).text("replace");
          write(body, properties);
          body.array(Long.BYTES, _ -> {});
        });
  }

  /** Changes properties of a unit until the next boot, those that are given and no others. */
  public void set(String unit, List<UnitProperty> properties) {
    if (properties.isEmpty()) {
      return;
    }
    try (DbusConnection connection = DbusConnection.open(socket, limit)) {
      invoke(
          connection,
          unit,
          "SetUnitProperties",
          "sba(sv)",
          body -> write(body.text(unit).flag(true), properties));
    }
  }

  /**
   * Stops a unit, and forgets that it failed if it did. Processes that are in it get SIGTERM.
   * Idempotent: one that systemd does not know is stopped.
   *
   * @throws BerthException DEADLINE_EXCEEDED naming the unit
   */
  public void stop(String unit) {
    try {
      job(unit, "stop", "StopUnit", "ss", body -> body.text(unit).text("replace"));
      try (DbusConnection connection = DbusConnection.open(socket, limit)) {
        invoke(connection, unit, "ResetFailedUnit", "s", body -> body.text(unit));
      }
    } catch (BerthException e) {
      if (e.kind() != Kind.NOT_FOUND) {
        throw e;
      }
    }
  }

  private static void write(DbusWriter body, List<UnitProperty> properties) {
    body.array(Long.BYTES, out -> properties.forEach(property -> property.write(out)));
  }

  /** Asks for a job and waits until it is done; systemd tells how it went by a signal. */
  private void job(
      String unit, String verb, String method, String signature, Consumer<DbusWriter> arguments) {
    Jobs jobs = new Jobs();
    try (DbusConnection connection = DbusConnection.open(socket, limit)) {
      DbusMessage reply = call(connection, method, signature, arguments, jobs);
      String job = checked(reply, method).reader().text();
      if (!jobs.results.containsKey(job)) {
        connection.awaitSignal(signal -> {
          jobs.note(signal);
          return jobs.results.containsKey(job);
        });
      }
      String result = jobs.results.getOrDefault(job, "");
      if (!result.equals("done")) {
        throw new BerthException(
            Kind.INTERNAL, "systemd could not " + verb + " it: job " + Ids.printable(result));
      }
    } catch (BerthException e) {
      throw e.during(unit + ": " + verb);
    }
  }

  private static DbusMessage call(
      DbusConnection connection,
      String method,
      String signature,
      Consumer<DbusWriter> arguments,
      Jobs jobs) {
    DbusWriter body = new DbusWriter();
    arguments.accept(body);
    return connection.call(OBJECT, MANAGER, method, signature, body, jobs::note);
  }

  private static void invoke(
      DbusConnection connection,
      String unit,
      String method,
      String signature,
      Consumer<DbusWriter> arguments) {
    try {
      checked(call(connection, method, signature, arguments, new Jobs()), method);
    } catch (BerthException e) {
      throw e.during(unit);
    }
  }

  private static DbusMessage checked(DbusMessage reply, String method) {
    if (reply.type() != DbusMessage.ERROR) {
      return reply;
    }
    String text = reply.signature().startsWith("s") ? reply.reader().text() : reply.error();
    Kind kind =
        switch (reply.error()) {
          case NO_SUCH_UNIT -> Kind.NOT_FOUND;
          case UNIT_EXISTS -> Kind.ALREADY_EXISTS;
          case INVALID_ARGS -> Kind.INVALID_ARGUMENT;
          default -> Kind.INTERNAL;
        };
    throw new BerthException(kind, "systemd refuses " + method + ": " + Ids.printable(text));
  }

  /** The jobs that have ended since the connection was made, and how. */
  private static final class Jobs {
    private static final int MOST = 4096;

    private final Map<String, String> results = new HashMap<>();

    /** Takes note of a signal {@code JobRemoved(id, job, unit, result)}. */
    private void note(DbusMessage signal) {
      if (signal.member().equals("JobRemoved")
          && signal.target().equals(MANAGER)
          && signal.signature().equals("uoss")
          && results.size() < MOST) {
        DbusReader in = signal.reader();
        in.number();
        String job = in.text();
        in.text();
        results.put(job, in.text());
      }
    }
  }
}
