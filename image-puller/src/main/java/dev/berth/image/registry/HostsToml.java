package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

/**
 * Reads a {@code hosts.toml} as containerd does, except that what it does not understand is an
 * error: a mistyped {@code skip_verify} must not pass in silence.
 *
 * <p>Only touched when there is such a file: the TOML parser is large.
 */
final class HostsToml {
  private static final List<String> HOST_KEYS =
      List.of(
          "capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout");
  private static final List<String> TOP_KEYS =
      Stream.concat(Stream.of("server", "host"), HOST_KEYS.stream()).toList();
  private static final Pattern DURATION = Pattern.compile("(\\d{1,9})(ms|s|m)");

  private final Path file;
  private final String registry;
  private final TomlTable top;

  private HostsToml(Path file, String registry, TomlTable top) {
    this.file = file;
    this.registry = registry;
    this.top = top;
  }

  /** Returns the hosts in the order of the file, then the server. */
  static List<Endpoint> parse(Path file, String registry) {
    TomlParseResult result;
    try {
      result = Toml.parse(file);
    } catch (IOException e) {
      throw new BerthException(INVALID_ARGUMENT, "cannot read " + file + ": " + e.getMessage(), e);
    }
    if (result.hasErrors()) {
      var error = result.errors().getFirst();
      throw new BerthException(
          INVALID_ARGUMENT,
          file
              + " line "
              + error.position().line()
              + ": "
              + Ids.printable(String.valueOf(error.getMessage())));
    }
    return new HostsToml(file, registry, result).endpoints();
  }

  private List<Endpoint> endpoints() {
    requireKnown(top, TOP_KEYS, "");
    List<Endpoint> endpoints = new ArrayList<>();
    TomlTable hosts = table(top, "host");
    if (hosts != null) {
      for (String url : inFileOrder(hosts)) {
        endpoints.add(host(url, hosts));
      }
    }
    endpoints.add(server());
    return endpoints;
  }

  private static List<String> inFileOrder(TomlTable hosts) {
    Comparator<TomlPosition> order =
        Comparator.comparingInt(TomlPosition::line).thenComparingInt(TomlPosition::column);
    return hosts.keySet().stream()
        .sorted(
            Comparator.comparing(
                key -> hosts.inputPositionOf(List.of(key)), Comparator.nullsFirst(order)))
        .toList();
  }

  private Endpoint host(String url, TomlTable hosts) {
    TomlTable settings = table(hosts, url);
    if (settings == null) {
      throw invalid(hosts, url, "must be a table");
    }
    requireKnown(settings, HOST_KEYS, "host.\"" + url + "\".");
    return endpoint(url, settings, hosts, url, registry);
  }

  private Endpoint server() {
    String server = string(top, "server");
    if (server == null) {
      Endpoint plain = Endpoint.ofRegistry(registry);
      return endpoint(plain.base().toString(), top, top, "server", "");
    }
    return endpoint(server, top, top, "server", "");
  }

  private Endpoint endpoint(
      String url, TomlTable settings, TomlTable named, String key, String mirrorOf) {
    return new Endpoint(
        base(url, bool(settings, "override_path"), named, key),
        capabilities(settings),
        Endpoint.Tls.of(bool(settings, "skip_verify"), authorities(settings), clients(settings)),
        headers(settings),
        dialTimeout(settings),
        mirrorOf);
  }

  private URI base(String url, boolean overridePath, TomlTable named, String key) {
    String full = url.contains("://") ? url : "https://" + url;
    try {
      URI uri = URI.create(full);
      String scheme = uri.getScheme();
      if (uri.getRawAuthority() == null
          || uri.getRawUserInfo() != null
          || uri.getRawQuery() != null
          || !(scheme.equals("https") || scheme.equals("http"))) {
        throw invalid(named, key, "\"" + Ids.printable(url) + "\" is not the URL of a host");
      }
      String path = uri.getRawPath().replaceAll("/+$", "");
      if (!overridePath && !path.endsWith("/v2")) {
        path += "/v2";
      }
      return URI.create(scheme + "://" + uri.getRawAuthority() + path);
    } catch (IllegalArgumentException e) {
      throw invalid(named, key, "\"" + Ids.printable(url) + "\" is not a URL");
    }
  }

  private Set<Endpoint.Capability> capabilities(TomlTable settings) {
    TomlArray names = array(settings, "capabilities");
    if (names == null) {
      return Set.of(Endpoint.Capability.values());
    }
    var capabilities = EnumSet.noneOf(Endpoint.Capability.class);
    for (int i = 0; i < names.size(); i++) {
      String name = String.valueOf(names.get(i));
      switch (name.toLowerCase(Locale.ROOT)) {
        case "pull" -> capabilities.add(Endpoint.Capability.PULL);
        case "resolve" -> capabilities.add(Endpoint.Capability.RESOLVE);
        case "push" -> capabilities.add(Endpoint.Capability.PUSH);
        case "referrers" -> {} // known to containerd, nothing here asks for it
        default ->
            throw invalid(
                settings,
                "capabilities",
                "\"" + Ids.printable(name) + "\" is none of pull, resolve, push, referrers");
      }
    }
    return capabilities;
  }

  private List<Path> authorities(TomlTable settings) {
    return strings(settings, "ca").stream().map(this::beside).toList();
  }

  private Path beside(String name) {
    return file.resolveSibling(name).normalize();
  }

  /** One file, a list of files with certificate and key, or a list of pairs of them. */
  private List<Endpoint.ClientKey> clients(TomlTable settings) {
    Object value = settings.get(List.of("client"));
    List<?> entries = value instanceof TomlArray array ? array.toList() : Arrays.asList(value);
    List<Endpoint.ClientKey> clients = new ArrayList<>();
    for (Object entry : value == null ? List.of() : entries) {
      if (entry instanceof String both) {
        clients.add(new Endpoint.ClientKey(beside(both), beside(both)));
      } else if (entry instanceof TomlArray pair
          && pair.size() == 2
          && pair.get(0) instanceof String certificate
          && pair.get(1) instanceof String key) {
        clients.add(new Endpoint.ClientKey(beside(certificate), beside(key)));
      } else {
        throw invalid(
            settings, "client", "must be a file, a list of files, or of [certificate, key]");
      }
    }
    return clients;
  }

  private Map<String, List<String>> headers(TomlTable settings) {
    TomlTable table = table(settings, "header");
    Map<String, List<String>> headers = new LinkedHashMap<>();
    if (table != null) {
      for (String name : table.keySet()) {
        List<String> values = strings(table, name);
        if (!name.matches("[A-Za-z0-9!#$%&'*+.^_`|~-]+")
            || values.stream().anyMatch(value -> value.chars().anyMatch(c -> c < ' '))) {
          throw invalid(table, name, "is not a valid header");
        }
        headers.put(name, values);
      }
    }
    return headers;
  }

  private Duration dialTimeout(TomlTable settings) {
    String text = string(settings, "dial_timeout");
    if (text == null) {
      return Endpoint.CONNECT_TIMEOUT;
    }
    Matcher matcher = DURATION.matcher(text);
    if (!matcher.matches()) {
      throw invalid(settings, "dial_timeout", "must be like \"3s\" or \"500ms\"");
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(number);
      case "m" -> Duration.ofMinutes(number);
      default -> Duration.ofSeconds(number);
    };
  }

  private void requireKnown(TomlTable table, List<String> known, String prefix) {
    for (String key : table.keySet()) {
      if (!known.contains(key)) {
        throw new BerthException(
            INVALID_ARGUMENT,
            where(table, key)
                + "unknown key \""
                + Ids.printable(prefix + key)
                + "\", the nearest known one is \""
                + prefix
                + Similar.nearest(key, known)
                + "\"");
      }
    }
  }

  private @Nullable String string(TomlTable table, String key) {
    Object value = table.get(List.of(key));
    if (value == null || value instanceof String) {
      return (String) value;
    }
    throw invalid(table, key, "must be a text");
  }

  private boolean bool(TomlTable table, String key) {
    Object value = table.get(List.of(key));
    if (value == null || value instanceof Boolean) {
      return value != null && (Boolean) value;
    }
    throw invalid(table, key, "must be true or false");
  }

  private @Nullable TomlTable table(TomlTable table, String key) {
    Object value = table.get(List.of(key));
    if (value == null || value instanceof TomlTable) {
      return (TomlTable) value;
    }
    throw invalid(table, key, "must be a table");
  }

  private @Nullable TomlArray array(TomlTable table, String key) {
    Object value = table.get(List.of(key));
    if (value == null || value instanceof TomlArray) {
      return (TomlArray) value;
    }
    throw invalid(table, key, "must be a list");
  }

  /** One text or a list of them. */
  private List<String> strings(TomlTable table, String key) {
    Object value = table.get(List.of(key));
    if (value == null) {
      return List.of();
    }
    if (value instanceof String text) {
      return List.of(text);
    }
    if (value instanceof TomlArray array
        && array.toList().stream().allMatch(String.class::isInstance)) {
      return array.toList().stream().map(String.class::cast).toList();
    }
    throw invalid(table, key, "must be a text or a list of texts");
  }

  private BerthException invalid(TomlTable table, String key, String why) {
    return new BerthException(
        INVALID_ARGUMENT, where(table, key) + "\"" + Ids.printable(key) + "\" " + why);
  }

  private String where(TomlTable table, String key) {
    TomlPosition position = table.inputPositionOf(List.of(key));
    return file + (position == null ? "" : " line " + position.line()) + ": ";
  }
}
