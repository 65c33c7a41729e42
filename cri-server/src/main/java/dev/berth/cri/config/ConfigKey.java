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
  DOCKER_CONFIG(
      "docker_config",
      Kind.TEXT,
      "",
      "File in the form of Docker's config.json with credentials for pulls that bring none: auths,",
      "credHelpers and credsStore; helpers are looked up in PATH. Empty: none."),
  KEEP_CONTENT(
      "keep_content",
      Kind.FLAG,
      "false",
      "Keep the compressed layers of pulled images, so that berth save and push need no registry."),
  DURABLE_PULLS(
      "durable_pulls",
      Kind.FLAG,
      "false",
      "Answer a pull when the image is on the disk, not when it can be used: it then outlives a power",
      "cut right after, which otherwise costs a second pull."),
  PINNED_IMAGES(
      "pinned_images",
      Kind.TEXT,
      "",
      "Names, separated by commas, of images that the kubelet never removes for want of space; *",
      "stands for anything."),
  IMAGE_POLICY(
      "image_policy",
      Kind.TEXT,
      "",
      "TOML file that says which images may be pulled, and which must be signed. Empty: all may."),
  NETWORK(
      "network",
      Kind.TEXT,
      "auto",
      "Who gives pods their network. cni: plugins, as configured in cni_conf_dir; own: Berth",
      "itself, with a bridge of its own; auto: plugins if there is a configuration, else Berth."),
  NETWORK_SUBNETS(
      "network_subnets",
      Kind.TEXT,
      "",
      "Addresses of Berth's own network: an IPv4 subnet, an IPv6 subnet, or both with a comma.",
      "Empty: a /20 below 10.128.0.0/9 and a /64 below fd00::/8, made from the instance."),
  NETWORK_MTU("network_mtu", Kind.TEXT, "1500", "Largest packet of Berth's own network, in bytes."),
  NETWORK_FORWARD(
      "network_forward",
      Kind.FLAG,
      "true",
      "Let pods of Berth's own network reach beyond this host, and their host ports be reached",
      "from there: turns IP forwarding on for the machine, and masquerades what leaves it."),
  CNI_CONF_DIR(
      "cni_conf_dir",
      Kind.TEXT,
      "/etc/cni/net.d",
      "Directory whose first *.conflist or *.conf, in name order, is the network of pods."),
  CNI_MAX_CONF_NUM(
      "cni_max_conf_num",
      Kind.TEXT,
      "1",
      "How many of those files pods are attached to, as eth0, eth1 and so on. The first gives a pod",
      "the addresses that it is known by."),
  CNI_BIN_DIR(
      "cni_bin_dir",
      Kind.TEXT,
      "/opt/cni/bin:/usr/lib/cni",
      "Directories, separated by colons, in which CNI plugins are looked up."),
  CNI_CACHE_DIR(
      "cni_cache_dir",
      Kind.TEXT,
      "/var/lib/cni",
      "Directory below which results are left for other programs, as libcni does."),
  CNI_TIMEOUT(
      "cni_timeout",
      Kind.TEXT,
      "60s",
      "Time after which a CNI plugin that has not ended is killed: a number with ms, s or m."),
  CDI_SPEC_DIRS(
      "cdi_spec_dirs",
      Kind.TEXT,
      "/etc/cdi:/var/run/cdi",
      "Directories, separated by colons, of CDI spec files; a later one counts for more."),
  CGROUP_PARENT(
      "cgroup_parent",
      Kind.TEXT,
      "",
      "Cgroup below which containers go whose pod names none: an absolute path, or with systemd",
      "the name of a slice. Empty: made from the instance, /berth or berth.slice."),
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
  NRI(
      "nri",
      Kind.FLAG,
      "true",
      "Let plugins of the Node Resource Interface connect. They run as root, see every pod and may",
      "adjust containers."),
  NRI_SOCKET(
      "nri_socket",
      Kind.TEXT,
      "",
      "Unix socket at which they connect. Empty: /var/run/nri/nri.sock, where plugins look and one",
      "runtime of the host can be; nri.sock under state if that is not the default one."),
  NRI_REGISTRATION_TIMEOUT(
      "nri_registration_timeout",
      Kind.TEXT,
      "5s",
      "Time that a plugin has to register, and then to take in the pods that there are."),
  NRI_REQUEST_TIMEOUT(
      "nri_request_timeout",
      Kind.TEXT,
      "2s",
      "Time that a plugin has for any other answer. One that takes longer is disconnected."),
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
