package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Memfd;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.Spawner;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A program {@code docker-credential-NAME} of PATH, which knows credentials: {@code get} with a
 * server on standard input answers a JSON object. See docker-credential-helpers.
 *
 * <p>It is executed without a shell; when its time is over it is killed with its process group.
 */
final class CredentialHelper {
  private static final Duration TICK = Duration.ofMillis(100);
  private static final Duration KILL_LIMIT = Duration.ofSeconds(5);
  private static final int MAX_OUTPUT_BYTES = 64 * 1024;
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");

  /** What helpers print, and exit with 1, when they know nothing of a server. */
  private static final String NOT_FOUND = "credentials not found in native keychain";

  /** In place of a user name: the secret is an identity token. */
  private static final String TOKEN_USER = "<token>";

  private final String program;
  private final Map<String, String> environment;
  private final Duration limit;

  /**
   * Nothing is looked for yet.
   *
   * @param environment of the program, which is looked up in its PATH
   * @param limit how long it may run
   */
  CredentialHelper(String name, Map<String, String> environment, Duration limit) {
    if (!NAME.matcher(name).matches()) {
      throw new BerthException(
          FAILED_PRECONDITION, "\"" + Ids.printable(name) + "\" is not the name of a helper");
    }
    this.program = "docker-credential-" + name;
    this.environment = environment;
    this.limit = limit;
  }

  /**
   * Asks for the credentials of a server; empty if the helper has none.
   *
   * @throws BerthException FAILED_PRECONDITION naming the helper and what it says
   */
  Optional<Credentials> get(String server, Operation operation) {
    Path path = inPath();
    try (Fd executable = Descriptors.open(path);
        Fd in = Memfd.create("credential-server", 0);
        Fd out = Memfd.create("credential-answer", MAX_OUTPUT_BYTES)) {
      Descriptors.writeAt(in, 0, server.getBytes(UTF_8));
      Memfd.seal(out, Set.of(Memfd.Seal.GROW)); // one that prints more gets an error
      Spawner.Child child =
          Spawner.of(executable, List.of(path.toString(), "get"))
              .environment(environment)
              .ownProcessGroup()
              .descriptor(0, in)
              .descriptor(1, out)
              .spawn();
      ExitStatus status = await(child, operation);
      String said = text(out);
      return status.equals(new ExitStatus.Exited(0))
          ? Optional.of(parse(said))
          : refused(status, said);
    }
  }

  private Path inPath() {
    return Arrays.stream(environment.getOrDefault("PATH", "").split(File.pathSeparator, -1))
        .filter(folder -> folder.startsWith("/"))
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(() -> failed("is not in PATH"));
  }

  private ExitStatus await(Spawner.Child child, Operation operation) {
    try (Fd process = child.pidfd()) {
      boolean ended = false;
      try {
        long end = System.nanoTime() + limit.toNanos();
        while (!ended && System.nanoTime() - end < 0) {
          operation.check();
          ended = Processes.awaitExit(process, TICK);
        }
      } finally {
        if (!ended) {
          Processes.killGroup(child);
          if (Processes.awaitExit(process, KILL_LIMIT)) {
            Optional<ExitStatus> _ = Processes.reap(process);
          }
        }
      }
      if (!ended) {
        throw failed("did not end within " + limit.toMillis() + " ms and was killed");
      }
      return Processes.reap(process).orElseThrow(() -> failed("was reaped by others"));
    }
  }

  private Optional<Credentials> refused(ExitStatus status, String said) {
    if (said.strip().equals(NOT_FOUND)) {
      return Optional.empty();
    }
    String how =
        switch (status) {
          case ExitStatus.Exited(int code) -> "exited with " + code;
          case ExitStatus.Signaled(int signal, var _) -> "was killed by signal " + signal;
        };
    throw failed(how + (said.isBlank() ? "" : ": " + Ids.printable(said.strip())));
  }

  /** What it prints on success is secret and in no message. */
  private Credentials parse(String answer) {
    try {
      JsonObject fields = JsonParser.parseString(answer).getAsJsonObject();
      String user = DockerConfig.text(fields, "Username");
      String secret = DockerConfig.text(fields, "Secret");
      return user.equals(TOKEN_USER)
          ? new Credentials.IdentityToken(secret)
          : Credentials.basic(user, secret);
    } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
      throw failed("does not answer with a JSON object");
    }
  }

  private BerthException failed(String how) {
    return new BerthException(FAILED_PRECONDITION, "credential helper " + program + " " + how);
  }

  /** What was never written reads as zeros. */
  private static String text(Fd file) {
    return new String(Descriptors.readAt(file, 0, MAX_OUTPUT_BYTES), UTF_8).replace("\0", "");
  }
}
