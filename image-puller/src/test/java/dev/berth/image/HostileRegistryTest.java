package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.registry.Credentials;
import dev.berth.image.testing.HostFiles;
import dev.berth.image.testing.HostileRegistry;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Registries that lie, break off, redirect, ask for waits: and several pulls at once. */
@RequiresRoot
class HostileRegistryTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Executor THREADS = work -> Thread.ofVirtual().start(work);

  @TempDir Path dir;
  private final HostileRegistry registry = HostileRegistry.start();
  private MetadataStore records;
  private Images images;

  @BeforeEach
  void open() {
    records = MetadataStore.open(dir.resolve("meta"));
    images = Images.open(dir.resolve("images"), records, dir.resolve("hosts"));
  }

  @AfterEach
  void close() {
    registry.close();
    images.close();
    records.close();
  }

  /** Two MiB that do not compress, so that there is a partial file, and a second layer. */
  private static TestImage big() {
    byte[] noise = new byte[2 << 20];
    new Random(3).nextBytes(noise);
    return new TestImage()
        .layer(new Tars().directory("d").file("d/noise", 0644, noise).bytes(), Compression.GZIP)
        .layer(new Tars().file("small", "x").bytes(), Compression.GZIP);
  }

  private ImageRecord pull(String name) {
    return pull(name, Credentials.none(), Operation.internal("PullImage"));
  }

  private ImageRecord pull(String name, Credentials credentials, Operation operation) {
    return images.pull(ImageReference.parse(registry.host() + "/" + name), credentials, operation);
  }

  private AbstractThrowableAssert<?, ?> assertFails(String name, BerthException.Kind kind) {
    return assertThatThrownBy(() -> pull(name))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).as("%s", e).isEqualTo(kind));
  }

  private void assertNothingLeftBut(String... partials) {
    List<String> expected =
        new ArrayList<>(List.of("", "content", "layers", "partial", "snapshots", "staging"));
    for (String partial : partials) {
      expected.add(4, "partial/" + partial);
    }
    Await.until(
        "nothing is left", LIMIT, () -> HostFiles.below(dir.resolve("images")).equals(expected));
    assertThat(images.list()).isEmpty();
  }

  @Test
  void contentThatIsNotWhatItsDigestSaysIsRefused() {
    TestImage image = big();
    TestImage.Layer layer = image.layers().getFirst();
    byte[] changed = layer.blob().clone();
    changed[changed.length - 20] ^= 1;
    registry.serve("app", "v1", image).blob("app", layer.digest(), changed);
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("layer " + layer.digest() + ": the content has digest sha256:");
    assertNothingLeftBut();

    registry.blob("app", layer.digest(), new byte[] {1, 2, 3});
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the blob has 3 bytes, its descriptor says " + layer.blob().length);
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange -> {
          exchange.sendResponseHeaders(200, 0); // chunked: no length beforehand
          exchange.getResponseBody().write(layer.blob());
          exchange.getResponseBody().write(0);
          exchange.getResponseBody().close();
        });
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the content is longer than the " + layer.blob().length + " bytes");

    registry.serve("app", "v1", image);
    Digest config = Digest.ofSha256(image.configBlob());
    byte[] other = image.configBlob();
    other[5] ^= 1;
    registry.blob("app", config, other);
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("blob " + config + " of app: the content has digest sha256:");

    registry.serve("app", "v1", image);
    Digest wrong = Digest.ofSha256("something else");
    registry.manifest("app", wrong.toString(), image.manifest());
    assertFails("app@" + wrong, BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the content has digest ")
        .hasMessageEndingWith("not " + wrong);
  }

  @Test
  void aHeaderThatContradictsTheContentIsRefused() {
    registry.on(
        "/v2/app/manifests/v1",
        exchange -> {
          exchange
              .getResponseHeaders()
              .set("Docker-Content-Digest", Digest.ofSha256("other").toString());
          HostileRegistry.send(exchange, 200, big().manifest());
        });
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the registry says digest ");
    registry.on(
        "/v2/app/manifests/v1",
        exchange -> {
          exchange.getResponseHeaders().set("Content-Type", MediaTypes.OCI_INDEX);
          HostileRegistry.send(exchange, 200, big().manifest());
        });
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the Content-Type is " + MediaTypes.OCI_INDEX);
    assertNothingLeftBut();
  }

  @Test
  void documentsOverTheirBoundAreNotRead() {
    registry.on(
        "/v2/app/manifests/huge",
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          try (var out = exchange.getResponseBody()) {
            byte[] blanks = new byte[1 << 20];
            Arrays.fill(blanks, (byte) ' ');
            for (int i = 0; i < 100; i++) {
              out.write(blanks);
            }
          }
        });
    assertFails("app:huge", BerthException.Kind.RESOURCE_EXHAUSTED)
        .hasMessageContaining("over the bound of 4194304 bytes");
    String manifest =
        "{\"schemaVersion\": 2, \"layers\": [], \"config\": "
            + TestImage.descriptor(MediaTypes.OCI_CONFIG, Digest.ofSha256("x"), 9 << 20)
            + "}";
    registry.on(
        "/v2/app/manifests/config", exchange -> HostileRegistry.send(exchange, 200, manifest));
    assertFails("app:config", BerthException.Kind.RESOURCE_EXHAUSTED)
        .hasMessageContaining("has 9437184 bytes, over the bound of 8388608");
  }

  @Test
  void credentialsStayBehindOnARedirectToAnotherHost() throws IOException {
    TestImage image = big();
    Digest redirected = image.layers().getFirst().digest();
    try (var other = HostileRegistry.start()) {
      other.on(
          "/storage",
          exchange -> HostileRegistry.sendRange(exchange, image.layers().getFirst().blob()));
      registry.serve("app", "v1", image);
      demandPassword("/v2/app/manifests/v1", image.manifest());
      registry.on(
          HostileRegistry.blobPath("app", redirected),
          exchange -> {
            exchange
                .getResponseHeaders()
                .set("Location", "http://" + other.host() + "/storage?signature=secret");
            HostileRegistry.send(exchange, 307, new byte[0]);
          });
      hostsToml(
          """
          server = "http://%1$s"
          [host."http://%1$s"]
          header = {X-Secret = "configured"}
          """
              .formatted(registry.host()));
      pull("app:v1", Credentials.basic("berth", "secret"), Operation.internal("PullImage"));
      assertThat(other.requests())
          .containsExactly(new HostileRegistry.Request("/storage?signature=secret", null, null));
      assertThat(registry.requests())
          .anyMatch(r -> r.path().contains("/blobs/") && r.authorization() != null);
    }
  }

  private void demandPassword(String path, byte[] content) {
    registry.on(
        path,
        exchange -> {
          if (exchange.getRequestHeaders().getFirst("Authorization") == null) {
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"test\"");
            HostileRegistry.send(exchange, 401, "no");
          } else {
            HostileRegistry.send(exchange, 200, content);
          }
        });
  }

  private void hostsToml(String text) throws IOException {
    Path folder = dir.resolve("hosts").resolve(registry.host().replace(':', '_') + "_");
    Files.writeString(Files.createDirectories(folder).resolve("hosts.toml"), text);
  }

  @Test
  void redirectsThatLeadNowhereGoodAreRefused() {
    for (String location : List.of("file:///etc/passwd", "ftp://x/y", "http://a b/", "")) {
      registry.on(
          "/v2/app/manifests/v1",
          exchange -> {
            exchange.getResponseHeaders().set("Location", location);
            HostileRegistry.send(exchange, 302, new byte[0]);
          });
      assertFails("app:v1", BerthException.Kind.FAILED_PRECONDITION)
          .hasMessageContaining("redirect");
    }
  }

  @Test
  void aBusyRegistryIsAskedAgainAfterTheTimeItWants() {
    var refusals = new AtomicInteger(2);
    TestImage image = big();
    registry.serve("app", "v1", image);
    registry.on(
        "/v2/app/manifests/v1",
        exchange -> {
          if (refusals.getAndDecrement() > 0) {
            exchange.getResponseHeaders().set("Retry-After", "1");
            HostileRegistry.send(exchange, 429, "later");
          } else {
            HostileRegistry.send(exchange, 200, image.manifest());
          }
        });
    Instant start = Instant.now();
    pull("app:v1");
    assertThat(Duration.between(start, Instant.now())).isGreaterThan(Duration.ofMillis(1900));
    assertThat(registry.requestsFor("/v2/app/manifests/v1")).isEqualTo(3);
  }

  @Test
  void aBrokenRegistryIsUnavailable() {
    registry.on("/v2/app/manifests/v1", exchange -> HostileRegistry.send(exchange, 503, "<html>"));
    assertFails("app:v1", BerthException.Kind.KUBELET_REASON)
        .hasMessage(
            "RegistryUnavailable: pull %1$s/app:v1: registry %1$s: fetch manifest v1 of app: status 503"
                .formatted(registry.host()));
    assertThat(registry.requestsFor("/v2/app/manifests/v1")).isEqualTo(4);
  }

  /** Sends only a part of a blob and then breaks off. */
  private void breakOff(TestImage.Layer layer, AtomicInteger times, int bytes) {
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange -> {
          if (times.getAndDecrement() <= 0) {
            HostileRegistry.sendRange(exchange, layer.blob());
            return;
          }
          String range = exchange.getRequestHeaders().getFirst("Range");
          int from = range == null ? 0 : Integer.parseInt(range.replaceAll("[^0-9]", ""));
          if (range != null) {
            exchange
                .getResponseHeaders()
                .set("Content-Range", "bytes " + from + "-" + (layer.blob().length - 1) + "/*");
          }
          exchange.sendResponseHeaders(range == null ? 200 : 206, layer.blob().length - from);
          exchange
              .getResponseBody()
              .write(layer.blob(), from, Math.min(bytes, layer.blob().length - from - 1));
          exchange.getResponseBody().flush();
          throw new IOException("broken off");
        });
  }

  @Test
  void aBrokenDownloadGoesOnWhereItStopped() {
    TestImage image = big();
    registry.serve("app", "v1", image);
    TestImage.Layer layer = image.layers().getFirst();
    breakOff(layer, new AtomicInteger(3), 600_000);
    pull("app:v1");
    assertThat(ranges(layer)).hasSize(4);
    assertThat(ranges(layer).getFirst()).isNull();
    assertThat(ranges(layer).getLast()).matches("bytes=1[0-9]{6}-");
    assertThat(dir.resolve("images/partial")).isEmptyDirectory();
  }

  private List<String> ranges(TestImage.Layer layer) {
    return registry.requests().stream()
        .filter(r -> r.path().equals(HostileRegistry.blobPath("app", layer.digest())))
        .map(HostileRegistry.Request::range)
        .toList();
  }

  @Test
  void aLaterPullGoesOnFromThePartialFile() throws IOException {
    TestImage image = big();
    registry.serve("app", "v1", image);
    TestImage.Layer layer = image.layers().getFirst();
    var responder = new AtomicInteger();
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange -> {
          if (responder.getAndIncrement() > 0) {
            HostileRegistry.send(exchange, 404, "gone");
            return;
          }
          exchange.sendResponseHeaders(200, layer.blob().length);
          exchange.getResponseBody().write(layer.blob(), 0, 700_000);
          exchange.getResponseBody().flush();
          throw new IOException("broken off");
        });
    assertFails("app:v1", BerthException.Kind.NOT_FOUND);
    assertNothingLeftBut(layer.digest().hex());
    long kept = Files.size(dir.resolve("images/partial").resolve(layer.digest().hex()));
    assertThat(kept).isBetween(1L, 700_000L);

    registry.serve("app", "v1", image);
    pull("app:v1");
    assertThat(ranges(layer).getLast()).isEqualTo("bytes=" + kept + "-");
    assertThat(dir.resolve("images/partial")).isEmptyDirectory();
  }

  @Test
  void aPartialFileWithWrongBytesIsThrownAway() throws IOException {
    TestImage image = big();
    registry.serve("app", "v1", image);
    TestImage.Layer layer = image.layers().getFirst();
    Files.write(dir.resolve("images/partial").resolve(layer.digest().hex()), new byte[500_000]);
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the content has digest");
    pull("app:v1");
  }

  @Test
  void aServerThatIgnoresOrConfusesRangesIsUnderstoodOrRefused() {
    TestImage image = big();
    registry.serve("app", "v1", image);
    TestImage.Layer layer = image.layers().getFirst();
    var requests = new AtomicInteger();
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange -> {
          exchange.sendResponseHeaders(200, layer.blob().length);
          int length = requests.getAndIncrement() == 0 ? 500_000 : layer.blob().length;
          exchange.getResponseBody().write(layer.blob(), 0, length);
          if (length < layer.blob().length) {
            throw new IOException("broken off");
          }
        });
    pull("app:v1");
    images.remove(registry.host() + "/app:v1");
    requests.set(0);
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange -> {
          if (requests.getAndIncrement() == 0) {
            exchange.sendResponseHeaders(200, layer.blob().length);
            exchange.getResponseBody().write(layer.blob(), 0, 500_000);
            throw new IOException("broken off");
          }
          exchange.getResponseHeaders().set("Content-Range", "bytes 0-9/*");
          HostileRegistry.send(exchange, 206, layer.blob());
        });
    assertFails("app:v1", BerthException.Kind.FAILED_PRECONDITION)
        .hasMessageContaining("asked for bytes from ")
        .hasMessageContaining("the answer is bytes 0-9/*");
  }

  @Test
  void pullsAtTheSameTimeShareLayersButNotAuthorisation() {
    TestImage image = big();
    registry.serve("app", "v1", image);
    demandPassword("/v2/app/manifests/v1", image.manifest());
    var started = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    TestImage.Layer layer = image.layers().getFirst();
    hold(layer, started, release);
    Credentials good = Credentials.basic("berth", "secret");
    Operation first = Operation.internal("PullImage");
    var firstPull = CompletableFuture.supplyAsync(() -> pull("app:v1", good, first), THREADS);
    await(started);
    var second =
        CompletableFuture.supplyAsync(
            () -> pull("app:v1", good, Operation.internal("PullImage")), THREADS);
    assertThatThrownBy(() -> pull("app:v1"))
        .as("no credentials, no share")
        .hasMessageContaining("not authorized");
    Await.until("both wait", LIMIT, () -> images.pulls().size() == 2);
    Await.until(
        "the second is at its layers",
        LIMIT,
        () -> images.pulls().stream().allMatch(p -> p.stage().equals("fetch_layers")));
    assertThat(images.pulls().getFirst().layers()).hasSize(2);
    // The chain id of the lowest layer is its diff id.
    Await.until("both share it", LIMIT, () -> images.pullsOfLayer(layer.diffId()) == 2);
    first.cancel();
    assertThatThrownBy(firstPull::join).hasMessageContaining("cancelled by the caller");
    release.countDown();
    assertThat(second.join().repoTags()).containsExactly(registry.host() + "/app:v1");
    assertThat(registry.requestsFor(HostileRegistry.blobPath("app", layer.digest()))).isEqualTo(1);
    assertThat(images.pulls()).isEmpty();
  }

  private void hold(TestImage.Layer layer, CountDownLatch started, CountDownLatch release) {
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange -> {
          started.countDown();
          await(release);
          HostileRegistry.sendRange(exchange, layer.blob());
        });
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void whenTheStarterOfAFlightIsRefusedTheOthersTryThemselves() {
    TestImage image = big();
    registry.serve("app", "v1", image);
    TestImage.Layer layer = image.layers().getFirst();
    var started = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange -> {
          started.countDown();
          await(release);
          if (exchange.getRequestHeaders().getFirst("Authorization") == null) {
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"test\"");
            HostileRegistry.send(exchange, 401, "no");
          } else {
            HostileRegistry.sendRange(exchange, layer.blob());
          }
        });
    var refused = CompletableFuture.supplyAsync(() -> pull("app:v1"), THREADS);
    await(started);
    var welcome =
        CompletableFuture.supplyAsync(
            () ->
                pull(
                    "app:v1",
                    Credentials.basic("berth", "secret"),
                    Operation.internal("PullImage")),
            THREADS);
    Await.until(
        "both are at their layers",
        LIMIT,
        () -> images.pulls().stream().filter(p -> p.stage().equals("fetch_layers")).count() == 2);
    release.countDown();
    assertThatThrownBy(refused::join).hasMessageContaining("not authorized");
    assertThat(welcome.join().repoTags()).hasSize(1);
  }

  @Test
  void aCancelledPullLeavesNothingAndFreesItsThreads() {
    TestImage image = big();
    registry.serve("app", "v1", image);
    var started = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    hold(image.layers().getFirst(), started, release);
    Operation operation = Operation.internal("PullImage");
    var pull =
        CompletableFuture.supplyAsync(() -> pull("app:v1", Credentials.none(), operation), THREADS);
    await(started);
    operation.cancel();
    assertThatThrownBy(pull::join).hasMessageContaining("cancelled by the caller");
    assertNothingLeftBut();
    Await.until(
        "no layer thread is left",
        LIMIT,
        () ->
            Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().startsWith("layer-")));
    release.countDown();
  }

  @Test
  void aFrozenRegistryCostsOnlyTheCallersTime() {
    var release = new CountDownLatch(1);
    registry.on("/v2/app/manifests/v1", exchange -> await(release));
    Instant start = Instant.now();
    assertThatThrownBy(() ->
            pull(
                "app:v1",
                Credentials.none(),
                Operation.start("PullImage", Duration.ofMillis(300), null)))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.DEADLINE_EXCEEDED));
    assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(5));
    release.countDown();
  }

  @Test
  void tlsIsVerifiedUnlessTheConfigurationSaysOtherwise() throws Exception {
    Path keys = dir.resolve("keys.p12");
    keytool(
        "-genkeypair",
        "-alias",
        "k",
        "-keyalg",
        "EC",
        "-dname",
        "CN=127.0.0.1",
        "-ext",
        "SAN=IP:127.0.0.1",
        "-keystore",
        keys.toString(),
        "-storepass",
        "changeit");
    keytool(
        "-exportcert",
        "-rfc",
        "-alias",
        "k",
        "-keystore",
        keys.toString(),
        "-storepass",
        "changeit",
        "-file",
        dir.resolve("ca.pem").toString());
    TestImage image = big();
    try (var secure = HostileRegistry.startWithTls(tls(keys))) {
      secure.serve("app", "v1", image);
      hostsToml("server = \"https://" + secure.host() + "\"");
      assertFails("app:v1", BerthException.Kind.KUBELET_REASON).hasMessageContaining("PKIX");
      hostsToml(
          "server = \"https://%s\"\nca = \"%s\"".formatted(secure.host(), dir.resolve("ca.pem")));
      pull("app:v1");
      hostsToml("server = \"https://%s\"\nskip_verify = true".formatted(secure.host()));
      pull("app:v1");
      secure.on(
          "/v2/app/manifests/v1",
          exchange -> {
            exchange
                .getResponseHeaders()
                .set(
                    "WWW-Authenticate",
                    "Bearer realm=\"http://%s/token\"".formatted(registry.host()));
            HostileRegistry.send(exchange, 401, "no");
          });
      assertThatThrownBy(() ->
              pull("app:v1", Credentials.basic("berth", "secret"), Operation.internal("PullImage")))
          .hasMessageContaining("must be https, because credentials are sent there");
      assertThat(registry.requests()).isEmpty();
      secure.on(
          "/v2/app/manifests/v1",
          exchange -> {
            exchange.getResponseHeaders().set("Location", "http://" + registry.host() + "/x");
            HostileRegistry.send(exchange, 302, new byte[0]);
          });
      assertFails("app:v1", BerthException.Kind.FAILED_PRECONDITION)
          .hasMessageContaining("redirects to a place that is not https");
    }
  }

  private static void keytool(String... arguments) throws Exception {
    var command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
    command.addAll(List.of(arguments));
    var process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getInputStream().readAllBytes();
    assertThat(process.waitFor()).isZero();
  }

  private static SSLContext tls(Path keys) throws Exception {
    KeyStore store = KeyStore.getInstance(keys.toFile(), "changeit".toCharArray());
    var managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(store, "changeit".toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(managers.getKeyManagers(), null, null);
    return context;
  }

  @Test
  void mirrorsAreAskedFirstAndTheServerLast() throws IOException {
    TestImage image = big();
    try (var mirror = HostileRegistry.start();
        var broken = HostileRegistry.start()) {
      broken.close();
      mirror.serve("prefix/app", "v1", image);
      hostsToml(
          """
          server = "http://%s"
          [host."http://%s"]
          capabilities = ["pull", "resolve"]
          [host."http://%s/v2/prefix"]
          capabilities = ["pull", "resolve"]
          override_path = true
          """
              .formatted(registry.host(), broken.host(), mirror.host()));
      ImageRecord record = pull("app:v1");
      assertThat(record.repoTags()).containsExactly(registry.host() + "/app:v1");
      assertThat(registry.requests()).isEmpty();
      assertThat(mirror.requests().getFirst().path())
          .isEqualTo("/v2/prefix/app/manifests/v1?ns=" + registry.host());
      registry.serve("app", "v2", image);
      pull("app:v2");
      assertThat(registry.requests()).hasSize(1);
      assertThatThrownBy(() -> pull("app:v3"))
          .hasMessageContaining("fetch manifest v3 of app: status 404")
          .hasMessageContaining("; before that ");
    }
  }

  @Test
  void unknownKeysOfTheHostsFileAreNamedWithTheirLine() throws IOException {
    hostsToml("server = \"http://x\"\n\n[host.\"http://y\"]\nskip_verfy = true\n");
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining(
            "hosts.toml line 4: unknown key \"host.\"http://y\".skip_verfy\", the nearest known one"
                + " is \"host.\"http://y\".skip_verify\"");
  }

  @Test
  void aDescriptorIsNotTrustedForItsSize() {
    // The layer says it is one byte long: not a byte more is believed.
    TestImage image = big();
    TestImage.Layer layer = image.layers().getLast();
    byte[] manifest =
        new String(image.manifest(), UTF_8)
            .replace("\"size\": " + layer.blob().length, "\"size\": 1")
            .getBytes(UTF_8);
    registry.serve("app", "v1", image).manifest("app", "v1", manifest);
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining(
            "the blob has %d bytes, its descriptor says 1".formatted(layer.blob().length));
    assertNothingLeftBut();
  }
}
