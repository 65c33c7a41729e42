package dev.berth.cri.streaming;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.IdleStateEvent;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.TimeUnit;

/**
 * The way out of a connection, for threads that may wait: a client that reads slowly slows its
 * writers down, and holds no more than Netty's water mark of their bytes.
 *
 * <p>It is also what queues ask to read no more. Thread-safe; the last handler of its pipeline.
 */
final class Outlet extends ChannelInboundHandlerAdapter implements InputQueue.Valve {
  private static final System.Logger LOG = System.getLogger(Outlet.class.getName());

  /** How long a client may take to close after it was told the end. */
  private static final int LINGER_SECONDS = 10;

  private final Channel channel;

  @GuardedBy("this") private int held;

  Outlet(Channel channel) {
    this.channel = channel;
  }

  /** Sends a message, after waiting until the connection can take it. */
  void send(Object message) throws ClosedChannelException, InterruptedException {
    synchronized (this) {
      while (!channel.isWritable() && channel.isActive()) {
        wait();
      }
    }
    if (!channel.isActive()) {
      throw new ClosedChannelException();
    }
    sendNow(message);
  }

  /** Sends a message without waiting: for the few that every session ends with. */
  void sendNow(Object message) {
    var _ = channel.writeAndFlush(message);
  }

  /**
   * Ends the connection after what was sent: first this side, then, when the client has closed or
   * had its time, the other. To close with something unread would make the kernel reset the
   * connection and the client lose what it has not read yet.
   */
  void end() {
    // From the first handler on, because those behind it take messages of their protocol only.
    var _ =
        channel
            .pipeline()
            .firstContext()
            .writeAndFlush(Unpooled.EMPTY_BUFFER)
            .addListener(_ -> endOutput());
    after(LINGER_SECONDS, this::cut);
  }

  private void endOutput() {
    SslHandler tls = channel.pipeline().get(SslHandler.class);
    if (tls != null) {
      var _ = tls.closeOutbound();
    } else if (channel instanceof SocketChannel socket) {
      var _ = socket.shutdownOutput();
    }
  }

  /** Closes the connection at once. Idempotent. */
  void cut() {
    var _ = channel.close();
  }

  /** Runs something on the connection's thread, unless the server ends before. */
  void after(long seconds, Runnable action) {
    var _ = channel.eventLoop().schedule(action, seconds, TimeUnit.SECONDS);
  }

  /** Runs something on the connection's thread, soon. */
  void execute(Runnable action) {
    channel.eventLoop().execute(action);
  }

  /** Sends a message and closes when it is out. */
  void sendLast(Object message) {
    var _ = channel.writeAndFlush(message).addListener(ChannelFutureListener.CLOSE);
  }

  @Override
  public synchronized void hold() {
    held++;
    channel.config().setAutoRead(false);
  }

  @Override
  public synchronized void release() {
    held--;
    if (held == 0) {
      channel.config().setAutoRead(true);
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    wake();
    context.fireChannelWritabilityChanged();
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    wake();
    context.fireChannelInactive();
  }

  /** Nothing was said for long, or something unreadable: either way the client has gone wrong. */
  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof IdleStateEvent) {
      cut();
    }
    context.fireUserEventTriggered(event);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    LOG.log(System.Logger.Level.DEBUG, "a streaming connection failed: " + cause);
    cut();
  }

  private synchronized void wake() {
    notifyAll();
  }
}
