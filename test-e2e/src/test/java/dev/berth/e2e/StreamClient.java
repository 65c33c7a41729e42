package dev.berth.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.testing.Await;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A client of one streaming connection; what it got is kept by the stream's name. The names are
 * those of SPDY: stdin, stdout, stderr, error, resize.
 */
abstract class StreamClient implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  private final Map<String, ByteArrayOutputStream> received = new ConcurrentHashMap<>();
  private final AtomicBoolean ended = new AtomicBoolean();

  /** Sends on a stream. */
  abstract void send(String stream, byte[] bytes) throws Exception;

  /** Closes this side's half of a stream. */
  abstract void end(String stream) throws Exception;

  /** Vanishes without a word. */
  @Override
  public abstract void close();

  void send(String stream, String text) throws Exception {
    send(stream, text.getBytes(UTF_8));
  }

  void resize(int width, int height) throws Exception {
    send("resize", "{\"Width\":" + width + ",\"Height\":" + height + "}");
  }

  /** Takes note of what came. */
  final void got(String stream, byte[] bytes) {
    received.computeIfAbsent(stream, _ -> new ByteArrayOutputStream()).writeBytes(bytes);
  }

  /** Takes note of the end of the connection. */
  final void connectionEnded() {
    ended.set(true);
  }

  byte[] bytes(String stream) {
    ByteArrayOutputStream bytes = received.get(stream);
    return bytes == null ? new byte[0] : bytes.toByteArray();
  }

  String text(String stream) {
    return new String(bytes(stream), UTF_8);
  }

  void awaitText(String stream, String text) {
    Await.until(
        stream + " has \"" + text + "\" after \"" + text(stream) + "\"",
        LIMIT,
        () -> text(stream).contains(text));
  }

  /** Waits until the server has ended the connection. */
  void awaitEnd() {
    Await.until("the server has ended the connection", LIMIT, ended::get);
  }

  /** Returns what the error stream said at the end, by a protocol of version 4 or later. */
  JsonObject status() {
    awaitEnd();
    return JsonParser.parseString(text("error")).getAsJsonObject();
  }
}
