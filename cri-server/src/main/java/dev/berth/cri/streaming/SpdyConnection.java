package dev.berth.cri.streaming;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.spdy.DefaultSpdyDataFrame;
import io.netty.handler.codec.spdy.DefaultSpdyPingFrame;
import io.netty.handler.codec.spdy.DefaultSpdyRstStreamFrame;
import io.netty.handler.codec.spdy.DefaultSpdySynReplyFrame;
import io.netty.handler.codec.spdy.SpdyDataFrame;
import io.netty.handler.codec.spdy.SpdyFrame;
import io.netty.handler.codec.spdy.SpdyPingFrame;
import io.netty.handler.codec.spdy.SpdyRstStreamFrame;
import io.netty.handler.codec.spdy.SpdyStreamStatus;
import io.netty.handler.codec.spdy.SpdySynReplyFrame;
import io.netty.handler.codec.spdy.SpdySynStreamFrame;
import java.nio.channels.ClosedChannelException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/**
 * The streams of one SPDY/3.1 connection, as Kubernetes clients use it: without flow control, which
 * neither side does, so that Netty's own session handler, which waits for window updates, must not
 * be in the pipeline. Back pressure is the connection's.
 */
final class SpdyConnection extends SimpleChannelInboundHandler<SpdyFrame> {
  /** More than any client needs; each port-forwarded connection takes two (rule R26). */
  private static final int MAX_STREAMS = 2000;

  private final Outlet outlet;
  private final Application application;
  private final Map<Integer, SpdyStream> streams = new HashMap<>();

  /** What the streams are for. Called by the connection's thread. */
  interface Application {
    /** A client has opened a stream; the application accepts or resets it. */
    void opened(SpdyStream stream);

    /** The connection has ended. */
    void disconnected();
  }

  SpdyConnection(Outlet outlet, Function<SpdyConnection, Application> application) {
    this.outlet = outlet;
    this.application = application.apply(this);
  }

  Outlet outlet() {
    return outlet;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, SpdyFrame frame) {
    switch (frame) {
      case SpdySynStreamFrame opening -> open(opening);
      case SpdyDataFrame data -> data(data);
      case SpdyRstStreamFrame reset -> reset(reset);
      case SpdyPingFrame ping -> pong(ping);
      default -> {} // settings, windows and goodbyes have no meaning between these two
    }
  }

  private void open(SpdySynStreamFrame frame) {
    if (streams.size() >= MAX_STREAMS || streams.containsKey(frame.streamId())) {
      reset(frame.streamId());
      return;
    }
    Map<String, String> headers = new HashMap<>();
    frame
        .headers()
        .forEach(header ->
            headers.putIfAbsent(
                header.getKey().toString().toLowerCase(Locale.ROOT), header.getValue().toString()));
    SpdyStream stream = new SpdyStream(frame.streamId(), headers);
    if (frame.isLast()) {
      stream.markEnded();
    }
    streams.put(stream.id(), stream);
    application.opened(stream);
  }

  private void data(SpdyDataFrame frame) {
    SpdyStream stream = streams.get(frame.streamId());
    if (stream == null) {
      return; // reset before
    }
    ByteBuf content = frame.content();
    if (content.isReadable()) {
      byte[] bytes = new byte[content.readableBytes()];
      content.readBytes(bytes);
      stream.receiver().data(bytes);
    }
    if (frame.isLast()) {
      stream.markEnded();
      stream.receiver().end();
    }
  }

  private void reset(SpdyRstStreamFrame frame) {
    SpdyStream stream = streams.remove(frame.streamId());
    if (stream != null) {
      stream.receiver().reset();
    }
  }

  /** Clients' pings have odd numbers; an even one would be the answer to ours. */
  private void pong(SpdyPingFrame ping) {
    if (ping.id() % 2 != 0) {
      outlet.sendNow(new DefaultSpdyPingFrame(ping.id()));
    }
  }

  /** Accepts a stream. The reply has a header, because clients take an empty block for an error. */
  void accept(SpdyStream stream) {
    SpdySynReplyFrame reply = new DefaultSpdySynReplyFrame(stream.id());
    reply.headers().add("status", "ok");
    outlet.sendNow(reply);
  }

  /** Refuses a stream, or gives it up. By the connection's thread. */
  void reset(int streamId) {
    streams.remove(streamId);
    outlet.sendNow(new DefaultSpdyRstStreamFrame(streamId, SpdyStreamStatus.PROTOCOL_ERROR));
  }

  /** Forgets a stream that both sides have ended. By the connection's thread. */
  void forget(SpdyStream stream) {
    streams.remove(stream.id());
  }

  /** Sends data, waiting while the connection takes no more. By any thread. */
  void send(SpdyStream stream, byte[] bytes, int length)
      throws ClosedChannelException, InterruptedException {
    outlet.send(new DefaultSpdyDataFrame(stream.id(), Unpooled.copiedBuffer(bytes, 0, length)));
  }

  /** Sends the last of a stream, which ends our half of it. By any thread. */
  void finish(SpdyStream stream, byte[] last) {
    if (last.length > 0) {
      outlet.sendNow(new DefaultSpdyDataFrame(stream.id(), Unpooled.wrappedBuffer(last)));
    }
    SpdyDataFrame end = new DefaultSpdyDataFrame(stream.id());
    end.setLast(true);
    outlet.sendNow(end);
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    application.disconnected();
    context.fireChannelInactive();
  }
}
