package dev.berth.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import dev.berth.testing.Await;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;

/** Debian's docker-registry on loopback, with an image made from Debian's static busybox. */
final class TestRegistry implements AutoCloseable {
  private static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  private static final String CONFIG = "application/vnd.oci.image.config.v1+json";
  private static final String LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

  private final HttpClient http = HttpClient.newHttpClient();
  private final int port;
  private final Path directory;
  private final Path config;
  private volatile Process process;

  TestRegistry(Path directory) throws IOException {
    this.directory = directory;
    this.port = freePort();
    this.config = Files.createDirectories(directory).resolve("registry.yml");
    Files.writeString(
        config,
        """
        version: 0.1
        log: {level: error, accesslog: {disabled: true}}
        storage: {filesystem: {rootdirectory: %s}}
        http: {addr: "127.0.0.1:%d"}
        """
            .formatted(directory.resolve("blobs"), port));
    start();
  }

  /** Starts it again, after {@link #kill}. */
  void start() throws IOException {
    process =
        new ProcessBuilder("docker-registry", "serve", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()))
            .start();
    Await.until("the registry answers", Duration.ofSeconds(20), this::answers);
  }

  private Path log() {
    return directory.resolve("registry.log");
  }

  /** Ends it as a crash would. */
  void kill() {
    process.destroyForcibly();
    Await.until("the registry is gone", Duration.ofSeconds(10), () -> !process.isAlive());
  }

  long pid() {
    return process.pid();
  }

  /** Returns a port of the loopback interface where nobody listens now. */
  static int freePort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private boolean answers() throws InterruptedException {
    try {
      return send(request("/v2/").GET().build()).statusCode() == 200;
    } catch (IOException e) {
      return false; // not yet listening
    }
  }

  /** Returns {@code 127.0.0.1:PORT/busybox:latest}, pushed first. */
  String busybox() throws IOException, InterruptedException {
    return push("busybox", busyboxLayer());
  }

  /** Returns a layer of Debian's static busybox with a link for each of its commands. */
  byte[] busyboxLayer() throws IOException {
    Path tree = Files.createDirectories(directory.resolve("busybox"));
    for (String folder : new String[] {"bin", "etc", "tmp", "www", "root"}) {
      Files.createDirectories(tree.resolve(folder));
    }
    Files.copy(
        Path.of("/bin/busybox"), tree.resolve("bin/busybox"), StandardCopyOption.REPLACE_EXISTING);
    tree.resolve("bin/busybox").toFile().setExecutable(true, false);
    for (String name : Command.output("/bin/busybox", "--list").lines().toList()) {
      if (!Files.exists(tree.resolve("bin").resolve(name), LinkOption.NOFOLLOW_LINKS)) {
        Files.createSymbolicLink(tree.resolve("bin").resolve(name), Path.of("busybox"));
      }
    }
    Files.writeString(
        tree.resolve("etc/passwd"),
        """
        root:x:0:0:root:/root:/bin/sh
        app:x:1000:1000:app:/:/bin/sh
        nobody:x:65534:65534:nobody:/:/bin/false
        """);
    Files.writeString(
        tree.resolve("etc/group"),
        """
        root:x:0:
        app:x:1000:
        staff:x:50000:app
        nobody:x:65534:
        """);
    Files.writeString(tree.resolve("www/index.html"), "hello from the web server\n");
    return tar(tree);
  }

  /** Returns a layer with what stands in a directory. */
  static byte[] tar(Path tree) throws IOException {
    Path tar = tree.resolveSibling(tree.getFileName() + ".tar");
    Command.output(
        "tar",
        "-C",
        tree.toString(),
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "-cf",
        tar.toString(),
        ".");
    return Files.readAllBytes(tar);
  }

  /** Returns a layer of one file that is the same every time and does not compress. */
  byte[] noise(int bytes) throws IOException {
    byte[] noise = new byte[bytes];
    new Random(bytes).nextBytes(noise);
    Path tree = Files.createDirectories(directory.resolve("noise-" + bytes));
    Files.write(tree.resolve("noise"), noise);
    return tar(tree);
  }

  /** Pushes an image of one layer and returns its reference. */
  String push(String name, byte[] tar) throws IOException, InterruptedException {
    return push(name, tar, Map.of());
  }

  /**
   * Pushes an image of one layer and returns its reference.
   *
   * @param settings what its configuration says of a container, beside PATH and a command
   */
  String push(String name, byte[] tar, Map<String, ?> settings)
      throws IOException, InterruptedException {
    byte[] layer = gzip(tar);
    Map<String, Object> container = new TreeMap<>(settings);
    container.put("Env", List.of("PATH=/bin"));
    container.put("Cmd", List.of("sh"));
    byte[] config =
        """
        {"architecture": "%s", "os": "linux", "config": %s,
         "rootfs": {"type": "layers", "diff_ids": ["%s"]}}\
        """
            .formatted(architecture(), new Gson().toJson(container), digest(tar))
            .getBytes(UTF_8);
    byte[] manifest =
        """
        {"schemaVersion": 2, "mediaType": "%s",
         "config": {"mediaType": "%s", "digest": "%s", "size": %d},
         "layers": [{"mediaType": "%s", "digest": "%s", "size": %d}]}\
        """
            .formatted(
                MANIFEST,
                CONFIG,
                upload(name, config),
                config.length,
                LAYER,
                upload(name, layer),
                layer.length)
            .getBytes(UTF_8);
    pushManifest(name, manifest);
    return reference(name);
  }

  /** Pushes a manifest as it is, right or wrong. */
  void pushManifest(String name, byte[] manifest) throws IOException, InterruptedException {
    pushManifest(name, "latest", manifest);
  }

  private void pushManifest(String name, String tag, byte[] manifest)
      throws IOException, InterruptedException {
    expect(
        201,
        request("/v2/" + name + "/manifests/" + tag)
            .header("Content-Type", MANIFEST)
            .PUT(BodyPublishers.ofByteArray(manifest))
            .build());
  }

  /** Gives the latest image of a repository another tag, and returns the reference with it. */
  String tag(String name, String tag) throws IOException, InterruptedException {
    HttpRequest latest =
        request("/v2/" + name + "/manifests/latest").header("Accept", MANIFEST).GET().build();
    pushManifest(name, tag, expect(200, latest).body().getBytes(UTF_8));
    return repository(name) + ":" + tag;
  }

  int port() {
    return port;
  }

  String reference(String name) {
    return repository(name) + ":latest";
  }

  private String repository(String name) {
    return "127.0.0.1:" + port + "/" + name;
  }

  private static String architecture() {
    return System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
  }

  /** Uploads a blob and returns its digest. */
  String upload(String name, byte[] blob) throws IOException, InterruptedException {
    HttpResponse<String> started =
        expect(
            202, request("/v2/" + name + "/blobs/uploads/").POST(BodyPublishers.noBody()).build());
    String location = started.headers().firstValue("location").orElseThrow();
    String target = location + (location.contains("?") ? "&" : "?") + "digest=" + digest(blob);
    expect(
        201,
        HttpRequest.newBuilder(URI.create(target))
            .header("Content-Type", "application/octet-stream")
            .PUT(BodyPublishers.ofByteArray(blob))
            .build());
    return digest(blob);
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
  }

  private HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
    return http.send(request, BodyHandlers.ofString());
  }

  private HttpResponse<String> expect(int status, HttpRequest request)
      throws IOException, InterruptedException {
    HttpResponse<String> response = send(request);
    if (response.statusCode() != status) {
      throw new AssertionError(request + ": " + response.statusCode() + " " + response.body());
    }
    return response;
  }

  private static String digest(byte[] bytes) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
      return "sha256:" + HexFormat.of().formatHex(hash);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    var out = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    }
    return out.toByteArray();
  }

  @Override
  public void close() {
    process.destroy();
    Await.until("the registry has ended", Duration.ofSeconds(10), () -> !process.isAlive());
    http.close();
  }
}
