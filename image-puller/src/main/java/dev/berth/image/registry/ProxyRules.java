package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.net.InetAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Which requests go through a proxy, by the variables {@code HTTP_PROXY}, {@code HTTPS_PROXY} and
 * {@code NO_PROXY}, or the same in lower case. They mean what they mean to programs written in Go,
 * so that a node's runtimes agree: see its package {@code golang.org/x/net/http/httpproxy}.
 *
 * <p>This machine itself, {@code localhost} and loopback addresses, is never asked through a proxy.
 * Immutable.
 */
public final class ProxyRules {
  /** No proxy for anything. */
  public static final ProxyRules NONE = new ProxyRules(null, null, List.of());

  private static final int MAX_PORT = 65535;

  /**
   * A proxy.
   *
   * @param scheme that it is itself spoken to with, http or https
   * @param user empty for none
   */
  record Proxy(String scheme, String host, int port, String user, String password) {
    @Override
    public String toString() { // secrets are in no log or error
      return scheme + "://" + host + ":" + port;
    }
  }

  /** Says of a host in lower case, without brackets, and a port whether it is an exception. */
  private interface Exemption {
    boolean covers(String host, @Nullable InetAddress address, int port);
  }

  private final @Nullable Proxy http;
  private final @Nullable Proxy https;
  private final List<Exemption> exemptions;

  private ProxyRules(@Nullable Proxy http, @Nullable Proxy https, List<Exemption> exemptions) {
    this.http = http;
    this.https = https;
    this.exemptions = List.copyOf(exemptions);
  }

  /**
   * Reads the variables of an environment.
   *
   * @throws BerthException INVALID_ARGUMENT naming the variable that is not the URL of a proxy
   */
  public static ProxyRules of(Map<String, String> environment) {
    return new ProxyRules(
        proxy("HTTP_PROXY", environment),
        proxy("HTTPS_PROXY", environment),
        exemptions(value("NO_PROXY", environment)));
  }

  private static String value(String name, Map<String, String> environment) {
    String upper = environment.getOrDefault(name, "").strip();
    return upper.isEmpty()
        ? environment.getOrDefault(name.toLowerCase(Locale.ROOT), "").strip()
        : upper;
  }

  private static @Nullable Proxy proxy(String name, Map<String, String> environment) {
    String text = value(name, environment);
    if (text.isEmpty()) {
      return null;
    }
    try {
      URI url = URI.create(text.contains("://") ? text : "http://" + text);
      String scheme = url.getScheme().toLowerCase(Locale.ROOT);
      boolean known = scheme.equals("http") || scheme.equals("https");
      if (known && url.getHost() != null && url.getPort() <= MAX_PORT) {
        String[] user = (url.getRawUserInfo() == null ? "" : url.getRawUserInfo()).split(":", 2);
        int port = url.getPort() >= 0 ? url.getPort() : defaultPort(scheme);
        String password = user.length > 1 ? decoded(user[1]) : "";
        return new Proxy(scheme, url.getHost(), port, decoded(user[0]), password);
      }
    } catch (IllegalArgumentException e) {
      // told below without the value: there may be a password in it
    }
    throw new BerthException(
        INVALID_ARGUMENT, "environment " + name + ": not the URL of an http or https proxy");
  }

  /** Percent signs alone: a plus sign in a password is one. */
  private static String decoded(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  private static int defaultPort(String scheme) {
    return scheme.equals("https") ? 443 : 80;
  }

  private static List<Exemption> exemptions(String text) {
    List<Exemption> exemptions = new ArrayList<>();
    for (String part : text.split(",", -1)) {
      String entry = part.strip().toLowerCase(Locale.ROOT);
      if (entry.equals("*")) {
        return List.of((_, _, _) -> true);
      }
      if (!entry.isEmpty()) {
        exemptions.add(entry.contains("/") ? network(entry) : host(entry));
      }
    }
    return exemptions;
  }

  /** What is not a network covers nothing, as with Go: the variable is also for others. */
  private static Exemption network(String entry) {
    int slash = entry.indexOf('/');
    InetAddress base = literal(entry.substring(0, slash));
    String bits = entry.substring(slash + 1);
    if (base == null || !bits.matches("\\d{1,3}")) {
      return (_, _, _) -> false;
    }
    int prefix = Integer.parseInt(bits);
    return (_, address, _) ->
        address != null && sharesPrefix(base.getAddress(), address.getAddress(), prefix);
  }

  private static boolean sharesPrefix(byte[] a, byte[] b, int bits) {
    if (a.length != b.length || bits > a.length * 8) {
      return false;
    }
    for (int bit = 0; bit < bits; bit++) {
      int mask = 0x80 >> (bit % 8);
      if ((a[bit / 8] & mask) != (b[bit / 8] & mask)) {
        return false;
      }
    }
    return true;
  }

  /** {@code example.com} covers what is below it too, {@code .example.com} only that. */
  private static Exemption host(String entry) {
    int colon = entry.lastIndexOf(':');
    boolean hasPort =
        colon > 0 && literal(entry) == null && entry.substring(colon + 1).matches("\\d{1,5}");
    int port = hasPort ? Integer.parseInt(entry.substring(colon + 1)) : -1;
    String name = withoutBrackets(hasPort ? entry.substring(0, colon) : entry);
    InetAddress literal = literal(name);
    String domain = name.startsWith("*.") ? name.substring(1) : name;
    return (host, address, asked) -> {
      if (port >= 0 && port != asked) {
        return false;
      }
      if (literal != null) {
        return literal.equals(address);
      }
      return domain.startsWith(".")
          ? host.endsWith(domain)
          : host.equals(domain) || host.endsWith("." + domain);
    };
  }

  private static String withoutBrackets(String host) {
    return host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
  }

  private static @Nullable InetAddress literal(String host) {
    try {
      return InetAddress.ofLiteral(withoutBrackets(host));
    } catch (IllegalArgumentException e) {
      return null; // a name
    }
  }

  /**
   * Returns the proxy for a host.
   *
   * @param port -1 for the scheme's own
   */
  Optional<Proxy> proxyFor(String scheme, String host, int port) {
    Proxy proxy = scheme.equalsIgnoreCase("https") ? https : http;
    if (proxy == null) {
      return Optional.empty();
    }
    String name = withoutBrackets(host.toLowerCase(Locale.ROOT));
    InetAddress address = literal(name);
    int asked = port >= 0 ? port : defaultPort(scheme);
    boolean direct =
        name.equals("localhost")
            || (address != null && address.isLoopbackAddress())
            || exemptions.stream().anyMatch(rule -> rule.covers(name, address, asked));
    return direct ? Optional.empty() : Optional.of(proxy);
  }
}
