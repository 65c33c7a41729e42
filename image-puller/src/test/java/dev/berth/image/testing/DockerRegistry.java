package dev.berth.image.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A real registry, Debian's {@code docker-registry}, on a loopback port of its own. */
public final class DockerRegistry implements AutoCloseable {
  private static final Pattern LISTENING = Pattern.compile("listening on 127\\.0\\.0\\.1:([0-9]+)");

  private final Process process;
  private final int port;

  private DockerRegistry(Process process, int port) {
    this.process = process;
    this.port = port;
  }

  /** Serves the images below {@code storage} to everyone. */
  public static DockerRegistry start(Path storage) {
    return start(storage, "");
  }

  /** Serves the images below {@code storage} to {@code berth} with password {@code secret}. */
  public static DockerRegistry startWithPassword(Path storage) {
    return start(storage, password(storage));
  }

  /** As {@link #startWithPassword}, over TLS. */
  public static DockerRegistry startWithTlsAndPassword(Path storage, Certificates tls) {
    return start(
        storage,
        password(storage),
        ", tls: {certificate: %s, key: %s}".formatted(tls.server(), tls.serverKey()));
  }

  private static String password(Path storage) {
    try {
      Path passwords = Files.createTempFile(storage, "htpasswd", "");
      // bcrypt of "secret"
      Files.writeString(
          passwords, "berth:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n");
      return """
      auth:
        htpasswd:
          realm: test
          path: %s
      """
          .formatted(passwords);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Serves the images below {@code storage} to who brings a token of the server. */
  public static DockerRegistry startWithTokens(Path storage, TokenServer tokens) {
    return start(
        storage,
        """
        auth:
          token:
            realm: %s
            service: test-service
            issuer: test-issuer
            rootcertbundle: %s
        """
            .formatted(tokens.realm(), tokens.certificate()));
  }

  /** Serves over TLS, to clients whose certificate the same authority has signed. */
  public static DockerRegistry startWithTls(Path storage, Certificates tls) {
    return start(
        storage,
        "",
        ", tls: {certificate: %s, key: %s, clientcas: [%s]}"
            .formatted(tls.server(), tls.serverKey(), tls.authority()));
  }

  private static DockerRegistry start(Path storage, String auth) {
    return start(storage, auth, "");
  }

  private static DockerRegistry start(Path storage, String auth, String tls) {
    try {
      Path config = Files.createTempFile(storage, "config", ".yml");
      Files.writeString(
          config,
          """
          version: 0.1
          log: {level: info, accesslog: {disabled: true}}
          storage:
            filesystem: {rootdirectory: %s}
            maintenance: {uploadpurging: {enabled: false}}
          http: {addr: "127.0.0.1:0"%s}
          """
                  .formatted(storage, tls)
              + auth);
      var process =
          new ProcessBuilder("docker-registry", "serve", config.toString())
              .redirectErrorStream(true)
              .start();
      process.getOutputStream().close();
      return new DockerRegistry(process, awaitPort(process));
    } catch (IOException e) {
      throw new AssertionError("cannot start docker-registry", e);
    }
  }

  private static int awaitPort(Process process) throws IOException {
    var out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    var seen = new StringBuilder();
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      seen.append(line).append('\n');
      Matcher matcher = LISTENING.matcher(line);
      if (matcher.find()) {
        Thread.ofVirtual().start(() -> discard(out)); // or it blocks one day
        return Integer.parseInt(matcher.group(1));
      }
    }
    throw new AssertionError("docker-registry ended:\n" + seen);
  }

  private static void discard(BufferedReader out) {
    try {
      out.transferTo(Writer.nullWriter());
    } catch (IOException e) {
      // it has ended
    }
  }

  /** Host and port. */
  public String host() {
    return "127.0.0.1:" + port;
  }

  public int port() {
    return port;
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
