package dev.berth.sandbox.cni;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A pod network for tests that leaves no trace on the machine.
 *
 * <p>The real plugins run in a network namespace of their own that plays the host: the bridge, the
 * sysctls and the packet filter rules that they make vanish with it. Only the plugins' programs are
 * wrapped, in a line of shell that enters that namespace; the sandboxes are real.
 */
public final class TestNetwork implements AutoCloseable {
  private static final AtomicInteger SEQUENCE = new AtomicInteger();
  private static final Path PLUGINS = Path.of("/usr/lib/cni");

  private final Path directory;
  private final String hostNamespace;

  /**
   * Creates the namespace that plays the host, wrappers for all plugins and a bridge network.
   *
   * @param directory an empty directory for the configuration and the plugins' state
   */
  public TestNetwork(Path directory) throws IOException {
    this.directory = directory;
    this.hostNamespace =
        "berth-test-" + ProcessHandle.current().pid() + "-" + SEQUENCE.incrementAndGet();
    Files.createDirectories(confDir());
    Files.createDirectories(binDir());
    run("ip", "netns", "add", hostNamespace);
    run("ip", "-n", hostNamespace, "link", "set", "lo", "up");
    for (String plugin : List.of("bridge", "host-local", "portmap", "bandwidth", "loopback")) {
      plugin(
          plugin, "exec nsenter --net=/run/netns/" + hostNamespace + " " + PLUGINS.resolve(plugin));
    }
    conf("10-test.conflist", bridgeNetwork());
  }

  private String bridgeNetwork() {
    return """
    {"cniVersion": "1.0.0", "name": "berth-test", "plugins": [
      {"type": "bridge", "bridge": "berthbr0", "isGateway": true, "ipMasq": false,
       "ipam": {"type": "host-local", "dataDir": "%s",
                "ranges": [[{"subnet": "10.213.77.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
      {"type": "portmap", "capabilities": {"portMappings": true}, "snat": false}
    ]}
    """
        .formatted(directory.resolve("ipam"));
  }

  public Path confDir() {
    return directory.resolve("net.d");
  }

  public Path binDir() {
    return directory.resolve("bin");
  }

  /** How the wrapped plugins are called. */
  public CniSettings settings(Duration pluginTimeout) {
    return new CniSettings(List.of(binDir()), cacheDir(), 1, pluginTimeout);
  }

  public Path cacheDir() {
    return directory.resolve("cache");
  }

  /** Writes a network configuration file. */
  public void conf(String name, String json) throws IOException {
    Files.writeString(confDir().resolve(name), json);
  }

  /** Writes a plugin: a shell script. */
  public void plugin(String name, String script) throws IOException {
    Path file = binDir().resolve(name);
    Files.writeString(file, "#!/bin/sh\n" + script + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** Returns the addresses that host-local has given out. */
  public List<String> leases() throws IOException {
    Path leases = directory.resolve("ipam").resolve("berth-test");
    if (!Files.exists(leases)) {
      return List.of();
    }
    try (var entries = Files.list(leases)) {
      return entries
          .map(file -> file.getFileName().toString())
          .filter(name -> Character.isDigit(name.charAt(0)))
          .sorted()
          .toList();
    }
  }

  /** Runs a command in the namespace that plays the host and returns what it printed. */
  public String onHost(String... command) throws IOException {
    var all = new java.util.ArrayList<>(List.of("ip", "netns", "exec", hostNamespace));
    all.addAll(List.of(command));
    return run(all.toArray(String[]::new));
  }

  /** Runs a command and returns what it printed; fails if the command does. */
  public static String run(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(20, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new IOException(String.join(" ", command) + " failed: " + output);
      }
      return output;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      process.destroyForcibly();
    }
  }

  @Override
  public void close() throws IOException {
    run("ip", "netns", "delete", hostNamespace);
  }
}
