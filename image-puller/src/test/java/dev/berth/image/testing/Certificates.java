package dev.berth.image.testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * An authority of a test's own, made with openssl, and what it signs: a server on loopback, known
 * as {@code registry.test} too, and clients.
 */
public final class Certificates {
  private final Path folder;

  private Certificates(Path folder) {
    this.folder = folder;
  }

  /** Makes an authority and a server below a folder. */
  public static Certificates in(Path folder) {
    try {
      var made = new Certificates(Files.createDirectories(folder));
      openssl(
          folder,
          "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority"
              + " -keyout authority.key -out authority.crt");
      made.sign("server", "ec -pkeyopt ec_paramgen_curve:P-256");
      return made;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  public Path authority() {
    return folder.resolve("authority.crt");
  }

  public Path server() {
    return folder.resolve("server.crt");
  }

  public Path serverKey() {
    return folder.resolve("server.key");
  }

  /** The server's certificate and key, for a server in this process. */
  public SSLContext context() {
    try {
      openssl(
          folder,
          "pkcs12 -export -in server.crt -inkey server.key -out server.p12 -passout pass:secret");
      char[] password = "secret".toCharArray();
      KeyStore store = KeyStore.getInstance(folder.resolve("server.p12").toFile(), password);
      var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(store, password);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys.getKeyManagers(), null, null);
      return context;
    } catch (IOException | GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Makes {@code NAME.crt} and {@code NAME.key} in the folder, signed.
   *
   * @param algorithm as openssl's {@code -newkey} wants it, with options
   */
  public void sign(String name, String algorithm) throws IOException {
    Files.writeString(
        folder.resolve(name + ".ext"), "subjectAltName=IP:127.0.0.1,DNS:registry.test\n");
    openssl(
        folder,
        "req -newkey %2$s -nodes -subj /CN=%1$s -keyout %1$s.key -out %1$s.csr"
            .formatted(name, algorithm));
    openssl(
        folder,
        "x509 -req -in %1$s.csr -CA authority.crt -CAkey authority.key -days 2 -extfile %1$s.ext"
                .formatted(name)
            + " -out %s.crt".formatted(name));
  }

  /** Runs openssl in a folder. */
  public static void openssl(Path folder, String arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments.split(" ")));
    var process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new AssertionError(command + ": " + output);
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
