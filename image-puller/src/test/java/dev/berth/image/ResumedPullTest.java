package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.testing.HostileRegistry;
import dev.berth.image.testing.TestImage;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A download that broke off goes on where it stopped, and never with bytes of something else. */
class ResumedPullTest extends HostileRegistryFixture {
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

  private List<String> ranges(TestImage.Layer layer) {
    return registry.requests().stream()
        .filter(r -> r.path().equals(HostileRegistry.blobPath("app", layer.digest())))
        .map(HostileRegistry.Request::range)
        .toList();
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
    images.remove(registry.host() + "/app:v1", Operation.internal("RemoveImage"));
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

  /** A registry refuses a range of no bytes, so it must not be asked for one. */
  @Test
  void aPartialFileThatIsCompleteIsAllThereIs() throws IOException {
    TestImage image = big();
    registry.serve("app", "v1", image);
    TestImage.Layer layer = image.layers().getFirst();
    Files.write(dir.resolve("images/partial").resolve(layer.digest().hex()), layer.blob());
    pull("app:v1");
    assertThat(ranges(layer)).isEmpty();
  }
}
