package dev.berth.cri.config;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Every scalar setting of {@code berthd}, in the order in which it is documented. */
public enum ConfigKey {
  ROOT(
      "root",
      Kind.TEXT,
      "/var/lib/berth",
      "Directory of what must survive a reboot: images, snapshots, records."),
  STATE(
      "state",
      Kind.TEXT,
      "/run/berth",
      "Directory of what ends with a reboot: sockets, bundles, pinned namespaces. A tmpfs."),
  INSTANCE(
      "instance",
      Kind.TEXT,
      "",
      "Name that keeps several berthd on one host apart: part of every name that the whole host",
      "sees. Up to 12 of a-z, 0-9. Empty: made from root."),
  LISTEN(
      "listen",
      Kind.TEXT,
      "",
      "Unix socket that serves CRI, as a path or unix://path. Empty: berthd.sock under state."),
  SOCKET_MODE("socket_mode", Kind.TEXT, "0660", "File mode of the CRI socket, in octal."),
  SOCKET_GROUP("socket_group", Kind.TEXT, "root", "Group of the CRI socket, by name or number."),
  STREAM_ADDRESS(
      "stream_address",
      Kind.TEXT,
      "127.0.0.1",
      "IP address on which exec, attach and port-forward are served to the kubelet. One that is",
      "not a loopback address needs TLS."),
  STREAM_PORT(
      "stream_port",
      Kind.TEXT,
      "0",
      "Port of that. 0: any free one, chosen when the first stream is asked for."),
  STREAM_TLS_CERT(
      "stream_tls_cert",
      Kind.TEXT,
      "",
      "PEM file with the certificate of stream_address, and its chain. Empty: plain HTTP."),
  STREAM_TLS_KEY(
      "stream_tls_key", Kind.TEXT, "", "PEM file with the key of stream_tls_cert, PKCS #8."),
  HOSTS_DIR(
      "hosts_dir",
      Kind.TEXT,
      "/etc/berth/hosts.d",
      "Directory with one HOST/hosts.toml per registry host: mirrors, plain HTTP, capabilities."),
  CNI_CONF_DIR(
      "cni_conf_dir",
      Kind.TEXT,
      "/etc/cni/net.d",
      "Directory whose first *.conflist or *.conf, in name order, is the network of pods."),
  CNI_BIN_DIR(
      "cni_bin_dir",
      Kind.TEXT,
      "/opt/cni/bin:/usr/lib/cni",
      "Directories, separated by colons, in which CNI plugins are looked up."),
  CNI_TIMEOUT(
      "cni_timeout",
      Kind.TEXT,
      "60s",
      "Time after which a CNI plugin that has not ended is killed: a number with ms, s or m."),
  CGROUP_PARENT(
      "cgroup_parent",
      Kind.TEXT,
      "",
      "Cgroup below which containers go whose pod names none. Empty: / and the instance."),
  CGROUP_DRIVER(
      "cgroup_driver",
      Kind.TEXT,
      "cgroupfs",
      "Who makes the cgroups of containers: cgroupfs or systemd. The kubelet must use the same."),
  CRIU(
      "criu",
      Kind.TEXT,
      "",
      "CRIU, which checkpoints containers, by its path. Empty: criu in PATH. A shim that runs keeps",
      "the one it was started with."),
  DEFAULT_HANDLER(
      "default_handler",
      Kind.TEXT,
      "berth",
      "Runtime handler of pods that name none; one of the [handlers] below."),
  ANY_MOUNT_NAMESPACE(
      "any_mount_namespace",
      Kind.FLAG,
      "false",
      "Run even when the mount namespace is not that of PID 1. Mounts made there are invisible to",
      "the kubelet, and vanish with the namespace."),
  LOG_LEVEL("log_level", Kind.TEXT, "info", "What is logged: error, warning, info or debug.");

  /** The type a value has in the file. */
  enum Kind {
    TEXT("a string"),
    FLAG("true or false");

    private final String description;

    Kind(String description) {
      this.description = description;
    }

    String description() {
      return description;
    }
  }

  private final String key;
  private final Kind kind;
  private final String defaultText;
  private final String meaning;

  ConfigKey(String key, Kind kind, String defaultText, String... meaning) {
    this.key = key;
    this.kind = kind;
    this.defaultText = defaultText;
    this.meaning = String.join("\n", meaning);
  }

  /** Returns the name in the file: {@code "cni_conf_dir"}. */
  public String key() {
    return key;
  }

  /** Returns the flag: {@code "--cni-conf-dir"}. */
  public String flag() {
    return "--" + key.replace('_', '-');
  }

  /** Returns the meaning, in lines that fit a terminal. */
  public List<String> meaning() {
    return meaning.lines().toList();
  }

  Kind kind() {
    return kind;
  }

  ConfigValue defaultValue() {
    return new ConfigValue(defaultText, "default of " + key);
  }

  static Optional<ConfigKey> byKey(String key) {
    return Arrays.stream(values()).filter(candidate -> candidate.key.equals(key)).findFirst();
  }

  static Optional<ConfigKey> byFlag(String flag) {
    return Arrays.stream(values()).filter(candidate -> candidate.flag().equals(flag)).findFirst();
  }

  static List<String> keys() {
    return Arrays.stream(values()).map(ConfigKey::key).collect(Collectors.toUnmodifiableList());
  }

  static List<String> flags() {
    return Arrays.stream(values()).map(ConfigKey::flag).collect(Collectors.toUnmodifiableList());
  }
}
