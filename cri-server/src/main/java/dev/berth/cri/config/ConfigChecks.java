package dev.berth.cri.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.google.common.hash.Hashing;
import dev.berth.base.BerthException;
import dev.berth.base.LogLevel;
import dev.berth.image.StoreSettings;
import dev.berth.runtime.cgroup.Slice;
import dev.berth.sandbox.CgroupDriver;
import dev.berth.sandbox.NetworkSettings;
import dev.berth.sandbox.cni.CniSettings;
import dev.berth.sandbox.net.BridgeSettings;
import dev.berth.sandbox.net.Subnet;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Turns what was written into what it means, or says where it is wrong. */
record ConfigChecks(Map<ConfigKey, ConfigValue> values, Map<String, RuntimeHandler> handlers) {
  private static final Pattern INSTANCE = Pattern.compile("[a-z0-9]{1,12}");
  private static final Pattern OCTAL = Pattern.compile("0?[0-7]{3}");
  private static final Pattern GROUP = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}");
  private static final Pattern DURATION = Pattern.compile("([1-9][0-9]{0,5})(ms|s|m)");
  private static final Pattern PORT = Pattern.compile("[0-9]{1,5}");
  private static final Path NRI_DEFAULT_SOCKET = Path.of("/var/run/nri/nri.sock");
  private static final int MAX_PORT = 65535;
  private static final Pattern NETWORKS = Pattern.compile("[1-9][0-9]?");
  private static final int MIN_MTU = 1280; // the least that IPv6 works with: RFC 8200
  private static final int MAX_MTU = 65535;

  /** The second bytes of 10.x that default subnets have: no usual default of others is there. */
  private static final int FIRST_SUBNET = 128;

  private static final int SUBNETS = 112;
  private static final int SUN_PATH_MAX = 107; // 108 bytes of sockaddr_un with the closing NUL

  BerthConfig checked() {
    Path root = directory(ConfigKey.ROOT);
    Path state = directory(ConfigKey.STATE);
    String instance = instance(root);
    CgroupDriver cgroupDriver = oneOf(ConfigKey.CGROUP_DRIVER, CgroupDriver.class);
    return new BerthConfig(
        root,
        state,
        instance,
        socket(state),
        new SocketAccess(socketMode(), matching(ConfigKey.SOCKET_GROUP, GROUP, "a group").text()),
        streaming(),
        directory(ConfigKey.HOSTS_DIR),
        file(ConfigKey.DOCKER_CONFIG),
        new StoreSettings(
            flag(ConfigKey.KEEP_CONTENT),
            flag(ConfigKey.DURABLE_PULLS),
            pinnedImages(),
            file(ConfigKey.IMAGE_POLICY)),
        network(instance),
        directories(ConfigKey.CDI_SPEC_DIRS),
        cgroupParent(instance, cgroupDriver),
        cgroupDriver,
        file(ConfigKey.CRIU),
        defaultHandler(),
        handlers,
        nri(state),
        flag(ConfigKey.ANY_MOUNT_NAMESPACE),
        oneOf(ConfigKey.LOG_LEVEL, LogLevel.class));
  }

  private ConfigValue value(ConfigKey key) {
    return requireNonNull(values.get(key));
  }

  private ConfigValue matching(ConfigKey key, Pattern pattern, String expectation) {
    ConfigValue value = value(key);
    if (!pattern.matcher(value.text()).matches()) {
      throw value.mustBe(expectation);
    }
    return value;
  }

  private Path directory(ConfigKey key) {
    return absolute(value(key), value(key).text());
  }

  private List<Path> directories(ConfigKey key) {
    ConfigValue value = value(key);
    return Arrays.stream(value.text().split(":", -1)).map(part -> absolute(value, part)).toList();
  }

  private List<String> pinnedImages() {
    String text = value(ConfigKey.PINNED_IMAGES).text();
    return Arrays.stream(text.split(",", -1))
        .map(String::strip)
        .filter(pattern -> !pattern.isEmpty())
        .toList();
  }

  private Optional<Path> file(ConfigKey key) {
    ConfigValue value = value(key);
    return value.text().isEmpty() ? Optional.empty() : Optional.of(absolute(value, value.text()));
  }

  private static Path absolute(ConfigValue value, String text) {
    if (!text.startsWith("/") || text.indexOf('\0') >= 0) {
      throw value.mustBe("an absolute path");
    }
    return Path.of(text).normalize();
  }

  /** The default root gives "berth", any other a short digest of its path. */
  private String instance(Path root) {
    if (!value(ConfigKey.INSTANCE).text().isEmpty()) {
      return matching(ConfigKey.INSTANCE, INSTANCE, "up to 12 of a-z and 0-9").text();
    }
    if (root.toString().equals(ConfigKey.ROOT.defaultValue().text())) {
      return "berth";
    }
    return "b" + Hashing.sha256().hashString(root.toString(), UTF_8).toString().substring(0, 8);
  }

  private Path socket(Path state) {
    ConfigValue value = value(ConfigKey.LISTEN);
    if (value.text().isEmpty()) {
      return fitting(value, state.resolve("berthd.sock"));
    }
    String text = value.text();
    return fitting(value, absolute(value, text.startsWith("unix://") ? text.substring(7) : text));
  }

  private static Path fitting(ConfigValue value, Path socket) {
    if (socket.toString().getBytes(UTF_8).length > SUN_PATH_MAX) {
      throw new ConfigValue(socket.toString(), value.source())
          .mustBe("a path of at most " + SUN_PATH_MAX + " bytes");
    }
    return socket;
  }

  private int socketMode() {
    return Integer.parseInt(
        matching(ConfigKey.SOCKET_MODE, OCTAL, "an octal file mode such as 0660").text(), 8);
  }

  /** A token is all that a client shows, so it crosses no network in clear text. */
  private StreamSettings streaming() {
    ConfigValue address = value(ConfigKey.STREAM_ADDRESS);
    Optional<StreamSettings.Tls> tls = streamTls();
    InetAddress parsed = literalAddress(address);
    if (parsed.isAnyLocalAddress() || (tls.isEmpty() && !parsed.isLoopbackAddress())) {
      throw address.mustBe("a loopback address, or with stream_tls_cert one of this host's");
    }
    ConfigValue port = matching(ConfigKey.STREAM_PORT, PORT, "a port number");
    int number = Integer.parseInt(port.text());
    if (number > MAX_PORT) {
      throw port.mustBe("a port number");
    }
    return new StreamSettings(address.text(), number, tls);
  }

  private static InetAddress literalAddress(ConfigValue value) {
    try {
      return InetAddress.ofLiteral(value.text());
    } catch (IllegalArgumentException e) {
      throw value.mustBe("an IP address");
    }
  }

  private Optional<StreamSettings.Tls> streamTls() {
    ConfigValue certificate = value(ConfigKey.STREAM_TLS_CERT);
    ConfigValue key = value(ConfigKey.STREAM_TLS_KEY);
    if (certificate.text().isEmpty() && key.text().isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new StreamSettings.Tls(
            absolute(certificate, certificate.text()), absolute(key, key.text())));
  }

  private Optional<NriAccess> nri(Path state) {
    ConfigValue socket = value(ConfigKey.NRI_SOCKET);
    boolean given = !socket.text().isEmpty();
    boolean shared = !given && state.toString().equals(ConfigKey.STATE.defaultValue().text());
    Path ownPath = given ? absolute(socket, socket.text()) : state.resolve("nri.sock");
    var access =
        new NriAccess(
            fitting(socket, shared ? NRI_DEFAULT_SOCKET : ownPath),
            shared,
            duration(ConfigKey.NRI_REGISTRATION_TIMEOUT),
            duration(ConfigKey.NRI_REQUEST_TIMEOUT));
    return flag(ConfigKey.NRI) ? Optional.of(access) : Optional.empty();
  }

  private NetworkSettings network(String instance) {
    return new NetworkSettings(
        oneOf(ConfigKey.NETWORK, NetworkSettings.Mode.class),
        directory(ConfigKey.CNI_CONF_DIR),
        handlerConfDirs(),
        new CniSettings(
            directories(ConfigKey.CNI_BIN_DIR),
            directory(ConfigKey.CNI_CACHE_DIR),
            maxNetworks(),
            duration(ConfigKey.CNI_TIMEOUT)),
        new BridgeSettings(instance, subnets(instance), mtu(), flag(ConfigKey.NETWORK_FORWARD)));
  }

  private Map<String, Path> handlerConfDirs() {
    Map<String, Path> directories = new HashMap<>();
    handlers.forEach((name, handler) ->
        handler.cniConfDir().ifPresent(directory -> directories.put(name, directory)));
    return directories;
  }

  private int maxNetworks() {
    return Integer.parseInt(
        matching(ConfigKey.CNI_MAX_CONF_NUM, NETWORKS, "a number from 1 to 99").text());
  }

  private List<Subnet> subnets(String instance) {
    ConfigValue value = value(ConfigKey.NETWORK_SUBNETS);
    if (value.text().isEmpty()) {
      return subnetsOf(instance);
    }
    List<Subnet> subnets = new ArrayList<>();
    for (String text : value.text().split(",", -1)) {
      try {
        subnets.add(Subnet.parse(text.strip()));
      } catch (BerthException e) {
        throw e.during(value.source());
      }
    }
    long families = subnets.stream().map(Subnet::isIpv4).distinct().count();
    if (families != subnets.size()) {
      throw value.mustBe("one subnet, or one of IPv4 and one of IPv6");
    }
    subnets.sort(Comparator.comparing(Subnet::isIpv4).reversed());
    return subnets;
  }

  /** Other instances have others, as good as always; a clash with a network of the host is seen. */
  private static List<Subnet> subnetsOf(String instance) {
    byte[] digest = Hashing.sha256().hashString(instance, UTF_8).asBytes();
    int second = FIRST_SUBNET + (digest[0] & 0xFF) % SUBNETS;
    String ipv4 = "10." + second + "." + (digest[1] & 0xF0) + ".0/20";
    String unique = HexFormat.of().formatHex(digest, 2, 7); // RFC 4193: 40 random bits
    String ipv6 =
        "fd" + unique.substring(0, 2) + ":" + unique.substring(2, 6) + ":" + unique.substring(6);
    return List.of(Subnet.parse(ipv4), Subnet.parse(ipv6 + "::/64"));
  }

  private int mtu() {
    ConfigValue value = matching(ConfigKey.NETWORK_MTU, PORT, "a number of bytes");
    int mtu = Integer.parseInt(value.text());
    if (mtu < MIN_MTU || mtu > MAX_MTU) {
      throw value.mustBe("between " + MIN_MTU + " and " + MAX_MTU);
    }
    return mtu;
  }

  private Duration duration(ConfigKey key) {
    ConfigValue value = value(key);
    Matcher matcher = DURATION.matcher(value.text());
    if (!matcher.matches()) {
      throw value.mustBe("a duration such as 500ms, 60s or 2m");
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      default -> Duration.ofMinutes(number);
    };
  }

  private String cgroupParent(String instance, CgroupDriver driver) {
    ConfigValue value = value(ConfigKey.CGROUP_PARENT);
    boolean isDefault = value.text().isEmpty();
    return switch (driver) {
      case CGROUPFS -> isDefault ? "/" + instance : directoryOfCgroups(value);
      case SYSTEMD -> isDefault ? instance + Slice.SUFFIX : slice(value);
    };
  }

  private static String directoryOfCgroups(ConfigValue value) {
    if (value.text().endsWith(Slice.SUFFIX)) {
      throw value.mustBe("no slice of systemd where cgroup_driver is cgroupfs");
    }
    return absolute(value, value.text()).toString();
  }

  private static String slice(ConfigValue value) {
    try {
      return new Slice(value.text()).name();
    } catch (BerthException e) {
      throw value.mustBe("a slice, such as berth.slice, where cgroup_driver is systemd");
    }
  }

  private String defaultHandler() {
    ConfigValue value = value(ConfigKey.DEFAULT_HANDLER);
    if (!handlers.containsKey(value.text())) {
      throw value.mustBe("one of the handlers " + String.join(", ", handlers.keySet()));
    }
    return value.text();
  }

  private boolean flag(ConfigKey key) {
    ConfigValue value = value(key);
    return switch (value.text()) {
      case "true" -> true;
      case "false" -> false;
      default -> throw value.mustBe(ConfigKey.Kind.FLAG.description());
    };
  }

  private <E extends Enum<E>> E oneOf(ConfigKey key, Class<E> type) {
    ConfigValue value = value(key);
    List<E> allowed = List.of(type.getEnumConstants());
    return allowed.stream()
        .filter(candidate -> word(candidate).equals(value.text()))
        .findFirst()
        .orElseThrow(() ->
            value.mustBe(
                allowed.stream().map(ConfigChecks::word).collect(Collectors.joining(" or "))));
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}
