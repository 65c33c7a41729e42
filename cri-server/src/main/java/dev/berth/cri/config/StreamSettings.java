package dev.berth.cri.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Where the streaming server listens.
 *
 * @param address a literal IP address of this host
 * @param port 0 for one that the kernel chooses
 * @param tls empty for plain HTTP
 */
public record StreamSettings(String address, int port, Optional<Tls> tls) {
  /**
   * What makes it HTTPS.
   *
   * @param certificate a PEM file, the chain after it
   * @param key a PEM file, PKCS #8 without password
   */
  public record Tls(Path certificate, Path key) {}
}
