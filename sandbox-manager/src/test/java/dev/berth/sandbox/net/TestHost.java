package dev.berth.sandbox.net;

import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NamespaceSetup;
import dev.berth.runtime.kernel.NamespaceType;
import dev.berth.runtime.kernel.Namespaces;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Network namespaces that play a host, its pods and a neighbour; all vanish with this object. */
final class TestHost implements AutoCloseable {
  static final String HOST = "host";

  private final Path directory;
  private final DirFd pins;
  private final Map<String, Fd> namespaces = new LinkedHashMap<>();
  private final List<Process> servers = new ArrayList<>();

  TestHost(Path directory) {
    this.directory = directory;
    this.pins = DirFd.open(directory);
    add(HOST);
  }

  /** Makes a namespace with loopback up. */
  Fd add(String name) {
    Namespaces.create(
        Map.of(NamespaceType.NETWORK, new Namespaces.Pin(pins, name)),
        NamespaceSetup::bringLoopbackUp);
    Fd fd = Namespaces.open(pins, name, NamespaceType.NETWORK);
    namespaces.put(name, fd);
    return fd;
  }

  Fd namespace(String name) {
    return namespaces.getOrDefault(name, namespaces.get(HOST));
  }

  HostNetwork network() {
    return new HostNetwork(Optional.of(namespace(HOST)));
  }

  /** Runs a command inside and returns what it printed. */
  String run(String name, String command) throws IOException {
    Process process = start(name, command);
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      process.waitFor(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return output;
  }

  /** Starts a program inside that runs until this is closed. */
  void serve(String name, String command) throws IOException {
    servers.add(start(name, command));
  }

  private Process start(String name, String command) throws IOException {
    return new ProcessBuilder(
            "nsenter", "--net=" + directory.resolve(name), "/bin/sh", "-c", "exec " + command)
        .redirectErrorStream(true)
        .start();
  }

  /** Returns what a web server says at an address, or an error's words. */
  String get(String from, String address) throws IOException {
    return run(from, "curl -sS -g --max-time 2 --noproxy '*' http://" + address + "/name").strip();
  }

  @Override
  public void close() {
    servers.forEach(Process::destroyForcibly);
    namespaces.forEach((name, fd) -> {
      fd.close();
      Namespaces.unpin(pins, name);
    });
    pins.close();
  }
}
