package dev.berth.image.registry;

import static java.lang.System.Logger.Level.WARNING;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/**
 * The certificate authorities that this machine trusts: what {@code update-ca-certificates} and the
 * like maintain, not what the JDK brings along, so that a company's own authority counts here as it
 * does for every other program of the node.
 *
 * <p>Found as programs written in Go find them (package {@code crypto/x509}): the file that {@code
 * SSL_CERT_FILE} names, otherwise the bundle of the distribution, and the directories in {@code
 * SSL_CERT_DIR}. The JDK's own authorities count where there is none of these. What is there is
 * kept until it changes. Thread-safe.
 */
final class SystemAuthorities {
  private static final System.Logger LOG = System.getLogger(SystemAuthorities.class.getName());

  private static final List<Path> BUNDLES =
      Stream.of(
              "/etc/ssl/certs/ca-certificates.crt", // Debian, Alpine, Gentoo
              "/etc/pki/tls/certs/ca-bundle.crt", // Fedora, RHEL
              "/etc/ssl/ca-bundle.pem", // SUSE
              "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7
              "/etc/ssl/cert.pem")
          .map(Path::of)
          .toList();

  private final String file;
  private final List<Path> directories;
  private Known known = new Known("", List.of());

  private record Known(String version, List<Certificate> certificates) {}

  SystemAuthorities(Map<String, String> environment) {
    this.file = environment.getOrDefault("SSL_CERT_FILE", "");
    this.directories =
        Arrays.stream(environment.getOrDefault("SSL_CERT_DIR", "").split(":"))
            .filter(name -> !name.isEmpty())
            .map(Path::of)
            .toList();
  }

  /** Returns text that differs once other files are there. */
  String version() {
    return String.join("\n", sources().map(path -> path + " " + FileVersion.of(path)).toList());
  }

  private Stream<Path> sources() {
    Stream<Path> bundle =
        file.isEmpty()
            ? BUNDLES.stream().filter(Files::isReadable).limit(1)
            : Stream.of(Path.of(file));
    return Stream.concat(bundle, directories.stream());
  }

  /**
   * Reads what is trusted now.
   *
   * @throws IOException if a file or directory that the environment names cannot be read
   */
  synchronized List<Certificate> certificates() throws IOException, GeneralSecurityException {
    String version = version();
    if (!known.version().equals(version) || known.certificates().isEmpty()) {
      known = new Known(version, read());
    }
    return known.certificates();
  }

  private List<Certificate> read() throws IOException, GeneralSecurityException {
    Set<Certificate> found = new LinkedHashSet<>();
    for (Path source : sources().toList()) {
      if (Files.isDirectory(source)) {
        for (Path entry : filesIn(source)) {
          found.addAll(readable(entry));
        }
      } else {
        found.addAll(readable(source));
      }
    }
    return found.isEmpty() ? ofTheJdk() : List.copyOf(found);
  }

  private static List<Path> filesIn(Path directory) throws IOException {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> entries =
        Files.newDirectoryStream(directory, Files::isRegularFile)) {
      entries.forEach(files::add);
    }
    return files;
  }

  /** One authority that Java cannot read must not cost the others. */
  private static List<Certificate> readable(Path file) throws IOException {
    List<String> unreadable = new ArrayList<>();
    List<Certificate> certificates = PemFiles.certificates(file, unreadable);
    if (!unreadable.isEmpty()) {
      LOG.log(WARNING, "certificates in {0} are left out: {1}", file, unreadable);
    }
    return certificates;
  }

  private static List<Certificate> ofTheJdk() throws GeneralSecurityException {
    var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init((KeyStore) null);
    return Arrays.stream(factory.getTrustManagers())
        .filter(X509TrustManager.class::isInstance)
        .flatMap(manager -> Arrays.stream(((X509TrustManager) manager).getAcceptedIssuers()))
        .map(Certificate.class::cast)
        .toList();
  }
}
