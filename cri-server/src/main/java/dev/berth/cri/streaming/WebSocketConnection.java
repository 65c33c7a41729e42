package dev.berth.cri.streaming;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PongWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import java.nio.channels.ClosedChannelException;
import java.util.function.Function;

/** A WebSocket whose messages belong to numbered channels. */
final class WebSocketConnection extends SimpleChannelInboundHandler<WebSocketFrame> {
  private final Outlet outlet;
  private final Channels channels;
  private final Application application;

  /** What the channels are for. Called by the connection's thread. */
  interface Application {
    /** The link is up. */
    void connected();

    /** A client has sent something. */
    void received(int channel, byte[] bytes);

    /** The connection has ended. */
    void disconnected();
  }

  WebSocketConnection(
      Outlet outlet, Channels channels, Function<WebSocketConnection, Application> application) {
    this.outlet = outlet;
    this.channels = channels;
    this.application = application.apply(this);
  }

  Outlet outlet() {
    return outlet;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    application.connected();
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, WebSocketFrame frame) {
    switch (frame) {
      case BinaryWebSocketFrame _, TextWebSocketFrame _ ->
          channels.read(frame, application::received);
      case PingWebSocketFrame ping ->
          outlet.sendNow(new PongWebSocketFrame(ping.content().retain()));
      case CloseWebSocketFrame close ->
          outlet.sendLast(new CloseWebSocketFrame(true, 0, close.content().retain()));
      default -> {} // answers to pings that were never sent
    }
  }

  /** Sends a message, waiting while the connection takes no more. By any thread. */
  void send(int channel, byte[] bytes, int length)
      throws ClosedChannelException, InterruptedException {
    outlet.send(channels.write(channel, bytes, length));
  }

  /** Sends a short message without waiting. By any thread. */
  void sendNow(int channel, byte[] bytes) {
    outlet.sendNow(channels.write(channel, bytes, bytes.length));
  }

  /** Ends the connection after what was sent. By any thread. */
  void end() {
    outlet.sendNow(new CloseWebSocketFrame(WebSocketCloseStatus.NORMAL_CLOSURE));
    outlet.end();
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    application.disconnected();
    context.fireChannelInactive();
  }
}
