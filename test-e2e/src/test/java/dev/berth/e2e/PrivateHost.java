package dev.berth.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A network namespace that plays the host for the real CNI plugins, so that the bridge, sysctls and
 * rules they make are not the machine's. Each plugin is wrapped in a line of shell that enters it.
 */
final class PrivateHost implements AutoCloseable {
  private static final AtomicInteger SEQUENCE = new AtomicInteger();
  private static final Path PLUGINS = Path.of("/usr/lib/cni");

  private final Path directory;
  private final String namespace;

  PrivateHost(Path directory) throws IOException {
    this.directory = directory;
    this.namespace =
        "berth-e2e-" + ProcessHandle.current().pid() + "-" + SEQUENCE.incrementAndGet();
    Files.createDirectories(confDir());
    Files.createDirectories(binDir());
    Command.output("ip", "netns", "add", namespace);
    Command.output("ip", "-n", namespace, "link", "set", "lo", "up");
    beginPlugins("");
    Files.writeString(confDir().resolve("10-e2e.conflist"), network());
  }

  private String network() {
    return """
    {"cniVersion": "1.0.0", "name": "berth-e2e", "plugins": [
      {"type": "bridge", "bridge": "berthe2e0", "isGateway": true, "ipMasq": false,
       "ipam": {"type": "host-local", "dataDir": "%s",
                "ranges": [[{"subnet": "10.213.78.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
      {"type": "portmap", "capabilities": {"portMappings": true}}
    ]}
    """
        .formatted(directory.resolve("ipam"));
  }

  Path confDir() {
    return directory.resolve("net.d");
  }

  Path binDir() {
    return directory.resolve("bin");
  }

  Path cacheDir() {
    return directory.resolve("cache");
  }

  private void plugin(String name, String script) throws IOException {
    Path file = binDir().resolve(name);
    Path next = binDir().resolve("." + name); // a caller sees either the old or the new one
    Files.writeString(next, "#!/bin/sh\n" + script + "\n");
    Files.setPosixFilePermissions(next, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.move(next, file, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Puts a line of shell before each plugin, which goes on in the same process. */
  void beginPlugins(String line) throws IOException {
    for (String plugin : List.of("bridge", "host-local", "portmap")) {
      String enter = "exec nsenter --net=/run/netns/" + namespace + " ";
      plugin(plugin, line + "\n" + enter + PLUGINS.resolve(plugin));
    }
  }

  /** Fetches a page as a program on this host does. */
  String get(String url) {
    return Command.output(
        "nsenter", "--net=/run/netns/" + namespace, "busybox", "wget", "-q", "-O", "-", url);
  }

  /** Runs {@code action} while a plugin is replaced by a line of shell. */
  void replacing(String name, String script, Runnable action) throws IOException {
    Path original = directory.resolve("original-" + name);
    Files.copy(binDir().resolve(name), original, StandardCopyOption.COPY_ATTRIBUTES);
    plugin(name, script);
    try {
      action.run();
    } finally {
      Files.move(original, binDir().resolve(name), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** Returns the addresses that are given out. */
  List<String> leases() throws IOException {
    Path leases = directory.resolve("ipam").resolve("berth-e2e");
    if (!Files.exists(leases)) {
      return List.of();
    }
    try (var files = Files.list(leases)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> Character.isDigit(name.charAt(0)))
          .sorted()
          .toList();
    }
  }

  /** Runs a command in the namespace and returns what it printed. */
  String run(String... command) {
    var words = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
    words.addAll(List.of(command));
    return Command.output(words.toArray(String[]::new));
  }

  /** Returns the command that runs another in the namespace, and in no other. */
  List<String> enter() {
    return List.of("nsenter", "--net=/run/netns/" + namespace);
  }

  @Override
  public void close() {
    Command.output("ip", "netns", "delete", namespace);
  }
}
