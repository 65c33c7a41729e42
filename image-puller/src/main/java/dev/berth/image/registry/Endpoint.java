package dev.berth.image.registry;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

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
  static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

  /** What a host may be asked. */
  enum Capability {
    PULL,
    RESOLVE,
    PUSH
  }

  /**
   * How a host proves who it is.
   *
   * @param authorities PEM files that are trusted besides the machine's own
   */
  record Tls(boolean skipVerify, List<Path> authorities) {
    static final Tls DEFAULT = new Tls(false, List.of());

    Tls {
      authorities = List.copyOf(authorities);
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
