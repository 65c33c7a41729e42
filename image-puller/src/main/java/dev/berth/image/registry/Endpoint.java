package dev.berth.image.registry;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * One server that can answer for a registry: the registry itself or a mirror.
 *
 * @param base scheme, host, port and path, the {@code /v2} included, without a slash at the end
 * @param headers sent with every request to this host, and to no other
 * @param mirrorOf the registry it stands in for, sent as {@code ns}; empty for the registry itself
 */
record Endpoint(
    URI base,
    Set<Capability> capabilities,
    Tls tls,
    Map<String, List<String>> headers,
    Duration connectTimeout,
    String mirrorOf) {
  static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

  /** What a host may be asked. */
  enum Capability {
    PULL,
    RESOLVE,
    PUSH
  }

  /** What this node shows to prove who it is: two PEM files, which may be the same. */
  record ClientKey(Path certificate, Path key) {}

  /**
   * How a host and this node prove to each other who they are.
   *
   * @param authorities PEM files that are trusted besides the machine's own
   * @param version of the files, so that replaced ones are read again
   */
  record Tls(
      boolean skipVerify, List<Path> authorities, List<ClientKey> clients, List<String> version) {
    static final Tls DEFAULT = new Tls(false, List.of(), List.of(), List.of());

    Tls {
      authorities = List.copyOf(authorities);
      clients = List.copyOf(clients);
      version = List.copyOf(version);
    }

    /** Settings with these files as they are now. */
    static Tls of(boolean skipVerify, List<Path> authorities, List<ClientKey> clients) {
      List<String> version =
          Stream.concat(
                  authorities.stream(),
                  clients.stream().flatMap(one -> Stream.of(one.certificate(), one.key())))
              .map(FileVersion::of)
              .toList();
      return new Tls(skipVerify, authorities, clients, version);
    }

    /** Whether these are the same settings with other contents of their files. */
    boolean isOlderVersionOf(Tls other) {
      return skipVerify == other.skipVerify
          && authorities.equals(other.authorities)
          && clients.equals(other.clients)
          && !version.equals(other.version);
    }
  }

  Endpoint {
    capabilities = Set.copyOf(capabilities);
    headers = Map.copyOf(headers);
  }

  /** The registry itself, as it is reached without any configuration. */
  static Endpoint ofRegistry(String registry) {
    String host = registry.equals("docker.io") ? "registry-1.docker.io" : registry;
    String scheme = isLoopback(host) ? "http" : "https";
    return new Endpoint(
        URI.create(scheme + "://" + host + "/v2"),
        Set.of(Capability.values()),
        Tls.DEFAULT,
        Map.of(),
        CONNECT_TIMEOUT,
        "");
  }

  /** The same over TLS with these settings. */
  Endpoint secured(Tls other) {
    URI secure = URI.create("https://" + host() + base.getRawPath());
    return new Endpoint(secure, capabilities, other, headers, connectTimeout, mirrorOf);
  }

  /** Traffic to this machine itself needs no TLS. */
  private static boolean isLoopback(String host) {
    String name =
        host.startsWith("[") ? host.substring(0, host.indexOf(']') + 1) : host.split(":", 2)[0];
    return name.equals("localhost") || name.equals("[::1]") || name.matches("127(\\.\\d{1,3}){3}");
  }

  /** Host and port as written, which is what credentials and messages name. */
  String host() {
    return base.getRawAuthority();
  }

  boolean isPlainHttp() {
    return base.getScheme().equals("http");
  }

  boolean can(Capability capability) {
    return capabilities.contains(capability);
  }

  /** Returns the URL of a path of the distribution API. */
  URI url(String path) {
    String query = mirrorOf.isEmpty() ? "" : "?ns=" + mirrorOf;
    return URI.create(base + path + query);
  }
}
