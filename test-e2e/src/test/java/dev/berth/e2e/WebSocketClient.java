package dev.berth.e2e;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A client that speaks WebSocket with one channel per stream, by the JDK's own implementation. */
final class WebSocketClient extends StreamClient implements WebSocket.Listener {
  private static final List<String> CHANNELS =
      List.of("stdin", "stdout", "stderr", "error", "resize");
  private static final byte CLOSE = (byte) 255;

  private final HttpClient http = HttpClient.newHttpClient();
  private final WebSocket socket;
  private boolean within;
  private int channel;

  /** Connects; a refusal is an ExecutionException whose cause has the response. */
  WebSocketClient(String url, String subprotocol) throws ExecutionException, InterruptedException {
    socket =
        http.newWebSocketBuilder()
            .subprotocols(subprotocol)
            .buildAsync(URI.create(url.replaceFirst("^http", "ws")), this)
            .get();
  }

  String subprotocol() {
    return socket.getSubprotocol();
  }

  /** Says which stream a channel is; ports have two each. */
  private static String name(int number) {
    return number < CHANNELS.size() ? CHANNELS.get(number) : "channel " + number;
  }

  @Override
  public @Nullable CompletionStage<?> onBinary(WebSocket from, ByteBuffer data, boolean last) {
    if (!within) {
      channel = data.get() & 0xff;
    }
    within = !last;
    byte[] bytes = new byte[data.remaining()];
    data.get(bytes);
    got(name(channel), bytes);
    from.request(1);
    return null;
  }

  @Override
  public @Nullable CompletionStage<?> onClose(WebSocket from, int status, String reason) {
    connectionEnded();
    return null;
  }

  @Override
  public void onError(WebSocket from, Throwable failure) {
    connectionEnded();
  }

  @Override
  void send(String stream, byte[] bytes) throws Exception {
    ByteBuffer message = ByteBuffer.allocate(bytes.length + 1);
    message.put((byte) CHANNELS.indexOf(stream)).put(bytes).flip();
    var _ = socket.sendBinary(message, true).get(20, TimeUnit.SECONDS);
  }

  @Override
  void end(String stream) throws Exception {
    ByteBuffer message = ByteBuffer.wrap(new byte[] {CLOSE, (byte) CHANNELS.indexOf(stream)});
    var _ = socket.sendBinary(message, true).get(20, TimeUnit.SECONDS);
  }

  @Override
  public void close() {
    socket.abort();
    http.shutdownNow();
  }
}
